//! How the use of each product can be known: meetings, webinars and trainings organizer by
//! organizer; calls and support sessions day by day over the whole account.

use jiff::civil::Date;
use tokio::sync::mpsc::Sender;

use super::GoToConnector;
use super::connect::CallSource;
use super::scopes::{COLLAB, SUPPORT, allows, named};
use crate::connector::error::ConnectorError;
use crate::connector::facts::{Activity, ActivityKind, ActivityPage, ActivityPlan, ActivitySource};

/// GoTo documents no end of what it keeps of meetings and webinars; no client asks for more.
const SESSIONS_KEEP_DAYS: u32 = 180;
/// Call reports reach back 13 months; call history is not documented and is asked for no more.
const CALLS_KEEP_DAYS: u32 = 390;
/// Support sessions are kept for at least 30 days, and nothing is known of longer.
const SUPPORT_KEEP_DAYS: u32 = 30;
/// Rows of calls were seen minutes late.
const LATE_DAYS: u32 = 1;

/// Activities handed on at once.
pub(super) const PAGE: usize = 300;

impl GoToConnector {
    pub(super) async fn how_activity_can_be_had(
        &self,
    ) -> Result<Vec<ActivityPlan>, ConnectorError> {
        let sold = self.licenses().await?.abilities();
        let granted = self.granted().await?;
        let mut plans = Vec::new();
        let mut missing = Vec::new();
        let sessions = [
            (sold.meetings, ActivityKind::Meeting),
            (sold.webinars, ActivityKind::Webinar),
            (sold.trainings, ActivityKind::Training),
        ];
        let kinds: Vec<ActivityKind> = sessions
            .into_iter()
            .filter_map(|(sold, kind)| sold.then_some(kind))
            .collect();
        if !kinds.is_empty() && allows(&granted, COLLAB) {
            plans.push(plan(
                ActivitySource::ReportsByUser,
                SESSIONS_KEEP_DAYS,
                kinds,
            ));
        } else if !kinds.is_empty() {
            missing.push(not_granted(
                "meetings, webinars and trainings are not known",
                COLLAB,
            ));
        }
        if sold.support && allows(&granted, SUPPORT) {
            let kinds = vec![ActivityKind::Support];
            plans.push(plan(ActivitySource::ReportsByDay, SUPPORT_KEEP_DAYS, kinds));
        } else if sold.support {
            missing.push(not_granted("support sessions are not known", SUPPORT));
        }
        if sold.calls {
            match self.call_source().await {
                Ok(source) => {
                    let kinds = vec![ActivityKind::Call];
                    let mut calls = plan(ActivitySource::ReportsByDay, CALLS_KEEP_DAYS, kinds);
                    calls.missing.extend(unnamed(source));
                    plans.push(calls);
                }
                // One product that cannot be read is no reason to leave out the others.
                Err(error @ (ConnectorError::RateLimited { .. } | ConnectorError::Cancelled)) => {
                    return Err(error);
                }
                Err(error) => missing.push(format!("calls are not known: {error}")),
            }
        }
        match plans.first_mut() {
            Some(first) => first.missing.append(&mut missing),
            None if missing.is_empty() => {}
            None => {
                return Err(ConnectorError::Misconfigured {
                    message: missing.join("; "),
                });
            }
        }
        Ok(plans)
    }

    pub(super) async fn day_of(
        &self,
        plan: &ActivityPlan,
        day: Date,
        pages: &Sender<ActivityPage>,
    ) -> Result<(), ConnectorError> {
        if plan.kinds.contains(&ActivityKind::Call) {
            self.calls_of_day(day, pages).await?;
        }
        if plan.kinds.contains(&ActivityKind::Support) {
            self.support_of_day(day, pages).await?;
        }
        Ok(())
    }
}

fn plan(source: ActivitySource, keeps_days: u32, kinds: Vec<ActivityKind>) -> ActivityPlan {
    ActivityPlan {
        source,
        keeps_days,
        late_days: LATE_DAYS,
        kinds,
        missing: Vec::new(),
    }
}

fn not_granted(effect: &str, scope: &str) -> String {
    format!("{effect}: scope {} is not granted", named(scope))
}

/// People whose calls cannot be told apart by name.
fn unnamed(source: &CallSource) -> Option<String> {
    let CallSource::ByName(names) = source else {
        return None;
    };
    (names.shared() > 0).then(|| {
        format!(
            "calls are matched to people by name, and {} names are shared by several: theirs stay unresolved; a scope for the call history of the account would tell them apart",
            names.shared()
        )
    })
}

/// Hands activities on in pages.
pub(super) async fn hand_on(
    pages: &Sender<ActivityPage>,
    activities: impl IntoIterator<Item = Activity>,
) -> Result<(), ConnectorError> {
    let mut page = Vec::new();
    let mut activities = activities.into_iter().peekable();
    while let Some(activity) = activities.next() {
        page.push(activity);
        if page.len() == PAGE || activities.peek().is_none() {
            let activities = std::mem::take(&mut page);
            pages
                .send(ActivityPage { activities })
                .await
                .map_err(|_| ConnectorError::Cancelled)?;
        }
    }
    Ok(())
}
