//! What the control socket says: the JSON bodies, the same types at both ends. Times are RFC 3339
//! in UTC; members are only ever added.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::connector::facts::Verdict;
use crate::store::job::Job;

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
    /// The profiles folder.
    pub folder: FolderStatus,
    /// Every profile that is recorded, by name.
    pub profiles: Vec<ProfileStatus>,
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
    /// One-based line.
    pub line: u64,
    /// One-based column.
    pub column: u64,
    /// `error` or `warning`.
    pub severity: String,
    /// Stable code, for instance `profile::schedule`.
    pub code: String,
    /// What is wrong.
    pub message: String,
    /// What would be right, where that is known.
    pub help: Option<String>,
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
    pub conditions: Vec<ConditionStatus>,
    /// Its subflows.
    pub subflows: Vec<SubflowStatus>,
}

/// One condition of a profile.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ConditionStatus {
    /// `Ready`, `Stalled`, `Validated/download` and so on.
    pub kind: String,
    /// `True`, `False` or `Unknown`.
    pub status: String,
    /// One word for programs.
    pub reason: String,
    /// A sentence for people.
    pub message: String,
    /// Since when it has this status.
    pub at: Timestamp,
    /// The revision that it was judged by.
    pub observed_revision: Option<String>,
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
    /// Its last job.
    pub last: Option<Job>,
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
}

/// `GET /v1/plan`: the difference of desired and recorded state.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlanAnswer {
    /// Digest over the changes.
    pub digest: String,
    /// Whether there is any.
    pub changes: bool,
    /// The plan, for people.
    pub text: String,
    /// The plan, for programs.
    pub plan: serde_json::Value,
    /// What is wrong in the files now.
    pub findings: Vec<FindingStatus>,
}

/// Answer to `POST /v1/profiles/{name}/validate`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Validation {
    /// The profile.
    pub profile: String,
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
    /// Ended seats too.
    pub ended: bool,
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

/// One subscription.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SubscriptionRow {
    /// Of which profile.
    pub profile: String,
    /// The vendor's user id.
    pub external_user_id: String,
    /// What it is a seat of.
    pub identifier: String,
    /// The user's address.
    pub email: String,
    /// The user's name.
    pub display_name: String,
    /// The user's department.
    pub department: Option<String>,
    /// `active`, `inactive` or `pending`.
    pub status: String,
    /// `owner`, `admin` or `member`.
    pub role: String,
    /// Last day of activity that is known.
    pub last_activity: Option<Date>,
    /// `hosted` or `listed`.
    pub activity_grade: Option<String>,
    /// The vendor's last sign-in.
    pub last_login_at: Option<Timestamp>,
    /// First seen by us.
    pub first_seen: Timestamp,
    /// Seen last by us.
    pub last_seen: Option<Timestamp>,
    /// When the seat was found gone.
    pub ended_at: Option<Timestamp>,
    /// The exclusion that takes it out, with its reason.
    pub excluded_by: Option<String>,
    /// The protected entry that holds it, with its reason.
    pub protected_by: Option<String>,
}

/// One identifier of a profile.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct IdentifierRow {
    /// Of which profile.
    pub profile: String,
    /// The identifier.
    pub identifier: String,
    /// Seats that stand.
    pub seats: u64,
    /// Of those, excluded.
    pub excluded: u64,
    /// Of those, with known activity.
    pub with_activity: u64,
    /// Bought, where the vendor tells.
    pub bought: Option<u64>,
}

/// Query of `GET /v1/explain`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ExplainQuery {
    /// Of which profile.
    pub profile: String,
    /// Whom, by e-mail address or the vendor's id.
    pub user: String,
    /// Only this identifier.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identifier: Option<String>,
}

/// `GET /v1/explain`: everything that is known of a user's seats.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Explanation {
    /// Of which profile.
    pub profile: String,
    /// Whom.
    pub user: String,
    /// One entry per seat.
    pub seats: Vec<SeatExplanation>,
}

/// Everything that is known of one seat.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SeatExplanation {
    /// What it is a seat of.
    pub identifier: String,
    /// Each fact with its value and source.
    pub facts: Vec<Fact>,
}

/// One fact about a seat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fact {
    /// What is asked, for instance `last activity`.
    pub name: String,
    /// The answer.
    pub value: String,
    /// Where it comes from.
    pub source: String,
}

/// Query of `GET /v1/usage`, `/v1/usage/summary` and `/v1/usage/export`.
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
    pub usage_count: Option<u32>,
    /// Seconds.
    pub total_usage_time: Option<u32>,
    /// When it was used last.
    pub last_used_time: Option<String>,
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
    pub usage_count: u64,
    /// Seconds used.
    pub total_usage_time: u64,
    /// The latest last use.
    pub last_used_time: Option<String>,
}
