//! GoToAssist Remote Support: who supported somebody on a day.

use std::collections::BTreeMap;

use jiff::ToSpan as _;
use jiff::civil::Date;
use tokio::sync::mpsc::Sender;

use super::GoToConnector;
use super::activity::hand_on;
use super::time::{start_of, told_day};
use super::wire::SupportSessions;
use crate::connector::error::{CallContext, ConnectorError};
use crate::connector::facts::{Activity, ActivityKind, ActivityPage, ActivityUser, Grade};
use crate::connector::http::api::Call;
use crate::connector::limits::Label;

const STEP: &str = "list support sessions";

impl GoToConnector {
    pub(super) async fn support_of_day(
        &self,
        day: Date,
        pages: &Sender<ActivityPage>,
    ) -> Result<(), ConnectorError> {
        let (from, to) = (start_of(day), start_of(day.saturating_add(1.day())));
        let call = Call {
            step: STEP,
            label: Label::Light,
            path: &["G2A", "rest", "v1", "extendedsessions"],
            query: &[("fromTime", &from), ("toTime", &to)],
        };
        let (told, total) = self.apis.assist.get(&call, |body| read(body, day)).await?;
        let rows: u64 = told.values().map(|(_, count)| count).sum();
        if total.is_some_and(|total| total > rows) {
            return Err(ConnectorError::Unavailable {
                context: CallContext {
                    step: STEP.to_owned(),
                    ..CallContext::default()
                },
                message: format!("{rows} of {} sessions came", total.unwrap_or(0)),
            });
        }
        let facts = told.into_values().map(|(user, count)| Activity {
            user,
            kind: ActivityKind::Support,
            day,
            count,
            grade: Grade::Hosted,
        });
        hand_on(pages, facts).await
    }
}

/// Sessions by expert, and how many GoTo counts.
type Told = (BTreeMap<String, (ActivityUser, u64)>, Option<u64>);

/// Both ends of the window may be included, so sessions of other days are counted and not kept, as are
/// those that nobody began.
fn read(body: &[u8], day: Date) -> serde_json::Result<Told> {
    let page: SupportSessions<'_> = serde_json::from_slice(body)?;
    let mut experts: BTreeMap<String, (ActivityUser, u64)> = BTreeMap::new();
    let mut others = 0;
    for session in &page.sessions {
        let started = session.started_at.given().map(told_day).transpose()?;
        if started != Some(day) {
            others += 1;
            continue;
        }
        let user = match (
            session.expert_user_key.given(),
            session.expert_email.given(),
        ) {
            (Some(key), _) => ActivityUser::Id(key.to_owned()),
            (None, Some(email)) => ActivityUser::Email(email.to_owned()),
            (None, None) => {
                others += 1;
                continue;
            }
        };
        let (ActivityUser::Id(key) | ActivityUser::Email(key)) = &user;
        experts.entry(key.clone()).or_insert((user.clone(), 0)).1 += 1;
    }
    let total = page.total_num_sessions.count();
    Ok((experts, total.map(|total| total.saturating_sub(others))))
}
