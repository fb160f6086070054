//! Giving back a seat that was taken back: from what was so before, and read back at the vendor.

use jiff::{SignedDuration, Timestamp};

use super::plan::Permit;
use super::reclaim::read_back;
use super::{Run, SubflowError};
use crate::connector::{Connector, ConnectorError, Holding, PriorState, SeatRef, Written};
use crate::reclamation::actor::Actor;
use crate::reclamation::candidate::Candidate;
use crate::reclamation::rule::Rules;
use crate::store::StoreError;
use crate::store::write::{Meaning, NewWrite, Write, WriteEnd, WriteKind, WriteState};

/// What became of a seat that was to be given back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restoration {
    /// Whether it is held again.
    pub ok: bool,
    /// What came back, what did not, and what it may cost; or why nothing did.
    pub message: String,
}

impl Restoration {
    fn not(message: impl Into<String>) -> Self {
        Self {
            ok: false,
            message: message.into(),
        }
    }
}

/// The reclaim of a candidate that took effect last, if one did and was not given back since.
pub fn to_undo(candidate: &Candidate, writes: &[Write]) -> Option<Write> {
    writes
        .iter()
        .rev()
        .find(|write| write.state == WriteState::Done)
        .filter(|write| write.kind == WriteKind::Reclaim && candidate.restored_at.is_none())
        .cloned()
}

/// Gives the seat of a candidate back, as `write` found it.
pub async fn restore<C: Connector>(
    connector: &C,
    run: &Run<'_>,
    permit: &Permit,
    (candidate, write): (&Candidate, &Write),
    by: &Actor,
) -> Result<Restoration, SubflowError> {
    if let Some(off) = permit.stopped() {
        return Ok(Restoration::not(off));
    }
    if !permit.writes {
        return Ok(Restoration::not("`writes` is not true in seatsync.yaml"));
    }
    if let Some(hold) = run.store.restore_hold(run.profile.id).await? {
        return Ok(Restoration::not(hold));
    }
    let seat = SeatRef {
        external_user_id: candidate.external_user_id.clone(),
        identifier: candidate.identifier.clone(),
    };
    let Some(prior) = write.prior.clone().map(PriorState) else {
        return Ok(Restoration::not("what was so before is not recorded"));
    };
    match connector.holding(&seat).await? {
        Holding::Held => {
            let kept_until = cool_down_ends(run, candidate, permit);
            let noted = run
                .store
                .note_found_held(candidate.id, kept_until, by, run.now())
                .await?;
            if !noted {
                return Ok(Restoration::not(
                    "another `undo` gives it back, or has just done so: `seatsync candidates show` tells",
                ));
            }
            return Ok(Restoration {
                ok: true,
                message: "its user has it again already".to_owned(),
            });
        }
        Holding::UserGone => {
            return Ok(Restoration::not(
                "the vendor does not know the user any more: only an invitation brings them back",
            ));
        }
        Holding::NotHeld => {}
    }
    let new = NewWrite {
        candidate: candidate.id,
        kind: WriteKind::Restore,
        job: None,
        plan: None,
        asked_by: by.clone(),
        prior: Some(prior.0.clone()),
    };
    let Some(id) = run.store.intend(run.profile.id, new, run.now()).await? else {
        return Ok(Restoration::not("another write for it is under way"));
    };
    let written = connector.restore_seat(&seat, &prior).await;
    let restoring = Restoring {
        candidate,
        seat: &seat,
        write: id,
    };
    settle(connector, run, permit, &restoring, written).await
}

/// A seat that is being given back.
#[derive(Debug, Clone, Copy)]
struct Restoring<'a> {
    candidate: &'a Candidate,
    seat: &'a SeatRef,
    /// The write's number.
    write: i64,
}

async fn settle<C: Connector>(
    connector: &C,
    run: &Run<'_>,
    permit: &Permit,
    restoring: &Restoring<'_>,
    written: Result<Written, ConnectorError>,
) -> Result<Restoration, SubflowError> {
    let Restoring {
        candidate,
        seat,
        write: id,
    } = *restoring;
    let (trace_id, trouble) = match written {
        Ok(Written::Done { trace_id } | Written::AlreadySo { trace_id }) => (trace_id, None),
        Ok(Written::Refused(refusal)) => {
            end(
                run,
                id,
                WriteState::Refused,
                &refusal.message,
                refusal.context.trace_id,
                None,
            )
            .await?;
            return Ok(Restoration::not(refusal.message));
        }
        Err(error) => {
            let trace_id = error.context().and_then(|context| context.trace_id.clone());
            (trace_id, Some(error.to_string()))
        }
    };
    // It may show a while later, and after trouble only the vendor knows.
    let holding = read_back(connector, run, seat, true).await?;
    if holding != Holding::Held {
        let message = trouble.unwrap_or_else(|| {
            "the vendor acknowledged it, and does not show the seat as held".to_owned()
        });
        end(run, id, WriteState::Failed, &message, trace_id, None).await?;
        return Ok(Restoration::not(message));
    }
    let given_back = Meaning::GivenBack {
        kept_until: cool_down_ends(run, candidate, permit),
    };
    end(
        run,
        id,
        WriteState::Done,
        "given back, and read back",
        trace_id,
        Some(given_back),
    )
    .await?;
    Ok(Restoration {
        ok: true,
        message: gone_for_good(candidate).to_owned(),
    })
}

/// What giving a seat back does not bring back, and what it may cost.
fn gone_for_good(candidate: &Candidate) -> &'static str {
    let mut parts = candidate.identifier.as_str().split('.');
    match (parts.next(), parts.next()) {
        (Some("zoom"), Some("licensed")) => {
            "given back; cloud recordings that Zoom deleted meanwhile do not come back, and add-ons are given back by themselves"
        }
        (Some("goto"), Some("connect")) => {
            "given back; phone settings come back only within seven days"
        }
        (Some("aha"), _) => {
            "given back; where no paid seat was free, Aha! charges for another one at once"
        }
        _ => "given back",
    }
}

async fn end(
    run: &Run<'_>,
    id: i64,
    state: WriteState,
    outcome: &str,
    trace_id: Option<String>,
    means: Option<Meaning>,
) -> Result<(), StoreError> {
    let end = WriteEnd {
        state,
        outcome: outcome.to_owned(),
        trace_id,
        means,
    };
    run.store
        .end_write(run.profile.id, id, end, run.now())
        .await
        .map(drop)
}

/// Nobody is asked again for the seat before then.
fn cool_down_ends(run: &Run<'_>, candidate: &Candidate, permit: &Permit) -> Timestamp {
    let rules = Rules::of(&run.profile.desired, permit.guards);
    let cool_down = rules.for_identifier(&candidate.identifier).cool_down;
    let now = run.now();
    now.saturating_add(SignedDuration::from(cool_down))
        .unwrap_or(now)
}
