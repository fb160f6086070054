//! `GET /metrics/meetings` and `GET /metrics/webinars`, the dashboards of Business accounts.

use serde_json::{Value, json};

use crate::http::Reply;
use crate::random::{mix, pick};
use crate::zoom::activity::Session;
use crate::zoom::endpoint::Endpoint;
use crate::zoom::errors::ApiError;
use crate::zoom::paging::{PageQuery, Totals, View};
use crate::zoom::reports::REPORT_PAGE_MAX;
use crate::zoom::service::{Call, State};
use crate::zoom::stream;
use crate::zoom::user::User;
use crate::zoom::users::Moment;
use crate::zoom::window::{Looks, Window};

/// Which sessions a dashboard shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shows {
    Live,
    Past,
    /// Past, with nobody but the host.
    PastOne,
}

/// Both dashboards.
pub(crate) fn list(state: &mut State, call: &Call<'_>) -> Result<Reply, ApiError> {
    let webinars = call.endpoint == Endpoint::MetricsWebinars;
    let shows = match call.request.param("type") {
        None | Some("live") => Shows::Live,
        Some("past") => Shows::Past,
        Some("pastOne") if !webinars => Shows::PastOne,
        Some(_) => return Err(ApiError::invalid_field("type", "Invalid field.")),
    };
    let by_end = match call.request.param("query_date_type") {
        None | Some("start_time") => false,
        Some("end_time") => true,
        Some(_) => return Err(ApiError::invalid_field("query_date_type", "Invalid field.")),
    };
    let group = call.request.param("group_id").filter(|id| !id.is_empty());
    let window = Window::read(call, &state.switches, Looks::Back)?;
    let query = PageQuery::read(
        call.request,
        call.endpoint,
        None,
        REPORT_PAGE_MAX,
        state.switches.over_max_page_size,
    )?;
    let world = &state.world;
    let wanted = |started: i64| {
        move |index: u32, session: &Session| {
            let now = started.div_euclid(1000);
            let moment = if by_end { session.end() } else { session.start };
            let shown = match shows {
                Shows::Live => session.start <= now && now < session.end(),
                Shows::Past => session.end() <= now && session.participants > 1,
                Shows::PastOne => session.end() <= now && session.participants == 1,
            };
            shown
                && session.is_webinar() == webinars
                && window.holds(moment)
                && group.is_none_or(|group| {
                    world
                        .user_at(index, started)
                        .is_some_and(|user| user.group_ids.iter().any(|id| id == group))
                })
        }
    };
    let page = state.walks.open(&query, call.now, || {
        let (roster, records) = stream::hosts(world, &window.days(), wanted(call.now));
        View {
            started: call.now,
            roster,
            totals: Totals {
                records,
                ..Totals::default()
            },
        }
    })?;
    let (sessions, next) = stream::page(
        world,
        &page.view.roster,
        &window.days(),
        page.position,
        query.size,
        wanted(page.view.started),
    );
    let rows: Vec<Value> = sessions
        .into_iter()
        .filter_map(|(index, session)| {
            let user = world.user_at(index, call.now)?;
            Some(row(&user, &session, shows))
        })
        .collect();
    let total = page.view.totals.records;
    let next_page_token = state.next_token(&page, next, call.now);
    let name = if webinars { "webinars" } else { "meetings" };
    Ok(Reply::json(
        200,
        &json!({"from": window.from.to_string(), "to": window.to.to_string(),
                "page_count": total.div_ceil(u64::from(query.size)), "page_size": query.size,
                "total_records": total, "next_page_token": next_page_token, name: rows}),
    ))
}

fn row(user: &User, session: &Session, shows: Shows) -> Value {
    let quality = |salt: u64| pick(mix(session.key ^ salt), &["good", "good", "fair", "poor"]);
    let mut row = json!({
        "uuid": session.uuid(),
        "id": session.number,
        "topic": session.topic(),
        "host": user.display_name(),
        "email": user.email,
        "user_type": if user.licensed() { "Licensed" } else { "Basic" },
        "start_time": Moment(session.start),
        "participants": session.participants,
        "has_pstn": false,
        "has_voip": true,
        "has_3rd_party_audio": false,
        "has_video": true,
        "has_screen_share": mix(session.key).is_multiple_of(2),
        "has_recording": mix(session.key ^ 6).is_multiple_of(5),
        "has_sip": false,
        "audio_quality": quality(7),
        "video_quality": quality(8),
        "screen_share_quality": quality(9),
    });
    if let Some(dept) = &user.dept {
        row["dept"] = json!(dept);
    }
    if !session.is_webinar() {
        row["in_room_participants"] = json!(0);
    }
    // A live one has neither an end nor a length yet.
    if shows != Shows::Live {
        row["end_time"] = json!(Moment(session.end()));
        row["duration"] = json!(clock_time(session.minutes));
    }
    row
}

/// Minutes as the dashboard writes a length: `hh:mm:ss`.
fn clock_time(minutes: u32) -> String {
    format!("{:02}:{:02}:00", minutes / 60, minutes % 60)
}
