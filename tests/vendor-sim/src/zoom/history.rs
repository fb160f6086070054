//! `GET /report/history_meetings`, the account's past meetings and webinars in one stream, and
//! `GET /report/users/{userId}/meetings`, those of one host.

use serde::Serialize;
use serde_json::{Value, json};

use crate::http::Reply;
use crate::people::{TOPICS, WEBINAR_TOPICS};
use crate::random::{mix, pick};
use crate::zoom::activity::Session;
use crate::zoom::errors::ApiError;
use crate::zoom::groups;
use crate::zoom::paging::{PageQuery, Totals, View};
use crate::zoom::reports::{REPORT_PAGE_MAX, arrived, report_email};
use crate::zoom::service::{Call, State};
use crate::zoom::stream;
use crate::zoom::user::User;
use crate::zoom::users::{Moment, slice};
use crate::zoom::window::{Looks, Window};

#[derive(Serialize)]
struct HistoryRow<'a> {
    meeting_uuid: String,
    meeting_id: u64,
    #[serde(rename = "type")]
    kind: &'a str,
    host_display_name: String,
    host_email: String,
    start_time: Moment,
    end_time: Moment,
    topic: &'a str,
    participants: u32,
    duration: u32,
    total_participant_minutes: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    department: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    group: Vec<String>,
    source: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    unique_viewers: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_concurrent_views: Option<u32>,
    create_time: Moment,
    custom_fields: [Value; 0],
    tracking_fields: [Value; 0],
    feature_used: Value,
}

/// No total and no host id: a client joins by e-mail.
#[derive(Serialize)]
struct HistoryAnswer<'a> {
    page_size: u32,
    next_page_token: String,
    history_meetings: &'a [HistoryRow<'a>],
}

impl Session {
    /// What it is about.
    pub(crate) fn topic(&self) -> &'static str {
        let topics: &[&'static str] = if self.is_webinar() {
            &WEBINAR_TOPICS
        } else {
            &TOPICS
        };
        pick(self.topic, topics).unwrap_or_default()
    }
}

/// `GET /report/history_meetings`.
pub(crate) fn list(state: &mut State, call: &Call<'_>) -> Result<Reply, ApiError> {
    let (meetings, webinars) = match call.request.param("meeting_type") {
        None | Some("all") => (true, true),
        Some("meeting") => (true, false),
        Some("webinar") => (false, true),
        Some(_) => return Err(ApiError::invalid_field("meeting_type", "Invalid field.")),
    };
    let by_end = match call.request.param("date_type") {
        None | Some("start_time") => false,
        Some("end_time") => true,
        Some(_) => return Err(ApiError::invalid_field("date_type", "Invalid field.")),
    };
    let search = call.request.param("search_key").map(str::to_lowercase);
    let group = call.request.param("group_id").filter(|id| !id.is_empty());
    let window = Window::read(call, &state.switches, Looks::Back)?;
    let query = PageQuery::read(
        call.request,
        call.endpoint,
        None,
        REPORT_PAGE_MAX,
        state.switches.over_max_page_size,
    )?;
    let (world, switches) = (&state.world, &state.switches);
    let within = |_: u32, session: &Session| {
        let kind = if session.is_webinar() {
            webinars
        } else {
            meetings
        };
        let moment = if by_end { session.end() } else { session.start };
        kind && window.holds(moment)
    };
    let page = state.walks.open(&query, call.now, || View {
        started: call.now,
        roster: stream::hosts(world, &window.days(), within).0,
        totals: Totals::default(),
    })?;
    let wanted = |index: u32, session: &Session| {
        within(index, session)
            && arrived(session, switches, page.view.started)
            && matches(state, index, session, search.as_deref(), group, call.now)
    };
    let (sessions, next) = stream::page(
        world,
        &page.view.roster,
        &window.days(),
        page.position,
        query.size,
        wanted,
    );
    let hosts: Vec<(User, Session)> = sessions
        .into_iter()
        .filter_map(|(index, session)| Some((world.user_at(index, call.now)?, session)))
        .collect();
    let rows: Vec<HistoryRow<'_>> = hosts
        .iter()
        .map(|(user, session)| row(state, user, session))
        .collect();
    let body = HistoryAnswer {
        page_size: query.size,
        next_page_token: state.walks.token(page.walk, next, call.now),
        history_meetings: &rows,
    };
    let reply = Reply::json(200, &body);
    state.turn(&page, next);
    Ok(reply)
}

fn matches(
    state: &State,
    index: u32,
    session: &Session,
    search: Option<&str>,
    group: Option<&str>,
    now: i64,
) -> bool {
    if search.is_none() && group.is_none() {
        return true;
    }
    let Some(user) = state.world.user_at(index, now) else {
        return false;
    };
    let in_group = group.is_none_or(|group| user.group_ids.iter().any(|id| id == group));
    let found = search.is_none_or(|text| {
        session.topic().to_lowercase().contains(text)
            || user.email.to_lowercase().contains(text)
            || user.display_name().to_lowercase().contains(text)
            || session.number.to_string() == text
    });
    in_group && found
}

fn row<'a>(state: &State, user: &'a User, session: &Session) -> HistoryRow<'a> {
    let webinar = session.is_webinar();
    let audience = session.participants.saturating_sub(1);
    HistoryRow {
        meeting_uuid: session.uuid(),
        meeting_id: session.number,
        kind: if webinar { "Webinar" } else { "Meeting" },
        host_display_name: user.display_name(),
        host_email: report_email(user),
        start_time: Moment(session.start),
        end_time: Moment(session.end()),
        topic: session.topic(),
        participants: session.participants,
        duration: session.minutes,
        total_participant_minutes: session.participant_minutes(),
        department: user.dept.as_deref(),
        group: group_names(state, user),
        source: "Zoom",
        unique_viewers: webinar.then_some(audience),
        max_concurrent_views: webinar.then_some(audience * 4 / 5),
        create_time: Moment(created(session)),
        custom_fields: [],
        tracking_fields: [],
        feature_used: json!({
            "screen_sharing": mix(session.key).is_multiple_of(2),
            "video_on": true,
            "in_meeting_chat": mix(session.key ^ 5).is_multiple_of(3),
            "record_to_cloud": mix(session.key ^ 6).is_multiple_of(5),
        }),
    }
}

/// Instant meetings are made when they start, others some days before.
pub(crate) fn created(session: &Session) -> i64 {
    if session.listed() {
        session.start - 86_400 * 5
    } else {
        session.start
    }
}

fn group_names(state: &State, user: &User) -> Vec<String> {
    user.group_ids
        .iter()
        .filter_map(|id| groups::name(state, id))
        .map(str::to_owned)
        .collect()
}

/// `GET /report/users/{userId}/meetings`.
pub(crate) fn of_user(state: &mut State, call: &Call<'_>) -> Result<Reply, ApiError> {
    let alone = match call.request.param("type") {
        None | Some("past" | "pastJoined") => false,
        Some("pastOne") => true,
        Some(_) => return Err(ApiError::invalid_field("type", "Invalid field.")),
    };
    let window = Window::read(call, &state.switches, Looks::Back)?;
    let key = call.subject();
    let user = state
        .world
        .find(key, call.now)
        .filter(User::exists)
        .ok_or_else(|| ApiError::no_such_host(key))?;
    let query = PageQuery::read(
        call.request,
        call.endpoint,
        call.subject.as_deref(),
        REPORT_PAGE_MAX,
        state.switches.over_max_page_size,
    )?;
    let page = state.walks.open(&query, call.now, || View {
        started: call.now,
        ..View::default()
    })?;
    let mut sessions = Vec::new();
    state.world.sessions(user.index, window.days(), |session| {
        // Without `pastOne` only what had two unique participants.
        let company = (session.participants < 2) == alone;
        if window.holds(session.start)
            && company
            && arrived(&session, &state.switches, page.view.started)
        {
            sessions.push(session);
        }
    });
    let (shown, next) = slice(&sessions, &page, query.size);
    let rows: Vec<Value> = shown
        .iter()
        .map(|session| report_row(&user, session))
        .collect();
    let next_page_token = state.next_token(&page, next, call.now);
    Ok(Reply::json(
        200,
        &json!({"from": window.from.to_string(), "to": window.to.to_string(),
                "page_count": sessions.len().div_ceil(usize::try_from(query.size).unwrap_or(1)),
                "page_size": query.size, "total_records": sessions.len(),
                "next_page_token": next_page_token, "meetings": rows}),
    ))
}

fn report_row(user: &User, session: &Session) -> Value {
    json!({
        "uuid": session.uuid(),
        "id": session.number,
        "type": session.kind,
        "topic": session.topic(),
        "user_name": user.display_name(),
        "user_email": report_email(user),
        "start_time": Moment(session.start),
        "end_time": Moment(session.end()),
        "duration": session.minutes,
        "total_minutes": session.participant_minutes(),
        "participants_count": session.participants,
        "source": "Zoom",
        "has_recording": mix(session.key ^ 6).is_multiple_of(5),
        "has_screen_share": mix(session.key).is_multiple_of(2),
    })
}
