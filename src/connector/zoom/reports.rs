//! Activity by day, from the account's reports: hosts of meetings, and webinars held.

use std::collections::{BTreeMap, HashSet};

use jiff::civil::Date;
use serde::de::Error as _;
use tokio::sync::mpsc::Sender;

use super::ZoomConnector;
use super::activity::day_of;
use super::client::{Fact, fact};
use super::day_report::DayReport;
use super::scopes::{REPORT_HOSTS, REPORT_WEBINARS};
use super::wire::{HistoryPage, HostsPage};
use crate::connector::distinct::Distinct;
use crate::connector::error::{CallContext, ConnectorError};
use crate::connector::facts::{Activity, ActivityKind, ActivityPage, ActivityUser, Grade};
use crate::connector::walk::{MOST_WALKS, Seen, Step, Walk, shortfall};

/// Activities handed on at once.
const PAGE: usize = 300;

/// A page of hosts, with the keys its walk is proved by.
struct Hosts {
    keys: Vec<String>,
    activities: Vec<Activity>,
    total: Option<u64>,
    next_page_token: String,
}

/// A page of webinars held.
struct Webinars {
    held: Vec<Held>,
    next_page_token: String,
}

struct Held {
    uuid: String,
    host_email: String,
    day: Date,
}

impl ZoomConnector {
    pub(super) async fn hosts_of_day(
        &self,
        day: Date,
        pages: &Sender<ActivityPage>,
    ) -> Result<(), ConnectorError> {
        let mut reason = String::new();
        // Kept over the walks: what one misses another may hold.
        let mut merged = Distinct::new(self.api.http.options().scratch.clone());
        for walk in 1..=MOST_WALKS {
            match self
                .walk_hosts(day, pages, &mut merged, walk < MOST_WALKS)
                .await?
            {
                None => return Ok(()),
                Some(shortfall) => reason = shortfall,
            }
        }
        Err(incomplete(&format!("report the hosts of {day}"), &reason))
    }

    /// Why this walk does not prove that all hosts were told, if it does not.
    async fn walk_hosts(
        &self,
        day: Date,
        pages: &Sender<ActivityPage>,
        merged: &mut Distinct,
        another_walk: bool,
    ) -> Result<Option<String>, ConnectorError> {
        let mut walk = Walk::default();
        let mut this_walk = Distinct::new(self.api.http.options().scratch.clone());
        let mut token = None;
        loop {
            let page = match self.hosts_page(day, token.as_deref()).await {
                Ok(page) => page,
                Err(error) if fact(&error) == Some(Fact::PageTokenExpired) => {
                    return Ok(Some("the page token expired on the way".to_owned()));
                }
                Err(error) => return Err(error),
            };
            let keys = page.keys.iter().map(String::as_str);
            let step = walk.page(keys, page.total, &page.next_page_token);
            for key in &page.keys {
                merged.add(key);
                this_walk.add(key);
            }
            hand_on(pages, page.activities).await?;
            match step {
                Step::Next(next) => token = Some(next),
                Step::Broken(reason) => return Ok(Some(reason)),
                Step::Last if walk.told_no_total() => return Ok(None),
                Step::Last => break,
            }
        }
        let seen = this_walk.count().and_then(|this_walk| {
            let merged = merged.count()?;
            Ok(Seen { this_walk, merged })
        });
        let seen = seen.map_err(|error| ConnectorError::Misconfigured {
            message: format!("the hosts of {day} cannot be counted: {error}"),
        })?;
        Ok(shortfall(&walk.reached(), seen, another_walk))
    }

    async fn hosts_page(&self, day: Date, token: Option<&str>) -> Result<Hosts, ConnectorError> {
        let step = format!("report the hosts of {day}");
        let report = DayReport {
            operation: REPORT_HOSTS,
            step: &step,
            path: &["report", "users"],
            query: &[("type", "active"), ("page_size", &self.page_size)],
            token,
        };
        self.report_of_day(&report, day, |body| read_hosts(body, day))
            .await
    }

    pub(super) async fn webinars_of_day(
        &self,
        day: Date,
        pages: &Sender<ActivityPage>,
    ) -> Result<(), ConnectorError> {
        let mut reason = String::new();
        for _ in 0..MOST_WALKS {
            match self.walk_webinars(day).await? {
                Ok(counts) => return hand_on_webinars(counts, pages).await,
                Err(shortfall) => reason = shortfall,
            }
        }
        Err(incomplete(
            &format!("report the webinars of {day}"),
            &reason,
        ))
    }

    /// Webinars held, per host and day, or why the walk cannot be believed. A day's webinars are
    /// few: they are added up before they are handed on, so that a host's are one fact.
    async fn walk_webinars(
        &self,
        day: Date,
    ) -> Result<Result<BTreeMap<(String, Date), u64>, String>, ConnectorError> {
        let mut walk = Walk::default();
        let mut counts = BTreeMap::new();
        let mut known = HashSet::new();
        let mut token = None;
        loop {
            let page = match self.webinars_page(day, token.as_deref()).await {
                Ok(page) => page,
                Err(error) if fact(&error) == Some(Fact::PageTokenExpired) => {
                    return Ok(Err("the page token expired on the way".to_owned()));
                }
                Err(error) => return Err(error),
            };
            let uuids = page.held.iter().map(|held| held.uuid.as_str());
            let step = walk.page(uuids, None, &page.next_page_token);
            for held in page.held {
                if known.insert(held.uuid) {
                    *counts.entry((held.host_email, held.day)).or_default() += 1;
                }
            }
            match step {
                Step::Next(next) => token = Some(next),
                Step::Broken(reason) => return Ok(Err(reason)),
                Step::Last => return Ok(Ok(counts)),
            }
        }
    }

    async fn webinars_page(
        &self,
        day: Date,
        token: Option<&str>,
    ) -> Result<Webinars, ConnectorError> {
        let step = format!("report the webinars of {day}");
        let report = DayReport {
            operation: REPORT_WEBINARS,
            step: &step,
            path: &["report", "history_meetings"],
            query: &[
                ("date_type", "start_time"),
                ("meeting_type", "webinar"),
                ("page_size", &self.page_size),
            ],
            token,
        };
        self.report_of_day(&report, day, |body| read_webinars(body, day))
            .await
    }
}

/// A report that is not whole is no evidence of disuse; the day is asked for again another time.
fn incomplete(step: &str, reason: &str) -> ConnectorError {
    ConnectorError::Unavailable {
        context: CallContext {
            step: step.to_owned(),
            ..CallContext::default()
        },
        message: format!("the report was not whole in {MOST_WALKS} walks: {reason}"),
    }
}

async fn hand_on(
    pages: &Sender<ActivityPage>,
    activities: Vec<Activity>,
) -> Result<(), ConnectorError> {
    if activities.is_empty() {
        return Ok(());
    }
    pages
        .send(ActivityPage { activities })
        .await
        .map_err(|_| ConnectorError::Cancelled)
}

async fn hand_on_webinars(
    counts: BTreeMap<(String, Date), u64>,
    pages: &Sender<ActivityPage>,
) -> Result<(), ConnectorError> {
    let mut activities = Vec::new();
    for ((email, day), count) in counts {
        activities.push(Activity {
            user: ActivityUser::Email(email),
            kind: ActivityKind::Webinar,
            day,
            count,
            grade: Grade::Hosted,
        });
        if activities.len() == PAGE {
            hand_on(pages, std::mem::take(&mut activities)).await?;
        }
    }
    hand_on(pages, activities).await
}

fn read_hosts(body: &[u8], day: Date) -> serde_json::Result<Hosts> {
    let page: HostsPage<'_> = serde_json::from_slice(body)?;
    let mut keys = Vec::with_capacity(page.users.len());
    let mut activities = Vec::with_capacity(page.users.len());
    for host in &page.users {
        let user = match (host.id.given(), host.email.given()) {
            (Some(id), _) => ActivityUser::Id(id.to_owned()),
            (None, Some(email)) => ActivityUser::Email(email.to_owned()),
            (None, None) => return Err(serde_json::Error::custom("a host has no `id`")),
        };
        let (ActivityUser::Id(key) | ActivityUser::Email(key)) = &user;
        keys.push(key.clone());
        activities.push(Activity {
            user,
            kind: ActivityKind::Meeting,
            day,
            // Zoom lists a host only who hosted; whether every kind of meeting is in the number is
            // not documented.
            count: host.meetings.count().unwrap_or(1).max(1),
            grade: Grade::Hosted,
        });
    }
    Ok(Hosts {
        keys,
        activities,
        total: page.total_records.count(),
        next_page_token: page.next_page_token.0.into_owned(),
    })
}

fn read_webinars(body: &[u8], day: Date) -> serde_json::Result<Webinars> {
    let page: HistoryPage<'_> = serde_json::from_slice(body)?;
    let mut held = Vec::with_capacity(page.history_meetings.len());
    for past in page.history_meetings {
        let email = past.host_email.given();
        let email =
            email.ok_or_else(|| serde_json::Error::custom("a webinar has no `host_email`"))?;
        held.push(Held {
            host_email: email.to_lowercase(),
            day: day_of(&past.start_time.0).unwrap_or(day),
            uuid: past.meeting_uuid.0.into_owned(),
        });
    }
    Ok(Webinars {
        held,
        next_page_token: page.next_page_token.0.into_owned(),
    })
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn hosts_count_at_least_once_and_may_lack_an_id() {
        let body = br#"{"total_records":3,"users":[
            {"id":"a","email":"a@b.c","meetings":45,"custom_attributes":{"k":"v"}},
            {"id":"b","meetings":0},{"email":"c@b.c","custom_attributes":[]}]}"#;
        let page = read_hosts(body, date(2026, 3, 1)).unwrap();
        let found: Vec<_> = page
            .activities
            .iter()
            .map(|one| (one.user.clone(), one.count))
            .collect();
        assert_eq!(
            found,
            [
                (ActivityUser::Id("a".to_owned()), 45),
                (ActivityUser::Id("b".to_owned()), 1),
                (ActivityUser::Email("c@b.c".to_owned()), 1),
            ]
        );
        assert_eq!(page.keys, ["a", "b", "c@b.c"]);
        assert!(
            read_hosts(br#"{"users":[{}]}"#, date(2026, 3, 1))
                .err()
                .unwrap()
                .is_data()
        );
    }

    #[test]
    fn webinars_fall_on_the_utc_day_they_began() {
        let body = br#"{"next_page_token":"n","history_meetings":[
            {"meeting_uuid":"u1","host_email":"A@b.c","start_time":"2026-03-01T23:30:00Z","group":"g"},
            {"meeting_uuid":"u2","host_email":"a@b.c","start_time":"2026-03-02T00:30:00+02:00","group":["g"]},
            {"meeting_uuid":"u3","host_email":"a@b.c"}]}"#;
        let page = read_webinars(body, date(2026, 3, 5)).unwrap();
        let days: Vec<Date> = page.held.iter().map(|held| held.day).collect();
        assert_eq!(days, [date(2026, 3, 1), date(2026, 3, 1), date(2026, 3, 5)]);
        assert!(page.held.iter().all(|held| held.host_email == "a@b.c"));
        assert_eq!(page.next_page_token, "n");
    }
}
