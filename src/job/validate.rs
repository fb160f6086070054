//! Proves a profile against its vendor: which account it reaches, and which processes can work.
//! One process that cannot work degrades that process alone.

use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::conditions::{Barrier, Conditions};
use crate::connector::facts::{Account, Process, Verdict};
use crate::connector::{Connector, ConnectorError};
use crate::profile::model::{DesiredProfile, ProfileState, SubflowKind};
use crate::profile::name::Name;
use crate::store::condition::{ConditionKind, ConditionStatus};
use crate::store::document::{Binding, RecordedProfile};
use crate::store::{Store, StoreError};

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Validation {
    /// The vendor account that the connection reaches.
    pub account: Account,
    /// One verdict for each process, those that are off included.
    pub verdicts: Vec<Verdict>,
}

impl Validation {
    /// Whether every process that `desired` has switched on works.
    pub(super) fn works(&self, desired: &DesiredProfile) -> bool {
        let mut verdicts = self.verdicts.iter();
        verdicts.all(|verdict| verdict.ok || !is_on(desired, verdict.process))
    }
}

/// Why nothing could be validated, or why nothing may run although it could.
#[derive(Debug, thiserror::Error)]
pub enum ValidationError {
    /// At the vendor, before there was anything to judge.
    #[error(transparent)]
    Connector(#[from] ConnectorError),
    /// In the store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The connection reaches another account than before.
    #[error(
        "profile `{profile}` is bound to vendor account `{bound}`, but its connection now reaches `{found}`: nothing runs; put the connection right, or run `seatsync rebind {profile}`"
    )]
    OtherAccount {
        /// Whose connection.
        profile: Name,
        /// The account seen first.
        bound: String,
        /// The account seen now.
        found: String,
    },
    /// Two profiles would count and reclaim the same seats.
    #[error(
        "profile `{profile}` and profile `{other}` reach the same vendor account `{account}` with overlapping products: unpublish or suspend one of them"
    )]
    SharedAccount {
        /// The one that was to run.
        profile: Name,
        /// The other one.
        other: Name,
        /// The account.
        account: String,
    },
}

/// Every process.
const PROCESSES: [Process; 3] = [Process::Download, Process::Activity, Process::Reclaim];

/// The process behind a subflow. A calculation rests on what was downloaded.
pub(super) fn process_of(subflow: SubflowKind) -> Process {
    match subflow {
        SubflowKind::DownloadSubscriptions | SubflowKind::RefreshCandidates => Process::Download,
        SubflowKind::PullUserActivity => Process::Activity,
        SubflowKind::ReclaimSubscriptions => Process::Reclaim,
    }
}

/// Whether the profile has a process switched on.
pub(super) fn is_on(desired: &DesiredProfile, process: Process) -> bool {
    let subflows = &desired.profile.subflows;
    match process {
        Process::Download => true,
        Process::Activity => subflows.pull_user_activity.enabled,
        Process::Reclaim => subflows.reclaim_subscriptions.enabled,
    }
}

/// Whether a verdict is bad for want of scopes, which no waiting mends.
pub(super) fn lacks_scopes(verdict: &Verdict) -> bool {
    let mut needed = verdict.scopes_needed.iter();
    needed.any(|alternatives| verdict.held_for(alternatives).is_none())
}

/// Calls the vendor: settles the account and proves each process. Sets the conditions that follow.
pub(super) async fn validate<C: Connector>(
    connector: &C,
    store: &Store,
    profile: &RecordedProfile,
    now: Timestamp,
) -> Result<Validation, ValidationError> {
    let account = settle_account(connector, store, profile, now).await?;
    let verdicts = prove(connector, store, profile, now).await?;
    Ok(Validation { account, verdicts })
}

/// Which account the connection reaches: binds the first one, and refuses another one or one that
/// another profile runs on. Asked before every run, since a credential can change without a file.
pub(super) async fn settle_account<C: Connector>(
    connector: &C,
    store: &Store,
    profile: &RecordedProfile,
    now: Timestamp,
) -> Result<Account, ValidationError> {
    let conditions = Conditions {
        store,
        profile,
        now,
    };
    let account = connector.account().await?;
    bind(&conditions, &account).await?;
    // One that was removed runs nothing any more; it only gives back what it took.
    if profile.orphaned_at.is_none()
        && let Some(other) = sharer(store, profile, &account.id).await?
    {
        let error = ValidationError::SharedAccount {
            profile: profile.name.clone(),
            other,
            account: account.id,
        };
        let message = error.to_string();
        conditions.stalled(Barrier::SharedAccount, message).await?;
        return Err(error);
    }
    Ok(account)
}

/// Proves each process, those that are off included.
pub(super) async fn prove<C: Connector>(
    connector: &C,
    store: &Store,
    profile: &RecordedProfile,
    now: Timestamp,
) -> Result<Vec<Verdict>, StoreError> {
    let conditions = Conditions {
        store,
        profile,
        now,
    };
    let mut verdicts = Vec::new();
    let options = profile.desired.profile.subflows.reclaim_options.into();
    for process in PROCESSES {
        let verdict = connector.validate(process, &options).await;
        if is_on(&profile.desired, process) {
            conditions.validated(&verdict).await?;
        }
        verdicts.push(verdict);
    }
    store
        .set_validated(profile.id, Some(&proved_by(&profile.desired)))
        .await?;
    Ok(verdicts)
}

/// What a proof is of: the connections, the type, and how far reclaiming may go. `sha256:…` of them;
/// a changed exclusion or schedule leaves it as it is.
pub(super) fn proved_by(desired: &DesiredProfile) -> String {
    let parts = serde_json::json!({
        "type": desired.profile.profile_type,
        "connection": desired.connection,
        "connect_connection": desired.connect_connection,
        "reclaim_options": desired.profile.subflows.reclaim_options,
    });
    format!("sha256:{:x}", Sha256::digest(parts.to_string()))
}

/// Records what `error`, which `process` met, says of the profile.
pub(super) async fn note(
    conditions: &Conditions<'_>,
    process: Process,
    error: &ConnectorError,
) -> Result<(), StoreError> {
    // What only a person can put right is said once, as a condition.
    if let Some(barrier) = Barrier::of(error) {
        conditions.stalled(barrier, error.to_string()).await?;
        // When it is put right, everything is to be proved again.
        disprove(conditions, process, error).await?;
    } else if let ConnectorError::MissingScope { .. } = error {
        conditions.refuted(process, error.to_string()).await?;
    }
    conditions.answered(error).await
}

/// Records that the vendor refuses what it accepted before, which `error` says: `process` does not
/// work, and whether the others do is to be proved again.
async fn disprove(
    conditions: &Conditions<'_>,
    process: Process,
    error: &ConnectorError,
) -> Result<(), StoreError> {
    for other in PROCESSES {
        if other == process {
            conditions.refuted(process, error.to_string()).await?;
        } else if is_on(&conditions.profile.desired, other) {
            conditions.unproved(other, process).await?;
        }
    }
    let id = conditions.profile.id;
    conditions.store.set_validated(id, None).await
}

/// Whether a job of this process may run without validating first.
pub(super) async fn is_validated(
    store: &Store,
    profile: &RecordedProfile,
    process: Process,
) -> Result<bool, StoreError> {
    let proved = store.validated_revision(profile.id).await?;
    if proved != Some(proved_by(&profile.desired)) {
        return Ok(false);
    }
    let conditions = store.conditions(&profile.name).await?;
    Ok(conditions.iter().any(|condition| {
        condition.kind == ConditionKind::Validated(process)
            && condition.status == ConditionStatus::True
    }))
}

async fn bind(conditions: &Conditions<'_>, account: &Account) -> Result<(), ValidationError> {
    let profile = conditions.profile;
    let binding = conditions
        .store
        .bind_account(profile.id, &account.id, conditions.now)
        .await?;
    match binding {
        Binding::Other { bound } => {
            let error = ValidationError::OtherAccount {
                profile: profile.name.clone(),
                bound,
                found: account.id.clone(),
            };
            let message = error.to_string();
            conditions.other_account(message).await?;
            Err(error)
        }
        Binding::First | Binding::Same => {
            conditions.same_account(&account.id).await?;
            Ok(())
        }
    }
}

/// Whether the profile is to run at all.
pub(super) fn runs(profile: &RecordedProfile) -> bool {
    let desired = &profile.desired.profile;
    desired.state == ProfileState::Published && !desired.suspend
}

/// Another profile that runs on the same vendor account, where this one runs too: a draft may be
/// proved beside the profile that it is to follow. Products of one vendor overlap: every profile type
/// of it lists the same users.
async fn sharer(
    store: &Store,
    profile: &RecordedProfile,
    account: &str,
) -> Result<Option<Name>, StoreError> {
    if !runs(profile) {
        return Ok(None);
    }
    let vendor = profile.desired.profile.profile_type.vendor();
    let others = store.desired_profiles().await?;
    Ok(others
        .into_iter()
        .find(|other| {
            other.id != profile.id
                && other.orphaned_at.is_none()
                && runs(other)
                && other.desired.profile.profile_type.vendor() == vendor
                && other.bound_account.as_deref() == Some(account)
        })
        .map(|other| other.name))
}
