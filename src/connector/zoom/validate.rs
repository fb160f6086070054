//! Whether each process can work: download and activity by calling for real, reclaim by the scopes
//! granted, since trying it would change a licence.

use jiff::ToSpan as _;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::ZoomConnector;
use super::day_report::DayReport;
use super::scopes::{
    DELETE_USER, LIST_MEETINGS, LIST_USERS, LIST_WEBINARS, Operation, READ_USER, REPORT_HOST,
    REPORT_HOSTS, REPORT_WEBINARS, UPDATE_SETTINGS, UPDATE_USER, USER_SETTINGS,
};
use super::wire::{HistoryPage, HostsPage, UsersPage};
use crate::connector::error::ConnectorError;
use crate::connector::facts::{ActivitySource, Process, Verdict};
use crate::connector::http::api::Call;
use crate::connector::limits::Label;
use crate::connector::write::WriteOptions;
use crate::profile::identifier::ProfileType;
use crate::profile::model::Plan;

/// The smallest page: only whether it comes matters.
const FEW: &str = "10";

impl ZoomConnector {
    pub(super) async fn verdict(&self, process: Process, options: WriteOptions) -> Verdict {
        let needed = &self.needed(process, options);
        // A scope that was just added shows only in a new token.
        let granted = match self.granted_afresh().await {
            Ok(granted) => granted,
            Err(error) => return judged(process, needed, &[], Err(error)),
        };
        let found = match process {
            Process::Download => self.try_download(needed, &granted).await,
            Process::Activity => self.try_activity().await,
            Process::Reclaim => Ok(reclaim_by_scopes(needed, &granted, options)),
        };
        judged(process, needed, &granted, found)
    }

    fn needed(&self, process: Process, options: WriteOptions) -> Vec<Operation> {
        match process {
            Process::Download => to_download(self.profile_type),
            Process::Activity => to_see_activity(self.plan),
            Process::Reclaim => to_reclaim(self.plan, options),
        }
    }

    async fn try_download(
        &self,
        needed: &[Operation],
        granted: &[String],
    ) -> Result<Finding, ConnectorError> {
        let (users, somebody) = self.few_users().await?;
        let lacking = needed
            .iter()
            .find(|operation| !super::allows(granted, **operation));
        if let Some(user) = somebody {
            self.add_ons_of(&user).await?;
        } else if let Some(lacking) = lacking {
            return Ok(Finding::not_granted(*lacking));
        }
        let users = users.map_or_else(|| "an unknown number of".to_owned(), |n| n.to_string());
        let told = match self.profile_type {
            ProfileType::ZoomWorkplace => "their suites, products and add-ons",
            _ => "their add-ons",
        };
        Ok(Finding::ok(format!(
            "Zoom lists {users} active users and answers for {told}{}",
            of_a_master_account(granted).unwrap_or_default()
        )))
    }

    async fn try_activity(&self) -> Result<Finding, ConnectorError> {
        let plan = self.how_activity_can_be_had().await?;
        let message = match plan.source {
            ActivitySource::ReportsByDay => {
                let day = self.report_day();
                self.few_hosts(day).await?;
                if plan.missing.is_empty() {
                    self.few_webinars(day).await?;
                }
                format!(
                    "Zoom reports the hosts of a day, {} days back",
                    plan.keeps_days
                )
            }
            ActivitySource::ReportsByUser | ActivitySource::ListsByUser => {
                if let (_, Some(user)) = self.few_users().await? {
                    self.listed_activity(&user, self.report_day()).await?;
                }
                "Zoom lists each user's scheduled meetings".to_owned()
            }
        };
        let parts: Vec<String> = std::iter::once(message).chain(plan.missing).collect();
        Ok(Finding::ok(parts.join("; ")))
    }

    /// A day that every report covers.
    fn report_day(&self) -> Date {
        let today = self.api.clock.now().to_zoned(TimeZone::UTC).date();
        today.checked_sub(4.days()).unwrap_or(today)
    }

    /// How many active users there are, and one of them.
    async fn few_users(&self) -> Result<(Option<u64>, Option<String>), ConnectorError> {
        let call = Call {
            step: "list active users",
            label: Label::Medium,
            path: &["users"],
            query: &[("status", "active"), ("page_size", FEW)],
        };
        self.get(LIST_USERS, &call, |body| {
            let page: UsersPage<'_> = serde_json::from_slice(body)?;
            let somebody = page.users.iter().find_map(|user| user.id.given());
            Ok((page.total_records.count(), somebody.map(str::to_owned)))
        })
        .await
    }

    async fn few_hosts(&self, day: Date) -> Result<(), ConnectorError> {
        let report = DayReport {
            operation: REPORT_HOSTS,
            step: "report the hosts of a day",
            path: &["report", "users"],
            query: &[("type", "active"), ("page_size", FEW)],
            token: None,
        };
        self.report_of_day(&report, day, |body| {
            serde_json::from_slice::<HostsPage<'_>>(body).map(|_| ())
        })
        .await
    }

    async fn few_webinars(&self, day: Date) -> Result<(), ConnectorError> {
        let report = DayReport {
            operation: REPORT_WEBINARS,
            step: "report the webinars of a day",
            path: &["report", "history_meetings"],
            query: &[
                ("date_type", "start_time"),
                ("meeting_type", "webinar"),
                ("page_size", FEW),
            ],
            token: None,
        };
        self.report_of_day(&report, day, |body| {
            serde_json::from_slice::<HistoryPage<'_>>(body).map(|_| ())
        })
        .await
    }
}

/// What there is to know where the account has sub-accounts. Zoom tells it by the scopes alone: those
/// that reach into sub-accounts can be granted to apps of a master account only.
fn of_a_master_account(granted: &[String]) -> Option<String> {
    let scope = granted.iter().find(|scope| scope.ends_with(":master"))?;
    Some(format!(
        "; the app holds `{scope}`, so this is a master account: seatsync counts its own users and none of its sub-accounts, which need an app and a profile each"
    ))
}

/// What trying a process told.
struct Finding {
    ok: bool,
    message: String,
}

impl Finding {
    fn ok(message: String) -> Self {
        Self { ok: true, message }
    }

    fn not_granted(operation: Operation) -> Self {
        Self {
            ok: false,
            message: format!(
                "scope {} is not granted, so seatsync cannot {}: add it to the Zoom app",
                operation.alternatives().join(" or "),
                operation.does
            ),
        }
    }
}

/// The suites of Zoom Workplace are told by the call for one user alone.
fn to_download(profile_type: ProfileType) -> Vec<Operation> {
    let mut needed = vec![LIST_USERS, USER_SETTINGS];
    needed.extend((profile_type == ProfileType::ZoomWorkplace).then_some(READ_USER));
    needed
}

/// Lists of what is scheduled stand in for reports, which the Free plan does not have.
fn to_see_activity(plan: Plan) -> Vec<Operation> {
    match plan {
        Plan::Free => vec![LIST_MEETINGS, LIST_WEBINARS],
        Plan::Pro | Plan::Business => vec![REPORT_HOSTS, REPORT_WEBINARS],
    }
}

/// A licence is taken by changing the user, and an add-on by changing the user's settings: both can be
/// undone. The right to delete is asked for only where the profile has Basic users deleted.
fn to_reclaim(plan: Plan, options: WriteOptions) -> Vec<Operation> {
    let mut needed = vec![
        READ_USER,
        USER_SETTINGS,
        LIST_MEETINGS,
        LIST_WEBINARS,
        UPDATE_USER,
        UPDATE_SETTINGS,
    ];
    // The last look before a write is at the host's own report.
    needed.extend((plan != Plan::Free).then_some(REPORT_HOST));
    needed.extend(options.delete_basic_users.then_some(DELETE_USER));
    needed
}

fn reclaim_by_scopes(needed: &[Operation], granted: &[String], options: WriteOptions) -> Finding {
    if granted.is_empty() {
        return Finding {
            ok: false,
            message: "Zoom's token answer tells no scopes, so the right to reclaim is not proved"
                .to_owned(),
        };
    }
    let lacking = needed
        .iter()
        .copied()
        .find(|operation| operation.held(granted).is_none());
    let all = if options.delete_basic_users {
        "the scopes granted allow taking licences and add-ons, and deleting Basic users as `delete_basic_users` says; nothing was written"
    } else {
        "the scopes granted allow taking licences and add-ons, which is all that reclaiming does: no user is deleted; nothing was written"
    };
    lacking.map_or_else(|| Finding::ok(all.to_owned()), Finding::not_granted)
}

fn judged(
    process: Process,
    needed: &[Operation],
    granted: &[String],
    found: Result<Finding, ConnectorError>,
) -> Verdict {
    let (ok, message) = match found {
        Ok(finding) => (
            finding.ok,
            format!("{}; {}", finding.message, role_for(process)),
        ),
        Err(error) => (false, error.to_string()),
    };
    Verdict {
        process,
        ok,
        message,
        scopes_needed: needed.iter().map(|operation| operation.needed()).collect(),
        scopes_held: held(needed, granted),
    }
}

/// The privilege that the role of the app's owner has to have, told also when all is well.
fn role_for(process: Process) -> &'static str {
    match process {
        Process::Download => {
            "Zoom asks for the role privilege `User information: View` of the app's owner"
        }
        Process::Activity => {
            "Zoom asks for the role privilege `Usage reports: View` of the app's owner"
        }
        Process::Reclaim => {
            "Zoom asks for the role privilege `User information: Edit` of the app's owner"
        }
    }
}

/// The granted scopes that the operations make use of, each once.
fn held(needed: &[Operation], granted: &[String]) -> Vec<String> {
    let mut held: Vec<String> = Vec::new();
    for scope in needed
        .iter()
        .filter_map(|operation| operation.held(granted))
    {
        if !held.iter().any(|known| known == scope) {
            held.push(scope.to_owned());
        }
    }
    held
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_right_to_reclaim_is_proved_by_scopes_of_either_kind() {
        let cases: [(&[&str], Option<&str>); 6] = [
            (
                &[
                    "user:write:admin",
                    "meeting:read:admin",
                    "webinar:read:admin",
                ],
                None,
            ),
            (
                &["user:write:admin"],
                Some("meeting:read:list_meetings:admin or meeting:read:admin"),
            ),
            (
                &[
                    "user:read:user:admin",
                    "user:read:settings:admin",
                    "meeting:read:list_meetings:admin",
                    "webinar:read:list_webinars:admin",
                    "user:update:user:admin",
                    "user:update:settings:admin",
                ],
                None,
            ),
            (
                &[
                    "user:read:admin",
                    "meeting:read:admin",
                    "webinar:read:admin",
                ],
                Some("user:update:user:admin or user:write:admin"),
            ),
            (
                &[
                    "user:read:admin",
                    "meeting:read:admin",
                    "webinar:read:admin",
                    "user:update:user:admin",
                ],
                Some("user:update:settings:admin or user:write:admin"),
            ),
            (&[], Some("tells no scopes")),
        ];
        for (granted, lacking) in cases {
            let granted: Vec<String> = granted.iter().map(|&scope| scope.to_owned()).collect();
            let plain = WriteOptions::default();
            let found = reclaim_by_scopes(&to_reclaim(Plan::Free, plain), &granted, plain);
            assert_eq!(found.ok, lacking.is_none(), "{granted:?}");
            if let Some(lacking) = lacking {
                assert!(found.message.contains(lacking), "{}", found.message);
            } else {
                let found = reclaim_by_scopes(&to_reclaim(Plan::Pro, plain), &granted, plain);
                assert!(!found.ok && found.message.contains("report:read:user:admin"));
            }
        }
    }

    #[test]
    fn a_verdict_tells_scopes_needed_and_held() {
        let granted = ["user:read:admin".to_owned(), "report:read:admin".to_owned()];
        let found = judged(
            Process::Download,
            &to_download(ProfileType::Zoom),
            &granted,
            Ok(Finding::ok(String::new())),
        );
        assert_eq!(
            found.scopes_needed,
            [
                "user:read:list_users:admin|user:read:admin",
                "user:read:settings:admin|user:read:admin"
            ]
        );
        assert_eq!(found.scopes_held, ["user:read:admin"]);
    }
}
