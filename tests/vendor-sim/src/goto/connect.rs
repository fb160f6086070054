//! GoToConnect's reports and lines. Reports know people by an identifier of the phone system that
//! leads nowhere but to a name.

use serde_json::{Value, json};

use crate::goto::activity::{DAY, Kind, Session};
use crate::goto::cast::Cast;
use crate::goto::errors::ApiError;
use crate::goto::service::{Call, State, key, zulu};
use crate::goto::world::{ACCOUNT, Person};
use crate::http::Reply;
use crate::random::draw;

/// The phone system's name of the organization.
pub(crate) const ORGANIZATION: &str = "9e8d7c6b-1111-4222-8333-444455556666";
/// Months that reports reach back, in days.
const KEPT_DAYS: i64 = 395;
const USERS_PER_PAGE: usize = 100;

/// A UUID that depends on nothing but its arguments.
pub(crate) fn uuid(seed: u64, row: u64, purpose: u64) -> String {
    let (a, b) = (draw(seed, row, purpose), draw(seed, row, purpose + 1));
    format!(
        "{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}",
        a >> 32,
        (a >> 16) & 0xffff,
        a & 0xfff,
        (b >> 48) & 0xfff,
        b & 0xffff_ffff_ffff
    )
}

/// Who the reports call by this name.
pub(crate) fn pbx_user(state: &State, row: u32) -> String {
    uuid(state.world.seed, u64::from(row), 40)
}

impl State {
    fn with_lines(&self) -> impl Iterator<Item = (u32, &Person)> {
        let people = self.world.everybody();
        people.filter(|(_, person)| person.kinds.contains(&Kind::Call))
    }

    /// Calls that started in the window, whose end is exclusive, and are over.
    fn calls(&self, row: u32, (from, to): (i64, i64), now: i64) -> Vec<Session> {
        let from = from.max(now - KEPT_DAYS * DAY);
        let days = from.div_euclid(DAY)..=(to - 1).div_euclid(DAY);
        let mut calls = self.world.sessions(row, Kind::Call, days);
        calls.retain(|call| (from..to).contains(&call.start) && call.end <= now);
        calls
    }
}

/// `GET /call-reports/v1/reports/user-activity`
pub(crate) fn user_activity(state: &State, call: &Call<'_>) -> Result<Reply, ApiError> {
    let window = call.window("startTime", "endTime")?;
    let size = call.number("pageSize", 100)?;
    if !(1..=10_000).contains(&size) {
        return Err(ApiError::invalid("pageSize is not between 1 and 10000"));
    }
    let place = call.number("page", 0)?.saturating_mul(size);
    let whole = |number| usize::try_from(number).unwrap_or(usize::MAX);
    let items: Vec<Value> = state
        .with_lines()
        .skip(whole(place))
        .take(whole(size))
        .map(|(row, person)| {
            let calls = state.calls(row, window, call.seconds());
            json!({
                "userId": pbx_user(state, row),
                "userName": person.name(),
                "userAlternativeNames": [],
                "dataValues": values(&calls),
            })
        })
        .collect();
    Ok(Reply::json(200, &json!({"items": items})))
}

/// Numbers and milliseconds of calls.
fn values(calls: &[Session]) -> Value {
    let of = |outbound| {
        let calls = calls.iter().filter(move |call| call.outbound == outbound);
        calls.fold((0, 0), |(volume, duration), call| {
            (volume + 1, duration + millis(call))
        })
    };
    let ((inbound, inbound_millis), (outbound, outbound_millis)) = (of(false), of(true));
    let (volume, total): (i64, i64) = (inbound + outbound, inbound_millis + outbound_millis);
    json!({
        "inboundVolume": inbound,
        "inboundDuration": inbound_millis,
        "outboundVolume": outbound,
        "outboundDuration": outbound_millis,
        "averageDuration": if volume == 0 { 0 } else { total / volume },
        "volume": volume,
        "totalDuration": total,
    })
}

pub(crate) const fn millis(call: &Session) -> i64 {
    if call.missed {
        0
    } else {
        (call.end - call.start) * 1000
    }
}

/// `GET /call-reports/v1/reports/user-activity/{userId}`
pub(crate) fn user_calls(state: &State, call: &Call<'_>) -> Result<Reply, ApiError> {
    let window = call.window("startTime", "endTime")?;
    let mut people = state.with_lines();
    let found = people.find(|(row, _)| pbx_user(state, *row) == call.part(0));
    let (row, person) = found.ok_or_else(|| ApiError::not_found("the user"))?;
    let calls = state.calls(row, window, call.seconds());
    let items: Vec<Value> = calls.iter().map(|call| item(person, row, call)).collect();
    Ok(Reply::json(200, &json!({"items": items})))
}

fn item(person: &Person, row: u32, call: &Session) -> Value {
    let own = json!({"name": person.name(), "number": extension(row)});
    let other = json!({"name": "", "number": "+442079460000"});
    let (caller, callee) = if call.outbound {
        (own, other)
    } else {
        (other, own)
    };
    let mut item = json!({"startTime": zulu(call.start)});
    if !call.missed {
        item["answerTime"] = json!(zulu(call.start + 6));
    }
    item["endTime"] = json!(zulu(call.end));
    item["direction"] = json!(direction(call));
    item["disposition"] = json!(if call.missed { 19 } else { 16 });
    item["duration"] = json!(millis(call));
    item["caller"] = caller;
    item["callee"] = callee;
    item
}

pub(crate) const fn direction(call: &Session) -> &'static str {
    if call.outbound { "OUTBOUND" } else { "INBOUND" }
}

pub(crate) fn extension(row: u32) -> String {
    (1000 + row).to_string()
}

fn lines_of(state: &State, row: u32, person: &Person) -> Value {
    if !person.has_line() {
        return json!([]);
    }
    // New lines come after the old ones were lost.
    let purpose = 50 + 2 * u64::from(person.lines);
    json!([{
        "id": uuid(state.world.seed, u64::from(row), purpose),
        "name": person.name(),
        "number": extension(row),
        "organization": {"id": ORGANIZATION, "name": "Example Ltd"},
    }])
}

/// `GET /users/v1/users?accountKey=`
pub(crate) fn users(state: &State, call: &Call<'_>) -> Result<Reply, ApiError> {
    state.is_main(call.request.param("accountKey").unwrap_or_default())?;
    let from = marker(call)?;
    let mut people = state
        .world
        .everybody()
        .skip(from)
        .filter(|(_, person)| person.has_line());
    let page: Vec<(u32, &Person)> = people.by_ref().take(USERS_PER_PAGE).collect();
    let next = people.next().map(|(row, _)| row);
    let next = next.and_then(|row| state.world.order().iter().position(|known| *known == row));
    let items: Vec<Value> = page
        .into_iter()
        .map(|(row, person)| {
            json!({"userKey": person.key.to_string(), "lines": lines_of(state, row, person)})
        })
        .collect();
    let mut body = json!({"items": items});
    if let Some(next) = next {
        body["nextPageMarker"] = json!(format!("m{next}"));
    }
    Ok(Reply::json(200, &body))
}

/// The number behind a page marker.
pub(crate) fn marker(call: &Call<'_>) -> Result<usize, ApiError> {
    match call.request.param("pageMarker") {
        None | Some("") => Ok(0),
        Some(text) => text
            .strip_prefix('m')
            .and_then(|number| number.parse().ok())
            .ok_or_else(|| ApiError::gateway(400, "INVALID_PAGE_MARKER", "unknown pageMarker")),
    }
}

/// `GET /users/v1/me`
pub(crate) fn me(state: &State) -> Reply {
    let row = Cast::Admin.row();
    let items: Vec<Value> = state
        .world
        .person(row)
        .map(|admin| {
            json!({
                "accountKey": ACCOUNT.to_string(),
                "userKey": admin.key.to_string(),
                "lines": lines_of(state, row, admin),
            })
        })
        .into_iter()
        .collect();
    Reply::json(200, &json!({"items": items}))
}

/// `GET /users/v1/users/{userKey}/lines`
pub(crate) fn lines(state: &State, call: &Call<'_>) -> Result<Reply, ApiError> {
    let row = state.world.find(key(call.part(0))?);
    let found = row.and_then(|row| Some((row, state.world.person(row)?)));
    let (row, person) = found.ok_or_else(|| ApiError::not_found("the user"))?;
    Ok(Reply::json(
        200,
        &json!({"items": lines_of(state, row, person)}),
    ))
}
