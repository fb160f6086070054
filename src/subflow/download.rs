//! `download_subscriptions`: who holds which seat. Pages are staged as they come; only a complete
//! and believable walk is merged, in one transaction, so that readers never see half a refresh.

use jiff::Timestamp;
use tokio::sync::mpsc::{self, Receiver};

use super::add_ons::ask_for_add_ons;
use super::entries::Matcher;
use super::{Outcome, Run, SubflowError, evidence, gate};
use crate::connector::facts::{Completeness, SeatPage, WalkReport};
use crate::connector::{Connector, ConnectorError};
use crate::store::StoreError;
use crate::store::job::{Counts, Failure};
use crate::store::staging::{StagedPage, StagedSeat, Staging};
use crate::store::walk::{NewWalk, WalkVerdict};

/// Pages read ahead of the staging set.
const PAGES_AHEAD: usize = 4;

/// Runs the subflow. `counts` is right also when it ends in an error.
pub async fn download<C: Connector>(
    connector: &C,
    run: &Run<'_>,
    counts: &mut Counts,
) -> Result<Outcome, SubflowError> {
    let matcher = matcher(run).await?;
    run.reporter.step("pages of users", None);
    let staging = run.store.begin_staging(run.profile.id, run.job).await?;
    let (pages, received) = mpsc::channel(PAGES_AHEAD);
    let (walked, staged) = tokio::join!(
        connector.walk_seats(pages),
        stage_pages(run, &matcher, staging, received),
    );
    // A full disk makes the walk end as cancelled; the disk is the cause.
    let staging = staged?;
    let report = walked?;
    counts.fetched = staging.seats();
    counts.unrecognized = count_of(&report.unrecognized);
    if let Some(unbelieved) = judge(run, &report, staging.seats()).await? {
        return Ok(Outcome::Unbelieved(unbelieved));
    }
    run.reporter.step("merging seats", None);
    let walk = walk_of(run, report, staging.seats(), WalkVerdict::Complete, None);
    let merged = run.store.merge(staging, walk, matcher.entries()).await?;
    counts.inserted = merged.inserted;
    counts.updated = merged.updated;
    counts.ended = merged.ended;
    counts.excluded = merged.excluded;
    note_purchases(connector, run).await?;
    ask_for_add_ons(connector, run, counts).await
}

/// The entries that hold today, bound to the users that they once matched.
pub async fn matcher(run: &Run<'_>) -> Result<Matcher, StoreError> {
    let today = run.now().to_zoned(run.zone.clone()).date();
    let matcher = Matcher::new(&run.profile.desired, today);
    let bindings = run
        .store
        .bindings(run.profile.id, matcher.one_user_patterns())
        .await?;
    Ok(matcher.bound_to(&bindings))
}

async fn stage_pages(
    run: &Run<'_>,
    matcher: &Matcher,
    mut staging: Staging,
    mut pages: Receiver<SeatPage>,
) -> Result<Staging, StoreError> {
    while let Some(page) = pages.recv().await {
        staging = staging.stage(staged_page(matcher, page)).await?;
        run.reporter.advance();
    }
    Ok(staging)
}

fn staged_page(matcher: &Matcher, page: SeatPage) -> StagedPage {
    let matches = page
        .seats
        .iter()
        .flat_map(|seat| matcher.matches(&seat.external_user_id, &seat.email))
        .collect();
    let seats = page
        .seats
        .into_iter()
        .map(|seat| StagedSeat {
            sign_in_is_activity: evidence::sign_in_counts(&seat.identifier),
            seat,
        })
        .collect();
    StagedPage { seats, matches }
}

/// Records a walk that may not come into force, and says why; `None` for one that may.
async fn judge(
    run: &Run<'_>,
    report: &WalkReport,
    seats: u64,
) -> Result<Option<Failure>, StoreError> {
    let baseline = run.store.walk_baseline(run.profile.id).await?;
    let (verdict, reason) = match &report.completeness {
        Completeness::Incomplete(reason) => (WalkVerdict::Incomplete, reason.clone()),
        Completeness::Complete => match gate::doubt(report.users, baseline) {
            Some(doubt) => (WalkVerdict::Held, doubt),
            None => return Ok(None),
        },
    };
    let message = match verdict {
        WalkVerdict::Held => format!(
            "{reason}: what was known stays in force; if it is true, run `seatsync release {}`",
            run.profile.name
        ),
        _ => format!("the walk is incomplete: {reason}: what was known stays in force"),
    };
    let walk = walk_of(run, report.clone(), seats, verdict, Some(reason));
    run.store.record_walk(run.profile.id, walk).await?;
    Ok(Some(Failure {
        step: "list users".into(),
        message,
        ..Failure::default()
    }))
}

fn walk_of(
    run: &Run<'_>,
    report: WalkReport,
    seats: u64,
    verdict: WalkVerdict,
    reason: Option<String>,
) -> NewWalk {
    NewWalk {
        job: run.job.to_owned(),
        verdict,
        reason,
        report,
        seats,
        ended_at: run.now(),
    }
}

/// What was bought is good to know and never worth failing a download for.
async fn note_purchases<C: Connector>(connector: &C, run: &Run<'_>) -> Result<(), StoreError> {
    let now: Timestamp = run.now();
    match connector.purchased().await {
        Ok(purchases) => {
            run.store
                .set_purchases(run.profile.id, purchases, now)
                .await
        }
        Err(ConnectorError::MissingScope { .. }) => Ok(()),
        Err(error) => {
            tracing::info!(profile = %run.profile.name, %error, "what was bought is not known");
            Ok(())
        }
    }
}

fn count_of<T>(list: &[T]) -> u64 {
    u64::try_from(list.len()).unwrap_or(u64::MAX)
}
