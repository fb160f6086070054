//! What jobs find out about a profile, as conditions.

use jiff::Timestamp;

use crate::connector::ConnectorError;
use crate::connector::facts::{Process, Verdict};
use crate::reclamation::guard::{Guard, GuardReport};
use crate::reclamation::plan::Plan;
use crate::store::condition::{Condition, ConditionKind, ConditionStatus};
use crate::store::document::RecordedProfile;
use crate::store::walk::{Walk, WalkVerdict};
use crate::store::{Store, StoreError};
use crate::telemetry::Notable;

/// What stands in the way of a profile's jobs until a person puts it right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Barrier {
    /// The vendor refuses the credentials.
    Unauthorized,
    /// The connection lacks what calling needs.
    Misconfigured,
    /// This version does not speak that vendor or grant.
    Unsupported,
    /// The secret cannot be read.
    SecretUnreadable,
    /// Another profile reaches the same vendor account.
    SharedAccount,
}

impl Barrier {
    /// Those that an answer of the vendor proves to be gone.
    pub(super) const BEFORE_THE_VENDOR: [Self; 4] = [
        Self::Unauthorized,
        Self::Misconfigured,
        Self::Unsupported,
        Self::SecretUnreadable,
    ];

    /// The one that `error` is, when only a person can put it right.
    pub(super) fn of(error: &ConnectorError) -> Option<Self> {
        match error {
            ConnectorError::Unauthorized { .. } => Some(Self::Unauthorized),
            ConnectorError::Misconfigured { .. } => Some(Self::Misconfigured),
            ConnectorError::Unsupported { .. } => Some(Self::Unsupported),
            ConnectorError::Secret(_) => Some(Self::SecretUnreadable),
            ConnectorError::MissingScope { .. }
            | ConnectorError::RateLimited { .. }
            | ConnectorError::Unavailable { .. }
            | ConnectorError::Rejected { .. }
            | ConnectorError::Malformed { .. }
            | ConnectorError::Cancelled => None,
        }
    }

    /// The reason in the condition.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Unauthorized => "Unauthorized",
            Self::Misconfigured => "Misconfigured",
            Self::Unsupported => "Unsupported",
            Self::SecretUnreadable => "SecretUnreadable",
            Self::SharedAccount => "SharedAccount",
        }
    }
}

/// Why a profile is held whose connection reaches another vendor account.
pub const OTHER_ACCOUNT: &str = "OtherAccount";
/// Why a profile is held whose plan a guard holds.
const HELD_PLAN: &str = "Plan";

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
        let status = if holds {
            ConditionStatus::True
        } else {
            ConditionStatus::False
        };
        self.put(kind, status, reason, message).await
    }

    async fn put(
        &self,
        kind: ConditionKind,
        status: ConditionStatus,
        reason: &str,
        message: String,
    ) -> Result<(), StoreError> {
        let condition = Condition {
            kind,
            status,
            reason: reason.to_owned(),
            message,
            at: self.now,
            observed_revision: self.profile.revision.clone(),
        };
        self.store
            .set_condition(&self.profile.name, condition)
            .await
    }

    /// Something that a person must put right stands in the way.
    pub(super) async fn stalled(&self, by: Barrier, message: String) -> Result<(), StoreError> {
        self.set(ConditionKind::Stalled, true, by.as_str(), message)
            .await
    }

    /// None of these barriers stands in the way any more. Whether one did; what the files say stands
    /// in the way stays.
    pub(super) async fn free_of(&self, barriers: &[Barrier]) -> Result<bool, StoreError> {
        let conditions = self.store.conditions(&self.profile.name).await?;
        let stood = conditions.iter().any(|condition| {
            condition.kind == ConditionKind::Stalled
                && condition.status == ConditionStatus::True
                && barriers.iter().any(|by| by.as_str() == condition.reason)
        });
        if stood {
            let message = "nothing stands in the way".to_owned();
            self.set(ConditionKind::Stalled, false, "Free", message)
                .await?;
        }
        Ok(stood)
    }

    /// Whether another vendor account holds the profile.
    pub(super) async fn held(&self) -> Result<bool, StoreError> {
        Ok(self.held_for().await?.as_deref() == Some(OTHER_ACCOUNT))
    }

    /// What the profile is held for.
    async fn held_for(&self) -> Result<Option<String>, StoreError> {
        let conditions = self.store.conditions(&self.profile.name).await?;
        Ok(conditions
            .into_iter()
            .find(|condition| {
                condition.kind == ConditionKind::Held && condition.status == ConditionStatus::True
            })
            .map(|condition| condition.reason))
    }

    /// The connection reaches another vendor account than the profile is bound to.
    pub(super) async fn other_account(&self, message: String) -> Result<(), StoreError> {
        self.set(ConditionKind::Held, true, OTHER_ACCOUNT, message)
            .await
    }

    /// The connection reaches the vendor account that the profile is bound to. A plan may hold it all
    /// the same.
    pub(super) async fn same_account(&self, account: &str) -> Result<(), StoreError> {
        if self.held_for().await?.as_deref() == Some(HELD_PLAN) {
            return Ok(());
        }
        let message = format!("bound to vendor account `{account}`");
        self.set(ConditionKind::Held, false, "SameAccount", message)
            .await
    }

    /// Whether a guard holds the plan that a reclaim made. What is switched off is no guard tripped.
    pub(super) async fn planned(&self, plan: &Plan) -> Result<(), StoreError> {
        let reports: Vec<&GuardReport> = plan
            .held_by()
            .filter(|report| report.guard != Guard::Switch)
            .collect();
        let Some(first) = reports.first() else {
            if self.held_for().await?.as_deref() == Some(HELD_PLAN) {
                let message = "nothing holds the plan any more".to_owned();
                self.set(ConditionKind::Held, false, "Free", message)
                    .await?;
            }
            return Ok(());
        };
        let name = &self.profile.name;
        let found: Vec<String> = reports
            .iter()
            .map(|report| format!("{}: {}", report.guard.as_str(), report.value))
            .collect();
        let remedy = if reports.iter().all(|report| report.guard.is_releasable()) {
            format!(
                "look at it with `seatsync plan --seats {name}`, then run `seatsync release {name} --plan {}`",
                plan.digest
            )
        } else {
            format!(
                "nothing is written while `{}` holds it",
                first.guard.as_str()
            )
        };
        let message = format!("{}: {remedy}", found.join("; "));
        if self.held_for().await?.as_deref() != Some(HELD_PLAN) {
            tracing::warn!(message_id = %Notable::PlanHeld, profile = %name, "{message}");
        }
        self.set(ConditionKind::Held, true, HELD_PLAN, message)
            .await
    }

    /// The profile is bound to no vendor account any more, so none holds it.
    pub(super) async fn unbound(&self, from: Option<&str>) -> Result<(), StoreError> {
        let message = from.map_or_else(
            || "bound to no vendor account yet".to_owned(),
            |account| {
                format!(
                    "let go of vendor account `{account}`: the next run binds the one it reaches"
                )
            },
        );
        self.set(ConditionKind::Held, false, "Rebound", message)
            .await
    }

    /// A refusal of the request itself proves that the credentials are accepted: whatever stood in
    /// the way of being heard is gone.
    pub(super) async fn answered(&self, error: &ConnectorError) -> Result<(), StoreError> {
        if matches!(
            error,
            ConnectorError::Rejected { .. } | ConnectorError::MissingScope { .. }
        ) {
            self.free_of(&Barrier::BEFORE_THE_VENDOR).await?;
        }
        Ok(())
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

    /// A process that worked when it was last tried is refused now.
    pub(super) async fn refuted(
        &self,
        process: Process,
        message: String,
    ) -> Result<(), StoreError> {
        let kind = ConditionKind::Validated(process);
        self.set(kind, false, "DoesNotWork", message).await
    }

    /// Whether `process` works is not known any more, because `other` is refused.
    pub(super) async fn unproved(
        &self,
        process: Process,
        other: Process,
    ) -> Result<(), StoreError> {
        let message = format!(
            "to be proved again: the vendor refuses the {}",
            other.as_str()
        );
        let kind = ConditionKind::Validated(process);
        self.put(kind, ConditionStatus::Unknown, "Unproved", message)
            .await
    }

    /// The vendor has not been asked since the profile's connection changed, or was put right.
    pub(super) async fn untried(&self, message: &str) -> Result<(), StoreError> {
        let (kind, status) = (ConditionKind::Ready, ConditionStatus::Unknown);
        self.put(kind, status, "Validating", message.to_owned())
            .await
    }

    /// The data gate, by the last walk.
    pub(super) async fn complete(&self, walk: &Walk) -> Result<(), StoreError> {
        let (holds, reason, message) = match walk.verdict {
            WalkVerdict::Complete => (
                true,
                "Complete",
                format!(
                    "{} users with {} seats",
                    walk.users,
                    self.seats_in_force().await?
                ),
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

    /// Every seat that is held, add-ons too, which no walk tells.
    async fn seats_in_force(&self) -> Result<u64, StoreError> {
        let profile = Some(self.profile.name.clone());
        let counts = self.store.identifiers(profile).await?;
        Ok(counts.iter().map(|count| count.seats).sum())
    }

    /// Ready says whether the last runs of what the profile asks for did what they should.
    pub(super) async fn ready(&self, trouble: Option<(&str, String)>) -> Result<(), StoreError> {
        let works = || "everything that the profile asks for works".to_owned();
        let (holds, reason, message) = match trouble {
            Some((reason, message)) => (false, reason, message),
            None => (true, "Works", works()),
        };
        self.set(ConditionKind::Ready, holds, reason, message).await
    }
}
