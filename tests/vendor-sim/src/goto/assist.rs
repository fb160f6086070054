//! GoToAssist Remote Support: sessions of the whole account, kept for 30 days.

use serde::Serialize;

use crate::goto::activity::{DAY, Kind};
use crate::goto::endpoint::Endpoint;
use crate::goto::errors::ApiError;
use crate::goto::service::{Call, State, zulu};
use crate::goto::world::ACCOUNT;
use crate::http::Reply;

/// Days that sessions are kept.
const KEPT_DAYS: i64 = 30;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Sessions {
    total_num_sessions: usize,
    sessions: Vec<SupportSession>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SupportSession {
    session_id: String,
    session_type: &'static str,
    status: &'static str,
    started_at: String,
    customer_joined_at: String,
    ended_at: String,
    expert_name: String,
    expert_email: String,
    expert_user_key: String,
    customer_name: &'static str,
    customer_email: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    account_key: Option<u128>,
}

/// `GET /sessions` and `GET /extendedsessions`; the second tells the account, too.
pub(crate) fn sessions(state: &State, call: &Call<'_>) -> Result<Reply, ApiError> {
    let (from, to) = call.window("fromTime", "toTime")?;
    let from = from.max(call.seconds() - KEPT_DAYS * DAY);
    let days = from.div_euclid(DAY)..=to.div_euclid(DAY);
    let mut sessions = Vec::new();
    for (row, person) in state.world.everybody() {
        if !person.kinds.contains(&Kind::Support) {
            continue;
        }
        let held = state.world.sessions(row, Kind::Support, days.clone());
        let held = held.iter().filter(|session| {
            (from..=to).contains(&session.start) && session.end <= call.seconds()
        });
        sessions.extend(held.map(|session| SupportSession {
            session_id: format!("SS-{row}-{}", session.number),
            session_type: "screen_sharing",
            status: "complete",
            started_at: zulu(session.start),
            customer_joined_at: zulu(session.start + 60),
            ended_at: zulu(session.end),
            expert_name: person.name(),
            expert_email: person.email.clone(),
            expert_user_key: person.key.to_string(),
            customer_name: "Jane Doe",
            customer_email: "jane@example.net",
            account_key: (call.endpoint == Endpoint::ExtendedSessions).then_some(ACCOUNT),
        }));
    }
    let body = Sessions {
        total_num_sessions: sessions.len(),
        sessions,
    };
    Ok(Reply::json(200, &body))
}
