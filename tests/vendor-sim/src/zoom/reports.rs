//! `GET /report/users` (active and inactive hosts), `GET /report/activities` (sign-ins) and
//! `GET /report/operationlogs` (the administrators' audit log).

use serde::Serialize;
use serde_json::{Value, json};

use crate::http::Reply;
use crate::random::{below, draw, mix, pick};
use crate::zoom::activity::Session;
use crate::zoom::errors::ApiError;
use crate::zoom::generate::capitals;
use crate::zoom::options::Switches;
use crate::zoom::paging::{Page, PageQuery, Totals, View};
use crate::zoom::service::{Call, State};
use crate::zoom::traits::For;
use crate::zoom::user::{Status, User};
use crate::zoom::users::{Moment, slice};
use crate::zoom::window::{Looks, Window};
use crate::zoom::world::World;

/// The largest page of every report.
pub(crate) const REPORT_PAGE_MAX: u32 = 300;

/// What one host did within a window.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Hosted {
    meetings: u64,
    minutes: u64,
    participants: u64,
}

#[derive(Serialize)]
struct HostRow<'a> {
    id: &'a str,
    email: String,
    user_name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    dept: Option<&'a str>,
    #[serde(rename = "type")]
    kind: u64,
    meetings: u64,
    participants: u64,
    meeting_minutes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    custom_attributes: Option<Value>,
}

#[derive(Serialize)]
struct HostsAnswer<'a> {
    from: String,
    to: String,
    page_count: u64,
    page_number: u32,
    page_size: u32,
    total_records: u64,
    total_meetings: u64,
    total_meeting_minutes: u64,
    total_participants: u64,
    next_page_token: String,
    users: &'a [HostRow<'a>],
}

/// Which sessions a report shows: those that began within the window and had arrived when the
/// walk began.
pub(crate) fn arrived(session: &Session, switches: &Switches, walk_started: i64) -> bool {
    let lag = i64::from(switches.report_lag_hours) * 3600;
    session.end() + lag <= walk_started.div_euclid(1000)
}

/// The address as reports write it: for some hosts with other capitals than in the list of users.
pub(crate) fn report_email(user: &User) -> String {
    if mix(u64::from(user.index)).is_multiple_of(40) {
        capitals(&user.email.to_lowercase())
    } else {
        user.email.clone()
    }
}

/// `GET /report/users`.
pub(crate) fn users(state: &mut State, call: &Call<'_>) -> Result<Reply, ApiError> {
    let active = match call.request.param("type") {
        None | Some("active") => true,
        Some("inactive") => false,
        Some(_) => return Err(ApiError::invalid_field("type", "Invalid field.")),
    };
    let window = Window::read(call, &state.switches, Looks::Back)?;
    let query = PageQuery::read(
        call.request,
        call.endpoint,
        None,
        REPORT_PAGE_MAX,
        state.switches.over_max_page_size,
    )?;
    let report = HostReport {
        world: &state.world,
        switches: &state.switches,
        window,
        active,
        group: call.request.param("group_id").filter(|id| !id.is_empty()),
    };
    let page = state
        .walks
        .open(&query, call.now, || report.look(call.now))?;
    let (rows, next) = report.rows(&page, &query);
    let users: Vec<(User, Hosted)> = rows
        .into_iter()
        .filter_map(|(index, hosted)| Some((state.world.user_at(index, call.now)?, hosted)))
        .collect();
    let next_page_token = state.next_token(&page, next, call.now);
    let list: Vec<HostRow<'_>> = users
        .iter()
        .map(|(user, hosted)| row(user, *hosted))
        .collect();
    let totals = page.view.totals;
    Ok(Reply::json(
        200,
        &HostsAnswer {
            from: window.from.to_string(),
            to: window.to.to_string(),
            page_count: totals.records.div_ceil(u64::from(query.size)),
            page_number: query.number.unwrap_or(1),
            page_size: query.size,
            total_records: totals.records,
            total_meetings: totals.meetings,
            total_meeting_minutes: totals.minutes,
            total_participants: totals.participants,
            next_page_token,
            users: &list,
        },
    ))
}

fn row(user: &User, hosted: Hosted) -> HostRow<'_> {
    HostRow {
        id: &user.id,
        email: report_email(user),
        user_name: user.display_name(),
        dept: user.dept.as_deref(),
        kind: user.kind,
        meetings: hosted.meetings,
        participants: hosted.participants,
        meeting_minutes: hosted.minutes,
        custom_attributes: user.custom_attributes(),
    }
}

/// One report of hosts.
struct HostReport<'a> {
    world: &'a World,
    switches: &'a Switches,
    window: Window,
    active: bool,
    group: Option<&'a str>,
}

impl HostReport<'_> {
    /// What a host did, when they belong into the report.
    fn entry(&self, index: u32, started: i64) -> Option<Hosted> {
        let mut hosted = Hosted::default();
        self.world.sessions(index, self.window.days(), |session| {
            let counts = self.window.holds(session.start)
                && arrived(&session, self.switches, started)
                && (self.switches.report_counts_webinars || !session.is_webinar())
                && (self.switches.report_counts_solo_meetings || session.participants > 1);
            if counts {
                hosted.meetings += 1;
                hosted.minutes += u64::from(session.minutes);
                hosted.participants += u64::from(session.participants);
            }
        });
        let belongs = if self.active {
            hosted.meetings > 0
        } else {
            hosted.meetings == 0 && self.may_be_inactive(index, started)
        };
        (belongs && self.in_group(index, started)).then_some(hosted)
    }

    /// Only those who are in the account and may host can be inactive hosts.
    fn may_be_inactive(&self, index: u32, at: i64) -> bool {
        let edited = self
            .world
            .versions(index)
            .last()
            .map(|version| &version.user);
        match (edited, self.world.traits(index)) {
            (Some(user), _) => user.status == Status::Active && user.may_host() && !user.room,
            (None, Some(traits)) => {
                traits.status == Status::Active && !matches!(traits.kind, 4 | 99) && !traits.room
            }
            (None, None) => self.world.user_at(index, at).is_some(),
        }
    }

    fn in_group(&self, index: u32, at: i64) -> bool {
        self.group.is_none_or(|group| {
            self.world
                .user_at(index, at)
                .is_some_and(|user| user.group_ids.iter().any(|id| id == group))
        })
    }

    fn look(&self, now: i64) -> View {
        let roster = self.world.hosts();
        let mut totals = Totals::default();
        for index in (0..roster.len()).filter_map(|at| roster.nth(at)) {
            if let Some(hosted) = self.entry(index, now) {
                totals.records += 1;
                totals.meetings += hosted.meetings;
                totals.minutes += hosted.minutes;
                totals.participants += hosted.participants;
            }
        }
        View {
            started: now,
            roster,
            totals,
        }
    }

    /// The rows of a page and where the next row stands. A token's position is a place in the
    /// roster; a page number counts rows.
    fn rows(&self, page: &Page, query: &PageQuery) -> (Vec<(u32, Hosted)>, Option<u64>) {
        let (mut at, mut skip) = if page.first {
            (0, page.position)
        } else {
            (u32::try_from(page.position).unwrap_or(u32::MAX), 0)
        };
        let mut rows = Vec::new();
        while let Some(index) = page.view.roster.nth(at) {
            if let Some(hosted) = self.entry(index, page.view.started) {
                if skip > 0 {
                    skip -= 1;
                } else if rows.len() as u64 == u64::from(query.size) {
                    return (rows, Some(u64::from(at)));
                } else {
                    rows.push((index, hosted));
                }
            }
            at += 1;
        }
        (rows, None)
    }
}

/// `GET /report/activities`. Zoom gives no total here.
pub(crate) fn activities(state: &mut State, call: &Call<'_>) -> Result<Reply, ApiError> {
    let window = Window::read_or_today(call, &state.switches)?;
    let max = REPORT_PAGE_MAX;
    let over_max = state.switches.over_max_page_size;
    let query = PageQuery::read(call.request, call.endpoint, None, max, over_max)?;
    let world = &state.world;
    let page = state.walks.open(&query, call.now, || View {
        started: call.now,
        roster: world.hosts(),
        totals: Totals::default(),
    })?;
    let (rows, next) = sign_in_rows(world, &page, &window, query.size);
    let next_page_token = state.next_token(&page, next, call.now);
    Ok(Reply::json(
        200,
        &json!({"from": window.from.to_string(), "to": window.to.to_string(), "page_size": query.size,
                "next_page_token": next_page_token, "activity_logs": rows}),
    ))
}

/// The position counts (day, host) pairs; a pair's rows are never split.
fn sign_in_rows(
    world: &World,
    page: &Page,
    window: &Window,
    size: u32,
) -> (Vec<Value>, Option<u64>) {
    let hosts = u64::from(page.view.roster.len()).max(1);
    let (first_day, last_day) = window.days().into_inner();
    let now = page.view.started.div_euclid(1000);
    let mut rows = Vec::new();
    let mut at = page.position;
    loop {
        let day = first_day + i64::try_from(at / hosts).unwrap_or(i64::MAX / 2);
        if day > last_day {
            return (rows, None);
        }
        let index = u32::try_from(at % hosts)
            .ok()
            .and_then(|host| page.view.roster.nth(host));
        let mut found = Vec::new();
        if let Some(index) = index {
            world.sign_ins(index, day, |time, kind| {
                if window.holds(time) && time <= now {
                    found.push((time, kind));
                }
            });
        }
        if !found.is_empty() {
            if !rows.is_empty() && rows.len() + found.len() > usize::try_from(size).unwrap_or(0) {
                return (rows, Some(at));
            }
            if let Some(user) = index.and_then(|index| world.user_at(index, page.view.started)) {
                rows.extend(
                    found
                        .into_iter()
                        .map(|(time, kind)| sign_in_row(&user, time, kind)),
                );
            }
        }
        at += 1;
    }
}

fn sign_in_row(user: &User, time: i64, kind: &str) -> Value {
    let random = draw(
        u64::from(user.index),
        time.unsigned_abs(),
        For::Client as u64,
    );
    let client = pick(random, &["Browser", "mac", "win", "iphone"]).unwrap_or("Browser");
    json!({
        "email": user.email,
        "time": Moment(time),
        "type": kind,
        "client_type": client,
        "ip_address": format!("203.0.113.{}", below(random, 254) + 1),
        "version": if client == "Browser" { "-" } else { "6.2.5.48876" },
    })
}

/// `GET /report/operationlogs`.
pub(crate) fn operations(state: &mut State, call: &Call<'_>) -> Result<Reply, ApiError> {
    let window = Window::read(call, &state.switches, Looks::Back)?;
    let category = call
        .request
        .param("category_type")
        .filter(|kind| *kind != "all");
    let max = REPORT_PAGE_MAX;
    let over_max = state.switches.over_max_page_size;
    let query = PageQuery::read(call.request, call.endpoint, None, max, over_max)?;
    let page = state.walks.open(&query, call.now, || View {
        started: call.now,
        ..View::default()
    })?;
    let owner = state.world.generator.email(0);
    let log: Vec<Value> = state
        .operations
        .iter()
        .filter(|operation| window.holds(operation.at))
        .filter(|operation| operation.at * 1000 <= page.view.started)
        .filter(|operation| category.is_none_or(|wanted| wanted == operation.category))
        .map(|operation| {
            json!({"time": Moment(operation.at), "operator": owner, "action": operation.action,
                   "category_type": category_title(operation.category),
                   "operation_detail": operation.detail})
        })
        .collect();
    let (rows, next) = slice(&log, &page, query.size);
    let next_page_token = state.next_token(&page, next, call.now);
    Ok(Reply::json(
        200,
        &json!({"page_size": query.size, "next_page_token": next_page_token,
                "operation_logs": rows}),
    ))
}

fn category_title(category: &str) -> &'static str {
    match category {
        "user_settings" => "User Settings",
        _ => "User",
    }
}
