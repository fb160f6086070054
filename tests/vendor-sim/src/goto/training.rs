//! GoToTraining: trainings that took place, asked for by POST.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::goto::activity::{DAY, Kind};
use crate::goto::errors::ApiError;
use crate::goto::service::{Call, State, key, zulu};
use crate::http::Reply;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Window {
    start_date: Timestamp,
    end_date: Timestamp,
}

/// `POST /reports/organizers/{organizerKey}/sessions`
pub(crate) fn sessions(state: &State, call: &Call<'_>) -> Result<Reply, ApiError> {
    let window: Window = serde_json::from_slice(&call.request.body)
        .map_err(|error| ApiError::invalid(error.to_string()))?;
    let (from, to) = (window.start_date.as_second(), window.end_date.as_second());
    if to < from {
        return Err(ApiError::invalid("endDate is before startDate"));
    }
    let found = state.world.find(key(call.part(0))?);
    let row = found.ok_or_else(|| ApiError::product(403, "AccessDenied", "not an organizer"))?;
    let Some(person) = state.world.person(row) else {
        return Err(ApiError::not_found("the organizer"));
    };
    let days = from.div_euclid(DAY)..=to.div_euclid(DAY);
    let held = state.world.sessions(row, Kind::Training, days);
    let held = held
        .iter()
        .filter(|session| (from..=to).contains(&session.start) && session.end <= call.seconds());
    let rows: Vec<Value> = held
        .map(|session| {
            json!({
                "sessionKey": session.number.to_string(),
                "trainingName": "Safety course",
                "sessionStartTime": zulu(session.start),
                "sessionEndTime": zulu(session.end),
                "attendanceCount": 2 + session.number % 20,
                "duration": (session.end - session.start) / 60,
                "organizers": [{
                    "organizerKey": person.key.to_string(),
                    "email": person.email,
                    "givenName": person.first,
                    "surname": person.last,
                }],
            })
        })
        .collect();
    Ok(Reply::json(200, &rows))
}
