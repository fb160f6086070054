//! What one organizer held: meetings, webinar sessions and trainings. Only what took place counts:
//! a webinar in the list of webinars was planned, which proves nothing.

use std::collections::{BTreeMap, HashSet};

use jiff::civil::Date;
use serde_json::json;

use super::GoToConnector;
use super::client::unknown;
use super::time::{told_day, windows};
use super::wire::{Meeting, SessionsPage, Training};
use crate::connector::error::{CallContext, ConnectorError};
use crate::connector::facts::{Activity, ActivityKind, ActivityPage, ActivityUser, Grade};
use crate::connector::http::api::Call;
use crate::connector::limits::Label;
use crate::connector::walk::{Step, Walk};

/// The longest window that meetings are asked for in; 120 days were seen to be answered.
const WINDOW_DAYS: i64 = 90;
/// GoToWebinar's largest page.
const SESSIONS: &str = "200";

/// Sessions by day; each is counted once.
type Days = BTreeMap<Date, u64>;

impl GoToConnector {
    pub(super) async fn activity_of_organizer(
        &self,
        user: &str,
        since: Date,
    ) -> Result<ActivityPage, ConnectorError> {
        let mut activities = Vec::new();
        let able = self.licenses().await?.abilities_of(user);
        if able.meetings {
            let days = self.meetings_of(user, since).await?;
            activities.extend(facts(user, ActivityKind::Meeting, days));
        }
        if able.webinars {
            activities.extend(self.webinars_of(user, since).await?);
        }
        if able.trainings {
            let days = self.trainings_of(user, since).await?;
            activities.extend(facts(user, ActivityKind::Training, days));
        }
        Ok(ActivityPage { activities })
    }

    async fn meetings_of(&self, user: &str, since: Date) -> Result<Days, ConnectorError> {
        let mut days = Days::new();
        for (from, to) in windows(since, self.now(), WINDOW_DAYS) {
            let call = Call {
                step: "list an organizer's past meetings",
                label: Label::Light,
                path: &["G2M", "rest", "organizers", user, "historicalMeetings"],
                query: &[("startDate", &from), ("endDate", &to)],
            };
            let told = self.apis.meeting.get(&call, |body| {
                let meetings: Vec<Meeting<'_>> = serde_json::from_slice(body)?;
                count(meetings.iter().map(|meeting| &*meeting.start_time.0))
            });
            add(&mut days, known(told.await)?);
        }
        Ok(days)
    }

    async fn trainings_of(&self, user: &str, since: Date) -> Result<Days, ConnectorError> {
        let mut days = Days::new();
        for (from, to) in windows(since, self.now(), WINDOW_DAYS) {
            let call = Call {
                step: "list an organizer's past trainings",
                label: Label::Light,
                path: &["G2T", "rest", "reports", "organizers", user, "sessions"],
                query: &[],
            };
            let window = json!({"startDate": from, "endDate": to}).to_string();
            let told = self.apis.training.post(&call, &window, |body| {
                let trainings: Vec<Training<'_>> = serde_json::from_slice(body)?;
                let times = trainings.iter();
                count(times.map(|training| &*training.session_start_time.0))
            });
            add(&mut days, known(told.await)?);
        }
        Ok(days)
    }

    /// Whoever made a webinar and whoever started it held it, both.
    async fn webinars_of(&self, user: &str, since: Date) -> Result<Vec<Activity>, ConnectorError> {
        let mut held: BTreeMap<(String, Date), u64> = BTreeMap::new();
        for (from, to) in windows(since, self.now(), WINDOW_DAYS) {
            let mut walk = Walk::default();
            let mut seen = HashSet::new();
            let mut page = "0".to_owned();
            loop {
                let told = self.sessions_page(user, (&from, &to), &page).await;
                let Some(told) = known(told.map(Some))? else {
                    break;
                };
                let keys = told.rows.iter().map(|row| row.key.as_str());
                let step = walk.page(keys, told.total, &told.next);
                for row in told.rows {
                    if !seen.insert(row.key) {
                        continue;
                    }
                    for organizer in row.organizers {
                        *held.entry((organizer, row.day)).or_default() += 1;
                    }
                }
                match step {
                    Step::Next(next) => page = next,
                    Step::Last if told.total.is_none_or(|total| total == seen.len() as u64) => {
                        break;
                    }
                    Step::Last => return Err(not_whole("fewer came than GoTo counts")),
                    Step::Broken(reason) => return Err(not_whole(&reason)),
                }
            }
        }
        let facts = held.into_iter().map(|((organizer, day), count)| Activity {
            user: ActivityUser::Id(organizer),
            kind: ActivityKind::Webinar,
            day,
            count,
            grade: Grade::Hosted,
        });
        Ok(facts.collect())
    }

    async fn sessions_page(
        &self,
        user: &str,
        (from, to): (&str, &str),
        page: &str,
    ) -> Result<Sessions, ConnectorError> {
        let call = Call {
            step: SESSIONS_STEP,
            label: Label::Light,
            path: &["G2W", "rest", "v2", "organizers", user, "sessions"],
            query: &[
                ("fromTime", from),
                ("toTime", to),
                ("page", page),
                ("size", SESSIONS),
            ],
        };
        self.apis.webinar.get(&call, read_sessions).await
    }
}

const SESSIONS_STEP: &str = "list an organizer's webinar sessions";

/// A page of webinar sessions.
#[derive(Default)]
struct Sessions {
    rows: Vec<Session>,
    total: Option<u64>,
    next: String,
}

struct Session {
    key: String,
    day: Date,
    organizers: Vec<String>,
}

fn read_sessions(body: &[u8]) -> serde_json::Result<Sessions> {
    let page: SessionsPage<'_> = serde_json::from_slice(body)?;
    let number = page.page.number.count().unwrap_or(0);
    let pages = page.page.total_pages.count().unwrap_or(0);
    let mut rows = Vec::new();
    for session in &page.embedded.sessions {
        let day = told_day(&session.start_time.0)?;
        let mut organizers: Vec<String> = Vec::new();
        for key in [
            session.creating_organizer_key,
            session.starting_organizer_key,
        ] {
            if let Some(key) = key
                .given()
                .filter(|key| !organizers.iter().any(|known| known == key))
            {
                organizers.push(key.to_owned());
            }
        }
        rows.push(Session {
            key: session.session_key.to_string(),
            day,
            organizers,
        });
    }
    Ok(Sessions {
        rows,
        total: page.page.total_elements.count(),
        next: if number + 1 < pages {
            (number + 1).to_string()
        } else {
            String::new()
        },
    })
}

/// Nobody known by this key at this product: nothing was held there.
fn known<T: Default>(told: Result<T, ConnectorError>) -> Result<T, ConnectorError> {
    match told {
        Err(error) if unknown(&error) => Ok(T::default()),
        told => told,
    }
}

fn not_whole(reason: &str) -> ConnectorError {
    ConnectorError::Unavailable {
        context: CallContext {
            step: SESSIONS_STEP.to_owned(),
            ..CallContext::default()
        },
        message: format!("the list was not whole: {reason}"),
    }
}

fn count<'a>(times: impl Iterator<Item = &'a str>) -> serde_json::Result<Days> {
    let mut days = Days::new();
    for time in times {
        *days.entry(told_day(time)?).or_default() += 1;
    }
    Ok(days)
}

fn add(days: &mut Days, more: Days) {
    for (day, count) in more {
        *days.entry(day).or_default() += count;
    }
}

fn facts(user: &str, kind: ActivityKind, days: Days) -> impl Iterator<Item = Activity> {
    days.into_iter().map(move |(day, count)| Activity {
        user: ActivityUser::Id(user.to_owned()),
        kind,
        day,
        count,
        grade: Grade::Hosted,
    })
}
