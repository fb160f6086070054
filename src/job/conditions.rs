//! What jobs find out about a profile, as conditions.

use jiff::Timestamp;

use crate::connector::facts::Verdict;
use crate::profile::model::DesiredProfile;
use crate::store::condition::{Condition, ConditionKind, ConditionStatus};
use crate::store::document::RecordedProfile;
use crate::store::walk::{Walk, WalkVerdict};
use crate::store::{Store, StoreError};

/// What is to be said of a profile that switches reclaiming on.
pub const RECLAIM_NOTE: &str = "`reclaim_subscriptions` is enabled, but this version has no job that reclaims: nothing is written to the vendor";

/// [`RECLAIM_NOTE`], for a profile that switches reclaiming on.
pub fn reclaim_note(desired: &DesiredProfile) -> Option<&'static str> {
    desired
        .profile
        .subflows
        .reclaim_subscriptions
        .enabled
        .then_some(RECLAIM_NOTE)
}

/// Sets conditions of one profile.
#[derive(Debug, Clone, Copy)]
pub(super) struct Conditions<'a> {
    pub(super) store: &'a Store,
    pub(super) profile: &'a RecordedProfile,
    pub(super) now: Timestamp,
}

impl Conditions<'_> {
    pub(super) async fn set(
        &self,
        kind: ConditionKind,
        holds: bool,
        reason: &str,
        message: String,
    ) -> Result<(), StoreError> {
        let condition = Condition {
            kind,
            status: if holds {
                ConditionStatus::True
            } else {
                ConditionStatus::False
            },
            reason: reason.to_owned(),
            message,
            at: self.now,
            observed_revision: self.profile.revision.clone(),
        };
        self.store
            .set_condition(&self.profile.name, condition)
            .await
    }

    /// Something that a person must put right stands in the way, or no longer does.
    pub(super) async fn stalled(&self, by: Option<(&str, String)>) -> Result<(), StoreError> {
        let (holds, reason, message) = match by {
            Some((reason, message)) => (true, reason, message),
            None => (false, "Free", "nothing stands in the way".to_owned()),
        };
        self.set(ConditionKind::Stalled, holds, reason, message)
            .await
    }

    pub(super) async fn validated(&self, verdict: &Verdict) -> Result<(), StoreError> {
        let reason = if verdict.ok { "Works" } else { "DoesNotWork" };
        self.set(
            ConditionKind::Validated(verdict.process),
            verdict.ok,
            reason,
            verdict.message.clone(),
        )
        .await
    }

    /// The data gate, by the last walk.
    pub(super) async fn complete(&self, walk: &Walk) -> Result<(), StoreError> {
        let (holds, reason, message) = match walk.verdict {
            WalkVerdict::Complete => (
                true,
                "Complete",
                format!("{} users with {} seats", walk.users, walk.seats),
            ),
            WalkVerdict::Incomplete => (
                false,
                "Incomplete",
                format!(
                    "{}: what was known before stays in force",
                    walk.reason.as_deref().unwrap_or("the walk fell short")
                ),
            ),
            WalkVerdict::Held if walk.released_at.is_some() => (
                false,
                "Released",
                "released: the next download is measured against it".to_owned(),
            ),
            WalkVerdict::Held => (
                false,
                "TooFewUsers",
                format!(
                    "{}: what was known before stays in force; if it is true, run `seatsync release {}`",
                    walk.reason
                        .as_deref()
                        .unwrap_or("too few users were listed"),
                    self.profile.name
                ),
            ),
        };
        self.set(ConditionKind::Complete, holds, reason, message)
            .await
    }

    /// Ready says whether the last runs of what the profile asks for did what they should.
    pub(super) async fn ready(&self, trouble: Option<(&str, String)>) -> Result<(), StoreError> {
        let works = || {
            reclaim_note(&self.profile.desired).map_or_else(
                || "everything that the profile asks for works".to_owned(),
                |note| format!("everything else works; {note}"),
            )
        };
        let (holds, reason, message) = match trouble {
            Some((reason, message)) => (false, reason, message),
            None => (true, "Works", works()),
        };
        self.set(ConditionKind::Ready, holds, reason, message).await
    }
}
