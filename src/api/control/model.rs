//! What the control socket says: the JSON bodies, the same types at both ends. Times are RFC 3339
//! in UTC; members are only ever added.

mod audit;
mod candidate;
mod connection;
mod event;
mod exclusion;
mod installed;
mod licence;
mod notice;
mod position;
mod user;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::connector::facts::Verdict;
use crate::reclamation::candidate::Candidate;
use crate::reclamation::plan::Plan;
use crate::sandbox::Sandbox;
use crate::store::condition::Condition;
use crate::store::job::Job;
use crate::store::subscription::Presence;
use crate::store::user_facts::UserFacts;
use crate::subflow::explain::SeatVerdict;

pub use audit::{AuditQuery, ForgetRequest, VerifyQuery};
pub use candidate::{
    AnyCandidate, ApprovalDocument, ApprovalRequest, CandidateDetail, CandidateQuery, DecideAnswer,
    DecideRequest, ReleaseRequest, Restored, RuleRow, RulesAnswer, UndoAnswer, UndoRequest,
};
pub use connection::{
    AuthorizationBegun, AuthorizationDone, AuthorizationRequest, ConnectionStatus, Redirected,
};

pub use event::{EventQuery, EventRow};
pub use exclusion::{ExclusionQuery, Exclusions};
pub use installed::{
    InstalledQuery, InstalledRuleRow, InstalledRunQuery, ItemExplanation, ItemQuery,
};
pub use licence::{EntitlementRow, IdentifierQuery, IdentifierRow, ModelRow};
pub use notice::{NoticeQuery, TrialAnswer};
pub use position::{
    PositionAnswer, PositionQuery, PositionRowOfRun, PositionRowQuery, PositionRunQuery,
    ReportCandidateQuery,
};
pub use user::{DirectoryStatus, UserQuery, Users};

/// Header of every answer: the daemon's version.
pub const VERSION_HEADER: &str = "x-seatsync-version";

/// The body of every failure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorBody {
    /// What happened, to what, and what to do.
    pub error: String,
}

/// `GET /health`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// Whether the daemon serves and its store answers.
    pub ok: bool,
    /// Why not, when not.
    pub message: String,
}

/// `GET /v1/status`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// The daemon's version.
    pub version: String,
    /// When it started.
    pub started_at: Timestamp,
    /// Its time now.
    pub now: Timestamp,
    /// Whether an administrator allows vendor writes.
    pub writes: bool,
    /// What stops them at once whatever is allowed, when it is there.
    #[serde(default)]
    pub writes_stopped: Option<String>,
    /// What the daemon's process gave up.
    #[serde(default)]
    pub sandbox: SandboxStatus,
    /// The profiles folder.
    pub folder: FolderStatus,
    /// Every profile that is recorded, by name.
    pub profiles: Vec<ProfileStatus>,
    /// The connections that they use, by name.
    #[serde(default)]
    pub connections: Vec<ConnectionStatus>,
    /// Exclusions and protections that a person should look at, a sentence each.
    #[serde(default)]
    pub exclusions: Vec<String>,
    /// User directories that a person should look at, a sentence each.
    #[serde(default)]
    pub directories: Vec<String>,
}

/// Whether Landlock holds the daemon's process.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SandboxStatus {
    /// Whether it does.
    pub active: bool,
    /// The version of the kernel's interface, where it does.
    pub abi: Option<i32>,
    /// The same for people, and why it does not.
    pub message: String,
}

impl From<&Sandbox> for SandboxStatus {
    fn from(sandbox: &Sandbox) -> Self {
        let abi = match sandbox {
            Sandbox::Closed { abi } => Some(*abi),
            Sandbox::Open { .. } => None,
        };
        Self {
            active: abi.is_some(),
            abi,
            message: sandbox.to_string(),
        }
    }
}

/// How the profiles folder stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FolderStatus {
    /// Its path.
    pub path: String,
    /// The last revision that was read.
    pub attempted: Option<RevisionStatus>,
    /// The last revision that is in force.
    pub applied: Option<RevisionStatus>,
    /// Why the folder is held, when it is.
    pub held: Option<String>,
    /// What is wrong in the files now.
    pub findings: Vec<FindingStatus>,
}

/// One revision of the folder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RevisionStatus {
    /// SHA-256 over the sorted paths and bytes.
    pub digest: String,
    /// The git commit beside the files, `+` when the files differ from it.
    pub label: Option<String>,
    /// When it was read or applied.
    pub at: Timestamp,
}

/// One finding in a file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FindingStatus {
    /// Which file.
    pub file: String,
    /// One-based line; 0 when it concerns the whole file.
    pub line: u32,
    /// One-based column.
    pub column: u32,
    /// `error` or `warning`.
    pub severity: String,
    /// Stable code, for instance `profile::schedule`.
    pub code: String,
    /// What is wrong.
    pub message: String,
    /// What would be right, where that is known.
    pub help: Option<String>,
    /// Another place that explains it, where there is one.
    #[serde(default)]
    pub related: Option<RelatedPlace>,
}

/// A second place that explains a finding, for instance where a name was first used.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RelatedPlace {
    /// Which file.
    pub file: String,
    /// One-based line.
    pub line: u32,
    /// One-based column.
    pub column: u32,
    /// What is there.
    pub message: String,
}

/// How one profile stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProfileStatus {
    /// Its name.
    pub name: String,
    /// For people.
    pub display_name: String,
    /// `zoom`, `zoom_workplace`, `goto` or `aha`.
    pub profile_type: String,
    /// `draft`, `published`, `suspended` or `orphaned`.
    pub state: String,
    /// The connection's name.
    pub connection: String,
    /// The vendor account it is bound to.
    pub account: Option<String>,
    /// Its conditions.
    pub conditions: Vec<Condition>,
    /// Its subflows.
    pub subflows: Vec<SubflowStatus>,
}

/// One subflow of a profile.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SubflowStatus {
    /// Its word in files.
    pub subflow: String,
    /// Whether it runs.
    pub enabled: bool,
    /// The cron expression in force.
    pub schedule: String,
    /// When it is due next.
    pub next_due: Option<Timestamp>,
    /// What the running job is doing.
    pub progress: Option<String>,
    /// Its last job, which may wait or run; refused ones are left out.
    pub last: Option<Job>,
    /// The last one of them that ended.
    #[serde(default)]
    pub last_result: Option<Job>,
    /// Why it cannot run, when it is enabled and cannot.
    pub note: Option<String>,
}

/// `POST /v1/reload`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ReloadRequest {
    /// Obey an empty or vanished folder.
    pub allow_empty: bool,
    /// Answer when the pass has ended.
    pub wait: bool,
}

/// Answer to `POST /v1/reload`: the pass that it caused.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reloaded {
    /// The folder afterwards.
    pub folder: FolderStatus,
    /// What was changed, for people.
    pub changes: Vec<String>,
    /// What would be changed if the folder were not held, for people.
    #[serde(default)]
    pub would_change: Vec<String>,
}

/// `GET /v1/plan`: the difference of desired and recorded state.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlanAnswer {
    /// Digest over the changes.
    pub digest: String,
    /// Whether there is any.
    pub changes: bool,
    /// Why none of it would be applied, when none would.
    pub held: Option<String>,
    /// The plan, for people.
    pub text: String,
    /// The plan, for programs.
    pub plan: serde_json::Value,
    /// What is wrong in the files now.
    pub findings: Vec<FindingStatus>,
    /// Recorded exclusions and protections that a person should look at, a sentence each.
    #[serde(default)]
    pub exclusions: Vec<String>,
    /// What the next reclaim of each profile that runs would do.
    #[serde(default)]
    pub seats: Vec<Plan>,
}

/// Answer to `POST /v1/profiles/{name}/validate`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Validation {
    /// The profile.
    pub profile: String,
    /// The vendor account that its connection leads to.
    pub account: String,
    /// One verdict per process.
    pub verdicts: Vec<ProcessVerdict>,
}

/// Whether one process of a profile can work.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProcessVerdict {
    /// What the vendor's side says.
    #[serde(flatten)]
    pub verdict: Verdict,
    /// The profile has it switched on.
    pub required: bool,
}

/// Answer to a decision such as `POST /v1/profiles/{name}/release`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decided {
    /// What follows from it.
    pub message: String,
}

/// `POST /v1/jobs`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobRequest {
    /// Of which profile.
    pub profile: String,
    /// Which subflow; `download_subscriptions` and what follows it when absent.
    pub subflow: Option<String>,
}

/// `GET /v1/jobs/{id}?wait=SECONDS`: answers when the job ends or the seconds are over.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JobProgress {
    /// The job as it is now.
    pub job: Job,
    /// What it is doing, while it runs.
    pub progress: Option<String>,
}

/// Query of `GET /v1/jobs`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct JobQuery {
    /// Only of this profile.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// Only of this subflow.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subflow: Option<String>,
    /// Only ended jobs.
    pub ended: bool,
    /// Queued before the job with this id: the next page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// At most so many, newest first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// Query of `GET /v1/subscriptions`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SubscriptionQuery {
    /// Only of this profile.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// Only of this identifier.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identifier: Option<String>,
    /// Only of this user, by e-mail address or the vendor's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Excluded ones, or the others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub excluded: Option<bool>,
    /// Whether they are there.
    pub presence: Presence,
    /// Continue after this token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// At most so many.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// One page of a listing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Listing<T> {
    /// The rows.
    pub rows: Vec<T>,
    /// Where to continue; absent on the last page.
    pub next: Option<String>,
}

/// Answer to `GET /v1/explain`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Explanation {
    /// What is known of the user.
    #[serde(flatten)]
    pub facts: UserFacts,
    /// What is concluded of each seat that is held.
    #[serde(default)]
    pub verdicts: Vec<SeatVerdict>,
    /// What was found before, and what became of it.
    #[serde(default)]
    pub candidates: Vec<Candidate>,
}

/// Query of `GET /v1/explain`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ExplainQuery {
    /// Of which profile.
    pub profile: String,
    /// Whom, by e-mail address or the vendor's id.
    pub user: String,
}

/// Query of `POST /v1/snapshot`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SnapshotQuery {
    /// Write pseudonyms in place of users.
    pub hash_users: bool,
}

/// Query of `GET /v1/usage` and of everything below it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct UsageQuery {
    /// Only of this product (32 hex).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub product: Option<String>,
    /// Only of this configuration item (32 hex).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub configuration_item: Option<String>,
    /// Only of this month, `YYYY-MM`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub month: Option<String>,
    /// Only of this type: `total_usage` or `last_used_date`.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub reclamation_type: Option<String>,
    /// Of `devices` and `products`: over so many months, the present one included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub months: Option<u16>,
    /// Continue after this token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// At most so many.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// One usage record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UsageRow {
    /// 32 hex.
    pub sys_id: String,
    /// `total_usage` or `last_used_date`.
    pub reclamation_type: String,
    /// 32 hex.
    pub configuration_item: String,
    /// 32 hex.
    pub norm_product: String,
    /// 32 hex.
    pub norm_publisher: Option<String>,
    /// The user it is of, where the agent tells.
    pub user: Option<String>,
    /// 1 to 12.
    pub month_used: Option<u8>,
    /// Four digits.
    pub year: Option<u16>,
    /// Number of times opened.
    pub usage_count: Option<i32>,
    /// Seconds.
    pub total_usage_time: Option<i32>,
    /// When it was used last.
    pub last_used_time: Option<Timestamp>,
    /// Who found the use.
    pub discovery_source: Option<String>,
    /// What kind of use it is.
    pub usage_type: Option<String>,
    /// When the record was stored first.
    pub created_at: Timestamp,
    /// When it was stored last.
    pub updated_at: Timestamp,
}

/// Usage of one product, summed over one month, or over last-used dates.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UsageSummaryRow {
    /// 32 hex.
    pub norm_product: String,
    /// `total_usage` or `last_used_date`.
    pub reclamation_type: String,
    /// `YYYY-MM`; absent for last-used dates.
    pub month: Option<String>,
    /// Configuration items that reported.
    pub configuration_items: u64,
    /// Records.
    pub records: u64,
    /// Times opened.
    pub usage_count: i64,
    /// Seconds used.
    pub total_usage_time: i64,
    /// The latest last use.
    pub last_used_time: Option<Timestamp>,
}

/// Use of one product on one configuration item over some months.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DeviceUseRow {
    /// 32 hex.
    pub configuration_item: String,
    /// 32 hex.
    pub norm_product: String,
    /// Whether it was used in these months.
    pub used: bool,
    /// Times opened in these months.
    pub usage_count: i64,
    /// Seconds used in these months.
    pub total_usage_time: i64,
    /// The last use that is known, in these months or before.
    pub last_used_time: Option<Timestamp>,
}

/// Use of one product over some months.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProductUseRow {
    /// 32 hex.
    pub norm_product: String,
    /// Configuration items that used it.
    pub devices: u64,
    /// Configuration items that reported it once and did not use it in these months.
    pub idle_devices: u64,
    /// Times opened.
    pub usage_count: i64,
    /// Seconds used.
    pub total_usage_time: i64,
    /// The last use that is known.
    pub last_used_time: Option<Timestamp>,
}
