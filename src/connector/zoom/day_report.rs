//! Reports of one day. Zoom documents the dates `from` and `to` and not whether they may be the same:
//! where it refuses that, the day before is asked for too, and what is told without a day of its own
//! counts for the later one, which errs on the side of use.

use std::sync::atomic::{AtomicBool, Ordering};

use jiff::ToSpan as _;
use jiff::civil::Date;

use super::ZoomConnector;
use super::client::{Fact, fact};
use super::scopes::Operation;
use crate::connector::error::ConnectorError;
use crate::connector::http::api::Call;
use crate::connector::limits::Label;

/// What is asked for, but for its dates.
pub(super) struct DayReport<'a> {
    pub(super) operation: Operation,
    pub(super) step: &'a str,
    pub(super) path: &'a [&'a str],
    pub(super) query: &'a [(&'a str, &'a str)],
    /// Of the page to read; `None` for the first.
    pub(super) token: Option<&'a str>,
}

/// Whether Zoom was seen to answer reports of two days and not of one.
#[derive(Debug, Default)]
pub(super) struct TwoDays(AtomicBool);

impl ZoomConnector {
    /// A page of a report that tells everything of `day`, and perhaps of the day before.
    pub(super) async fn report_of_day<T>(
        &self,
        report: &DayReport<'_>,
        day: Date,
        read: impl Fn(&[u8]) -> serde_json::Result<T>,
    ) -> Result<T, ConnectorError> {
        let day_before = day.saturating_sub(1.day());
        if self.two_days.0.load(Ordering::Relaxed) {
            return self.report_between(report, day_before, day, read).await;
        }
        let answer = self.report_between(report, day, day, &read).await;
        match answer {
            Err(refused) if report.token.is_none() && is_of_the_dates(&refused) => {
                // Refused for anything else, it is refused again.
                let answer = self.report_between(report, day_before, day, read).await?;
                self.two_days.0.store(true, Ordering::Relaxed);
                Ok(answer)
            }
            answer => answer,
        }
    }

    async fn report_between<T>(
        &self,
        report: &DayReport<'_>,
        from: Date,
        to: Date,
        read: impl Fn(&[u8]) -> serde_json::Result<T>,
    ) -> Result<T, ConnectorError> {
        let (from, to) = (from.to_string(), to.to_string());
        let mut query = vec![("from", from.as_str()), ("to", to.as_str())];
        query.extend(report.query);
        query.extend(report.token.map(|token| ("next_page_token", token)));
        let call = Call {
            step: report.step,
            label: Label::Heavy,
            path: report.path,
            query: &query,
        };
        self.get(report.operation, &call, read).await
    }
}

/// Whether a refusal may be one of the dates: Zoom says so of any value it does not take, and its words
/// for this one are not known.
fn is_of_the_dates(error: &ConnectorError) -> bool {
    let ConnectorError::Rejected { context, .. } = error else {
        return false;
    };
    context.status == Some(400)
        && context.code.as_deref() == Some("300")
        && fact(error) != Some(Fact::PageTokenExpired)
}
