//! One look at everything: profiles that were published or no longer run, entries that changed,
//! vendor accounts that two profiles share, and what is due. Level-triggered: each look finds
//! whatever the ones before it missed.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};

use super::conditions::{Barrier, Conditions};
use super::validate;
use crate::clock::SharedClock;
use crate::profile::identifier::Vendor;
use crate::profile::model::{DesiredProfile, ProfileState, SubflowKind};
use crate::profile::name::Name;
use crate::reclamation::actor::Actor;
use crate::reclamation::candidate::Event;
use crate::reclamation::rule::Rules;
use crate::schedule::planner::{self, Standing};
use crate::settings::Settings;
use crate::store::candidate::{CandidateFilter, Happening};
use crate::store::document::{ProfileId, RecordedProfile};
use crate::store::job::{JobState, Trigger};
use crate::store::queue::NewJob;
use crate::store::retention::{Keep, LetGo};
use crate::store::staging::StagedPage;
use crate::store::standing::StandingRow;
use crate::store::{Store, StoreError};
use crate::subflow::entries::Matcher;
use crate::telemetry::Notable;

/// Seats looked at in one page when entries are matched again.
const SEATS: u32 = 2_000;

/// Looks.
#[derive(Debug)]
pub(super) struct Lookout {
    store: Store,
    clock: SharedClock,
    settings: std::sync::Arc<Settings>,
    up_since: Timestamp,
    /// Profiles known to share an account; `None` before the first look.
    sharing: Option<BTreeSet<Name>>,
    /// The day on which old rows were last let go.
    tidied_on: Option<Date>,
    /// The version of each profile whose rules are recorded.
    settled: BTreeMap<ProfileId, (String, Timestamp)>,
}

/// What a look found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Seen {
    /// When to look again at the latest.
    pub(super) wake_at: Option<Timestamp>,
    /// Profiles whose jobs must not run, each with the reason.
    pub(super) barred: BTreeMap<Name, String>,
}

/// Why jobs of a profile must not run; `None` when they may.
pub fn bar(profile: &RecordedProfile) -> Option<String> {
    let name = &profile.name;
    let desired = &profile.desired.profile;
    if profile.orphaned_at.is_some() {
        Some(format!(
            "profile `{name}` was removed: its data stays, nothing runs"
        ))
    } else if desired.state == ProfileState::Draft {
        Some(format!(
            "profile `{name}` is a draft: publish it with `state: published`"
        ))
    } else if desired.suspend {
        Some(format!(
            "profile `{name}` is suspended: nothing runs while `suspend: true` stands"
        ))
    } else {
        None
    }
}

impl Lookout {
    pub(super) fn new(
        store: Store,
        clock: SharedClock,
        settings: std::sync::Arc<Settings>,
    ) -> Self {
        Self {
            up_since: clock.now(),
            store,
            clock,
            settings,
            sharing: None,
            tidied_on: None,
            settled: BTreeMap::new(),
        }
    }

    /// Looks once: queues what is due, refuses what must not run, matches changed entries.
    pub(super) async fn look(&mut self) -> Result<Seen, StoreError> {
        let now = self.clock.now();
        self.tidy(now).await?;
        let profiles = self.store.desired_profiles().await?;
        let mut seen = Seen::default();
        for profile in &profiles {
            if let Some(reason) = bar(profile) {
                seen.barred.insert(profile.name.clone(), reason);
            }
        }
        let shared = shared_accounts(&profiles, &seen.barred);
        self.stall_sharers(&profiles, &shared, now).await?;
        seen.barred.extend(shared);
        let mut standings = self.store.standings().await?;
        for profile in &profiles {
            let standing = standings.entry(profile.id).or_default();
            self.attend(profile, standing, &seen.barred, now).await?;
            if profile.orphaned_at.is_some() {
                self.close_candidates(profile, now).await?;
            } else {
                self.settle_rules(profile, now).await?;
            }
            let expiry = self.rematch(profile, standing, now).await?;
            seen.wake_at = earlier(seen.wake_at, expiry);
        }
        let planned = self.plan(&profiles, &standings, &seen.barred, now).await?;
        seen.wake_at = earlier(seen.wake_at, planned);
        seen.wake_at = earlier(seen.wake_at, self.tomorrow(now));
        Ok(seen)
    }

    /// When there is something to let go of again, whether or not anything else is due.
    fn tomorrow(&self, now: Timestamp) -> Option<Timestamp> {
        let today = now.to_zoned(self.settings.time_zone.clone());
        Some(today.tomorrow().ok()?.start_of_day().ok()?.timestamp())
    }

    /// Lets go of what is older than it is to be kept, once a day.
    async fn tidy(&mut self, now: Timestamp) -> Result<(), StoreError> {
        let today = now.to_zoned(self.settings.time_zone.clone()).date();
        if self.tidied_on == Some(today) {
            return Ok(());
        }
        let retention = &self.settings.retention;
        let keep = Keep {
            subscriptions: retention.subscriptions.into(),
            activity: retention.activity.into(),
            job_results: retention.job_results.into(),
            candidates: retention.candidates.into(),
            events: retention.events.into(),
            usage: retention.usage.into(),
            audit: retention.audit.into(),
        };
        let let_go = self.store.let_go(keep, now, self.clock.elapsed()).await?;
        if let_go != LetGo::default() {
            tracing::info!(
                rows = let_go.rows,
                profiles = let_go.profiles,
                "let go of what was kept long enough"
            );
        }
        self.tidied_on = Some(today);
        Ok(())
    }

    /// Notices publication and its end, and takes out of the queue what must not run.
    async fn attend(
        &self,
        profile: &RecordedProfile,
        standing: &mut StandingRow,
        barred: &BTreeMap<Name, String>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let desired = &profile.desired.profile;
        let published = desired.state == ProfileState::Published && profile.orphaned_at.is_none();
        if let Some(reason) = barred.get(&profile.name) {
            if !standing.waiting.is_empty() {
                self.store
                    .refuse_waiting(profile.id, None, reason, now)
                    .await?;
            }
        } else {
            let subflows = &desired.subflows;
            for (subflow, enabled) in [
                (
                    SubflowKind::PullUserActivity,
                    subflows.pull_user_activity.enabled,
                ),
                (
                    SubflowKind::ReclaimSubscriptions,
                    subflows.reclaim_subscriptions.enabled,
                ),
            ] {
                if !enabled && standing.waiting.contains(&subflow) {
                    let reason = format!(
                        "`{}` of profile `{}` is switched off",
                        subflow.as_str(),
                        profile.name
                    );
                    self.store
                        .refuse_waiting(profile.id, Some(subflow), &reason, now)
                        .await?;
                }
            }
        }
        if !published {
            if standing.published_since.is_some() {
                self.store.set_published(profile.id, None, None).await?;
                standing.published_since = None;
            }
            return Ok(());
        }
        let last = standing.last_end.get(&SubflowKind::DownloadSubscriptions);
        let first = standing.published_since.is_none();
        // A changed profile whose download did not work is tried at once: the change may mend it.
        let mended = standing.published_revision.as_ref() != Some(&profile.revision)
            && !matches!(
                last,
                Some(JobState::Completed | JobState::PartiallyCompleted)
            );
        // A connection that was proved and is another now is proved at once.
        let moved = standing.published_revision.as_ref() != Some(&profile.revision)
            && standing
                .validated_revision
                .as_ref()
                .is_some_and(|proved| *proved != validate::proved_by(&profile.desired));
        let changed = if moved {
            Some("its connection changed; the vendor has not been asked since")
        } else if mended && !first {
            Some("it changed after a run that did not work; the vendor has not been asked since")
        } else {
            None
        };
        // What runs now runs by what was in force when it began: the change is tried after it.
        let runs = standing
            .running
            .contains(&SubflowKind::DownloadSubscriptions);
        if (first || changed.is_some()) && !runs && !barred.contains_key(&profile.name) {
            if let Some(message) = changed {
                let conditions = Conditions {
                    store: &self.store,
                    profile,
                    now,
                };
                conditions.untried(message).await?;
            }
            let job = NewJob {
                profile: profile.id,
                subflow: SubflowKind::DownloadSubscriptions,
                trigger: Trigger::Publish,
                due_at: now,
            };
            self.store.enqueue(vec![job], now).await?;
            let since = standing.published_since.unwrap_or(now);
            self.store
                .set_published(profile.id, Some(since), Some(&profile.revision))
                .await?;
            standing.published_since = Some(since);
        }
        Ok(())
    }

    /// Nothing is ever taken back for a profile that was removed.
    async fn close_candidates(
        &self,
        profile: &RecordedProfile,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let filter = CandidateFilter {
            profile: Some(profile.name.clone()),
            open: Some(true),
            ..CandidateFilter::default()
        };
        let open = self.store.candidates(filter, None, u32::MAX).await?;
        let closed = open
            .into_iter()
            .map(|candidate| {
                let reason = "its profile was removed";
                Happening::new(candidate.id, Event::Skipped, reason, &Actor::Files)
            })
            .collect();
        self.store.happen(closed, now).await.map(drop)
    }

    /// Notes the rules that reach a profile as soon as they change, so that it is known since when one
    /// is looser.
    async fn settle_rules(
        &mut self,
        profile: &RecordedProfile,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let version = (profile.revision.clone(), profile.applied_at);
        if self.settled.get(&profile.id) == Some(&version) {
            return Ok(());
        }
        let rules = Rules::of(&profile.desired, self.settings.guards);
        for loosened in self.store.settle_rules(profile.id, rules, now).await? {
            tracing::warn!(message_id = %Notable::RuleRelaxed, profile = %profile.name, "a rule was relaxed, and writes nothing by that for 24 hours: {loosened}");
        }
        self.settled.insert(profile.id, version);
        Ok(())
    }

    async fn plan(
        &self,
        profiles: &[RecordedProfile],
        standings: &BTreeMap<ProfileId, StandingRow>,
        barred: &BTreeMap<Name, String>,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, StoreError> {
        let free: Vec<&RecordedProfile> = profiles
            .iter()
            .filter(|profile| !barred.contains_key(&profile.name))
            .collect();
        let ids: BTreeMap<&Name, ProfileId> = free
            .iter()
            .map(|profile| (&profile.name, profile.id))
            .collect();
        let standings: Vec<Standing<'_>> = free
            .iter()
            .map(|profile| {
                let known = standings.get(&profile.id);
                let last_due = |subflow| known?.last_due.get(&subflow).copied();
                Standing {
                    desired: &profile.desired,
                    orphaned: profile.orphaned_at.is_some(),
                    published_since: known.and_then(|known| known.published_since),
                    last_download: last_due(SubflowKind::DownloadSubscriptions),
                    last_activity: last_due(SubflowKind::PullUserActivity),
                    last_reclaim: last_due(SubflowKind::ReclaimSubscriptions),
                }
            })
            .collect();
        let agenda = planner::plan(&standings, now, self.up_since, &self.settings.time_zone);
        let jobs = agenda
            .due
            .iter()
            .filter_map(|due| {
                Some(NewJob {
                    profile: *ids.get(&due.profile)?,
                    subflow: due.subflow,
                    trigger: due.trigger,
                    due_at: due.at,
                })
            })
            .collect();
        self.store.enqueue(jobs, now).await?;
        Ok(agenda.wake_at)
    }

    /// Matches entries again when they are not the ones that the matches were made from: the files
    /// changed, or the last day of one is over. Returns when the next of them is over.
    async fn rematch(
        &self,
        profile: &RecordedProfile,
        standing: &StandingRow,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, StoreError> {
        let today = now.to_zoned(self.settings.time_zone.clone()).date();
        let Some(matched) = &standing.matched_entries else {
            return Ok(None);
        };
        let matcher = Matcher::new(&profile.desired, today);
        if matcher.digest() != matched {
            match_all(&self.store, profile, matcher, now).await?;
        }
        let end_of_day = |day: Date| {
            let next = day.saturating_add(1.day());
            Some(
                next.to_zoned(self.settings.time_zone.clone())
                    .ok()?
                    .timestamp(),
            )
        };
        Ok(last_days(&profile.desired)
            .filter(|day| *day >= today)
            .min()
            .and_then(end_of_day))
    }

    async fn stall_sharers(
        &mut self,
        profiles: &[RecordedProfile],
        shared: &BTreeMap<Name, String>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        for profile in profiles {
            let conditions = Conditions {
                store: &self.store,
                profile,
                now,
            };
            if let Some(message) = shared.get(&profile.name) {
                let shared = Barrier::SharedAccount;
                conditions.stalled(shared, message.clone()).await?;
                let trouble = Some((shared.as_str(), message.clone()));
                conditions.ready(trouble).await?;
                continue;
            }
            let may_have_shared = self
                .sharing
                .as_ref()
                .is_none_or(|sharing| sharing.contains(&profile.name));
            if may_have_shared && conditions.free_of(&[Barrier::SharedAccount]).await? {
                // It runs again at once, and says then how ready it is.
                self.store.set_published(profile.id, None, None).await?;
            }
        }
        self.sharing = Some(shared.keys().cloned().collect());
        Ok(())
    }
}

fn last_days(desired: &DesiredProfile) -> impl Iterator<Item = Date> {
    let exclusions = desired.exclusions.iter().filter_map(|e| e.expires);
    let protections = desired.protected.iter().filter_map(|p| p.entry.expires);
    exclusions.chain(protections)
}

pub(super) async fn match_all(
    store: &Store,
    profile: &RecordedProfile,
    matcher: Matcher,
    now: Timestamp,
) -> Result<(), StoreError> {
    let bindings = store
        .bindings(profile.id, matcher.one_user_patterns())
        .await?;
    let matcher = matcher.bound_to(&bindings);
    let run = format!("entries-{}", profile.id.0);
    let mut staging = store.begin_matching(profile.id, &run).await?;
    let mut after = 0;
    loop {
        let (same, users) = staging.recorded_users(after, SEATS).await?;
        staging = same;
        let Some((last, _, _)) = users.last() else {
            break;
        };
        after = *last;
        let matches = users
            .iter()
            .flat_map(|(_, id, email)| matcher.matches(id, email))
            .collect();
        let page = StagedPage {
            seats: Vec::new(),
            matches,
        };
        staging = staging.stage(page).await?;
    }
    let excluded = store.rematch(staging, matcher.entries(), now).await?;
    tracing::info!(profile = %profile.name, excluded, "matched changed exclusions and protections");
    Ok(())
}

/// Published profiles that reach one vendor account. Products of one vendor overlap: every profile
/// type of it lists the same users.
fn shared_accounts(
    profiles: &[RecordedProfile],
    barred: &BTreeMap<Name, String>,
) -> BTreeMap<Name, String> {
    let mut by_account: BTreeMap<(Vendor, &str), Vec<&Name>> = BTreeMap::new();
    for profile in profiles {
        if let Some(account) = &profile.bound_account
            && !barred.contains_key(&profile.name)
        {
            let vendor = profile.desired.profile.profile_type.vendor();
            by_account
                .entry((vendor, account))
                .or_default()
                .push(&profile.name);
        }
    }
    let mut shared = BTreeMap::new();
    for ((_, account), names) in by_account {
        if names.len() < 2 {
            continue;
        }
        let list: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
        let message = format!(
            "profiles {} reach the same vendor account `{account}` with overlapping products: unpublish or suspend all but one",
            list.join(", ")
        );
        for name in names {
            shared.insert(name.clone(), message.clone());
        }
    }
    shared
}

fn earlier(a: Option<Timestamp>, b: Option<Timestamp>) -> Option<Timestamp> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}
