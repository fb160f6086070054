//! What a vendor tells, in our words: seats, activity, what was bought. The store keeps these;
//! connectors make them.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::profile::identifier::{Identifier, Vendor};

/// A user's standing at the vendor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UserStatus {
    /// Can sign in.
    Active,
    /// Deactivated.
    Inactive,
    /// Invited, not yet accepted.
    Pending,
}

impl UserStatus {
    /// The word in listings and in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Inactive => "inactive",
            Self::Pending => "pending",
        }
    }
}

/// Whether the vendor's role is one that is never taken a seat from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Owns the account.
    Owner,
    /// Administers it.
    Admin,
    /// Everybody else, custom roles included.
    Member,
}

impl Role {
    /// The word in listings and in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Admin => "admin",
            Self::Member => "member",
        }
    }
}

/// One user's seat of one product. Key: (profile, external user id, identifier).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seat {
    /// The vendor's user id, opaque; `pending:<e-mail, lower case>` for an invitation without one.
    pub external_user_id: String,
    /// What it is a seat of.
    pub identifier: Identifier,
    /// As the vendor spells it.
    pub email: String,
    /// As the vendor shows it.
    pub display_name: String,
    /// As the vendor has it.
    pub department: Option<String>,
    /// The user's standing.
    pub status: UserStatus,
    /// The user's role.
    pub role: Role,
    /// When the user came to the account.
    pub user_created_at: Option<Timestamp>,
    /// The vendor's last sign-in; Zoom moves it only every three days.
    pub last_login_at: Option<Timestamp>,
    /// The seat cannot be taken back by itself: it is part of a suite, or another system manages
    /// it.
    pub bundled: bool,
    /// The seat counts against what was bought (a basic seat does not).
    pub paid: bool,
    /// Add-ons of this user come from [`super::Connector::add_ons`].
    pub may_have_add_ons: bool,
}

/// One page of a walk over seats.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeatPage {
    /// The seats on it.
    pub seats: Vec<Seat>,
    /// Users on the page, as the vendor counts them.
    pub users: u64,
}

/// How a walk ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WalkReport {
    /// Whether every seat was seen.
    pub completeness: Completeness,
    /// Users seen, each once.
    pub users: u64,
    /// The vendor's own total, where it gives one.
    pub vendor_total: Option<u64>,
    /// Identifiers or codes that are not known, with how often they were seen.
    pub unrecognized: Vec<(String, u64)>,
    /// Walks made, the first included.
    pub walks: u32,
}

/// Whether a walk saw everything.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "verdict", content = "reason")]
pub enum Completeness {
    /// The last page was reached and distinct ids equal the total on it.
    Complete,
    /// Something is missing; nothing may be ended or judged from it. The reason is for people.
    Incomplete(String),
}

/// The add-on seats of one user.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AddOnReport {
    /// The suite that the base seat is one of, whether or not the list tells it. A suite is one
    /// subscription: it stands in place of the base seat.
    pub suite: Option<Identifier>,
    /// Identifiers the user holds beside the base seat.
    pub identifiers: Vec<Identifier>,
    /// The user is gone at the vendor since the walk.
    pub gone: bool,
}

/// What the vendor says was bought.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Purchased {
    /// Of what.
    pub identifier: Identifier,
    /// Seats bought; absent where the vendor tells only what is assigned.
    pub bought: Option<u64>,
    /// Seats assigned.
    pub assigned: u64,
    /// The vendor's plan word.
    pub plan: Option<String>,
}

/// A fact that counts as use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActivityKind {
    /// Hosted a meeting.
    Meeting,
    /// Hosted a webinar.
    Webinar,
    /// Held a training.
    Training,
    /// Supported somebody remotely.
    Support,
    /// Made a call, or took one.
    Call,
    /// Signed in.
    SignIn,
}

impl ActivityKind {
    /// The word in listings and in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Meeting => "meeting",
            Self::Webinar => "webinar",
            Self::Training => "training",
            Self::Support => "support",
            Self::Call => "call",
            Self::SignIn => "sign_in",
        }
    }
}

/// How much an activity proves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Grade {
    /// Only scheduled: proves use, never disuse.
    Listed,
    /// Took place, by the vendor's own report.
    Hosted,
}

impl Grade {
    /// The word in listings and in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Listed => "listed",
            Self::Hosted => "hosted",
        }
    }
}

/// One user's activity of one kind on one day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Activity {
    /// Who.
    pub user: ActivityUser,
    /// What.
    pub kind: ActivityKind,
    /// The UTC day it happened or was to happen.
    pub day: Date,
    /// How often on that day.
    pub count: u64,
    /// How much it proves.
    pub grade: Grade,
}

/// Whom a vendor's report names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActivityUser {
    /// By the vendor's user id.
    Id(String),
    /// By e-mail address only.
    Email(String),
}

/// One page of activity.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ActivityPage {
    /// The facts on it.
    pub activities: Vec<Activity>,
}

/// How some kinds of activity can be had. A vendor may have several ways, each for other kinds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActivityPlan {
    /// By day or by user.
    pub source: ActivitySource,
    /// How far back the vendor keeps it, in days.
    pub keeps_days: u32,
    /// Days at the end that may still be incomplete and are read again.
    pub late_days: u32,
    /// Kinds it covers.
    pub kinds: Vec<ActivityKind>,
    /// What cannot be had with the scopes granted, for people.
    pub missing: Vec<String>,
}

/// Where activity comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActivitySource {
    /// Reports over the whole account, a day at a time.
    ReportsByDay,
    /// Reports of one user at a time.
    ReportsByUser,
    /// Lists of each user, which tell what is scheduled.
    ListsByUser,
}

/// The vendor account behind a connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// The vendor's account id.
    pub id: String,
    /// Scopes granted, as the vendor spells them.
    pub scopes: Vec<String>,
}

/// What is validated on its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Process {
    /// Downloading subscriptions.
    Download,
    /// Pulling activity.
    Activity,
    /// Reclaiming.
    Reclaim,
}

impl Process {
    /// The word in listings and conditions.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Download => "download",
            Self::Activity => "activity",
            Self::Reclaim => "reclaim",
        }
    }
}

/// Whether one process can work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// Of which process.
    pub process: Process,
    /// Whether it can work.
    pub ok: bool,
    /// What was found, and the remedy when it is not ok.
    pub message: String,
    /// Scopes it needs, alternatives separated by `|`; where the vendor has none, the rights that
    /// stand in their place.
    pub scopes_needed: Vec<String>,
    /// Of those, the ones that are granted.
    pub scopes_held: Vec<String>,
}

impl Verdict {
    /// The scope held that answers to an entry of `scopes_needed`. Zoom's `:master`, which reaches
    /// further than `:admin`, answers to it.
    pub fn held_for(&self, needed: &str) -> Option<&str> {
        let answers = |held: &str, wanted: &str| {
            let further = held.strip_suffix(":master");
            held == wanted
                || further.is_some_and(|held| wanted.strip_suffix(":admin") == Some(held))
        };
        let mut held = self.scopes_held.iter().map(String::as_str);
        held.find(|held| needed.split('|').any(|wanted| answers(held, wanted.trim())))
    }
}

/// What was used of one daily budget of a vendor account, by all that this host does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DailyUse {
    /// Whose account.
    pub vendor: Vendor,
    /// The vendor's id of the account.
    pub account: String,
    /// Which of its budgets; the connector's word.
    pub budget: String,
    /// The vendor's day.
    pub day: Date,
    /// How many calls.
    pub calls: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_answers_to_its_alternatives_and_to_what_it_reaches_beyond() {
        let verdict = Verdict {
            process: Process::Reclaim,
            ok: true,
            message: String::new(),
            scopes_needed: Vec::new(),
            scopes_held: vec!["user:read:user:master".to_owned(), "identity:".to_owned()],
        };
        let cases = [
            (
                "user:read:user:admin|user:read:admin",
                Some("user:read:user:master"),
            ),
            ("user:read:settings:admin|user:read:admin", None),
            ("identity:", Some("identity:")),
            ("collab:", None),
        ];
        for (needed, held) in cases {
            assert_eq!(verdict.held_for(needed), held, "{needed}");
        }
    }
}
