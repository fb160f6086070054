//! Who hosted what. With report scopes the account tells its hosts of a day in a few calls; without
//! them every user is asked for the meetings and webinars scheduled, which misses instant ones.

use jiff::civil::Date;

use super::ZoomConnector;
use super::scopes::{LIST_MEETINGS, LIST_WEBINARS, Operation, REPORT_HOSTS, REPORT_WEBINARS};
use crate::connector::error::{CallContext, ConnectorError};
use crate::connector::facts::{ActivityKind, ActivityPlan, ActivitySource};
use crate::profile::model::Plan;

/// Zoom's reports reach six months back; the shortest six months have 181 days.
const REPORTS_KEEP_DAYS: u32 = 180;

/// Report rows were seen up to two days late.
const REPORTS_LATE_DAYS: u32 = 3;

/// A scheduled meeting leaves Zoom's lists 30 days after its start.
const LISTS_KEEP_DAYS: u32 = 30;

impl ZoomConnector {
    pub(super) async fn how_activity_can_be_had(&self) -> Result<ActivityPlan, ConnectorError> {
        let granted = self.granted().await?;
        let plan = plan(self.plan, &granted);
        plan.ok_or_else(|| ConnectorError::MissingScope {
            context: CallContext {
                step: "pull user activity".to_owned(),
                ..CallContext::default()
            },
            scopes: [REPORT_HOSTS, LIST_MEETINGS]
                .into_iter()
                .flat_map(Operation::alternatives)
                .collect(),
        })
    }
}

/// The best source that `granted` allows.
fn plan(zoom_plan: Plan, granted: &[String]) -> Option<ActivityPlan> {
    let allows = |operation: Operation| super::allows(granted, operation);
    let without = |operation: Operation, effect: &str| {
        let scopes = operation.alternatives().join(" or ");
        format!("{effect}: scope {scopes} is not granted")
    };
    // Reports are of Pro and above.
    if zoom_plan != Plan::Free && allows(REPORT_HOSTS) {
        let webinars = allows(REPORT_WEBINARS);
        let missing = without(REPORT_WEBINARS, "webinars are not known");
        return Some(ActivityPlan {
            source: ActivitySource::ReportsByDay,
            keeps_days: REPORTS_KEEP_DAYS,
            late_days: REPORTS_LATE_DAYS,
            kinds: kinds(true, webinars),
            missing: (!webinars).then_some(missing).into_iter().collect(),
        });
    }
    let (meetings, webinars) = (allows(LIST_MEETINGS), allows(LIST_WEBINARS));
    if !meetings && !webinars {
        return None;
    }
    let mut missing = vec![if zoom_plan == Plan::Free {
        "only scheduled meetings are known: Zoom's reports are of the Pro plan and above".to_owned()
    } else {
        without(REPORT_HOSTS, "only scheduled meetings are known")
    }];
    if !meetings {
        missing.push(without(LIST_MEETINGS, "meetings are not known"));
    }
    if !webinars {
        missing.push(without(LIST_WEBINARS, "webinars are not known"));
    }
    Some(ActivityPlan {
        source: ActivitySource::ListsByUser,
        keeps_days: LISTS_KEEP_DAYS,
        late_days: 0,
        kinds: kinds(meetings, webinars),
        missing,
    })
}

fn kinds(meetings: bool, webinars: bool) -> Vec<ActivityKind> {
    let meetings = meetings.then_some(ActivityKind::Meeting);
    let webinars = webinars.then_some(ActivityKind::Webinar);
    meetings.into_iter().chain(webinars).collect()
}

/// The UTC day of a time as Zoom writes it.
pub(super) fn day_of(time: &str) -> Option<Date> {
    let time: jiff::Timestamp = time.parse().ok()?;
    Some(time.to_zoned(jiff::tz::TimeZone::UTC).date())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_source_follows_the_plan_and_the_scopes() {
        use ActivityKind::{Meeting, Webinar};
        use ActivitySource::{ListsByUser, ReportsByDay};
        type Expected = Option<(ActivitySource, &'static [ActivityKind], usize)>;
        let hosts = "report:read:list_users:admin";
        let history = "report:read:list_history_meetings:admin";
        let meetings = "meeting:read:list_meetings:admin";
        let webinars = "webinar:read:list_webinars:admin";
        let cases: &[(Plan, &[&str], Expected)] = &[
            (
                Plan::Pro,
                &["report:read:admin"],
                Some((ReportsByDay, &[Meeting, Webinar], 0)),
            ),
            (
                Plan::Pro,
                &[hosts, history],
                Some((ReportsByDay, &[Meeting, Webinar], 0)),
            ),
            (
                Plan::Pro,
                &[hosts, meetings],
                Some((ReportsByDay, &[Meeting], 1)),
            ),
            (
                Plan::Pro,
                &[history, meetings, webinars],
                Some((ListsByUser, &[Meeting, Webinar], 1)),
            ),
            (
                Plan::Free,
                &[hosts, history, meetings],
                Some((ListsByUser, &[Meeting], 2)),
            ),
            (Plan::Pro, &[webinars], Some((ListsByUser, &[Webinar], 2))),
            (Plan::Pro, &["user:read:admin"], None),
            (Plan::Free, &[hosts], None),
            // A token that tells no scopes is tried.
            (Plan::Pro, &[], Some((ReportsByDay, &[Meeting, Webinar], 0))),
        ];
        for (zoom_plan, granted, expected) in cases {
            let granted: Vec<String> = granted.iter().map(|&scope| scope.to_owned()).collect();
            let found = plan(*zoom_plan, &granted);
            let found = found
                .as_ref()
                .map(|plan| (plan.source, plan.kinds.as_slice(), plan.missing.len()));
            assert_eq!(found, *expected, "{zoom_plan:?} {granted:?}");
        }
    }
}
