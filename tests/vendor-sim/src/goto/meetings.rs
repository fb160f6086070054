//! GoToMeeting: meetings that took place, per organizer, in one bare list.

use serde_json::{Value, json};

use crate::goto::activity::{DAY, Kind, Session};
use crate::goto::cast::Cast;
use crate::goto::endpoint::Endpoint;
use crate::goto::errors::ApiError;
use crate::goto::service::{Call, State, key, zulu};
use crate::goto::world::{ACCOUNT, Person};
use crate::http::Reply;
use crate::people::TOPICS;

/// `GET …/historicalMeetings`: meetings that started in the window; running ones are left out.
pub(crate) fn history(state: &State, call: &Call<'_>) -> Result<Reply, ApiError> {
    let (from, to) = call.window("startDate", "endDate")?;
    let rows: Vec<u32> = match call.endpoint {
        Endpoint::OwnMeetings => vec![Cast::Admin.row()],
        Endpoint::GroupMeetings => {
            let group = key(call.part(0))?;
            let people = state.world.everybody();
            let members = people.filter(|(_, person)| {
                person.key.is_multiple_of(2) && 7_000_000_000_000_000_001 + person.key % 16 == group
            });
            members.map(|(row, _)| row).take(50).collect()
        }
        _ => {
            let organizer = state.world.find(key(call.part(0))?);
            vec![
                organizer.ok_or_else(|| {
                    ApiError::product(404, "NoSuchOrganizer", "Organizer not found")
                })?,
            ]
        }
    };
    let mut meetings = Vec::new();
    for row in rows {
        let sessions = state.world.sessions(
            row,
            Kind::Meeting,
            from.div_euclid(DAY)..=to.div_euclid(DAY),
        );
        let Some(person) = state.world.person(row) else {
            continue;
        };
        let took_place = sessions.iter().filter(|session| {
            (from..=to).contains(&session.start) && session.end <= call.seconds()
        });
        meetings.extend(
            took_place
                .map(|session| meeting(person, session, state.switches.meeting_times_with_offset)),
        );
    }
    Ok(Reply::json(200, &meetings))
}

fn meeting(person: &Person, session: &Session, with_offset: bool) -> Value {
    let time = |seconds| {
        let text = zulu(seconds);
        if with_offset {
            text.replace('Z', "+0000")
        } else {
            text
        }
    };
    let topic = TOPICS[usize::try_from(session.number).unwrap_or_default() % TOPICS.len()];
    json!({
        "startTime": time(session.start),
        "endTime": time(session.end),
        "duration": ((session.end - session.start) / 60).to_string(),
        "numAttendees": (2 + session.number % 7).to_string(),
        "accountKey": ACCOUNT.to_string(),
        "organizerKey": person.key.to_string(),
        "firstName": person.first,
        "lastName": person.last,
        "email": person.email,
        "sessionId": session.number.to_string(),
        "subject": topic,
        "locale": "en_US",
        "meetingId": (100_000_000 + session.number % 1_000).to_string(),
        "meetingType": if session.number.is_multiple_of(3) { "immediate" } else { "recurring" },
        "conferenceCallInfo": "VoIP",
    })
}
