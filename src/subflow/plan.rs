//! The plan of a profile's next reclaim, from what is recorded. The reclaim carries out the one that is
//! made here; `seatsync plan` shows it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::criteria::Judging;
use crate::connector::facts::Grade;
use crate::profile::model::ProfileState;
use crate::profile::name::Name;
use crate::profile::raw::rules::Mode;
use crate::reclamation::approval::{
    Approval, Dropped, Listed, ReviewedSeat, evidence_digest, presses,
};
use crate::reclamation::candidate::{Candidate, State};
use crate::reclamation::collateral::{HeldSeat, goes_along, takes_along};
use crate::reclamation::judge::{self, Check, Lapse};
use crate::reclamation::plan::{Item, Plan, Situation, Withdrawn};
use crate::reclamation::rule::Rule;
use crate::settings::Guards;
use crate::store::document::{ProfileId, RecordedProfile};
use crate::store::reclaim::Loosened;
use crate::store::{Store, StoreError};

/// What was relaxed keeps a seat from being written to for so long.
const LOOSENED_FOR: SignedDuration = SignedDuration::from_hours(24);

/// What the daemon lets a reclaim do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permit {
    /// Whether anything may be written to a vendor at all.
    pub writes: bool,
    /// What may stop every write.
    pub stop: StopSwitch,
    /// The settings' guards.
    pub guards: Guards,
}

/// What stops every write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StopSwitch {
    /// Files any of which stops writes while it is there.
    Files(Vec<PathBuf>),
    /// What was found when a snapshot was made.
    Noted(Option<String>),
}

impl Permit {
    /// What stops every write, if anything does. An error in looking for a file counts as one.
    pub fn stopped(&self) -> Option<String> {
        match &self.stop {
            StopSwitch::Files(files) => files.iter().find_map(|file| stops(file)),
            StopSwitch::Noted(stopped) => stopped.clone(),
        }
    }

    /// Why nothing may be written for a profile.
    pub fn switched_off(&self, profile: &RecordedProfile) -> Option<String> {
        let desired = &profile.desired.profile;
        if let Some(stopped) = self.stopped() {
            Some(stopped)
        } else if !self.writes {
            Some("`writes` is not true in seatsync.yaml".to_owned())
        } else if profile.orphaned_at.is_some() {
            Some("the profile was removed".to_owned())
        } else if desired.state == ProfileState::Draft {
            Some("the profile is a draft".to_owned())
        } else if desired.suspend {
            Some("the profile is suspended".to_owned())
        } else if !desired.subflows.reclaim_subscriptions.enabled {
            Some("`reclaim_subscriptions` is not enabled in the profile".to_owned())
        } else {
            None
        }
    }
}

fn stops(file: &Path) -> Option<String> {
    match std::fs::symlink_metadata(file) {
        Ok(_) => Some(format!("`{}` stops every write", file.display())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => Some(format!(
            "whether `{}` stops writes cannot be seen: {error}",
            file.display()
        )),
    }
}

/// What a plan is made with beside what is recorded.
#[derive(Debug, Clone)]
pub struct PlanContext<'a> {
    /// What the daemon lets a reclaim do.
    pub permit: &'a Permit,
    /// The settings' zone.
    pub zone: &'a TimeZone,
    /// The time.
    pub now: Timestamp,
    /// How far the vendor's clock is ahead of ours, once it was asked.
    pub vendor_ahead: Option<SignedDuration>,
    /// Since when what is written counts as written in this run.
    pub run_since: Timestamp,
}

/// A plan, with what it was made from.
#[derive(Debug, Clone)]
pub struct Planned {
    /// The plan.
    pub plan: Plan,
    /// What its seats are judged by.
    pub judging: Judging,
    /// Seats that an approval names and does not press, each with the reason.
    pub dropped: Vec<(i64, Name, Dropped)>,
    /// What was so of each candidate in the plan, for reviewers.
    pub reviewed: Vec<ReviewedSeat>,
}

/// What is so of an open candidate's seat now.
#[derive(Debug, Clone)]
struct SeatNow {
    last_activity: Option<Date>,
    idle_since: Option<Date>,
    rule: Rule,
    evidence_digest: String,
    lapse: Option<(Check, Lapse)>,
}

/// Makes the plan of a profile.
pub async fn make_plan(
    store: &Store,
    profile: &RecordedProfile,
    context: &PlanContext<'_>,
) -> Result<Planned, StoreError> {
    let judging = Judging::at(store, profile, context.permit.guards, context.now).await?;
    let situation = situation(store, profile, context, &judging).await?;
    let judged = judging.clone();
    let namesakes = Arc::clone(&judging.namesakes);
    let open = store
        .open_candidates_with_seats(
            profile.id,
            namesakes,
            (0, u32::MAX),
            move |candidate, identifier, facts| {
                let criteria = judged.of(identifier);
                let lapse =
                    judge::lapse(candidate.justification, &criteria, &judged.knowledge, facts);
                let last = facts.last_activity();
                let verdict = judge::judge(&criteria, &judged.knowledge, facts);
                let reference = match verdict {
                    judge::Judgement::Unused(reference) | judge::Judgement::Left(reference) => {
                        reference
                    }
                    judge::Judgement::NotACandidate(_) => candidate.reference,
                };
                SeatNow {
                    last_activity: last.map(|(day, _)| day),
                    idle_since: Some(reference.day),
                    rule: criteria.deciding(candidate.justification).rule.clone(),
                    evidence_digest: evidence_digest(
                        reference,
                        last,
                        Some(criteria.evidence().unwrap_or(Grade::Listed)),
                    ),
                    lapse,
                }
            },
        )
        .await?;
    let users = open
        .iter()
        .map(|open| open.candidate.external_user_id.clone())
        .collect();
    let beside = Beside::of(store, profile.id, users, context.now).await?;
    let approvals = Approvals::of(store, profile, context).await?;
    let mut dropped = Vec::new();
    let mut reviewed = Vec::new();
    let mut items = Vec::new();
    for open in open {
        let Some(seat) = open.seat else { continue };
        let candidate = open.candidate;
        if !matches!(candidate.state, State::Ready | State::AwaitingRevocation) {
            continue;
        }
        let approved_by = approvals.press(&candidate, &seat, &mut dropped);
        reviewed.push(ReviewedSeat {
            candidate: candidate.id,
            rule_digest: seat.rule.digest(),
            evidence_digest: seat.evidence_digest.clone(),
        });
        items.push(beside.item(candidate, seat, approved_by));
    }
    Ok(Planned {
        plan: Plan::of(&situation, items),
        judging,
        dropped,
        reviewed,
    })
}

/// What is recorded beside a profile's open candidates and their seats.
struct Beside {
    held: BTreeMap<String, Vec<HeldSeat>>,
    loosened: Loosened,
    /// Candidates that no plan had which was acted on.
    unplanned: BTreeSet<i64>,
    withdrawn: BTreeMap<i64, Withdrawn>,
}

impl Beside {
    async fn of(
        store: &Store,
        profile: ProfileId,
        users: BTreeSet<String>,
        now: Timestamp,
    ) -> Result<Self, StoreError> {
        let since = now.saturating_sub(LOOSENED_FOR).unwrap_or(Timestamp::MIN);
        Ok(Self {
            held: store.seats_held(profile, users).await?,
            loosened: store.loosened_since(profile, since).await?,
            unplanned: store.unplanned(profile).await?,
            withdrawn: store.last_withdrawn(profile).await?,
        })
    }

    fn item(&self, candidate: Candidate, seat: SeatNow, approved_by: Option<Name>) -> Item {
        let held = self.held.get(&candidate.external_user_id);
        let held = held.map_or(&[] as &[HeldSeat], Vec::as_slice);
        Item {
            candidate: candidate.id,
            state: candidate.state,
            last_activity: seat.last_activity,
            idle_since: seat.idle_since.unwrap_or(candidate.reference.day),
            rule: seat.rule,
            is_new: self.unplanned.contains(&candidate.id),
            lapse: seat.lapse,
            loosened: self
                .loosened
                .of(&candidate.external_user_id, candidate.identifier.as_str())
                .map(|what| format!("relaxed in the last 24 hours: {what}")),
            approved_by,
            goes_along: goes_along(&candidate.identifier, held),
            takes_along: takes_along(&candidate.identifier, held),
            withdrawn: self.withdrawn.get(&candidate.id).cloned(),
            external_user_id: candidate.external_user_id,
            email: candidate.email,
            identifier: candidate.identifier,
        }
    }
}

async fn situation(
    store: &Store,
    profile: &RecordedProfile,
    context: &PlanContext<'_>,
    judging: &Judging,
) -> Result<Situation, StoreError> {
    let standing = store.reclaim_standing(profile.id).await?;
    let midnight = context
        .now
        .to_zoned(context.zone.clone())
        .start_of_day()
        .map_or(context.now, |start| start.timestamp());
    let today = store.reclaims_since(profile.id, midnight).await?;
    Ok(Situation {
        now: context.now,
        zone: context.zone.clone(),
        profile: profile.name.clone(),
        account: profile.bound_account.clone(),
        switched_off: context.permit.switched_off(profile),
        account_trouble: profile
            .bound_account
            .is_none()
            .then(|| "the profile is bound to no vendor account yet".to_owned()),
        files_trouble: store.files_trouble(&profile.name).await?,
        restored: store.restore_hold(profile.id).await?,
        vendor_ahead: context.vendor_ahead,
        errors: standing.errors,
        acted_before: standing.acted_at.is_some(),
        released: standing.released,
        written_today: today.values().sum(),
        written_in_run: store.reclaims_since(profile.id, context.run_since).await?,
        pools: judging.pools.clone(),
        ceiling: context.permit.guards,
    })
}

/// The lists in force, each with what was so of its plan's seats when that was exported.
struct Approvals {
    lists: Vec<(Approval, Option<BTreeMap<i64, ReviewedSeat>>)>,
}

impl Approvals {
    async fn of(
        store: &Store,
        profile: &RecordedProfile,
        context: &PlanContext<'_>,
    ) -> Result<Self, StoreError> {
        let today = context.now.to_zoned(context.zone.clone()).date();
        let mut lists = Vec::new();
        for approval in Approval::in_force(&profile.desired, today) {
            let reviewed = store.reviewed(profile.id, &approval.plan).await?;
            lists.push((approval, reviewed));
        }
        Ok(Self { lists })
    }

    /// The list that presses a candidate whose rule wants one.
    fn press(
        &self,
        candidate: &Candidate,
        seat: &SeatNow,
        dropped: &mut Vec<(i64, Name, Dropped)>,
    ) -> Option<Name> {
        if seat.rule.mode != Mode::Approved {
            return None;
        }
        let digest = seat.rule.digest();
        let listed = Listed {
            candidate: candidate.id,
            external_user_id: &candidate.external_user_id,
            email: &candidate.email,
            identifier: &candidate.identifier,
            last_activity: seat.last_activity,
            rule_digest: &digest,
            evidence_digest: &seat.evidence_digest,
        };
        for (approval, reviewed) in &self.lists {
            match presses(approval, reviewed.as_ref(), &listed) {
                Some(Ok(())) => return Some(approval.name.clone()),
                Some(Err(why)) => dropped.push((candidate.id, approval.name.clone(), why)),
                None => {}
            }
        }
        None
    }
}
