//! `pull_user_activity`: who used what, and when. Completed days are read from reports over the
//! whole account where the scopes allow it; otherwise each user's lists tell what is scheduled. A
//! seat's last activity only ever moves forward.

use jiff::ToSpan;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use tokio::sync::mpsc::{self, Receiver};

use super::{Outcome, Run, SubflowError, coverage};
use crate::connector::facts::{Activity, ActivityPage, ActivityPlan, ActivitySource, Grade};
use crate::connector::{Connector, ConnectorError};
use crate::reclamation::evidence;
use crate::store::StoreError;
use crate::store::add_on::UserCheck;
use crate::store::job::{Counts, Failure};

/// Pages read ahead of the ledger.
const PAGES_AHEAD: usize = 4;
/// Seats looked at in one transaction.
const SEATS: u32 = 2_000;
/// Users asked for between two writes.
const USERS: u32 = 100;

/// Runs the subflow. `counts` is right also when it ends in an error; days that were read count
/// then, and are not read again when it continues.
pub async fn pull_activity<C: Connector>(
    connector: &C,
    run: &Run<'_>,
    counts: &mut Counts,
) -> Result<Outcome, SubflowError> {
    let plans = connector.activity_plans().await?;
    let analyzed = run
        .profile
        .desired
        .profile
        .subflows
        .analyze_from
        .whole_days();
    let mut findings = Findings::default();
    let mut cut = None;
    for plan in &plans {
        findings.missing.extend(plan.missing.iter().cloned());
        let horizon = analyzed.min(plan.keeps_days);
        let mut pull = Pull {
            run,
            plan,
            since: run.today().saturating_sub(i64::from(horizon).days()),
            findings: &mut findings,
        };
        let read = match plan.source {
            ActivitySource::ReportsByDay => pull.read_days(connector, horizon, counts).await,
            ActivitySource::ReportsByUser => {
                pull.read_users(connector, Grade::Hosted, counts).await
            }
            ActivitySource::ListsByUser => pull.read_users(connector, Grade::Listed, counts).await,
        };
        match read {
            Ok(()) => findings.whole += 1,
            // What stands in the way of one product does not stand in the way of another.
            Err(SubflowError::Connector(error)) if is_of_one_plan(&error) => {
                findings.failed.get_or_insert_with(|| Failure::from(&error));
                cut.get_or_insert(error.into());
            }
            Err(error) => {
                cut = Some(error);
                break;
            }
        }
    }
    // What was read moves seats forward also when the rest was not.
    settle(run, counts).await?;
    let since = run.today().saturating_sub(i64::from(analyzed).days());
    counts.unresolved = run.store.unresolved_users(run.profile.id, since).await?;
    match cut {
        Some(error) if findings.whole == 0 || !is_survivable(&error) => Err(error),
        _ => Ok(findings.outcome()),
    }
}

fn is_survivable(error: &SubflowError) -> bool {
    matches!(error, SubflowError::Connector(error) if is_of_one_plan(error))
}

/// Whether other kinds of activity may still be had. A rate limit puts the whole run off.
fn is_of_one_plan(error: &ConnectorError) -> bool {
    !matches!(
        error,
        ConnectorError::RateLimited { .. } | ConnectorError::Cancelled
    )
}

/// What all plans together found wanting.
#[derive(Default)]
struct Findings {
    /// Plans that were read whole.
    whole: usize,
    missing: Vec<String>,
    ahead: u64,
    refused: Option<Failure>,
    failed: Option<Failure>,
}

struct Pull<'a> {
    run: &'a Run<'a>,
    plan: &'a ActivityPlan,
    since: Date,
    findings: &'a mut Findings,
}

impl Pull<'_> {
    async fn read_days<C: Connector>(
        &mut self,
        connector: &C,
        horizon: u32,
        counts: &mut Counts,
    ) -> Result<(), SubflowError> {
        let run = self.run;
        let kinds = self.plan.kinds.clone();
        let read = run
            .store
            .read_days(run.profile.id, kinds, Grade::Hosted, self.since)
            .await?;
        let days = coverage::days_to_read(run.now(), horizon, self.plan.late_days, &read);
        let of = u64::try_from(days.len()).ok();
        run.reporter.step("days of activity", of);
        for day in days {
            let read_at = run.now();
            let (pages, received) = mpsc::channel(PAGES_AHEAD);
            let (asked, recorded) = tokio::join!(
                connector.activity_of_day(self.plan, day, pages),
                self.record_pages(received, counts),
            );
            recorded?;
            asked?;
            let kinds = self.plan.kinds.clone();
            run.store
                .record_read_days(run.profile.id, kinds, Grade::Hosted, day..=day, read_at)
                .await?;
            run.reporter.advance();
        }
        Ok(())
    }

    async fn record_pages(
        &mut self,
        mut pages: Receiver<ActivityPage>,
        counts: &mut Counts,
    ) -> Result<(), StoreError> {
        while let Some(page) = pages.recv().await {
            self.record(page.activities, counts).await?;
        }
        Ok(())
    }

    async fn record(
        &mut self,
        mut activities: Vec<Activity>,
        counts: &mut Counts,
    ) -> Result<(), StoreError> {
        counts.fetched += u64::try_from(activities.len()).unwrap_or_default();
        let latest = evidence::latest_believed(self.run.today());
        let told = activities.len();
        activities.retain(|activity| activity.day <= latest);
        self.findings.ahead += u64::try_from(told - activities.len()).unwrap_or_default();
        if activities.is_empty() {
            return Ok(());
        }
        self.run
            .store
            .record_activities(self.run.profile.id, activities)
            .await
    }

    async fn read_users<C: Connector>(
        &mut self,
        connector: &C,
        grade: Grade,
        counts: &mut Counts,
    ) -> Result<(), SubflowError> {
        let run = self.run;
        let asked_at = run.now();
        let start_of_day = run
            .today()
            .to_zoned(TimeZone::UTC)
            .map_or(asked_at, |day| day.timestamp());
        run.reporter.step("activity of users", None);
        let mut after = String::new();
        let mut refused: Option<Failure> = None;
        loop {
            let users = run
                .store
                .users_to_ask(
                    run.profile.id,
                    UserCheck::Activity,
                    start_of_day,
                    &after,
                    USERS,
                )
                .await?;
            let Some(last) = users.last() else {
                break;
            };
            after.clone_from(last);
            let mut asked = Vec::with_capacity(users.len());
            let mut cut = None;
            for user in users {
                match connector.activity_of_user(&user, self.since).await {
                    Ok(page) => self.record(page.activities, counts).await?,
                    Err(error @ ConnectorError::Rejected { .. }) => {
                        refused.get_or_insert_with(|| Failure::from(&error));
                    }
                    Err(error) => {
                        cut = Some(error);
                        break;
                    }
                }
                asked.push(user);
                run.reporter.advance();
            }
            run.store
                .record_user_check(run.profile.id, UserCheck::Activity, asked, asked_at)
                .await?;
            if let Some(error) = cut {
                return Err(error.into());
            }
        }
        match refused {
            None => self.record_days_of_users(grade).await?,
            Some(refused) => {
                self.findings.refused.get_or_insert(refused);
            }
        }
        Ok(())
    }

    /// Everybody was asked: what they tell is known for every day since.
    async fn record_days_of_users(&self, grade: Grade) -> Result<(), StoreError> {
        let run = self.run;
        let days = self.since..=run.today().saturating_sub(1.day());
        let kinds = self.plan.kinds.clone();
        run.store
            .record_read_days(run.profile.id, kinds, grade, days, run.now())
            .await
    }
}

impl Findings {
    fn outcome(self) -> Outcome {
        let mut missing = self.missing;
        if self.ahead > 0 {
            missing.push(format!(
                "{} activities lie more than a day ahead and were ignored: compare the clocks of this host and the vendor",
                self.ahead
            ));
        }
        if let Some(mut refused) = self.failed.or(self.refused) {
            missing.insert(0, std::mem::take(&mut refused.message));
            refused.message = missing.join("; ");
            return Outcome::Partial(refused);
        }
        if missing.is_empty() {
            return Outcome::Completed;
        }
        Outcome::Partial(Failure {
            step: "activity".into(),
            message: missing.join("; "),
            ..Failure::default()
        })
    }
}

async fn settle(run: &Run<'_>, counts: &mut Counts) -> Result<(), StoreError> {
    let mut after = 0;
    loop {
        let settled = run
            .store
            .settle_last_activity(
                run.profile.id,
                evidence::counting,
                evidence::latest_believed(run.today()),
                after,
                SEATS,
            )
            .await?;
        counts.updated += settled.moved;
        match settled.next {
            Some(next) => after = next,
            None => return Ok(()),
        }
    }
}
