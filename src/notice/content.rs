//! What a notice says, as data: what templates may name, and what a webhook gets.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::Serialize;

/// The facts of a notice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", untagged)]
pub enum Content {
    /// To the user of a seat.
    Question(Box<Question>),
    /// To an assignment group.
    Digest(Digest),
    /// To operators.
    Alert(Alerted),
    /// To operators, by one of them.
    Trial(Trial),
}

impl Content {
    /// The word for programs.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Question(_) => "question",
            Self::Digest(_) => "digest",
            Self::Alert(alert) if alert.cleared_at.is_some() => "alert_cleared",
            Self::Alert(_) => "alert_raised",
            Self::Trial(_) => "trial",
        }
    }
}

/// Asks whether a seat is still needed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Question {
    /// The candidate's number.
    pub candidate: i64,
    /// The profile's name.
    pub profile: String,
    /// What the profile is called.
    pub profile_display_name: String,
    /// `Zoom`, `GoTo`, `Aha!`.
    pub vendor: String,
    /// The seat's product.
    pub identifier: String,
    /// Whose seat it is.
    pub user: Person,
    /// When the user last used it, where that is known.
    pub last_activity: Option<Date>,
    /// What its idleness is counted from.
    pub idle_since: Date,
    /// Until when an answer is waited for.
    pub answer_by: Timestamp,
    /// Where the user answers; nothing where the settings give no `answer_url`.
    pub answer_url: Option<String>,
    /// Whom to write to instead.
    pub contact: Option<String>,
}

/// A person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Person {
    /// The vendor's user id.
    pub id: String,
    /// The address.
    pub email: String,
    /// The name, empty where the vendor tells none.
    pub name: String,
}

/// What waits for an assignment group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Digest {
    /// The group as the rules name it; empty for whom no rule names one.
    pub group: String,
    /// Of each profile.
    pub profiles: Vec<Waiting>,
    /// On configuration items; `None` where nothing waits there.
    pub installed: Option<WaitingInstalled>,
}

/// What waits, in one profile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Waiting {
    /// The profile's name.
    pub profile: String,
    /// Users want to keep these: the group decides.
    pub awaiting_approval: Vec<WaitingSeat>,
    /// Something keeps these from going on.
    pub attention_required: Vec<WaitingSeat>,
    /// How many wait for Reclaim to be pressed.
    pub ready: u64,
    /// How many of the lists above are not in them, because they are too long.
    pub unlisted: u64,
}

/// A seat in a digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WaitingSeat {
    /// The candidate's number.
    pub candidate: i64,
    /// The seat's product.
    pub identifier: String,
    /// Whose seat it is.
    pub user: Person,
    /// Why it waits.
    pub reason: String,
}

/// What waits of installed software. Nothing reaches its users, whose address no agent tells: the group
/// asks them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct WaitingInstalled {
    /// Its user is to be asked, and the answer recorded.
    pub awaiting_user: Vec<WaitingSoftware>,
    /// Users want to keep these: the group decides.
    pub awaiting_approval: Vec<WaitingSoftware>,
    /// Something keeps these from going on.
    pub attention_required: Vec<WaitingSoftware>,
    /// A person is to remove these.
    pub awaiting_revocation: Vec<WaitingSoftware>,
    /// How many wait for Reclaim to be pressed.
    pub ready: u64,
    /// How many of the lists above are not in them, because they are too long.
    pub unlisted: u64,
}

/// Installed software in a digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WaitingSoftware {
    /// The candidate's number.
    pub candidate: i64,
    /// Where it is installed.
    pub configuration_item: String,
    /// Publisher and product.
    pub product: String,
    /// Why it waits.
    pub reason: String,
    /// The last day for the answer of its user.
    pub answer_by: Option<Date>,
}

/// Something that needs an operator, or does not any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Alerted {
    /// What it is about, for instance `held/zoom-emea`.
    pub subject: String,
    /// What happened, to what, and what to do.
    pub message: String,
    /// Since when.
    pub raised_at: Timestamp,
    /// When it was over.
    pub cleared_at: Option<Timestamp>,
}

/// A notice for its own sake.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Trial {
    /// When it was asked for.
    pub asked_at: Timestamp,
}
