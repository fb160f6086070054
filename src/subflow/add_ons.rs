//! Add-on seats of users, for vendors that tell them only in a call per user. New and changed users
//! are asked for at once; of the others a thirtieth per run, the longest unasked first.

use jiff::SignedDuration;

use super::{Outcome, Run, SubflowError};
use crate::connector::{Connector, ConnectorError};
use crate::store::add_on::{AddOnAnswer, AddOnChanges};
use crate::store::job::{Counts, Failure};

/// Everybody is asked for again within so many daily runs.
const ROTATION_RUNS: u64 = 30;
/// Answers written at once.
const ANSWERS: usize = 100;
/// Users looked up at once.
const LOOK_AHEAD: u32 = 1_000;
/// A user who was asked for within this time is not asked for again by rotation.
const FRESH: SignedDuration = SignedDuration::from_hours(12);

/// Asks for the add-ons of those who are due.
pub async fn ask_for_add_ons<C: Connector>(
    connector: &C,
    run: &Run<'_>,
    counts: &mut Counts,
) -> Result<Outcome, SubflowError> {
    let profile = run.profile.id;
    let holders = run.store.add_on_users(profile).await?;
    if holders == 0 {
        return Ok(Outcome::Completed);
    }
    let stale_before = run.now().saturating_sub(FRESH).unwrap_or(run.now());
    let rotation = u32::try_from(holders.div_ceil(ROTATION_RUNS)).unwrap_or(u32::MAX);
    run.reporter.step("add-ons of users", None);
    let mut asking = Asking {
        connector,
        run,
        answers: Vec::new(),
        changed: false,
        refused: None,
    };
    let mut after = String::new();
    let asked = loop {
        let users = run
            .store
            .unchecked_add_on_users(profile, &after, LOOK_AHEAD)
            .await?;
        let Some(last) = users.last() else {
            asking.record(counts).await?;
            let rotated = run
                .store
                .stale_add_on_users(profile, stale_before, rotation)
                .await?;
            break asking.ask(&rotated, counts).await;
        };
        after.clone_from(last);
        if let Err(error) = asking.ask(&users, counts).await {
            break Err(error);
        }
    };
    asking.record(counts).await?;
    if asking.changed {
        counts.excluded = run.store.recount_seats(profile, run.now()).await?;
    }
    match asked {
        Ok(()) => Ok(asking.refused.map_or(Outcome::Completed, Outcome::Partial)),
        Err(SubflowError::Connector(error @ ConnectorError::MissingScope { .. })) => {
            Ok(Outcome::Partial(Failure::from(&error)))
        }
        Err(error) => Err(error),
    }
}

struct Asking<'a, C> {
    connector: &'a C,
    run: &'a Run<'a>,
    answers: Vec<AddOnAnswer>,
    /// An answer made a difference.
    changed: bool,
    refused: Option<Failure>,
}

impl<C: Connector> Asking<'_, C> {
    async fn ask(&mut self, users: &[String], counts: &mut Counts) -> Result<(), SubflowError> {
        for user in users {
            match self.connector.add_ons(user).await {
                Ok(report) => self.answers.push(AddOnAnswer {
                    external_user_id: user.clone(),
                    report,
                }),
                // One user whom the vendor does not want to tell about is no reason to stop.
                Err(error @ ConnectorError::Rejected { .. }) => {
                    self.refused.get_or_insert_with(|| Failure::from(&error));
                }
                Err(error) => return Err(error.into()),
            }
            self.run.reporter.advance();
            if self.answers.len() >= ANSWERS {
                self.record(counts).await?;
            }
        }
        Ok(())
    }

    async fn record(&mut self, counts: &mut Counts) -> Result<(), SubflowError> {
        let answers = std::mem::take(&mut self.answers);
        if answers.is_empty() {
            return Ok(());
        }
        let changes = self
            .run
            .store
            .record_add_ons(self.run.profile.id, answers, self.run.now())
            .await?;
        self.changed |= changes != AddOnChanges::default();
        counts.inserted += changes.inserted;
        counts.updated += changes.updated;
        counts.ended += changes.ended;
        Ok(())
    }
}
