//! What is due now, and when to look again. Level-triggered: the same question twice gives the
//! same answer, so a lost wake-up loses no run. [`crate::job`] asks it after every change.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::cron::{Schedule, ScheduleError};
use super::missed;
use crate::profile::model::{DesiredProfile, ProfileState, SubflowKind};
use crate::profile::name::Name;
use crate::store::job::Trigger;

/// A profile as the planner sees it.
#[derive(Debug, Clone, Copy)]
pub struct Standing<'a> {
    /// What is wanted.
    pub desired: &'a DesiredProfile,
    /// It was removed from the folder.
    pub orphaned: bool,
    /// Since when it counts as published; its schedules start then. `None` before its publication
    /// was noticed.
    pub published_since: Option<Timestamp>,
    /// The last due time of a download that was planned by its schedule.
    pub last_download: Option<Timestamp>,
    /// The same for activity.
    pub last_activity: Option<Timestamp>,
    /// The same for the reclaim.
    pub last_reclaim: Option<Timestamp>,
}

/// A run that is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// Of which profile.
    pub profile: Name,
    /// Which subflow.
    pub subflow: SubflowKind,
    /// When it was due.
    pub at: Timestamp,
    /// Its schedule, on time or caught up.
    pub trigger: Trigger,
}

/// The planner's answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Agenda {
    /// What is due, in the order of the profiles given.
    pub due: Vec<Due>,
    /// When something is due next.
    pub wake_at: Option<Timestamp>,
}

/// Whether jobs of a profile may run at all.
pub fn runs(desired: &DesiredProfile, orphaned: bool) -> bool {
    !orphaned && desired.profile.state == ProfileState::Published && !desired.profile.suspend
}

/// The schedule on which a subflow starts by itself. `None` when it is off, or when it has no
/// schedule of its own and follows the subflow before it in the chain.
pub fn schedule_of(
    desired: &DesiredProfile,
    subflow: SubflowKind,
) -> Result<Option<Schedule>, ScheduleError> {
    let subflows = &desired.profile.subflows;
    match subflow {
        SubflowKind::DownloadSubscriptions => match &subflows.download_subscriptions.schedule {
            Some(text) => Schedule::parse(text).map(Some),
            None => Schedule::daily_for(&desired.profile.name).map(Some),
        },
        SubflowKind::PullUserActivity => match &subflows.pull_user_activity.schedule {
            Some(text) if subflows.pull_user_activity.enabled => Schedule::parse(text).map(Some),
            _ => Ok(None),
        },
        SubflowKind::ReclaimSubscriptions => match &subflows.reclaim_subscriptions.schedule {
            Some(text) if subflows.reclaim_subscriptions.enabled => Schedule::parse(text).map(Some),
            _ => Ok(None),
        },
        SubflowKind::RefreshCandidates => Ok(None),
    }
}

/// The next due instant of each subflow that has a schedule, for listings.
pub fn next_runs(
    desired: &DesiredProfile,
    orphaned: bool,
    now: Timestamp,
    zone: &TimeZone,
) -> Vec<(SubflowKind, Timestamp)> {
    if !runs(desired, orphaned) {
        return Vec::new();
    }
    SCHEDULED
        .into_iter()
        .filter_map(|subflow| {
            let schedule = schedule_of(desired, subflow).ok()??;
            Some((subflow, schedule.next_after(now, zone)?))
        })
        .collect()
}

const SCHEDULED: [SubflowKind; 3] = [
    SubflowKind::DownloadSubscriptions,
    SubflowKind::PullUserActivity,
    SubflowKind::ReclaimSubscriptions,
];

/// What is due at `now`. `up_since` is when the daemon came up: what was due before it is caught up.
pub fn plan(
    standings: &[Standing<'_>],
    now: Timestamp,
    up_since: Timestamp,
    zone: &TimeZone,
) -> Agenda {
    let mut agenda = Agenda::default();
    for standing in standings {
        let Some(published_since) = standing.published_since else {
            continue;
        };
        if !runs(standing.desired, standing.orphaned) {
            continue;
        }
        for subflow in SCHEDULED {
            let last = match subflow {
                SubflowKind::DownloadSubscriptions => standing.last_download,
                SubflowKind::ReclaimSubscriptions => standing.last_reclaim,
                _ => standing.last_activity,
            };
            // The text was checked when the profile was loaded.
            let Ok(Some(schedule)) = schedule_of(standing.desired, subflow) else {
                continue;
            };
            let last = last.unwrap_or(published_since).max(published_since);
            if let Some(run) = missed::due(&schedule, last, now, up_since, zone) {
                agenda.due.push(Due {
                    profile: standing.desired.profile.name.clone(),
                    subflow,
                    at: run.at,
                    trigger: run.trigger,
                });
            }
            let next = schedule.next_after(now, zone);
            agenda.wake_at = earlier(agenda.wake_at, next);
        }
    }
    agenda
}

fn earlier(a: Option<Timestamp>, b: Option<Timestamp>) -> Option<Timestamp> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}
