//! `download_subscriptions`: who holds which seat. Pages are staged as they come; only a complete
//! and believable walk is merged, in one transaction, so that readers never see half a refresh.
//!
//! Where the vendor's list tells when each user was last there, the download is the activity too:
//! seats move forward with the merge, and every day before a complete walk is known.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use tokio::sync::mpsc::{self, Receiver};

use super::add_ons::ask_for_add_ons;
use super::entries::Matcher;
use super::{Outcome, Run, SubflowError, gate};
use crate::connector::facts::{Completeness, Grade, Seat, SeatPage, WalkReport};
use crate::connector::{Connector, ConnectorError};
use crate::reclamation::evidence;
use crate::store::StoreError;
use crate::store::job::{Counts, Failure};
use crate::store::staging::{StagedPage, StagedSeat, Staging};
use crate::store::walk::{NewWalk, WalkVerdict};

/// Pages read ahead of the staging set.
const PAGES_AHEAD: usize = 4;

/// Days before a complete walk that its last sign-ins make known. They make known every day before
/// it; more than a year is asked for by no rule.
const DAYS_KNOWN_BY_LIST: i64 = 365;

/// Runs the subflow. `counts` is right also when it ends in an error.
pub async fn download<C: Connector>(
    connector: &C,
    run: &Run<'_>,
    counts: &mut Counts,
) -> Result<Outcome, SubflowError> {
    let matcher = matcher(run).await?;
    let asked_on = run.today();
    run.reporter.step("pages of users", None);
    let staging = run.store.begin_staging(run.profile.id, run.job).await?;
    let (pages, received) = mpsc::channel(PAGES_AHEAD);
    let (walked, staged) = tokio::join!(
        connector.walk_seats(pages),
        stage_pages(run, &matcher, staging, received),
    );
    // A full disk makes the walk end as cancelled; the disk is the cause.
    let (staging, ahead) = staged?;
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
    note_activity_in_list(connector, run, asked_on).await?;
    note_purchases(connector, run).await?;
    let outcome = ask_for_add_ons(connector, run, counts).await?;
    Ok(match ahead {
        Some(ahead) => with_ahead(outcome, &ahead),
        None => outcome,
    })
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

/// A last sign-in that lies ahead and is not believed.
struct Ahead {
    external_user_id: String,
    day: Date,
}

/// Stages what comes; the first sign-in that lies ahead stands for all of them.
async fn stage_pages(
    run: &Run<'_>,
    matcher: &Matcher,
    mut staging: Staging,
    mut pages: Receiver<SeatPage>,
) -> Result<(Staging, Option<Ahead>), StoreError> {
    let latest = evidence::latest_believed(run.today());
    let mut ahead = None;
    let knows_suites = run.store.knows_suites(run.profile.id).await?;
    while let Some(mut page) = pages.recv().await {
        if knows_suites {
            apply_known_suites(run, &mut page).await?;
        }
        let page = staged_page(matcher, page, latest, &mut ahead);
        staging = staging.stage(page).await?;
        run.reporter.advance();
    }
    Ok((staging, ahead))
}

/// Makes base seats those of the suites that calls per user told before.
async fn apply_known_suites(run: &Run<'_>, page: &mut SeatPage) -> Result<(), StoreError> {
    let users = page.seats.iter().filter(|seat| seat.may_have_add_ons);
    let users = users.map(|seat| seat.external_user_id.clone()).collect();
    let suites = run.store.known_suites(run.profile.id, users).await?;
    for seat in &mut page.seats {
        if let Some(known) = suites.get(&seat.external_user_id) {
            known.apply(seat);
        }
    }
    Ok(())
}

fn staged_page(
    matcher: &Matcher,
    page: SeatPage,
    latest: Date,
    ahead: &mut Option<Ahead>,
) -> StagedPage {
    let matches = page
        .seats
        .iter()
        .flat_map(|seat| matcher.matches(&seat.external_user_id, &seat.email))
        .collect();
    let seats = page
        .seats
        .into_iter()
        .map(|seat| {
            let used_on = sign_in_day(&seat);
            if let Some(day) = used_on.filter(|day| *day > latest) {
                ahead.get_or_insert_with(|| Ahead {
                    external_user_id: seat.external_user_id.clone(),
                    day,
                });
            }
            StagedSeat {
                used_on: used_on.filter(|day| *day <= latest),
                seat,
            }
        })
        .collect();
    StagedPage { seats, matches }
}

/// The day of the last sign-in, where that is use of the seat.
fn sign_in_day(seat: &Seat) -> Option<Date> {
    let at = seat.last_login_at?;
    evidence::sign_in_counts(&seat.identifier).then(|| at.to_zoned(TimeZone::UTC).date())
}

/// The same outcome, telling of a sign-in that was not believed.
fn with_ahead(outcome: Outcome, ahead: &Ahead) -> Outcome {
    let told = format!(
        "the last sign-in of user `{}`, on {}, lies more than a day ahead: it and any other such is ignored until its day; compare the clocks of this host and the vendor",
        ahead.external_user_id, ahead.day
    );
    match outcome {
        Outcome::Completed => Outcome::Partial(Failure {
            step: "list users".into(),
            message: told,
            ..Failure::default()
        }),
        Outcome::Partial(failure) => Outcome::Partial(Failure {
            message: format!("{}; {told}", failure.message),
            ..failure
        }),
        other @ Outcome::Unbelieved(_) => other,
    }
}

/// A complete walk whose list tells everybody's latest activity leaves no day before it unknown.
async fn note_activity_in_list<C: Connector>(
    connector: &C,
    run: &Run<'_>,
    asked_on: Date,
) -> Result<(), StoreError> {
    let kinds = connector.activity_in_list();
    if kinds.is_empty() {
        return Ok(());
    }
    let first = asked_on.saturating_sub(DAYS_KNOWN_BY_LIST.days());
    let days = first..=asked_on.saturating_sub(1.day());
    run.store
        .record_read_days(
            run.profile.id,
            kinds.to_vec(),
            Grade::Hosted,
            days,
            run.now(),
        )
        .await
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
            tracing::info!(%error, "what was bought is not known");
            Ok(())
        }
    }
}

fn count_of<T>(list: &[T]) -> u64 {
    u64::try_from(list.len()).unwrap_or(u64::MAX)
}
