//! Activity by user, from the lists of what is scheduled: for accounts without report scopes.

use std::collections::{BTreeMap, HashSet};

use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::ZoomConnector;
use super::activity::day_of;
use super::client::{Fact, fact};
use super::scopes::{LIST_MEETINGS, LIST_WEBINARS, Operation};
use super::wire::ListedPage;
use crate::connector::error::{CallContext, ConnectorError};
use crate::connector::facts::{Activity, ActivityKind, ActivityPage, ActivityUser, Grade};
use crate::connector::http::api::Call;
use crate::connector::limits::Label;
use crate::connector::walk::{Step, Walk};

/// One of the two lists of a user.
struct List {
    step: &'static str,
    word: &'static str,
    /// Which part of the calendar. Of meetings the past ones, since a series is one row among the
    /// scheduled ones, at its next occurrence; webinars know no such part.
    part: &'static str,
    operation: Operation,
    kind: ActivityKind,
}

const MEETINGS: List = List {
    step: "list a user's meetings",
    word: "meetings",
    part: "previous_meetings",
    operation: LIST_MEETINGS,
    kind: ActivityKind::Meeting,
};

const WEBINARS: List = List {
    step: "list a user's webinars",
    word: "webinars",
    part: "scheduled",
    operation: LIST_WEBINARS,
    kind: ActivityKind::Webinar,
};

/// A page, with the day of each row that has one.
struct Page {
    rows: Vec<(String, Option<Date>)>,
    /// Rows on all pages, as told.
    total: Option<u64>,
    next: Option<Next>,
}

/// How the page after is asked for. Webinars document only page numbers, but answer tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Next {
    Token(String),
    Number(String),
}

impl ZoomConnector {
    pub(super) async fn listed_activity(
        &self,
        external_user_id: &str,
        since: Date,
    ) -> Result<ActivityPage, ConnectorError> {
        let mut activities = Vec::new();
        if external_user_id.starts_with("pending:") {
            return Ok(ActivityPage { activities });
        }
        let granted = self.granted().await?;
        let today = self.api.clock.now().to_zoned(TimeZone::UTC).date();
        for list in [MEETINGS, WEBINARS] {
            if !super::allows(&granted, list.operation) {
                continue;
            }
            let days = match self.walk_list(&list, external_user_id).await {
                Ok(days) => days,
                Err(error) if fact(&error).is_some_and(|fact| fact != Fact::PageTokenExpired) => {
                    continue;
                }
                Err(error) => return Err(error),
            };
            // What is still to come is no use yet.
            let days = days.range(since..).filter(|(day, _)| **day <= today);
            activities.extend(days.map(|(day, count)| Activity {
                user: ActivityUser::Id(external_user_id.to_owned()),
                kind: list.kind,
                day: *day,
                count: *count,
                grade: Grade::Listed,
            }));
        }
        Ok(ActivityPage { activities })
    }

    async fn walk_list(
        &self,
        list: &List,
        user: &str,
    ) -> Result<BTreeMap<Date, u64>, ConnectorError> {
        let mut walk = Walk::default();
        let mut days = BTreeMap::new();
        let mut known = HashSet::new();
        let mut next = None;
        let mut rows = 0;
        loop {
            let mut page = self.list_page(list, user, next.as_ref()).await?;
            // A walk by token ends with its last token; the numbers beside it stand still.
            if matches!(next, Some(Next::Token(_))) {
                page.next = page.next.filter(|next| matches!(next, Next::Token(_)));
            }
            let token = match &page.next {
                Some(Next::Token(word) | Next::Number(word)) => word.as_str(),
                None => "",
            };
            let step = walk.page(page.rows.iter().map(|(key, _)| key.as_str()), None, token);
            rows += page.rows.len() as u64;
            for (key, day) in page.rows {
                if let Some(day) = day.filter(|_| known.insert(key)) {
                    *days.entry(day).or_default() += 1;
                }
            }
            match step {
                Step::Next(_) => next = page.next,
                Step::Last => {
                    return match page.total {
                        Some(total) if rows < total => Err(not_whole(
                            list.step,
                            &format!("{rows} rows came of {total}"),
                        )),
                        _ => Ok(days),
                    };
                }
                Step::Broken(reason) => return Err(not_whole(list.step, &reason)),
            }
        }
    }

    async fn list_page(
        &self,
        list: &List,
        user: &str,
        next: Option<&Next>,
    ) -> Result<Page, ConnectorError> {
        let mut query = vec![("type", list.part), ("page_size", self.page_size.as_str())];
        match next {
            Some(Next::Token(token)) => query.push(("next_page_token", token)),
            Some(Next::Number(number)) => query.push(("page_number", number)),
            None => {}
        }
        let call = Call {
            step: list.step,
            label: Label::Medium,
            path: &["users", user, list.word],
            query: &query,
        };
        let by_token = matches!(next, Some(Next::Token(_)));
        self.get(list.operation, &call, |body| read_list(body, by_token))
            .await
    }
}

/// What a list that lacks something is.
pub(super) fn not_whole(step: &str, reason: &str) -> ConnectorError {
    ConnectorError::Unavailable {
        context: CallContext {
            step: step.to_owned(),
            ..CallContext::default()
        },
        message: format!("the list was not whole: {reason}"),
    }
}

/// The numbers of a page that was asked for by token are not those of the walk.
fn read_list(body: &[u8], by_token: bool) -> serde_json::Result<Page> {
    let page: ListedPage<'_> = serde_json::from_slice(body)?;
    let numbers = page.page_number.count().zip(page.page_count.count());
    let next = match page.next_page_token.given() {
        Some(token) => Some(Next::Token(token.to_owned())),
        None => numbers
            .filter(|(number, count)| !by_token && number < count)
            .map(|(number, _)| Next::Number((number + 1).to_string())),
    };
    let total = page.total_records.count();
    let rows = page
        .meetings
        .into_iter()
        // One meeting that recurs is one uuid per occurrence.
        .map(|row| {
            let key = format!("{} {}", row.uuid.0, row.start_time.0);
            (key, day_of(&row.start_time.0))
        })
        .collect();
    Ok(Page { rows, total, next })
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn pages_go_on_by_token_or_by_number() {
        let cases = [
            (
                r#"{"next_page_token":"t","page_number":1,"page_count":2,"meetings":[]}"#,
                Some(Next::Token("t".to_owned())),
            ),
            (
                r#"{"next_page_token":"","page_number":1,"page_count":2,"webinars":[]}"#,
                Some(Next::Number("2".to_owned())),
            ),
            (
                r#"{"next_page_token":"","page_number":2,"page_count":2,"webinars":[]}"#,
                None,
            ),
            (r#"{"webinars":[]}"#, None),
        ];
        for (body, expected) in cases {
            assert_eq!(
                read_list(body.as_bytes(), false).unwrap().next,
                expected,
                "{body}"
            );
        }
    }

    #[test]
    fn a_walk_by_token_ends_with_the_tokens() {
        let last = br#"{"next_page_token":"","page_number":1,"page_count":4,"meetings":[]}"#;
        assert_eq!(read_list(last, true).unwrap().next, None);
    }

    #[test]
    fn rows_without_a_start_are_no_activity() {
        let body = br#"{"meetings":[{"uuid":"a","start_time":"2026-03-01T10:00:00Z"},{"uuid":"b","type":3}]}"#;
        let days: Vec<Option<Date>> = read_list(body, false)
            .unwrap()
            .rows
            .into_iter()
            .map(|(_, day)| day)
            .collect();
        assert_eq!(days, [Some(date(2026, 3, 1)), None]);
        assert!(read_list(b"{}", false).err().unwrap().is_data());
    }
}
