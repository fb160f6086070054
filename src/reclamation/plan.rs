//! What a reclaim would do now: a list of steps, each of which goes or is withheld by a guard. The run
//! does exactly what the plan says; `seatsync plan` shows the same one.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::candidate::State;
use super::guard::{Guard, GuardReport, GuardVerdict};
use super::judge::{Check, Lapse};
use super::rule::Rule;
use crate::profile::identifier::Identifier;
use crate::profile::name::Name;
use crate::profile::raw::rules::Mode;
use crate::settings::Guards;

/// How far this host's clock may be off the vendor's.
const LARGEST_SKEW: SignedDuration = SignedDuration::from_mins(5);
/// So many failed writes in a row stop a profile.
pub const ERRORS_THAT_STOP: u32 = 3;

/// The seats of one identifier.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pool {
    /// Seats that count against what was bought and that no exclusion takes out.
    pub licensed: u64,
    /// Seats bought, where the vendor says so.
    pub bought: Option<u64>,
    /// Of those, the ones that nobody holds.
    pub free: Option<u64>,
}

/// What holds for the whole profile when the plan is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Situation {
    /// The time.
    pub now: Timestamp,
    /// The settings' zone, which windows and days are of.
    pub zone: TimeZone,
    /// The profile's name.
    pub profile: Name,
    /// The vendor account it is bound to.
    pub account: Option<String>,
    /// Why nothing may be written at all, where something is switched off.
    pub switched_off: Option<String>,
    /// Why the account is not the one it must be.
    pub account_trouble: Option<String>,
    /// Why it is not known what the files exclude.
    pub files_trouble: Option<String>,
    /// Why what happened since a backup is not known.
    pub restored: Option<String>,
    /// How far the vendor's clock is ahead of ours; `None` before the vendor was asked.
    pub vendor_ahead: Option<SignedDuration>,
    /// Writes that failed in a row.
    pub errors: u32,
    /// Whether any plan of the profile was acted on before.
    pub acted_before: bool,
    /// The digest of the plan that a person released.
    pub released: Option<String>,
    /// Seats of the profile written to on this day of the zone.
    pub written_today: u32,
    /// Seats written to in this run, by identifier.
    pub written_in_run: BTreeMap<Identifier, u32>,
    /// The seats of each identifier.
    pub pools: BTreeMap<Identifier, Pool>,
    /// The settings' guards: the day's number is one for the profile.
    pub ceiling: Guards,
}

/// An open candidate that the plan is made of: a ready one, or one that awaits its revocation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Its number.
    pub candidate: i64,
    /// How far it is.
    pub state: State,
    /// The vendor's user id.
    pub external_user_id: String,
    /// The user's address.
    pub email: String,
    /// Of which identifier the seat is.
    pub identifier: Identifier,
    /// Its last known use.
    pub last_activity: Option<Date>,
    /// The day its idleness is counted from.
    pub idle_since: Date,
    /// The rule that decides.
    pub rule: Rule,
    /// No plan that was acted on had it.
    pub is_new: bool,
    /// What does not hold any more of what made it a candidate.
    pub lapse: Option<(Check, Lapse)>,
    /// What was relaxed for this seat in the last 24 hours.
    pub loosened: Option<String>,
    /// The approval that lists it, and still says of it what is so.
    pub approved_by: Option<Name>,
    /// Another seat of the user takes it along.
    pub goes_along: bool,
    /// Further seats of the user that go with this one.
    pub takes_along: Vec<Identifier>,
    /// The last write that was recorded for it, where that was not made.
    pub withdrawn: Option<Withdrawn>,
}

/// What a step does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Ask the user, who has the rule's days to answer.
    Ask,
    /// Take the seat back at the vendor.
    Reclaim,
}

impl Action {
    /// The word in listings.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ask => "ask",
            Self::Reclaim => "reclaim",
        }
    }
}

/// Why a step is not done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Withheld {
    /// By which guard.
    pub guard: Guard,
    /// What it found.
    pub reason: String,
}

/// A write that was recorded and then not made: what was read at the vendor just before spoke against it, or nothing
/// could be read. The next run looks again, so it keeps no step from going.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Withdrawn {
    /// When.
    pub at: Timestamp,
    /// Why, for people.
    pub reason: String,
}

/// One step of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// The candidate's number.
    pub candidate: i64,
    /// The vendor's user id.
    pub external_user_id: String,
    /// The user's address.
    pub email: String,
    /// Of which identifier the seat is.
    pub identifier: Identifier,
    /// What is done.
    pub action: Action,
    /// Its last known use.
    pub last_activity: Option<Date>,
    /// The day its idleness is counted from.
    pub idle_since: Date,
    /// The approval that presses it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approved_by: Option<Name>,
    /// Of the rule that decides.
    pub rule_digest: String,
    /// Why it is not done; absent when it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub withheld: Option<Withheld>,
    /// Why the run before did not do it, where that found out just before the write.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub withdrawn: Option<Withdrawn>,
}

/// What a reclaim would do now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Of which profile.
    pub profile: Name,
    /// When it was made.
    pub made_at: Timestamp,
    /// `sha256:…` over the account and what each step would do, whatever withholds it: what
    /// `release --plan` and approvals name.
    pub digest: String,
    /// Whether nothing of it is done until something is put right or it is released.
    pub held: bool,
    /// Every guard's verdict.
    pub guards: Vec<GuardReport>,
    /// The steps: seats that others would take along first, then the others, the longest idle first.
    pub steps: Vec<Step>,
    /// Ready candidates that wait for a person or an approval.
    pub waiting: u64,
}

impl Plan {
    /// The plan for these candidates.
    pub fn of(situation: &Situation, mut items: Vec<Item>) -> Self {
        // What would go along comes before what it goes along with.
        items.sort_by_key(|item| (!item.goes_along, item.idle_since, item.candidate));
        let total = items.len();
        let mut planned: Vec<(Item, Step)> = items
            .into_iter()
            .filter_map(|item| {
                let step = step_of(&item)?;
                Some((item, step))
            })
            .collect();
        let waiting = u64::try_from(total - planned.len()).unwrap_or_default();
        let digest = digest_of(situation, planned.iter().map(|(_, step)| step));
        let released = situation.released.as_deref() == Some(digest.as_str());
        let holds = held_by(situation, &planned);
        let mut reports = Reports::new(situation);
        let held = holds
            .iter()
            .any(|(guard, _)| !(released && guard.is_releasable()));
        for (guard, reason) in &holds {
            reports.holds(*guard, reason, released && guard.is_releasable());
        }
        let mut judged = Judged::new(situation);
        for (item, step) in &mut planned {
            step.withheld = judged.withhold(item, step);
        }
        if held && let Some((guard, reason)) = holds.first() {
            for (_, step) in &mut planned {
                step.withheld.get_or_insert_with(|| Withheld {
                    guard: *guard,
                    reason: reason.clone(),
                });
            }
        }
        let steps: Vec<Step> = planned.into_iter().map(|(_, step)| step).collect();
        Self {
            profile: situation.profile.clone(),
            made_at: situation.now,
            digest,
            held,
            guards: reports.with(&steps),
            steps,
            waiting,
        }
    }

    /// The steps that are done.
    pub fn going(&self) -> impl Iterator<Item = &Step> {
        self.steps.iter().filter(|step| step.withheld.is_none())
    }

    /// The guards that hold it, with what they found.
    pub fn held_by(&self) -> impl Iterator<Item = &GuardReport> {
        self.guards
            .iter()
            .filter(|report| report.verdict == GuardVerdict::Holds)
    }
}

/// What is to be done with a candidate; `None` where it waits for somebody.
fn step_of(item: &Item) -> Option<Step> {
    let pressed = match item.state {
        State::AwaitingRevocation => true,
        State::Ready => false,
        _ => return None,
    };
    let presses_now = match item.rule.mode {
        Mode::Manual => false,
        Mode::Approved => item.approved_by.is_some(),
        Mode::Automatic => true,
    };
    let action = match (pressed, presses_now) {
        (false, true) if item.rule.asks_user() => Action::Ask,
        (true, _) | (false, true) => Action::Reclaim,
        (false, false) => return None,
    };
    Some(Step {
        candidate: item.candidate,
        external_user_id: item.external_user_id.clone(),
        email: item.email.clone(),
        identifier: item.identifier.clone(),
        action,
        last_activity: item.last_activity,
        idle_since: item.idle_since,
        approved_by: item.approved_by.clone(),
        rule_digest: item.rule.digest(),
        withheld: None,
        withdrawn: item.withdrawn.clone(),
    })
}

/// Over what would be done. What changes from minute to minute, such as how many seats fit into this
/// run, is left out, so that a release holds while nothing of substance changes.
fn digest_of<'a>(situation: &Situation, steps: impl Iterator<Item = &'a Step>) -> String {
    let mut steps: Vec<&Step> = steps.collect();
    steps.sort_by_key(|step| step.candidate);
    let steps: Vec<serde_json::Value> = steps
        .into_iter()
        .map(|step| {
            json!([
                step.candidate,
                step.identifier,
                step.action,
                step.last_activity,
                step.idle_since,
                step.rule_digest,
            ])
        })
        .collect();
    let whole = json!({
        "profile": situation.profile, "account": situation.account, "steps": steps,
    });
    format!("sha256:{:x}", Sha256::digest(whole.to_string()))
}

/// What holds the whole plan, the weightiest first.
fn held_by(situation: &Situation, planned: &[(Item, Step)]) -> Vec<(Guard, String)> {
    let mut holds = Vec::new();
    let mut hold = |guard, reason: Option<String>| {
        holds.extend(reason.map(|reason| (guard, reason)));
    };
    hold(Guard::Switch, situation.switched_off.clone());
    hold(Guard::Account, situation.account_trouble.clone());
    hold(Guard::Files, situation.files_trouble.clone());
    hold(Guard::Restored, situation.restored.clone());
    hold(Guard::Clock, situation.vendor_ahead.and_then(skewed));
    if planned.is_empty() {
        return holds;
    }
    hold(
        Guard::Errors,
        (situation.errors >= ERRORS_THAT_STOP).then(|| {
            format!(
                "{} writes in a row failed: look at the candidates that require attention, then release the plan",
                situation.errors
            )
        }),
    );
    hold(Guard::TripWire, tripped(situation, planned));
    holds
}

/// What is to be said of the clocks, where the vendor's is too far `ahead` of ours or behind.
pub fn skewed(ahead: SignedDuration) -> Option<String> {
    (ahead.abs() > LARGEST_SKEW).then(|| {
        format!(
            "the vendor's clock is {} s {} this host's: set the clock of this host",
            ahead.abs().as_secs(),
            if ahead.is_negative() {
                "behind"
            } else {
                "ahead of"
            }
        )
    })
}

fn tripped(situation: &Situation, planned: &[(Item, Step)]) -> Option<String> {
    if !situation.acted_before {
        return Some("it is the first plan of this profile, which a person looks at".to_owned());
    }
    let mut new: BTreeMap<&Identifier, (u64, &Rule)> = BTreeMap::new();
    for (item, _) in planned.iter().filter(|(item, _)| item.is_new) {
        new.entry(&item.identifier).or_insert((0, &item.rule)).0 += 1;
    }
    new.into_iter().find_map(|(identifier, (count, rule))| {
        let wire = rule.guards.hold_above;
        let licensed = pool(situation, identifier).licensed;
        let over = count.saturating_mul(100) > licensed.saturating_mul(u64::from(wire.percent));
        (over && count >= u64::from(wire.min_count)).then(|| {
            format!(
                "{count} new candidates of {identifier} at once, of {licensed} seats: more than {} % and at least {}",
                wire.percent, wire.min_count
            )
        })
    })
}

fn pool(situation: &Situation, identifier: &Identifier) -> Pool {
    situation.pools.get(identifier).copied().unwrap_or_default()
}

/// How many seats of an identifier may be written to in one run: the smaller of the two, and at least
/// one where both are above zero.
pub fn max_per_run(guards: &Guards, licensed: u64) -> u64 {
    let share = guards.max_per_run;
    if share.percent == 0 || share.count == 0 {
        return 0;
    }
    let part = licensed.saturating_mul(u64::from(share.percent)) / 100;
    part.min(u64::from(share.count)).max(1)
}

/// Goes through the steps, and counts what went already.
struct Judged<'a> {
    situation: &'a Situation,
    in_run: BTreeMap<Identifier, u64>,
    today: u64,
    freed: BTreeMap<Identifier, u64>,
    /// Users' seats that this plan takes back.
    going: BTreeSet<(String, Identifier)>,
}

impl<'a> Judged<'a> {
    fn new(situation: &'a Situation) -> Self {
        Self {
            in_run: situation
                .written_in_run
                .iter()
                .map(|(identifier, count)| (identifier.clone(), u64::from(*count)))
                .collect(),
            today: u64::from(situation.written_today),
            freed: BTreeMap::new(),
            going: BTreeSet::new(),
            situation,
        }
    }

    /// Why a step is not done. One that goes takes its place in the numbers.
    fn withhold(&mut self, item: &Item, step: &Step) -> Option<Withheld> {
        let writes = step.action == Action::Reclaim;
        let found = of_seat(item)
            .or_else(|| writes.then(|| self.outside_window(item)).flatten())
            .or_else(|| writes.then(|| self.collateral(item)).flatten())
            .or_else(|| self.spare(item))
            .or_else(|| self.throttled(item));
        if found.is_none() {
            *self.in_run.entry(item.identifier.clone()).or_default() += 1;
            *self.freed.entry(item.identifier.clone()).or_default() += 1;
            self.today += 1;
            if writes {
                let seat = (item.external_user_id.clone(), item.identifier.clone());
                self.going.insert(seat);
            }
        }
        found.map(|(guard, reason)| Withheld { guard, reason })
    }

    fn outside_window(&self, item: &Item) -> Option<(Guard, String)> {
        let windows = item.rule.windows.as_ref()?;
        let local = self
            .situation
            .now
            .to_zoned(self.situation.zone.clone())
            .datetime();
        if windows.iter().any(|window| window.contains(local)) {
            return None;
        }
        let list: Vec<String> = windows.iter().map(ToString::to_string).collect();
        Some((
            Guard::Window,
            format!("the rule writes only {}", list.join(", ")),
        ))
    }

    fn collateral(&self, item: &Item) -> Option<(Guard, String)> {
        let kept: Vec<&str> = item
            .takes_along
            .iter()
            .filter(|taken| {
                let seat = (item.external_user_id.clone(), (*taken).clone());
                !self.going.contains(&seat)
            })
            .map(Identifier::as_str)
            .collect();
        (!kept.is_empty()).then(|| {
            let kept = kept.join(", ");
            let reason = format!("it would take {kept} along, which this plan does not");
            (Guard::Collateral, reason)
        })
    }

    fn spare(&self, item: &Item) -> Option<(Guard, String)> {
        let spare = item.rule.keep_spare?;
        let pool = pool(self.situation, &item.identifier);
        let (Some(bought), Some(free)) = (pool.bought, pool.free) else {
            let reason =
                "the vendor does not tell how many seats were bought, which `keep_spare` needs";
            return Some((Guard::KeepSpare, reason.to_owned()));
        };
        let wanted = spare.of(bought);
        let free = free
            + self
                .freed
                .get(&item.identifier)
                .copied()
                .unwrap_or_default();
        (free >= wanted).then(|| {
            (
                Guard::KeepSpare,
                format!("{free} of {bought} seats are free, and {wanted} are to be"),
            )
        })
    }

    /// An approved list passes over the throttles of rules, not over the day's ceiling of the host's
    /// settings, which no file in git can raise; it counts all the same.
    fn throttled(&self, item: &Item) -> Option<(Guard, String)> {
        let ceiling = self.situation.ceiling.max_per_day;
        let full = |most: u32| {
            let reason = || (Guard::MaxPerDay, format!("{most} seats a day"));
            (self.today >= u64::from(most)).then(reason)
        };
        if item.approved_by.is_some() {
            return full(ceiling);
        }
        let pool = pool(self.situation, &item.identifier);
        let most = max_per_run(&item.rule.guards, pool.licensed);
        let done = self
            .in_run
            .get(&item.identifier)
            .copied()
            .unwrap_or_default();
        if done >= most {
            let reason = format!("{most} of {} seats a run", pool.licensed);
            return Some((Guard::MaxPerRun, reason));
        }
        full(item.rule.guards.max_per_day.min(ceiling))
    }
}

/// What the seat itself says against it.
fn of_seat(item: &Item) -> Option<(Guard, String)> {
    if let Some((check, lapse)) = item.lapse {
        let guard = match lapse {
            Lapse::Unproved | Lapse::Used => Guard::Evidence,
            Lapse::NotMeant => Guard::Protected,
        };
        return Some((guard, format!("`{}` does not hold", check.as_str())));
    }
    let loosened = item.loosened.as_ref()?;
    item.approved_by
        .is_none()
        .then(|| (Guard::Loosened, loosened.clone()))
}

/// The verdicts, as they come together.
struct Reports<'a> {
    situation: &'a Situation,
    holds: BTreeMap<Guard, (String, bool)>,
}

impl<'a> Reports<'a> {
    fn new(situation: &'a Situation) -> Self {
        Self {
            situation,
            holds: BTreeMap::new(),
        }
    }

    fn holds(&mut self, guard: Guard, reason: &str, released: bool) {
        self.holds.insert(guard, (reason.to_owned(), released));
    }

    fn with(self, steps: &[Step]) -> Vec<GuardReport> {
        Guard::ALL
            .into_iter()
            .map(|guard| {
                let kept: Vec<&Withheld> = steps
                    .iter()
                    .filter_map(|step| step.withheld.as_ref())
                    .filter(|withheld| withheld.guard == guard)
                    .collect();
                let (verdict, value) = match (self.holds.get(&guard), kept.first()) {
                    (Some((reason, true)), _) => (GuardVerdict::Released, reason.clone()),
                    (Some((reason, false)), _) => (GuardVerdict::Holds, reason.clone()),
                    (None, Some(first)) => (GuardVerdict::Withholds, first.reason.clone()),
                    (None, None) => (GuardVerdict::Passes, self.value_of(guard)),
                };
                GuardReport {
                    guard,
                    verdict,
                    withheld: u64::try_from(kept.len()).unwrap_or_default(),
                    value,
                }
            })
            .collect()
    }

    /// What a guard measured that has nothing against the plan.
    fn value_of(&self, guard: Guard) -> String {
        let situation = self.situation;
        match guard {
            Guard::Clock => situation.vendor_ahead.map_or_else(
                || "the vendor is asked when the plan is carried out".to_owned(),
                |ahead| format!("{} s apart", ahead.abs().as_secs()),
            ),
            Guard::Account => situation
                .account
                .as_ref()
                .map_or_else(String::new, |account| format!("bound to `{account}`")),
            Guard::Errors => format!("{} in a row", situation.errors),
            Guard::MaxPerDay => format!(
                "{} written to today, of at most {}",
                situation.written_today, situation.ceiling.max_per_day
            ),
            _ => String::new(),
        }
    }
}

#[cfg(test)]
mod tests;
