//! `reclaim_subscriptions`: carries a plan out. Each write is recorded before it is made; the user is read
//! at the vendor and everything is looked at again just before; what became of it is read back.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::plan::{Permit, PlanContext, Planned, make_plan};
use super::{Outcome, Run, SubflowError};
use crate::clock;
use crate::connector::{
    CallStats, Connector, ConnectorError, Consequence, FreshSeat, Holding, SeatRef, WriteOptions,
    Written,
};
use crate::profile::identifier::Identifier;
use crate::reclamation::actor::Actor;
use crate::reclamation::candidate::{Event, Justification, State};
use crate::reclamation::evidence;
use crate::reclamation::judge;
use crate::reclamation::plan::{Action, ERRORS_THAT_STOP, Plan, Step};
use crate::reclamation::rule::{Rule, Rules};
use crate::settings::Guards;
use crate::store::StoreError;
use crate::store::candidate::{Happened, Happening};
use crate::store::job::{Counts, Failure};
use crate::store::write::{Meaning, NewWrite, Write, WriteEnd, WriteKind, WriteState};
use crate::telemetry::Notable;
use crate::yaml::duration::Span;

/// What a reclaim runs with beside what every subflow does.
#[derive(Debug, Clone, Copy)]
pub struct Reclaim<'a> {
    /// What the daemon lets it do.
    pub permit: &'a Permit,
    /// What it asked of the vendor, which tells how far the clocks are apart.
    pub stats: &'a CallStats,
    /// Since when what is written counts as written in this run.
    pub since: Timestamp,
}

/// Runs the subflow: seats taken back are `ended`, users asked are `updated`.
pub async fn reclaim<C: Connector>(
    connector: &C,
    run: &Run<'_>,
    reclaim: Reclaim<'_>,
    counts: &mut Counts,
) -> Result<(Outcome, Plan), SubflowError> {
    run.reporter.step("writes that were cut", None);
    resolve_open_writes(connector, run).await?;
    let context = PlanContext {
        permit: reclaim.permit,
        zone: run.zone,
        now: run.now(),
        vendor_ahead: reclaim.stats.vendor_ahead(),
        run_since: reclaim.since,
    };
    let planned = make_plan(run.store, run.profile, &context).await?;
    let plan = planned.plan.clone();
    run.store.note_plan(run.profile.id, plan.clone()).await?;
    for (candidate, approval, why) in &planned.dropped {
        tracing::warn!(candidate, %approval, "not pressed: {why}");
    }
    // Where every step waits, the plan was not acted on: the next one may differ and be held again.
    if plan.held || plan.going().next().is_none() {
        return Ok((Outcome::Completed, plan));
    }
    let candidates = plan.steps.iter().map(|step| step.candidate).collect();
    run.store
        .note_acted(run.profile.id, plan.digest.clone(), candidates, run.now())
        .await?;
    let mut carrying = Carrying {
        connector,
        run,
        reclaim,
        planned: &planned,
        taken: BTreeSet::new(),
        failures: Vec::new(),
    };
    let of = u64::try_from(plan.going().count()).ok();
    run.reporter.step("seats to take back", of);
    for step in plan.going() {
        let stop = carrying.carry_out(step, counts).await?;
        run.reporter.advance();
        if let Some(stop) = stop {
            carrying.failures.push(stop);
            break;
        }
    }
    Ok((carrying.outcome(), plan))
}

/// What a write came to.
enum Came {
    /// The next step may go.
    On,
    /// No further step of this run goes, for this reason.
    Stop(String),
}

struct Carrying<'a, C> {
    connector: &'a C,
    run: &'a Run<'a>,
    reclaim: Reclaim<'a>,
    planned: &'a Planned,
    /// Users' seats taken back in this run.
    taken: BTreeSet<(String, Identifier)>,
    failures: Vec<String>,
}

impl<C: Connector> Carrying<'_, C> {
    /// Why the run goes no further, if it does not.
    async fn carry_out(
        &mut self,
        step: &Step,
        counts: &mut Counts,
    ) -> Result<Option<String>, SubflowError> {
        if let Some(stop) = self.standstill().await? {
            return Ok(Some(stop));
        }
        let rule = self.planned.judging.of(&step.identifier).rule.clone();
        if !self.press(step, &rule).await? {
            return Ok(None);
        }
        if step.action == Action::Ask {
            counts.updated += 1;
            return Ok(None);
        }
        let write = NewWrite {
            candidate: step.candidate,
            kind: WriteKind::Reclaim,
            job: Some(self.run.job.to_owned()),
            plan: Some(self.planned.plan.digest.clone()),
            asked_by: pressed_by(step),
            prior: None,
        };
        let run = self.run;
        let Some(id) = run.store.intend(run.profile.id, write, run.now()).await? else {
            return Ok(None);
        };
        match self.write(step, &rule, id, counts).await? {
            Came::On => Ok(None),
            Came::Stop(why) => Ok(Some(why)),
        }
    }

    /// What stops the whole run: looked at before each step.
    async fn standstill(&self) -> Result<Option<String>, StoreError> {
        let run = self.run;
        let Some(now) = run.store.desired_profile(&run.profile.name).await? else {
            return Ok(Some("the profile is gone".to_owned()));
        };
        if let Some(reason) = self.reclaim.permit.switched_off(&now) {
            return Ok(Some(reason));
        }
        if now.revision != run.profile.revision || now.applied_at != run.profile.applied_at {
            let reason =
                "the profile changed while its plan was carried out: the next run makes a new one";
            return Ok(Some(reason.to_owned()));
        }
        if let Some(trouble) = run.store.files_trouble(&run.profile.name).await? {
            return Ok(Some(trouble));
        }
        let standing = run.store.reclaim_standing(run.profile.id).await?;
        Ok((standing.errors >= ERRORS_THAT_STOP)
            .then(|| format!("{} writes in a row failed", standing.errors)))
    }

    /// Presses a ready candidate. Whether the step may go on.
    async fn press(&self, step: &Step, rule: &Rule) -> Result<bool, StoreError> {
        let run = self.run;
        let Some(candidate) = run.store.candidate(step.candidate).await? else {
            return Ok(false);
        };
        if candidate.state != State::Ready {
            return Ok(candidate.state == State::AwaitingRevocation);
        }
        let asks_user = step.action == Action::Ask;
        let days = SignedDuration::from_hours(24 * i64::from(rule.days_before_auto_reclamation));
        let by = pressed_by(step);
        let happening = Happening {
            answer_by: asks_user
                .then(|| run.now().saturating_add(days).ok())
                .flatten(),
            ..Happening::new(
                step.candidate,
                Event::Pressed { asks_user },
                format!("pressed by {by}"),
                &by,
            )
        };
        let happened = run.store.happen(vec![happening], run.now()).await?;
        Ok(matches!(happened.first(), Some(Happened::Moved(_))))
    }

    /// Makes one write whose intent is recorded.
    async fn write(
        &mut self,
        step: &Step,
        rule: &Rule,
        id: i64,
        counts: &mut Counts,
    ) -> Result<Came, SubflowError> {
        let seat = SeatRef {
            external_user_id: step.external_user_id.clone(),
            identifier: step.identifier.clone(),
        };
        let kinds = evidence::counting(&step.identifier);
        let options = self.options();
        let since = self.planned.judging.of(&step.identifier).window_first();
        let fresh = match self
            .connector
            .read_seat(&seat, kinds, since, &options)
            .await
        {
            Ok(fresh) => fresh,
            Err(error) => {
                let message = format!("not written: {error}");
                self.end(id, WriteState::Withdrawn, message, None, None)
                    .await?;
                return self.after_error(error);
            }
        };
        if let Some((happening, message)) = self.objection(step, &fresh).await? {
            self.end(id, WriteState::Withdrawn, message, None, happening)
                .await?;
            return Ok(Came::On);
        }
        self.run.store.note_prior(id, fresh.prior.0.clone()).await?;
        let written = self
            .connector
            .reclaim_seat(&seat, &fresh.prior, &options)
            .await;
        let consequences = fresh.consequences;
        self.settle(step, rule, (&seat, &consequences), id, written, counts)
            .await
    }

    /// What just read speaks against the write, and what that means for the candidate.
    async fn objection(
        &self,
        step: &Step,
        fresh: &FreshSeat,
    ) -> Result<Option<(Option<Happening>, String)>, StoreError> {
        let happening =
            |event, reason: &str| Some(Happening::new(step.candidate, event, reason, &Actor::Rule));
        let said = match fresh.holding {
            Holding::Held => None,
            Holding::NotHeld | Holding::UserGone => {
                let reason = "the vendor says that the seat is not held any more";
                Some((happening(Event::SeatGone, reason), reason.to_owned()))
            }
        };
        if said.is_some() {
            return Ok(said);
        }
        let candidate = self.run.store.candidate(step.candidate).await?;
        let why = candidate.map_or(Justification::LowUsage, |one| one.justification);
        // Who left may have used it until then.
        if let Some((day, kind, grade)) = fresh.used_on
            && why != Justification::Left
        {
            let reason = format!(
                "it was used on {day} ({}, {}), says the vendor now",
                kind.as_str(),
                grade.as_str()
            );
            return Ok(Some((happening(Event::Used, &reason), reason)));
        }
        let mut reasons: Vec<String> = fresh.hindrances.iter().map(ToString::to_string).collect();
        let kept: Vec<&str> = fresh
            .takes_along
            .iter()
            .filter(|taken| {
                let seat = (step.external_user_id.clone(), (*taken).clone());
                !self.taken.contains(&seat)
            })
            .map(Identifier::as_str)
            .collect();
        if !kept.is_empty() {
            reasons.push(format!("it would take {} along", kept.join(", ")));
        }
        reasons.extend(self.clock_trouble());
        reasons.extend(self.reclaim.permit.switched_off(self.run.profile));
        reasons.extend(self.judged_again(step, why).await?);
        Ok((!reasons.is_empty()).then(|| (None, format!("withheld: {}", reasons.join("; ")))))
    }

    fn clock_trouble(&self) -> Option<String> {
        let ahead = self.reclaim.stats.vendor_ahead()?;
        crate::reclamation::plan::skewed(ahead)
    }

    /// What the recorded facts say of the seat at this moment.
    async fn judged_again(
        &self,
        step: &Step,
        why: Justification,
    ) -> Result<Option<String>, StoreError> {
        let run = self.run;
        let mut judging = self.planned.judging.clone();
        // A directory's file may be gone since the plan was made.
        judging.knowledge.stale_directories = run.store.stale_directories(run.now()).await?;
        let wanted = step.identifier.clone();
        let judged = run
            .store
            .judge_user(
                run.profile.id,
                Arc::clone(&self.planned.judging.namesakes),
                &step.external_user_id,
                move |identifier, facts| {
                    if *identifier != wanted {
                        return None;
                    }
                    let criteria = judging.of(identifier);
                    Some(judge::lapse(why, &criteria, &judging.knowledge, facts))
                },
            )
            .await?;
        Ok(match judged.into_iter().flatten().next() {
            None => Some("the seat is not recorded any more".to_owned()),
            Some(Some((check, _))) => Some(format!("`{}` does not hold any more", check.as_str())),
            Some(None) => None,
        })
    }

    /// Reads back what the vendor did, and records it.
    async fn settle(
        &mut self,
        step: &Step,
        rule: &Rule,
        (seat, consequences): (&SeatRef, &[Consequence]),
        id: i64,
        written: Result<Written, ConnectorError>,
        counts: &mut Counts,
    ) -> Result<Came, SubflowError> {
        let trace_id = match &written {
            Ok(Written::Done { trace_id } | Written::AlreadySo { trace_id }) => trace_id.clone(),
            Ok(Written::Refused(refusal)) => refusal.context.trace_id.clone(),
            Err(error) => error.context().and_then(|context| context.trace_id.clone()),
        };
        if let Ok(Written::Refused(refusal)) = &written {
            let message = refusal.message.clone();
            let failed = Happening::new(step.candidate, Event::Failed, &message, &Actor::Rule);
            self.end(
                id,
                WriteState::Refused,
                message.clone(),
                trace_id,
                Some(failed),
            )
            .await?;
            self.failures.push(format!("{}: {message}", step.email));
            return Ok(if refusal.kind.stops_batch() {
                Came::Stop(message)
            } else {
                Came::On
            });
        }
        match read_back(self.connector, self.run, seat, false).await {
            Ok(Holding::NotHeld | Holding::UserGone) => {
                let kept_until = later(self.run.now(), rule.cool_down);
                // What the vendor did of itself is told with the candidate: it is no news of the next walk.
                let also = consequences
                    .iter()
                    .flat_map(|one| ["; ", one.as_str()])
                    .collect::<String>();
                let happening = Happening {
                    kept_until,
                    ..Happening::new(
                        step.candidate,
                        Event::Revoked,
                        format!("taken back at the vendor{also}"),
                        &pressed_by(step),
                    )
                };
                let message = format!("taken back, and read back{also}");
                self.end(id, WriteState::Done, message, trace_id, Some(happening))
                    .await?;
                let seat = (step.external_user_id.clone(), step.identifier.clone());
                self.taken.insert(seat);
                counts.ended += 1;
                Ok(Came::On)
            }
            Ok(Holding::Held) => {
                let message = match written {
                    Err(error) => format!("it did not take effect: {error}"),
                    Ok(_) => "the vendor acknowledged it, and still shows the seat as held: the next run looks again".to_owned(),
                };
                let failed = Happening::new(step.candidate, Event::Failed, &message, &Actor::Rule);
                self.end(
                    id,
                    WriteState::Failed,
                    message.clone(),
                    trace_id,
                    Some(failed),
                )
                .await?;
                self.failures.push(format!("{}: {message}", step.email));
                Ok(Came::On)
            }
            // The intent stays open: the next run reads the vendor before anything else.
            Err(error) => self.after_error(error),
        }
    }

    fn after_error(&mut self, error: ConnectorError) -> Result<Came, SubflowError> {
        match error {
            ConnectorError::Rejected { .. } => {
                self.failures.push(error.to_string());
                Ok(Came::On)
            }
            error => Err(error.into()),
        }
    }

    async fn end(
        &self,
        id: i64,
        state: WriteState,
        outcome: String,
        trace_id: Option<String>,
        happening: Option<Happening>,
    ) -> Result<(), StoreError> {
        let end = WriteEnd {
            state,
            outcome,
            trace_id,
            means: happening.map(Meaning::Happens),
        };
        let run = self.run;
        run.store
            .end_write(run.profile.id, id, end, run.now())
            .await
            .map(drop)
    }

    fn options(&self) -> WriteOptions {
        self.run
            .profile
            .desired
            .profile
            .subflows
            .reclaim_options
            .into()
    }

    fn outcome(self) -> Outcome {
        if self.failures.is_empty() {
            return Outcome::Completed;
        }
        Outcome::Partial(Failure {
            step: "take seats back".into(),
            message: self.failures.join("; "),
            ..Failure::default()
        })
    }
}

fn later(now: Timestamp, by: Span) -> Option<Timestamp> {
    now.saturating_add(SignedDuration::from(by)).ok()
}

fn pressed_by(step: &Step) -> Actor {
    step.approved_by
        .as_ref()
        .map_or_else(|| Actor::Rule, |name| Actor::Approval(name.clone()))
}

/// What the vendor says after a write, which may take a while to show: looked at until the seat is
/// `held` or is not, as the write was to make it.
pub(super) async fn read_back<C: Connector>(
    connector: &C,
    run: &Run<'_>,
    seat: &SeatRef,
    held: bool,
) -> Result<Holding, ConnectorError> {
    let settling = connector.settles();
    let mut holding = connector.holding(seat).await?;
    for _ in 1..settling.tries {
        if (holding == Holding::Held) == held {
            break;
        }
        clock::sleep(run.clock, settling.wait).await;
        holding = connector.holding(seat).await?;
    }
    Ok(holding)
}

/// Settles writes whose end is not recorded: a crash or an outage came between. The vendor says what
/// became of them; nothing is written.
pub async fn resolve_open_writes<C: Connector>(
    connector: &C,
    run: &Run<'_>,
) -> Result<(), SubflowError> {
    // No ceiling of a guard bears on how long nobody is asked again.
    let rules = Rules::of(&run.profile.desired, Guards::default());
    for write in run.store.open_writes(run.profile.id).await? {
        let cool_down = rules.for_identifier(&write.identifier).cool_down;
        let kept_until = later(run.now(), cool_down);
        let end = if write.prior.is_none() {
            ended(
                WriteState::Withdrawn,
                "cut before the vendor was called",
                None,
            )
        } else {
            let seat = SeatRef {
                external_user_id: write.external_user_id.clone(),
                identifier: write.identifier.clone(),
            };
            let held = write.kind == WriteKind::Restore;
            let holding = read_back(connector, run, &seat, held).await?;
            resolved(&write, holding, kept_until)
        };
        tracing::warn!(message_id = %Notable::WriteCut, write = write.id, "a write was cut: {}", end.outcome);
        run.store
            .end_write(run.profile.id, write.id, end, run.now())
            .await?;
    }
    Ok(())
}

fn resolved(write: &Write, holding: Holding, kept_until: Option<Timestamp>) -> WriteEnd {
    match (write.kind, holding) {
        (WriteKind::Reclaim, Holding::NotHeld | Holding::UserGone) => {
            let reason = "taken back at the vendor, which was read after a cut";
            let happening = Happening {
                kept_until,
                ..Happening::new(write.candidate, Event::Revoked, reason, &write.asked_by)
            };
            ended(WriteState::Done, reason, Some(Meaning::Happens(happening)))
        }
        (WriteKind::Restore, Holding::Held) => ended(
            WriteState::Done,
            "given back at the vendor, which was read after a cut",
            Some(Meaning::GivenBack {
                kept_until: kept_until.unwrap_or(write.intended_at),
            }),
        ),
        (WriteKind::Reclaim, Holding::Held) => ended(
            WriteState::Withdrawn,
            "cut, and the vendor still has the seat as held",
            None,
        ),
        (WriteKind::Restore, Holding::NotHeld | Holding::UserGone) => ended(
            WriteState::Withdrawn,
            "cut, and the vendor has not given the seat back",
            None,
        ),
    }
}

fn ended(state: WriteState, outcome: &str, means: Option<Meaning>) -> WriteEnd {
    WriteEnd {
        state,
        outcome: outcome.to_owned(),
        trace_id: None,
        means,
    }
}
