//! `GET /users` and `GET /users/{userId}`, and what other answers share with them.

use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use crate::http::Reply;
use crate::random::{below, mix};
use crate::zoom::errors::ApiError;
use crate::zoom::options::Paging;
use crate::zoom::paging::{Page, PageQuery, Totals, View};
use crate::zoom::products::Product;
use crate::zoom::service::{Call, State};
use crate::zoom::traits::For;
use crate::zoom::user::{Bundle, Status, User};
use crate::zoom::world::World;

/// A moment, written as `2026-01-31T08:15:00Z`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment(pub(crate) i64);

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let at = jiff::Timestamp::from_second(self.0).unwrap_or_default();
        serializer.collect_str(&at)
    }
}

/// A row of `GET /users`; `None` is really absent.
#[derive(Serialize)]
struct ListRow<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    #[serde(skip_serializing_if = "str::is_empty")]
    first_name: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    last_name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    display_name: Option<String>,
    email: &'a str,
    #[serde(rename = "type")]
    kind: u64,
    status: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pmi: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timezone: Option<&'a str>,
    verified: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    dept: Option<&'a str>,
    created_at: Moment,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_created_at: Option<Moment>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_login_time: Option<Moment>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_client_version: Option<&'a str>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    group_ids: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    employee_unique_id: Option<&'a str>,
    role_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    plan_united_type: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    license_info_list: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    custom_attributes: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    host_key: Option<String>,
}

#[derive(Serialize)]
struct ListAnswer<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    page_count: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    page_number: Option<u32>,
    page_size: u32,
    total_records: u64,
    next_page_token: String,
    users: &'a [ListRow<'a>],
}

impl User {
    fn list_row(&self, now: i64, include: Option<&str>, bundles_listed: bool) -> ListRow<'_> {
        let pending = self.status == Status::Pending;
        ListRow {
            id: (!pending).then_some(self.id.as_str()),
            first_name: &self.first_name,
            last_name: &self.last_name,
            display_name: (!pending).then(|| self.display_name()),
            email: &self.email,
            kind: self.kind,
            status: self.status.as_str(),
            pmi: (!pending).then_some(self.pmi),
            timezone: self.timezone.as_deref(),
            verified: u8::from(!pending),
            dept: self.dept.as_deref(),
            // A pending user's is the time of the call.
            created_at: Moment(if pending { now } else { self.created }),
            user_created_at: (!pending).then_some(Moment(self.created)),
            last_login_time: self.last_login.map(Moment),
            last_client_version: self.client_version.as_deref(),
            group_ids: &self.group_ids,
            employee_unique_id: self.employee_id.as_deref(),
            role_id: &self.role_id,
            plan_united_type: match &self.bundle {
                Some(Bundle::United(kind)) => Some(kind),
                _ => None,
            },
            license_info_list: bundles_listed.then(|| self.license_info()).flatten(),
            custom_attributes: (include == Some("custom_attributes"))
                .then(|| self.custom_attributes())
                .flatten(),
            host_key: (include == Some("host_key") && !pending)
                .then(|| format!("{:06}", below(mix(self.pmi), 1_000_000))),
        }
    }

    /// Only bundles have it: it tells several subscriptions with duplicate plans apart.
    pub(crate) fn license_info(&self) -> Option<Value> {
        match self.bundle {
            Some(Bundle::ZoomOne(option)) => Some(json!([{
                "license_type": "ZOOM_WORKPLACE_BUNDLE",
                "license_option": option,
                "subscription_id": "SUBREF-20260115-093000",
            }])),
            _ => None,
        }
    }

    pub(crate) fn custom_attributes(&self) -> Option<Value> {
        let value = self.cost_center.as_deref()?;
        Some(json!([{"key": "cbf_cywdkexrtqc73f97gd4w6g", "name": "Cost centre", "value": value}]))
    }
}

/// `GET /users`.
pub(crate) fn list(state: &mut State, call: &Call<'_>) -> Result<Reply, ApiError> {
    let status = match call.request.param("status").unwrap_or("active") {
        "active" | "" => Status::Active,
        "inactive" => Status::Inactive,
        "pending" => Status::Pending,
        _ => return Err(ApiError::invalid_field("status", "Invalid field.")),
    };
    // The only two licences that may be asked for; nobody here holds one.
    let licence = match call.request.param("license") {
        None => false,
        Some("zoom_workforce_management" | "zoom_compliance_management") => true,
        Some(_) => return Err(ApiError::invalid_field("license", "Invalid field.")),
    };
    let role = call
        .request
        .param("role_id")
        .filter(|role| !role.is_empty());
    let include = call.request.param("include_fields");
    let switches = &state.switches;
    let query = PageQuery::read(
        call.request,
        call.endpoint,
        None,
        switches.users_page_max,
        switches.over_max_page_size,
    )?;
    let as_of = call.now - i64::from(switches.lag_list_seconds) * 1000;
    let bundles_listed = switches.bundles_listed;
    let (live, rooms) = (switches.paging == Paging::Live, switches.rooms_listed);
    let (world, walks) = (&state.world, &mut state.walks);
    let look_now = || {
        if licence {
            View::default()
        } else {
            look(world, status, rooms, role, as_of)
        }
    };
    let mut page = walks.open(&query, call.now, look_now)?;
    if live {
        page.view = look_now();
    }
    let shuffle = state.switches.shuffled_walks.then_some(page.walk);
    let (rows, next) = rows(state, &page, query.size, role, shuffle, as_of);
    let list: Vec<ListRow<'_>> = rows
        .iter()
        .map(|user| user.list_row(call.now.div_euclid(1000), include, bundles_listed))
        .collect();
    let total = page.view.totals.records;
    let counts = page.first || !state.switches.counts_on_first_page_only;
    let next_page_token = state.next_token(&page, next, call.now);
    let answer = ListAnswer {
        page_count: counts.then(|| total.div_ceil(u64::from(query.size))),
        page_number: counts.then_some(query.number.unwrap_or(1)),
        page_size: query.size,
        total_records: total,
        next_page_token,
        users: &list,
    };
    Ok(Reply::json(200, &answer))
}

fn look(world: &World, status: Status, rooms: bool, role: Option<&str>, as_of: i64) -> View {
    let roster = world.roster(status, rooms, as_of);
    let records = match role {
        None => u64::from(roster.len()),
        Some(role) => (0..roster.len())
            .filter_map(|at| world.user_at(roster.nth(at)?, as_of))
            .filter(|user| user.role_id == role)
            .count() as u64,
    };
    View {
        started: as_of,
        roster,
        totals: Totals {
            records,
            ..Totals::default()
        },
    }
}

/// The users of a page and the position of the next one.
fn rows(
    state: &State,
    page: &Page,
    size: u32,
    role: Option<&str>,
    shuffle: Option<u64>,
    as_of: i64,
) -> (Vec<User>, Option<u64>) {
    let roster = &page.view.roster;
    let mut rows = Vec::with_capacity(usize::try_from(size).unwrap_or(0));
    let mut position = u32::try_from(page.position).unwrap_or(u32::MAX);
    while position < roster.len() && rows.len() < usize::try_from(size).unwrap_or(0) {
        let at = shuffle.map_or(position, |walk| shuffled(position, roster.len(), walk));
        position += 1;
        let user = roster
            .nth(at)
            .and_then(|index| state.world.user_at(index, as_of));
        rows.extend(user.filter(|user| role.is_none_or(|role| user.role_id == role)));
    }
    let more = (position..roster.len()).any(|at| {
        let Some(role) = role else { return true };
        let at = shuffle.map_or(at, |walk| shuffled(at, roster.len(), walk));
        roster
            .nth(at)
            .and_then(|index| state.world.user_at(index, as_of))
            .is_some_and(|user| user.role_id == role)
    });
    (rows, more.then_some(u64::from(position)))
}

/// A permutation of `0..length` that differs from walk to walk.
fn shuffled(position: u32, length: u32, walk: u64) -> u32 {
    let length = u64::from(length);
    let mut factor = mix(walk) % length;
    while gcd(factor, length) != 1 {
        factor = (factor + 1) % length;
    }
    let at = (u64::from(position) * factor + mix(walk ^ 1) % length) % length;
    u32::try_from(at).unwrap_or(position)
}

const fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// `GET /users/{userId}`.
pub(crate) fn get(state: &State, call: &Call<'_>) -> Result<Reply, ApiError> {
    let key = call.subject();
    let as_of = call.now - i64::from(state.switches.lag_user_seconds) * 1000;
    let by_number = call.request.param("search_by_unique_id") == Some("true");
    let user = if by_number {
        state.world.find_employee(key, as_of)
    } else {
        state.world.find(key, as_of)
    };
    let user = user
        .filter(User::exists)
        .ok_or_else(|| ApiError::no_such_user(key))?;
    Ok(Reply::json(200, &single(state, &user, call.now)))
}

/// The list's members and those only the single call has.
fn single(state: &State, user: &User, now: i64) -> Value {
    let row = user.list_row(
        now.div_euclid(1000),
        Some("custom_attributes"),
        state.switches.bundles_listed,
    );
    let mut body = serde_json::to_value(row).unwrap_or_default();
    let pending = user.status == Status::Pending;
    let mut add = |name: &str, value: Value| {
        if !value.is_null() {
            body[name] = value;
        }
    };
    add("account_id", json!(state.oauth.account_id));
    add(
        "account_number",
        json!(10_009_999 + below(mix(state.seed), 89_990_000)),
    );
    add("role_name", json!(role_name(&user.role_id)));
    add("job_title", json!(user.job_title));
    add("location", json!(user.location));
    add("cost_center", json!(user.cost_center));
    add("language", json!("en-US"));
    add(
        "login_types",
        json!(if user.sso { vec![101] } else { vec![100] }),
    );
    if !pending {
        let jid = format!("{}@xmpp.zoom.us", user.id.to_lowercase());
        add("company", json!("Example"));
        add("jid", json!(jid));
        add("use_pmi", json!(false));
        add("cluster", json!("us02"));
        add(
            "personal_meeting_url",
            json!(format!("https://example.zoom.us/j/{}", user.pmi)),
        );
    }
    if user.features.products.has(Product::Phone) {
        add(
            "phone_numbers",
            json!([{"country": "DE", "code": "+49", "label": "Office", "verified": true,
                    "number": format!("30{:07}", below(mix(user.pmi), 10_000_000))}]),
        );
    }
    if let Some(Bundle::ZoomOne(number)) = user.bundle {
        add("zoom_one_type", json!(number));
    }
    add("manager", json!(manager(state, user)));
    body
}

fn role_name(role_id: &str) -> &'static str {
    match role_id {
        "0" => "Owner",
        "1" => "Admin",
        "2" => "Member",
        _ => "Service Desk",
    }
}

/// Somebody among the first people of the account, for most users.
fn manager(state: &State, user: &User) -> Option<String> {
    let drawer = &state.world.generator.drawer;
    let random = drawer.draw(user.index, For::Job);
    if user.room || user.owner() || random.is_multiple_of(8) {
        return None;
    }
    let boss = u32::try_from(below(random, u64::from(drawer.people).div_ceil(10))).ok()?;
    Some(state.world.generator.email(boss))
}

/// The part of a short list that a page shows, and where the next page starts.
pub(crate) fn slice<'a, T>(list: &'a [T], page: &Page, size: u32) -> (&'a [T], Option<u64>) {
    let from = usize::try_from(page.position)
        .unwrap_or(usize::MAX)
        .min(list.len());
    let to = from
        .saturating_add(usize::try_from(size).unwrap_or(usize::MAX))
        .min(list.len());
    (&list[from..to], (to < list.len()).then_some(to as u64))
}
