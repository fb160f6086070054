//! GoToWebinar: webinars that were planned, and the sessions that took place. Answers are HAL pages
//! without `_embedded` when there is nothing.

use serde_json::{Map, Value, json};

use crate::goto::activity::{DAY, Habit, Kind, Session, signed};
use crate::goto::cast::Cast;
use crate::goto::endpoint::Endpoint;
use crate::goto::errors::ApiError;
use crate::goto::service::{Call, State, key, zulu};
use crate::goto::world::{ACCOUNT, Person};
use crate::http::Reply;
use crate::people::WEBINAR_TOPICS;

const DEFAULT_SIZE: u64 = 20;
const MOST: u64 = 200;

/// A webinar or a session of one, with its organizer.
struct Occurrence {
    row: u32,
    session: Session,
}

impl State {
    fn organizers(&self, call: &Call<'_>) -> Result<Vec<u32>, ApiError> {
        if call.endpoint == Endpoint::AccountWebinars {
            self.is_main(call.part(0))?;
            let people = self.world.everybody();
            let able = people.filter(|(_, person)| person.kinds.contains(&Kind::Webinar));
            return Ok(able.map(|(row, _)| row).collect());
        }
        let found = self.world.find(key(call.part(0))?);
        let row = found
            .ok_or_else(|| ApiError::product(404, "NoSuchOrganizer", "Organizer not found"))?;
        Ok(vec![row])
    }

    /// Webinars planned for the window: those held or to be held, and those of people who only plan.
    fn planned(&self, row: u32, from: i64, to: i64) -> Vec<Session> {
        let days = from.div_euclid(DAY)..=to.div_euclid(DAY);
        let habit = self.world.person(row).map(|person| person.habit);
        let mut planned = if habit == Some(Habit::SchedulesOnly) {
            days.filter(|day| self.world.drawn(row, Kind::Webinar, *day))
                .flat_map(|day| self.world.of_day(row, Kind::Webinar, day))
                .collect()
        } else {
            self.world.sessions(row, Kind::Webinar, days)
        };
        planned.retain(|session| (from..=to).contains(&session.start));
        planned
    }
}

/// `GET …/webinars`
pub(crate) fn scheduled(state: &State, call: &Call<'_>) -> Result<Reply, ApiError> {
    let (from, to) = call.window("fromTime", "toTime")?;
    let mut found: Vec<Occurrence> = state
        .organizers(call)?
        .into_iter()
        .flat_map(|row| {
            let planned = state.planned(row, from, to);
            planned
                .into_iter()
                .map(move |session| Occurrence { row, session })
        })
        .collect();
    if state.switches.webinars_latest_first {
        found.sort_by_key(|planned| std::cmp::Reverse(planned.session.start));
    }
    paged(state, call, "webinars", &found, |occurrence| {
        let person = state.world.person(occurrence.row)?;
        Some(webinar(state, person, occurrence))
    })
}

/// `GET /organizers/{organizerKey}/sessions`: completed ones, of whoever made the webinar or
/// started it.
pub(crate) fn sessions(state: &State, call: &Call<'_>) -> Result<Reply, ApiError> {
    let (from, to) = call.window("fromTime", "toTime")?;
    let rows = state.organizers(call)?;
    let co_host = Cast::CoHost.row();
    let makers: Vec<u32> = if rows.contains(&co_host) {
        let people = state.world.everybody();
        let able = people.filter(|(_, person)| person.kinds.contains(&Kind::Webinar));
        able.map(|(row, _)| row).collect()
    } else {
        rows
    };
    let days = from.div_euclid(DAY)..=to.div_euclid(DAY);
    let asked_for = state.world.find(key(call.part(0))?);
    let found: Vec<Occurrence> = makers
        .into_iter()
        .flat_map(|row| {
            let held = state.world.sessions(row, Kind::Webinar, days.clone());
            held.into_iter()
                .map(move |session| Occurrence { row, session })
        })
        .filter(|held| {
            (from..=to).contains(&held.session.start) && held.session.end <= call.seconds()
        })
        .filter(|held| {
            asked_for == Some(held.row) || (asked_for == Some(co_host) && by_co_host(held))
        })
        .collect();
    paged(state, call, "sessionInfoResources", &found, |occurrence| {
        let maker = state.world.person(occurrence.row)?;
        let starter = if by_co_host(occurrence) {
            state.world.person(co_host).unwrap_or(maker)
        } else {
            maker
        };
        Some(held(maker, starter, occurrence))
    })
}

/// The webinar organizer of the cast lets the co-host start.
fn by_co_host(held: &Occurrence) -> bool {
    held.row == Cast::WebinarOrganizer.row()
}

fn paged(
    state: &State,
    call: &Call<'_>,
    name: &str,
    found: &[Occurrence],
    row: impl Fn(&Occurrence) -> Option<Value>,
) -> Result<Reply, ApiError> {
    let mut size = call.number("size", DEFAULT_SIZE)?.max(1);
    if size > MOST {
        if !state.switches.webinar_size_clamped {
            return Err(ApiError::invalid(format!("size is above {MOST}")));
        }
        size = MOST;
    }
    let number = call.number("page", 0)?;
    let total = found.len() as u64;
    let whole = |number| usize::try_from(number).unwrap_or(usize::MAX);
    let rows: Vec<Value> = found
        .iter()
        .skip(whole(number.saturating_mul(size)))
        .take(whole(size))
        .filter_map(row)
        .collect();
    let mut body = Map::new();
    if !rows.is_empty() {
        body.insert("_embedded".to_owned(), json!({name: rows}));
    }
    body.insert(
        "page".to_owned(),
        json!({
            "size": size,
            "totalElements": total,
            "totalPages": total.div_ceil(size),
            "number": number,
        }),
    );
    Ok(Reply::json(200, &body))
}

fn webinar_key(occurrence: &Occurrence) -> String {
    let number = 7_000_000_000_000_000_000 + u64::from(occurrence.row) * 1_000_000;
    (number + occurrence.session.number).to_string()
}

fn subject(session: &Session) -> &'static str {
    WEBINAR_TOPICS[usize::try_from(session.number).unwrap_or_default() % WEBINAR_TOPICS.len()]
}

fn webinar(state: &State, person: &Person, occurrence: &Occurrence) -> Value {
    let session = &occurrence.session;
    let key = webinar_key(occurrence);
    let id = if state.switches.webinar_id_upper {
        "webinarID"
    } else {
        "webinarId"
    };
    json!({
        "webinarKey": key,
        id: (100_000_000 + session.number).to_string(),
        "organizerKey": person.key.to_string(),
        "accountKey": ACCOUNT.to_string(),
        "omid": format!("{:x}", session.number),
        "subject": subject(session),
        "description": "",
        "times": [{"startTime": zulu(session.start), "endTime": zulu(session.end)}],
        "timeZone": "Europe/London",
        "locale": "en_US",
        "status": "NEW",
        "approvalType": "AUTOMATIC",
        "registrationUrl": format!("https://attendee.gotowebinar.com/register/{key}"),
        "impromptu": false,
        "isPasswordProtected": false,
        "recurrenceType": "single_session",
        "experienceType": "CLASSIC",
        "breakoutsAllowed": false,
    })
}

fn held(maker: &Person, starter: &Person, occurrence: &Occurrence) -> Value {
    let session = &occurrence.session;
    let attended = signed(session.number % 90);
    json!({
        "sessionKey": (10_000_000 + session.number).to_string(),
        "webinarKey": webinar_key(occurrence),
        "webinarID": (100_000_000 + session.number).to_string(),
        "webinarName": subject(session),
        "startTime": zulu(session.start),
        "endTime": zulu(session.end),
        "registrantsAttended": attended,
        "registrantCount": attended * 2,
        "accountKey": ACCOUNT.to_string(),
        "creatingOrganizerKey": maker.key.to_string(),
        "creatingOrganizerName": maker.name(),
        "startingOrganizerKey": starter.key.to_string(),
        "startingOrganizerName": starter.name(),
        "totalPollCount": 0,
        "timeZone": "Europe/London",
        "experienceType": "CLASSIC",
    })
}
