//! The Admin API's reading side: who am I, users, licences. Keys are numbers of any length here.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};

use crate::goto::cast::Cast;
use crate::goto::errors::ApiError;
use crate::goto::licenses::Plan;
use crate::goto::options::SuspendedWord;
use crate::goto::service::{Call, State, key};
use crate::goto::world::{ACCOUNT, Person, SECOND_ACCOUNT, Status};
use crate::http::Reply;
use crate::people::{DEPARTMENTS, TIME_ZONES};

/// The envelope of every list.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Page<T> {
    results: Vec<T>,
    from_index: u64,
    to_index: u64,
    total: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct UserRow<'a> {
    key: u128,
    email: &'a str,
    first_name: &'a str,
    last_name: &'a str,
    locale: &'static str,
    time_zone: &'static str,
    status: &'static str,
    admin: bool,
    admin_roles: &'a [String],
    role_sets: [u8; 0],
    group_key: Option<u128>,
    group_name: Option<&'static str>,
    license_keys: Vec<u128>,
    products: Vec<&'static str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_excessive_bools, reason = "GoTo's own shape")]
struct LicenseRow {
    key: u128,
    concurrent_license_key: Option<u128>,
    seats: u64,
    user_count: u64,
    enabled: bool,
    description: &'static str,
    #[serde(rename = "type")]
    kind: &'static str,
    channel: &'static str,
    user_keys: Vec<u128>,
    invited_user_keys: Vec<u128>,
    device_keys: [u8; 0],
    device_count: u8,
    products: &'static [&'static str],
    child_license_keys: Vec<u128>,
    entitlements: Value,
    devices_only: bool,
    devices_allowed: bool,
    externally_managed: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Me<'a, K> {
    key: K,
    email: &'a str,
    first_name: &'a str,
    last_name: &'a str,
    locale: &'static str,
    admin_roles: &'a [String],
    account_key: K,
    accounts: Vec<AccountRow<K>>,
}

#[derive(Serialize)]
struct AccountRow<K> {
    key: K,
    name: &'static str,
}

/// `GET /me`
pub(crate) fn me(state: &State) -> Reply {
    let Some(admin) = state.world.person(Cast::Admin.row()) else {
        return ApiError::bad_token(crate::goto::endpoint::Family::Admin).reply();
    };
    let second = state.switches.second_account;
    if state.switches.me_keys_as_text {
        Reply::json(200, &who(admin, second, |key| key.to_string()))
    } else {
        Reply::json(200, &who(admin, second, |key| key))
    }
}

fn who<K>(admin: &Person, second: bool, spelt: impl Fn(u128) -> K) -> Me<'_, K> {
    let account = |key, name| AccountRow {
        key: spelt(key),
        name,
    };
    let mut accounts = vec![account(ACCOUNT, "Example Ltd")];
    if second {
        accounts.push(account(SECOND_ACCOUNT, "Example Research"));
    }
    Me {
        key: spelt(admin.key),
        email: &admin.email,
        first_name: &admin.first,
        last_name: &admin.last,
        locale: "en_US",
        admin_roles: &admin.roles,
        account_key: spelt(ACCOUNT),
        accounts,
    }
}

/// A user as the Admin API tells it at `now`.
pub(crate) fn row(person: &Person, word: SuspendedWord, now: i64) -> UserRow<'_> {
    let (plans, status) = person.shown(now);
    let mut products: Vec<&str> = Vec::new();
    for product in plans.iter().flat_map(|plan| plan.products()) {
        if !products.contains(product) {
            products.push(product);
        }
    }
    let group = (person.key % DEPARTMENTS.len() as u128) as usize;
    let in_group = person.key.is_multiple_of(2);
    UserRow {
        key: person.key,
        email: &person.email,
        first_name: &person.first,
        last_name: &person.last,
        locale: "en_US",
        time_zone: TIME_ZONES[group % TIME_ZONES.len()],
        status: match status {
            Status::Active => "ACTIVE",
            Status::Invited => "INVITED",
            Status::Suspended => word.as_str(),
        },
        admin: !person.roles.is_empty(),
        admin_roles: &person.roles,
        role_sets: [],
        group_key: in_group.then_some(7_000_000_000_000_000_001 + group as u128),
        group_name: in_group.then(|| DEPARTMENTS[group]),
        license_keys: plans.iter().map(|plan| plan.key()).collect(),
        products,
    }
}

/// `GET /accounts/{accountKey}/users`
pub(crate) fn users(state: &mut State, call: &Call<'_>) -> Result<Reply, ApiError> {
    let main = state.is_main(call.part(0))?;
    let wanted = wanted_email(call)?;
    let (offset, size) = place(state, call)?;
    let word = state.switches.suspended_word;
    let world = &state.world;
    let rows: Vec<u32> = if let Some(email) = &wanted {
        let found = world
            .by_email(email)
            .filter(|row| world.order().contains(row));
        found.into_iter().collect()
    } else if main {
        listed(state)
    } else {
        world.order().iter().take(1).copied().collect()
    };
    let page: Vec<UserRow<'_>> = rows
        .iter()
        .skip(offset)
        .take(size)
        .filter_map(|at| Some(row(world.person(*at)?, word, call.now)))
        .collect();
    let reply = paged(page, offset, rows.len());
    let reply = match call.request.param("attributes") {
        Some(attributes) => projected(&reply, attributes),
        None => reply,
    };
    if main && wanted.is_none() {
        shift(state, call.seconds());
    }
    Ok(reply)
}

/// Those whom the list of users does not leave out.
fn listed(state: &State) -> Vec<u32> {
    let here = |row: &&u32| {
        let person = state.world.person(**row);
        !state.hide_invited || person.is_some_and(|person| person.status != Status::Invited)
    };
    let mut rows: Vec<u32> = state.world.order().iter().filter(here).copied().collect();
    rows.truncate(rows.len().saturating_sub(state.hidden_users));
    rows
}

/// Changes that wait for a page of users happen after it.
fn shift(state: &mut State, now: i64) {
    let due = state.shifts.iter_mut().enumerate().find_map(|(at, shift)| {
        shift.after = shift.after.saturating_sub(1);
        (shift.after == 0).then_some(at)
    });
    let Some(due) = due else { return };
    let shift = state.shifts.remove(due);
    for email in shift.leave {
        if let Some(row) = state.world.by_email(&email) {
            state.world.remove(row);
        }
    }
    for email in shift.join {
        state.world.add(&email, ("New", "Person"), true, now);
    }
}

/// `email eq "…"`, the one filter known; a plus for a blank is refused.
fn wanted_email(call: &Call<'_>) -> Result<Option<String>, ApiError> {
    let Some(filter) = call.request.param("filter") else {
        return Ok(None);
    };
    if call.request.raw_query.contains('+') {
        return Err(ApiError::invalid("the filter holds a plus"));
    }
    filter
        .strip_prefix("email eq \"")
        .and_then(|rest| rest.strip_suffix('"'))
        .map(|email| Some(email.to_owned()))
        .ok_or_else(|| ApiError::invalid("the filter cannot be read"))
}

fn place(state: &State, call: &Call<'_>) -> Result<(usize, usize), ApiError> {
    let most = u64::from(state.switches.admin_page_max);
    let offset = call.number("offset", 0)?;
    let size = call.number("pageSize", 25)?.clamp(1, most);
    let whole = |number| usize::try_from(number).unwrap_or(usize::MAX);
    Ok((whole(offset), whole(size)))
}

fn paged<T: Serialize>(results: Vec<T>, offset: usize, total: usize) -> Reply {
    let to = offset + results.len().saturating_sub(1);
    Reply::json(
        200,
        &Page {
            results,
            from_index: offset as u64,
            to_index: to as u64,
            total: total as u64,
        },
    )
}

/// Only the members asked for, as they were written.
fn projected(reply: &Reply, attributes: &str) -> Reply {
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Whole {
        results: Vec<BTreeMap<String, Box<serde_json::value::RawValue>>>,
        from_index: usize,
        total: usize,
    }
    let Ok(mut page) = serde_json::from_slice::<Whole>(&reply.body) else {
        return reply.clone();
    };
    for row in &mut page.results {
        row.retain(|name, _| attributes.split(',').any(|wanted| wanted == name));
    }
    paged(page.results, page.from_index, page.total)
}

/// `GET /accounts/{accountKey}/users/{userKey}`
pub(crate) fn user(state: &State, call: &Call<'_>) -> Result<Reply, ApiError> {
    state.is_main(call.part(0))?;
    let found = state.world.find(key(call.part(1))?);
    let person = found.and_then(|row| state.world.person(row));
    let person = person.ok_or_else(|| ApiError::not_found("the user"))?;
    let row = row(person, state.switches.suspended_word, call.now);
    Ok(Reply::json(200, &row))
}

/// `GET /accounts/{accountKey}/licenses`. Who holds what is true at once here.
pub(crate) fn licenses(state: &State, call: &Call<'_>) -> Result<Reply, ApiError> {
    let main = state.is_main(call.part(0))?;
    let (offset, size) = place(state, call)?;
    if !main {
        return Ok(paged(Vec::<LicenseRow>::new(), offset, 0));
    }
    let mut holders: BTreeMap<Plan, (Vec<u128>, Vec<u128>)> = BTreeMap::new();
    for (_, person) in state.world.everybody() {
        for plan in &person.plans {
            for held in std::iter::once(plan).chain(plan.contains()) {
                let (here, invited) = holders.entry(*held).or_default();
                if person.status == Status::Invited {
                    invited.push(person.key);
                } else {
                    here.push(person.key);
                }
            }
        }
    }
    let rows: Vec<LicenseRow> = Plan::ALL
        .into_iter()
        .skip(offset)
        .take(size)
        .map(|plan| {
            let bought = state.bought.get(&plan).copied();
            license(plan, bought, holders.remove(&plan).unwrap_or_default())
        })
        .collect();
    Ok(paged(rows, offset, Plan::ALL.len()))
}

/// Seats bought: what was assigned in a round number, with a spare.
pub(crate) const fn seats(holders: u64) -> u64 {
    holders + holders / 10 + 5
}

fn license(plan: Plan, bought: Option<u64>, (here, invited): (Vec<u128>, Vec<u128>)) -> LicenseRow {
    let user_count = (here.len() + invited.len()) as u64;
    LicenseRow {
        key: plan.key(),
        concurrent_license_key: None,
        seats: bought.unwrap_or_else(|| seats(user_count)),
        user_count,
        enabled: plan.enabled(),
        description: plan.description(),
        kind: "PAID",
        channel: "ONLINE",
        user_keys: here,
        invited_user_keys: invited,
        device_keys: [],
        device_count: 0,
        products: plan.products(),
        child_license_keys: plan.contains().iter().map(|child| child.key()).collect(),
        entitlements: if plan.products().contains(&"G2M") {
            json!({"g2m": {
                "dialOutProvisioned": true, "roomSystemProvisioned": false,
                "onlineRecordingProvisioned": true, "onlineRecordingTranscriptsProvisioned": true,
                "calendarLinkProvisioned": true, "standaloneAudioProvisioned": false,
                "tollFreeProvisioned": true, "openMeetingsProvisioned": false,
                "chromaCamProvisioned": false, "messengerProvisioned": true,
                "chatProvisioned": true, "recordingProvisioned": true,
                "coOrganizerProvisioned": true,
            }})
        } else {
            json!({})
        },
        devices_only: false,
        devices_allowed: false,
        externally_managed: plan.externally_managed(),
    }
}
