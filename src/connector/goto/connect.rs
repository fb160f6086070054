//! GoToConnect's calls of a day. Two lists name people by their key; where neither is open to the
//! credentials, the call reports are joined to people by name.

use std::collections::BTreeMap;

use jiff::ToSpan as _;
use jiff::civil::Date;
use tokio::sync::mpsc::Sender;

use super::GoToConnector;
use super::activity::hand_on;
use super::client::closed;
use super::names::Names;
use super::scopes::{CALL_REPORTS, LINES, require};
use super::time::{start_of, told_day};
use super::wire::{CallLeg, CallSummary, LineUser, MarkedPage, ReportPage};
use crate::connector::error::{CallContext, ConnectorError};
use crate::connector::facts::{Activity, ActivityKind, ActivityPage, ActivityUser, Grade};
use crate::connector::http::api::{Api, Call};
use crate::connector::limits::Label;
use crate::connector::walk::{Step, Walk};

/// Rows asked for at once.
const ROWS: &str = "1000";
/// The same of the report, whose last page is known only by being shorter.
const REPORT_ROWS: usize = 1000;

/// Where calls are told.
#[derive(Debug)]
pub(super) enum CallSource {
    /// The call history, by key.
    History,
    /// The call-events report, by key.
    Events,
    /// The call reports, by name.
    ByName(Names),
}

/// A page of calls by key.
struct Calls {
    ids: Vec<String>,
    days: Vec<(String, Date)>,
    next: String,
}

/// A list of calls by key.
struct KeyedList {
    step: &'static str,
    path: &'static [&'static str],
    read: fn(&[u8]) -> serde_json::Result<Calls>,
}

const HISTORY: KeyedList = KeyedList {
    step: "list calls",
    path: &["call-history", "v1", "calls"],
    read: read_history,
};

const EVENTS: KeyedList = KeyedList {
    step: "list call events",
    path: &["call-events-report", "v1", "report-summaries"],
    read: read_events,
};

impl GoToConnector {
    pub(super) fn connect(&self) -> Result<&Api, ConnectorError> {
        self.apis.connect.as_ref().ok_or_else(|| ConnectorError::Misconfigured {
            message: "GoToConnect has its own connection: name one as `connect_connection` of the profile".to_owned(),
        })
    }

    /// The best source that is open to the credentials, found once in a run.
    pub(super) async fn call_source(&self) -> Result<&CallSource, ConnectorError> {
        self.call_source
            .get_or_try_init(|| self.find_call_source())
            .await
    }

    async fn find_call_source(&self) -> Result<CallSource, ConnectorError> {
        let yesterday = self.today().saturating_sub(1.day());
        for (list, source) in [
            (&HISTORY, CallSource::History),
            (&EVENTS, CallSource::Events),
        ] {
            match self.calls_page(list, yesterday, None).await {
                Ok(_) => return Ok(source),
                Err(error) if closed(&error) => {
                    tracing::debug!(%error, "calls are looked for elsewhere");
                }
                Err(error) => return Err(error),
            }
        }
        Ok(CallSource::ByName(self.names_of_lines().await?))
    }

    pub(super) async fn calls_of_day(
        &self,
        day: Date,
        pages: &Sender<ActivityPage>,
    ) -> Result<(), ConnectorError> {
        match self.call_source().await? {
            CallSource::History => self.keyed_calls(&HISTORY, day, pages).await,
            CallSource::Events => self.keyed_calls(&EVENTS, day, pages).await,
            CallSource::ByName(names) => self.named_calls(names, day, pages).await,
        }
    }

    /// A day's calls are added up before they are handed on, so that a person's are one fact.
    async fn keyed_calls(
        &self,
        list: &KeyedList,
        day: Date,
        pages: &Sender<ActivityPage>,
    ) -> Result<(), ConnectorError> {
        let mut walk = Walk::default();
        let mut callers: BTreeMap<String, u64> = BTreeMap::new();
        let mut marker = None;
        loop {
            let page = self.calls_page(list, day, marker.as_deref()).await?;
            let step = walk.page(page.ids.iter().map(String::as_str), None, &page.next);
            for (key, _) in page.days.into_iter().filter(|(_, on)| *on == day) {
                *callers.entry(key).or_default() += 1;
            }
            match step {
                Step::Next(next) => marker = Some(next),
                Step::Last => break,
                Step::Broken(reason) => return Err(not_whole(list.step, &reason)),
            }
        }
        let facts = callers
            .into_iter()
            .map(|(key, count)| called(ActivityUser::Id(key), day, count));
        hand_on(pages, facts).await
    }

    async fn calls_page(
        &self,
        list: &KeyedList,
        day: Date,
        marker: Option<&str>,
    ) -> Result<Calls, ConnectorError> {
        let account = self.account_key().await?;
        let (from, to) = (start_of(day), start_of(day.saturating_add(1.day())));
        let query = [
            ("accountKey", account),
            ("startTime", from.as_str()),
            ("endTime", to.as_str()),
            ("pageSize", ROWS),
            ("pageMarker", marker.unwrap_or_default()),
        ];
        let given = if marker.is_some() { 5 } else { 4 };
        let call = Call {
            step: list.step,
            label: Label::Light,
            path: list.path,
            query: &query[..given],
        };
        self.connect()?.get(&call, list.read).await
    }

    async fn named_calls(
        &self,
        names: &Names,
        day: Date,
        pages: &Sender<ActivityPage>,
    ) -> Result<(), ConnectorError> {
        let account = self.account_key().await?;
        let (from, to) = (start_of(day), start_of(day.saturating_add(1.day())));
        let mut walk = Walk::default();
        let mut number = 0_usize;
        loop {
            let page = number.to_string();
            let call = Call {
                step: "report calls",
                label: Label::Light,
                path: &["call-reports", "v1", "reports", "user-activity"],
                query: &[
                    ("accountKey", account),
                    ("startTime", &from),
                    ("endTime", &to),
                    ("page", &page),
                    ("pageSize", ROWS),
                ],
            };
            let (ids, facts) = self
                .connect()?
                .get(&call, |body| read_report(body, names, day))
                .await?;
            let next = if ids.len() < REPORT_ROWS {
                String::new()
            } else {
                (number + 1).to_string()
            };
            let step = walk.page(ids.iter().map(String::as_str), None, &next);
            hand_on(pages, facts).await?;
            match step {
                Step::Next(_) => number += 1,
                Step::Last => return Ok(()),
                Step::Broken(reason) => return Err(not_whole(call.step, &reason)),
            }
        }
    }

    /// The names of all lines, with whom they belong to.
    async fn names_of_lines(&self) -> Result<Names, ConnectorError> {
        let step = "list phone lines";
        let granted = self.connect()?.token().await?.scopes.clone();
        require(&granted, CALL_REPORTS, "report calls")?;
        require(&granted, LINES, step)?;
        let account = self.account_key().await?;
        let mut names = Names::default();
        let mut walk = Walk::default();
        let mut marker: Option<String> = None;
        loop {
            let query = [
                ("accountKey", account),
                ("pageMarker", marker.as_deref().unwrap_or_default()),
            ];
            let given = if marker.is_some() { 2 } else { 1 };
            let call = Call {
                step,
                label: Label::Light,
                path: &["users", "v1", "users"],
                query: &query[..given],
            };
            let (lines, next) = self.connect()?.get(&call, read_lines).await?;
            let keys = lines.iter().map(|(key, _)| key.as_str());
            let taken = walk.page(keys, None, &next);
            for (key, name) in &lines {
                names.add(name, key);
            }
            match taken {
                Step::Next(next) => marker = Some(next),
                Step::Last => return Ok(names),
                Step::Broken(reason) => return Err(not_whole(step, &reason)),
            }
        }
    }
}

fn called(user: ActivityUser, day: Date, count: u64) -> Activity {
    Activity {
        user,
        kind: ActivityKind::Call,
        day,
        count,
        grade: Grade::Hosted,
    }
}

fn not_whole(step: &str, reason: &str) -> ConnectorError {
    ConnectorError::Unavailable {
        context: CallContext {
            step: step.to_owned(),
            ..CallContext::default()
        },
        message: format!("the list was not whole: {reason}"),
    }
}

fn outbound(direction: &str) -> bool {
    direction.eq_ignore_ascii_case("outbound")
}

/// A call that was made counts, and one that was taken; one that nobody answered does not.
fn read_history(body: &[u8]) -> serde_json::Result<Calls> {
    let page: MarkedPage<'_, CallLeg<'_>> = serde_json::from_slice(body)?;
    let mut calls = Calls {
        ids: Vec::with_capacity(page.items.len()),
        days: Vec::new(),
        next: page.next_page_marker.0.to_string(),
    };
    for leg in &page.items {
        calls.ids.push(leg.leg_id.to_string());
        let counts = outbound(&leg.direction.0) || leg.answer_time.given().is_some();
        if let Some(key) = leg.user_key.given().filter(|_| counts) {
            let day = told_day(&leg.start_time.0)?;
            calls.days.push((key.to_owned(), day));
        }
    }
    Ok(calls)
}

/// Where the report does not tell whether a call was answered, it counts: nobody is found idle by
/// what is not known.
fn read_events(body: &[u8]) -> serde_json::Result<Calls> {
    let page: MarkedPage<'_, CallSummary<'_>> = serde_json::from_slice(body)?;
    let mut calls = Calls {
        ids: Vec::with_capacity(page.items.len()),
        days: Vec::new(),
        next: page.next_page_marker.0.to_string(),
    };
    for call in &page.items {
        calls.ids.push(call.conversation_space_id.to_string());
        let answered = call.call_answered.as_ref();
        let missed = answered.is_some_and(|answered| answered.given().is_none());
        if missed && !outbound(&call.direction.0) {
            continue;
        }
        let day = told_day(&call.call_created.0)?;
        let people = call.participants.iter();
        let keys = people.filter_map(|person| person.user_key.given());
        calls.days.extend(keys.map(|key| (key.to_owned(), day)));
    }
    Ok(calls)
}

fn read_lines(body: &[u8]) -> serde_json::Result<(Vec<(String, String)>, String)> {
    let page: MarkedPage<'_, LineUser<'_>> = serde_json::from_slice(body)?;
    let mut lines = Vec::new();
    for user in &page.items {
        let Some(key) = user.user_key.given() else {
            continue;
        };
        let names = user.lines.iter();
        lines.extend(names.map(|line| (key.to_owned(), line.name.0.to_string())));
    }
    Ok((lines, page.next_page_marker.0.to_string()))
}

/// Who called, and the identifiers of all rows. Somebody whose name is not one person's is named by
/// the phone system's identifier and so stays unresolved.
fn read_report(
    body: &[u8],
    names: &Names,
    day: Date,
) -> serde_json::Result<(Vec<String>, Vec<Activity>)> {
    let page: ReportPage<'_> = serde_json::from_slice(body)?;
    let mut ids = Vec::with_capacity(page.items.len());
    let mut facts = Vec::new();
    for row in &page.items {
        ids.push(row.user_id.to_string());
        let numbers = &row.data_values;
        let made = numbers.outbound_volume.count().unwrap_or(0);
        let taken = match numbers.inbound_duration.count() {
            Some(millis) if millis > 0 => numbers.inbound_volume.count().unwrap_or(1).max(1),
            _ => 0,
        };
        if made + taken == 0 {
            continue;
        }
        let others = row.user_alternative_names.iter().map(|name| &*name.0);
        let told = std::iter::once(&*row.user_name.0).chain(others);
        let user = names
            .owner(told)
            .map_or_else(|| format!("pbx:{}", row.user_id), str::to_owned);
        facts.push(called(ActivityUser::Id(user), day, made + taken));
    }
    Ok((ids, facts))
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn calls_count_when_made_or_taken() {
        let body = r#"{"items":[
            {"legId":"a","userKey":"1","direction":"OUTBOUND","startTime":"2026-07-14T09:00:00Z"},
            {"legId":"b","userKey":"2","direction":"INBOUND","startTime":"2026-07-14T09:00:00Z"},
            {"legId":"c","userKey":3,"direction":"INBOUND","startTime":"2026-07-14T09:00:00Z",
             "answerTime":"2026-07-14T09:00:06Z"}],"nextPageMarker":null}"#;
        let calls = read_history(body.as_bytes()).unwrap();
        let day = date(2026, 7, 14);
        assert_eq!(calls.days, [("1".to_owned(), day), ("3".to_owned(), day)]);
        assert_eq!((calls.ids.len(), calls.next.as_str()), (3, ""));

        let untold = r#"{"items":[{"conversationSpaceId":"x","direction":"INBOUND",
            "callCreated":"2026-07-14T08:15:00.000Z","participants":[{"userKey":"7"}]}]}"#;
        assert_eq!(read_events(untold.as_bytes()).unwrap().days.len(), 1);
        let missed = untold.replace("\"participants\"", "\"callAnswered\":null,\"participants\"");
        assert_eq!(read_events(missed.as_bytes()).unwrap().days.len(), 0);
    }

    #[test]
    fn rows_without_calls_and_shared_names_credit_nobody() {
        let mut names = Names::default();
        names.add("Wendy Webinar", "1");
        names.add("Sam Same", "2");
        names.add("Sam Same", "3");
        let row = |id: &str, name: &str, values: &str| {
            format!(r#"{{"userId":"{id}","userName":"{name}","dataValues":{{{values}}}}}"#)
        };
        let rows = [
            row(
                "p1",
                "Wendy Webinar",
                r#""inboundVolume":2,"inboundDuration":9000,"outboundVolume":1"#,
            ),
            row(
                "p2",
                "Sam Same",
                r#""inboundVolume":0,"inboundDuration":0,"outboundVolume":1"#,
            ),
            row(
                "p3",
                "Nobody",
                r#""inboundVolume":4,"inboundDuration":0,"outboundVolume":0"#,
            ),
        ];
        let body = format!("{{\"items\":[{}]}}", rows.join(","));
        let (ids, facts) = read_report(body.as_bytes(), &names, date(2026, 7, 14)).unwrap();
        assert_eq!(ids.len(), 3);
        let told: Vec<(ActivityUser, u64)> = facts
            .into_iter()
            .map(|fact| (fact.user, fact.count))
            .collect();
        let id = |id: &str| ActivityUser::Id(id.to_owned());
        assert_eq!(told, [(id("1"), 3), (id("pbx:p2"), 1)]);
    }
}
