//! What one host did lately, by the report of that host: the last look before a write. The lists of a user
//! never show instant meetings, and the reports by day come late.

use jiff::ToSpan as _;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::ZoomConnector;
use super::activity::day_of;
use super::listed::not_whole;
use super::scopes::REPORT_HOST;
use super::wire::HostPage;
use crate::connector::error::ConnectorError;
use crate::connector::facts::{ActivityKind, Grade};
use crate::connector::http::api::Call;
use crate::connector::limits::Label;
use crate::connector::walk::{Step, Walk};
use crate::profile::model::Plan;

const STEP: &str = "report what one host did";

/// A report is of one month at most, and February has 28 days. What was earlier is recorded.
const REPORT_DAYS: i32 = 27;

/// Meetings with company, and those that nobody else came to: Zoom tells them apart.
const PARTS: [&str; 2] = ["past", "pastOne"];

/// What took place, by its kind where Zoom documents the number.
struct Took {
    uuid: String,
    kind: Option<ActivityKind>,
    day: Option<Date>,
}

impl ZoomConnector {
    /// The latest use of one of the kinds `counting` that the host's own report tells, from `since` on and
    /// at most four weeks back; nothing on the Free plan, which has no reports.
    ///
    /// # Errors
    /// A report that is not whole, or that the scopes do not allow.
    pub(super) async fn reported_of_host(
        &self,
        user: &str,
        counting: &[ActivityKind],
        since: Date,
    ) -> Result<Option<(Date, ActivityKind, Grade)>, ConnectorError> {
        let Some(usual) = counting.first().copied() else {
            return Ok(None);
        };
        if self.plan == Plan::Free {
            return Ok(None);
        }
        let today = self.api.clock.now().to_zoned(TimeZone::UTC).date();
        let first = since.max(today.saturating_sub(REPORT_DAYS.days()));
        let mut latest = None;
        for part in PARTS {
            for took in self.took_place(user, part, first, today).await? {
                // A number or a time that cannot be read errs on the side of use.
                let (kind, day) = (took.kind.unwrap_or(usual), took.day.unwrap_or(today));
                if counting.contains(&kind) && day >= since {
                    latest = latest.max(Some((day, kind, Grade::Hosted)));
                }
            }
        }
        Ok(latest)
    }

    async fn took_place(
        &self,
        user: &str,
        part: &str,
        from: Date,
        to: Date,
    ) -> Result<Vec<Took>, ConnectorError> {
        let (from, to) = (from.to_string(), to.to_string());
        let mut walk = Walk::default();
        let mut all = Vec::new();
        let mut token: Option<String> = None;
        loop {
            let mut query = vec![
                ("type", part),
                ("from", from.as_str()),
                ("to", to.as_str()),
                ("page_size", self.page_size.as_str()),
            ];
            query.extend(
                token
                    .iter()
                    .map(|token| ("next_page_token", token.as_str())),
            );
            let call = Call {
                step: STEP,
                label: Label::Heavy,
                path: &["report", "users", user, "meetings"],
                query: &query,
            };
            let (rows, total, next) = self.get(REPORT_HOST, &call, read).await?;
            let step = walk.page(rows.iter().map(|row| row.uuid.as_str()), total, &next);
            all.extend(rows);
            match step {
                Step::Next(next) => token = Some(next),
                Step::Broken(reason) => return Err(not_whole(STEP, &reason)),
                Step::Last => {
                    let told = total.unwrap_or(0);
                    if (all.len() as u64) < told {
                        let reason = format!("{} rows came of {told}", all.len());
                        return Err(not_whole(STEP, &reason));
                    }
                    return Ok(all);
                }
            }
        }
    }
}

/// The rows of a page, how many all pages have, and the token of the next.
fn read(body: &[u8]) -> serde_json::Result<(Vec<Took>, Option<u64>, String)> {
    let page: HostPage<'_> = serde_json::from_slice(body)?;
    let total = page.total_records.count();
    let rows = page.meetings.into_iter().map(|row| Took {
        kind: row.kind.count().and_then(kind_of),
        day: day_of(&row.start_time.0),
        uuid: row.uuid.0.into_owned(),
    });
    Ok((rows.collect(), total, page.next_page_token.0.into_owned()))
}

/// The numbers of kinds as Zoom's API document has them for this report.
fn kind_of(number: u64) -> Option<ActivityKind> {
    match number {
        1 | 2 | 3 | 4 | 7 | 8 => Some(ActivityKind::Meeting),
        5 | 6 | 9 => Some(ActivityKind::Webinar),
        _ => None,
    }
}
