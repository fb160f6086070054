//! `GET /users/{userId}/meetings`, `GET /users/{userId}/webinars` and `GET /report/upcoming_events`:
//! what is in the calendar. Instant meetings never are.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use serde_json::{Value, json};

use crate::http::Reply;
use crate::zoom::activity::{Session, day_of};
use crate::zoom::errors::ApiError;
use crate::zoom::generate::DAY;
use crate::zoom::history::created;
use crate::zoom::paging::{PageQuery, Totals, View};
use crate::zoom::reports::REPORT_PAGE_MAX;
use crate::zoom::service::{Call, State};
use crate::zoom::stream;
use crate::zoom::traits::Traits;
use crate::zoom::user::{Status, User};
use crate::zoom::users::{Moment, slice};
use crate::zoom::window::{Looks, Window, date};
use crate::zoom::world::World;

/// Days for which a past meeting is unexpired, and for which a coming one is in the calendar.
const CALENDAR_DAYS: i64 = 30;

/// Which part of the calendar a list shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    /// All that is unexpired, a series once.
    Scheduled,
    Live,
    Upcoming,
    Previous,
}

/// `GET /users/{userId}/meetings`.
pub(crate) fn list(state: &mut State, call: &Call<'_>) -> Result<Reply, ApiError> {
    let part = match call.request.param("type") {
        None | Some("scheduled") => Part::Scheduled,
        Some("live") => Part::Live,
        Some("upcoming" | "upcoming_meetings") => Part::Upcoming,
        Some("previous_meetings") => Part::Previous,
        Some(_) => return Err(ApiError::invalid_field("type", "Invalid field.")),
    };
    let user = host(state, call)?;
    if !user.may_host() {
        return Err(ApiError::no_hosting());
    }
    let mut meetings = calendar(&state.world, &user, call.seconds(), false);
    meetings.retain(|session| shows(part, session, call.seconds()));
    if part == Part::Scheduled {
        meetings = once_per_series(meetings, call.seconds());
    }
    between(&mut meetings, call)?;
    answer(state, call, &user, &meetings, "meetings")
}

/// `GET /users/{userId}/webinars`.
pub(crate) fn webinars(state: &mut State, call: &Call<'_>) -> Result<Reply, ApiError> {
    let part = match call.request.param("type") {
        None | Some("scheduled") => Part::Scheduled,
        Some("upcoming") => Part::Upcoming,
        Some(_) => return Err(ApiError::invalid_field("type", "Invalid field.")),
    };
    let user = host(state, call)?;
    if user.features.webinar.is_none() {
        return Err(ApiError::webinar_plan_missing());
    }
    let mut webinars = calendar(&state.world, &user, call.seconds(), true);
    webinars.retain(|session| shows(part, session, call.seconds()));
    answer(state, call, &user, &webinars, "webinars")
}

fn host(state: &State, call: &Call<'_>) -> Result<User, ApiError> {
    let key = call.subject();
    state
        .world
        .find(key, call.now)
        .filter(User::exists)
        .ok_or_else(|| ApiError::no_such_host(key))
}

/// What a user has in the calendar, oldest first.
fn calendar(world: &World, user: &User, now: i64, webinars: bool) -> Vec<Session> {
    let today = day_of(now);
    let mut sessions = Vec::new();
    let days = today - CALENDAR_DAYS..=today + CALENDAR_DAYS;
    world.sessions(user.index, days.clone(), |session| {
        if session.listed() && session.is_webinar() == webinars {
            sessions.push(session);
        }
    });
    let generated = world.traits(user.index);
    if let Some(traits) = generated.filter(|_| user.status == Status::Active && !webinars) {
        let never_held = stale(world, &traits);
        sessions.extend(never_held.filter(|session| days.contains(&day_of(session.start))));
    }
    sessions.sort_by_key(|session| session.start);
    sessions
}

/// The meeting that was scheduled for the week before the start and never took place.
fn stale(world: &World, traits: &Traits) -> Option<Session> {
    let generator = &world.generator;
    traits.stale_schedule.then(|| Session {
        kind: Session::SCHEDULED,
        number: generator.series_number(traits.index) + 1,
        key: u64::from(traits.index),
        start: (generator.drawer.anchor_day - 7) * DAY + 32_400,
        minutes: 30,
        participants: 0,
        topic: 0,
    })
}

fn shows(part: Part, session: &Session, now: i64) -> bool {
    let live = session.start <= now && now < session.end();
    match part {
        Part::Scheduled => true,
        Part::Live => live && session.participants > 0,
        Part::Upcoming => session.end() > now,
        Part::Previous => session.end() <= now,
    }
}

/// A recurring meeting is one row: its next occurrence, or else its last.
fn once_per_series(sessions: Vec<Session>, now: i64) -> Vec<Session> {
    let mut series: BTreeMap<u64, Session> = BTreeMap::new();
    let mut rows = Vec::new();
    for session in sessions {
        if session.kind != Session::RECURRING {
            rows.push(session);
            continue;
        }
        match series.get(&session.number) {
            Some(known) if known.end() > now => {}
            _ => {
                series.insert(session.number, session);
            }
        }
    }
    rows.extend(series.into_values());
    rows.sort_by_key(|session| session.start);
    rows
}

/// Applies the optional `from` and `to`.
fn between(sessions: &mut Vec<Session>, call: &Call<'_>) -> Result<(), ApiError> {
    let midnight = |day: jiff::civil::Date| {
        let start = day.to_zoned(TimeZone::UTC);
        start.map_or(i64::MAX, |start| start.timestamp().as_second())
    };
    if let Some(from) = date(call, "from")? {
        sessions.retain(|session| session.start >= midnight(from));
    }
    if let Some(to) = date(call, "to")? {
        sessions.retain(|session| session.start < midnight(to) + DAY);
    }
    Ok(())
}

fn answer(
    state: &mut State,
    call: &Call<'_>,
    user: &User,
    sessions: &[Session],
    name: &str,
) -> Result<Reply, ApiError> {
    let query = PageQuery::read(
        call.request,
        call.endpoint,
        call.subject.as_deref(),
        300,
        state.switches.over_max_page_size,
    )?;
    let page = state.walks.open(&query, call.now, View::default)?;
    let (shown, next) = slice(sessions, &page, query.size);
    let rows: Vec<Value> = shown.iter().map(|session| row(user, session)).collect();
    let next_page_token = state.next_token(&page, next, call.now);
    Ok(Reply::json(
        200,
        &json!({"page_count": sessions.len().div_ceil(usize::try_from(query.size).unwrap_or(1)),
                "page_number": query.number.unwrap_or(1), "page_size": query.size,
                "total_records": sessions.len(), "next_page_token": next_page_token, name: rows}),
    ))
}

fn row(user: &User, session: &Session) -> Value {
    let mut row = json!({
        "uuid": session.uuid(),
        "id": session.number,
        "host_id": user.id,
        "topic": session.topic(),
        "type": session.kind,
        "start_time": Moment(session.start),
        "duration": session.minutes,
        "timezone": user.timezone.as_deref().unwrap_or("UTC"),
        "created_at": Moment(created(session)),
        "join_url": format!("https://example.zoom.us/j/{}", session.number),
        "agenda": format!("{}: agenda and notes", session.topic()),
    });
    if session.is_webinar() {
        row["is_simulive"] = json!(false);
    }
    row
}

/// `GET /report/upcoming_events`. Zoom gives no total here.
pub(crate) fn upcoming_events(state: &mut State, call: &Call<'_>) -> Result<Reply, ApiError> {
    let (meetings, webinars) = match call.request.param("type") {
        None | Some("all") => (true, true),
        Some("meeting") => (true, false),
        Some("webinar") => (false, true),
        Some(_) => return Err(ApiError::invalid_field("type", "Invalid field.")),
    };
    let window = Window::read(call, &state.switches, Looks::Ahead)?;
    let group = call.request.param("group_id").filter(|id| !id.is_empty());
    let max = REPORT_PAGE_MAX;
    let over_max = state.switches.over_max_page_size;
    let query = PageQuery::read(call.request, call.endpoint, None, max, over_max)?;
    let world = &state.world;
    let within = |_: u32, session: &Session| {
        let kind = if session.is_webinar() {
            webinars
        } else {
            meetings
        };
        kind && session.listed() && window.holds(session.start)
    };
    let page = state.walks.open(&query, call.now, || View {
        started: call.now,
        roster: stream::hosts(world, &window.days(), within).0,
        totals: Totals::default(),
    })?;
    let now = page.view.started.div_euclid(1000);
    let wanted = |index: u32, session: &Session| {
        within(index, session)
            && session.start > now
            && day_of(session.start) <= day_of(now) + CALENDAR_DAYS
            && group.is_none_or(|group| {
                let user = world.user_at(index, call.now);
                user.is_some_and(|user| user.group_ids.iter().any(|id| id == group))
            })
    };
    let (sessions, next) = stream::page(
        world,
        &page.view.roster,
        &window.days(),
        page.position,
        query.size,
        wanted,
    );
    let rows: Vec<Value> = sessions
        .into_iter()
        .filter_map(|(index, session)| {
            let user = world.user_at(index, call.now)?;
            let mut row = json!({"id": session.number.to_string(), "topic": session.topic(),
                "host_id": user.id, "host_name": user.display_name(),
                "start_time": Moment(session.start)});
            if let Some(dept) = &user.dept {
                row["dept"] = json!(dept);
            }
            Some(row)
        })
        .collect();
    let next_page_token = state.next_token(&page, next, call.now);
    Ok(Reply::json(
        200,
        &json!({"from": window.from.to_string(), "to": window.to.to_string(),
                "page_size": query.size, "next_page_token": next_page_token,
                "upcoming_events": rows}),
    ))
}
