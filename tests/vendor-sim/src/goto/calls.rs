//! GoToConnect's two streams of calls that know people by their key.

use serde_json::{Value, json};

use crate::goto::activity::{DAY, Kind, Session};
use crate::goto::connect::{direction, extension, marker, millis, uuid};
use crate::goto::endpoint::Endpoint;
use crate::goto::errors::ApiError;
use crate::goto::service::{Call, State, key, zulu};
use crate::goto::world::{ACCOUNT, Person};
use crate::http::Reply;

/// The longest window of the call-events report.
const MOST_DAYS: i64 = 31;

/// `GET /call-events-report/v1/report-summaries` and `GET /call-history/v1/calls`
pub(crate) fn list(state: &State, call: &Call<'_>) -> Result<Reply, ApiError> {
    let (from, to) = call.window("startTime", "endTime")?;
    let events = call.endpoint == Endpoint::CallEvents;
    if events && to - from > MOST_DAYS * DAY {
        return Err(ApiError::gateway(
            400,
            "INVALID_TIME_RANGE",
            "the window is longer than 31 days",
        ));
    }
    let only = call.request.param("userKey").map(key).transpose()?;
    if only.is_none() {
        state.is_main(call.request.param("accountKey").unwrap_or_default())?;
    }
    let lag = i64::from(state.switches.call_events_lag_minutes) * 60;
    let seen_until = call.seconds() - if events { lag } else { 0 };
    let size = usize::try_from(call.number("pageSize", 100)?.clamp(1, 1000)).unwrap_or(1);
    let mut found = stream(state, only, (from, to), seen_until);
    let start = marker(call)?.min(found.len());
    let rest = found.split_off(start);
    let next = (rest.len() > size).then(|| format!("m{}", start + size));
    let items: Vec<Value> = rest
        .iter()
        .take(size)
        .map(|(row, person, session)| {
            if events {
                summary(state, *row, person, session)
            } else {
                leg(state, *row, person, session)
            }
        })
        .collect();
    Ok(Reply::json(
        200,
        &json!({"items": items, "nextPageMarker": next}),
    ))
}

fn stream(
    state: &State,
    only: Option<u128>,
    (from, to): (i64, i64),
    seen_until: i64,
) -> Vec<(u32, &Person, Session)> {
    let days = from.div_euclid(DAY)..=(to - 1).div_euclid(DAY);
    let people = state.world.everybody().filter(|(_, person)| {
        person.kinds.contains(&Kind::Call) && only.is_none_or(|key| key == person.key)
    });
    people
        .flat_map(|(row, person)| {
            let calls = state.world.sessions(row, Kind::Call, days.clone());
            calls.into_iter().map(move |session| (row, person, session))
        })
        .filter(|(_, _, session)| (from..to).contains(&session.start) && session.end <= seen_until)
        .collect()
}

fn number(row: u32, session: &Session) -> u64 {
    u64::from(row) << 32 | session.number
}

fn summary(state: &State, row: u32, person: &Person, session: &Session) -> Value {
    json!({
        "conversationSpaceId": uuid(state.world.seed, number(row, session), 60),
        "accountKey": ACCOUNT.to_string(),
        "direction": direction(session),
        "callCreated": with_millis(session.start),
        "callAnswered": (!session.missed).then(|| with_millis(session.start + 6)),
        "callEnded": with_millis(session.end),
        "participants": [{"userKey": person.key.to_string(), "type": "LINE"}],
    })
}

fn with_millis(seconds: i64) -> String {
    zulu(seconds).replace('Z', ".000Z")
}

fn leg(state: &State, row: u32, person: &Person, session: &Session) -> Value {
    let id = uuid(state.world.seed, number(row, session), 62);
    let own = json!({"name": person.name(), "number": extension(row)});
    let other = json!({"name": "Customer", "number": "+442079460001"});
    let (caller, callee) = if session.outbound {
        (own, other)
    } else {
        (other, own)
    };
    let mut leg = json!({
        "legId": id,
        "originatorId": id,
        "userKey": person.key.to_string(),
        "accountKey": ACCOUNT.to_string(),
        "direction": direction(session),
        "startTime": zulu(session.start),
    });
    if !session.missed {
        leg["answerTime"] = json!(zulu(session.start + 6));
    }
    leg["duration"] = json!(millis(session));
    leg["hangupCause"] = json!(if session.missed { 19 } else { 16 });
    leg["caller"] = caller;
    leg["callee"] = callee;
    leg
}
