//! Whether each process can work: download and activity by calling for real, reclaim by the scopes
//! granted and the login's role, since trying it would take a licence.

use jiff::ToSpan as _;

use super::GoToConnector;
use super::account::Login;
use super::connect::CallSource;
use super::licenses::{Abilities, Licenses};
use super::scopes::{ADMIN, CALL_REPORTS, COLLAB, LINES, SUPPORT, named};
use crate::connector::error::ConnectorError;
use crate::connector::facts::{ActivityPlan, ActivitySource, Process, Verdict};
use crate::connector::http::api::Call;
use crate::connector::limits::Label;
use crate::connector::write::WriteOptions;

/// What trying a process told.
struct Finding {
    ok: bool,
    message: String,
}

impl GoToConnector {
    pub(super) async fn verdict(&self, process: Process, options: WriteOptions) -> Verdict {
        // A scope that was just added shows only in a new token.
        let granted = match self.granted_afresh().await {
            Ok(granted) => granted,
            Err(error) => return judged(process, needed(process, None), &[], Err(error)),
        };
        match process {
            Process::Download => judged(
                process,
                needed(process, None),
                &granted,
                self.try_download().await,
            ),
            Process::Reclaim => {
                let sold = self.licenses().await.map(Licenses::abilities);
                let found = self.try_reclaim(&granted, options).await;
                judged(process, needed(process, sold.ok()), &granted, found)
            }
            Process::Activity => {
                let sold = self.licenses().await.map(Licenses::abilities);
                let found = self.try_activity().await;
                let mut held = granted;
                if let Some(connect) = &self.apis.connect
                    && let Ok(token) = connect.token().await
                {
                    held.extend(token.scopes.iter().cloned());
                }
                judged(process, needed(process, sold.ok()), &held, found)
            }
        }
    }

    async fn try_download(&self) -> Result<Finding, ConnectorError> {
        let login = self.login().await?;
        let licenses = self.read_licenses().await?;
        let users = self.count_users(&login.account).await?;
        let users = users.map_or_else(|| "an unknown number of".to_owned(), |n| n.to_string());
        Ok(Finding {
            ok: true,
            message: format!(
                "GoTo lists {users} users and {} licences of account {}; {}",
                licenses.len(),
                login.account,
                roles(login, MANAGES)
            ),
        })
    }

    async fn count_users(&self, account: &str) -> Result<Option<u64>, ConnectorError> {
        let call = Call {
            step: "list users",
            label: Label::Light,
            path: &["admin", "rest", "v1", "accounts", account, "users"],
            query: &[("offset", "0"), ("pageSize", "1")],
        };
        self.apis
            .admin
            .get(&call, |body| {
                let page: super::wire::UsersPage<'_> = serde_json::from_slice(body)?;
                Ok(page.total.count())
            })
            .await
    }

    /// Each part is tried; what cannot be had is told with its remedy.
    async fn try_activity(&self) -> Result<Finding, ConnectorError> {
        let plans = self.how_activity_can_be_had().await?;
        let mut told = Vec::new();
        for plan in &plans {
            told.push(self.try_plan(plan).await?);
        }
        if told.is_empty() {
            told.push("no licence is of a product whose use GoTo reports".to_owned());
        }
        told.extend(plans.into_iter().flat_map(|plan| plan.missing));
        told.push(roles(self.login().await?, REPORTS));
        Ok(Finding {
            ok: true,
            message: told.join("; "),
        })
    }

    async fn try_plan(&self, plan: &ActivityPlan) -> Result<String, ConnectorError> {
        let since = self.today().saturating_sub(4.days());
        match plan.source {
            ActivitySource::ReportsByUser => {
                // The login's own calls need no licence to be answered.
                let call = Call {
                    step: "list past meetings",
                    label: Label::Light,
                    path: &["G2M", "rest", "historicalMeetings"],
                    query: &[
                        ("startDate", &super::time::start_of(since)),
                        ("endDate", &super::time::start_of(self.today())),
                    ],
                };
                self.apis
                    .meeting
                    .get(&call, |body| {
                        serde_json::from_slice::<Vec<super::wire::Meeting<'_>>>(body).map(|_| ())
                    })
                    .await?;
                Ok("GoTo tells each organizer's past meetings, webinars and trainings".to_owned())
            }
            ActivitySource::ReportsByDay | ActivitySource::ListsByUser => {
                let (pages, mut received) = tokio::sync::mpsc::channel(1);
                let drain = async { while received.recv().await.is_some() {} };
                let (asked, ()) = tokio::join!(
                    async {
                        let asked = self.day_of(plan, since, &pages).await;
                        drop(pages);
                        asked
                    },
                    drain
                );
                asked?;
                let kinds = plan.kinds.iter().map(|kind| kind.as_str());
                let kinds = kinds.collect::<Vec<_>>().join(", ");
                Ok(format!(
                    "GoTo tells who did this on a day: {kinds}{}",
                    self.by_name(plan)
                ))
            }
        }
    }

    fn by_name(&self, plan: &ActivityPlan) -> &'static str {
        let calls = plan
            .kinds
            .contains(&crate::connector::facts::ActivityKind::Call);
        match self.call_source.get() {
            Some(CallSource::ByName(_)) if calls => " (people are found by the name of their line)",
            _ => "",
        }
    }

    async fn try_reclaim(
        &self,
        granted: &[String],
        options: WriteOptions,
    ) -> Result<Finding, ConnectorError> {
        if granted.is_empty() {
            return Ok(Finding {
                ok: false,
                message:
                    "GoTo's token answer tells no scopes, so the right to reclaim is not proved"
                        .to_owned(),
            });
        }
        if options.goto_connect && self.licenses().await?.abilities().calls {
            // The last look before a licence of GoToConnect is taken is at its user's calls.
            self.call_source().await?;
        }
        let login = self.login().await?;
        let is = |wanted: &str| login.roles.iter().any(|role| role == wanted);
        if is("SUPER_USER") || (is("MANAGE_USERS") && is("MANAGE_SEATS")) {
            return Ok(Finding {
                ok: true,
                message: format!(
                    "scope and role allow taking licences back; nothing was written; {}",
                    roles(login, MANAGES)
                ),
            });
        }
        Ok(Finding {
            ok: false,
            message: format!(
                "{} may not change licences: make them a super user, or let them manage users and seats; {}",
                login.email,
                roles(login, MANAGES)
            ),
        })
    }
}

/// GoTo's roles to read and to change users and licences.
const MANAGES: &str = "SUPER_USER, or MANAGE_USERS and MANAGE_SEATS";
/// The same to read reports.
const REPORTS: &str = "SUPER_USER or RUN_REPORTS";

/// Which roles a process asks for and which the login has, told also when all is well.
fn roles(login: &Login, needed: &str) -> String {
    let held = match login.roles.as_slice() {
        [] => "none".to_owned(),
        held => held.join(", "),
    };
    format!(
        "GoTo asks for the role {needed}; {} has {held}",
        login.email
    )
}

/// The scopes of a process; where use is looked at, which it is before a licence is taken too, those of
/// the products that are sold.
fn needed(process: Process, sold: Option<Abilities>) -> Vec<&'static str> {
    let mut needed = vec![ADMIN];
    let sold = sold.unwrap_or_default();
    if process != Process::Download && (sold.meetings || sold.webinars || sold.trainings) {
        needed.push(COLLAB);
    }
    if process == Process::Activity {
        if sold.support {
            needed.push(SUPPORT);
        }
        if sold.calls {
            needed.extend([CALL_REPORTS, LINES]);
        }
    }
    needed
}

fn judged(
    process: Process,
    needed: Vec<&'static str>,
    granted: &[String],
    found: Result<Finding, ConnectorError>,
) -> Verdict {
    let lacking = needed
        .iter()
        .find(|scope| process == Process::Reclaim && !super::scopes::allows(granted, scope));
    let (ok, message) = match (found, lacking) {
        (_, Some(scope)) => (
            false,
            format!(
                "scope {} is not granted: tick it and give consent again",
                named(scope)
            ),
        ),
        (Ok(finding), None) => (finding.ok, finding.message),
        (Err(error), None) => (false, error.to_string()),
    };
    Verdict {
        process,
        ok,
        message,
        scopes_held: needed
            .iter()
            .filter(|scope| granted.iter().any(|held| held == *scope))
            .map(|&scope| scope.to_owned())
            .collect(),
        scopes_needed: needed.into_iter().map(str::to_owned).collect(),
    }
}
