//! Writing to a vendor: what is read of a seat just before, and what a write comes to. The connectors
//! know how; whether it may be done is decided elsewhere.

use std::fmt;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::error::CallContext;
use super::facts::{ActivityKind, Grade, Role, UserStatus};
use crate::profile::identifier::Identifier;
use crate::profile::model::ReclaimOptions;

/// Which seat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeatRef {
    /// The vendor's user id.
    pub external_user_id: String,
    /// Of what.
    pub identifier: Identifier,
}

/// Whether a seat is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Holding {
    /// Its user has it.
    Held,
    /// The user is there and does not have it.
    NotHeld,
    /// The vendor does not know the user.
    UserGone,
}

/// What has to be known to give a seat back; only the connector that made it reads it. It holds no
/// secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PriorState(pub Value);

/// A seat as the vendor tells it in calls for it alone, just before a write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FreshSeat {
    /// Whether it is held.
    pub holding: Holding,
    /// The user's address, as the vendor spells it.
    pub email: Option<String>,
    /// The user's standing.
    pub status: Option<UserStatus>,
    /// The user's role.
    pub role: Option<Role>,
    /// Further seats of the user that taking this one takes too.
    pub takes_along: Vec<Identifier>,
    /// What forbids the write now.
    pub hindrances: Vec<Hindrance>,
    /// What else the write does.
    pub consequences: Vec<Consequence>,
    /// The latest use that the vendor tells of now.
    pub used_on: Option<(Date, ActivityKind, Grade)>,
    /// What has to be known to give it back.
    pub prior: PriorState,
}

impl FreshSeat {
    /// The seat of somebody whom the vendor does not know.
    pub fn gone() -> Self {
        Self {
            holding: Holding::UserGone,
            email: None,
            status: None,
            role: None,
            takes_along: Vec::new(),
            hindrances: Vec::new(),
            consequences: Vec::new(),
            used_on: None,
            prior: PriorState(Value::Null),
        }
    }

    /// A seat that is not taken back, whoever holds it.
    pub fn unreclaimable(why: &'static str) -> Self {
        Self {
            holding: Holding::Held,
            hindrances: vec![Hindrance::Unreclaimable(why)],
            ..Self::gone()
        }
    }
}

/// What forbids a write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hindrance {
    /// The user owns or administers the account.
    Administrator(Role),
    /// The credentials are this user's.
    OwnAccount,
    /// Nobody else could administer the account.
    LastAdministrator,
    /// Another system manages the licence.
    ExternallyManaged,
    /// The seat is part of a suite or bundle.
    Bundled,
    /// The user is in a meeting or webinar now.
    LiveSession,
    /// The user has a meeting ahead.
    UpcomingMeeting(Date),
    /// The user has a webinar ahead.
    UpcomingWebinar(Date),
    /// The user has not accepted the invitation.
    Pending,
    /// The vendor's reports tell use by something that the user shares with others.
    Indistinguishable,
    /// Seats of this product are not taken back, or not as the profile is set.
    Unreclaimable(&'static str),
}

impl fmt::Display for Hindrance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Administrator(role) => write!(f, "its user is {} of the account", role.as_str()),
            Self::OwnAccount => f.write_str("the connection's credentials are this user's"),
            Self::LastAdministrator => f.write_str("nobody else administers the account"),
            Self::ExternallyManaged => f.write_str("another system manages the licence"),
            Self::Bundled => f.write_str("it is part of a suite"),
            Self::LiveSession => f.write_str("its user is in a session now"),
            Self::UpcomingMeeting(day) => write!(f, "its user has a meeting on {day}"),
            Self::UpcomingWebinar(day) => write!(f, "its user has a webinar on {day}"),
            Self::Pending => f.write_str("its user has not accepted the invitation"),
            Self::Indistinguishable => f.write_str(
                "the vendor tells use by name alone, and its user has no name that is nobody else's",
            ),
            Self::Unreclaimable(why) => f.write_str(why),
        }
    }
}

/// What a write does beside taking the seat back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Consequence {
    /// It is the user's last licence: the vendor suspends the account.
    SuspendsUser,
    /// The user cannot sign in any more.
    DeactivatesUser,
    /// The user is deleted.
    DeletesUser,
    /// Settings of the phone are kept for seven days.
    PhoneSettingsKeptSevenDays,
    /// Giving it back may be charged at once.
    RestoreMayCost,
}

impl Consequence {
    /// For people.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SuspendsUser => "it is the last licence: the vendor suspends the user",
            Self::DeactivatesUser => "the user cannot sign in any more",
            Self::DeletesUser => "the user is deleted, which nothing brings back",
            Self::PhoneSettingsKeptSevenDays => "phone settings are lost after seven days",
            Self::RestoreMayCost => "giving it back may be charged at once where no seat is free",
        }
    }
}

/// What a profile lets a write do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct WriteOptions {
    /// Zoom: delete Basic users.
    pub delete_basic_users: bool,
    /// GoTo: keep back the mail to the user.
    pub suppress_email: bool,
    /// GoTo: take licences of GoToConnect back.
    pub goto_connect: bool,
}

impl From<ReclaimOptions> for WriteOptions {
    fn from(options: ReclaimOptions) -> Self {
        Self {
            delete_basic_users: options.delete_basic_users,
            suppress_email: options.suppress_email,
            goto_connect: options.goto_connect,
        }
    }
}

/// What a write came to, by the vendor's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Written {
    /// The vendor says that it did it.
    Done {
        /// The vendor's trace id.
        trace_id: Option<String>,
    },
    /// It was so already.
    AlreadySo {
        /// The vendor's trace id.
        trace_id: Option<String>,
    },
    /// The vendor says no.
    Refused(Refusal),
}

/// Why a vendor refuses a write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// What that means for us.
    pub kind: RefusalKind,
    /// The vendor's words, and what to do.
    pub message: String,
    /// Where.
    pub context: CallContext,
}

/// What a refusal means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusalKind {
    /// The vendor does not know the user.
    UserGone,
    /// The credentials may not do it to anybody.
    NotAllowed,
    /// This user is protected by the vendor.
    Protected,
    /// There is no room for what the user would become.
    NoRoom,
    /// Something else.
    Other,
}

impl RefusalKind {
    /// Whether the next write would be refused too.
    pub fn stops_batch(self) -> bool {
        matches!(self, Self::NotAllowed | Self::NoRoom)
    }
}

/// How long a vendor may take to show a write, and how to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settling {
    /// How often to look at most.
    pub tries: u32,
    /// How long to wait in between.
    pub wait: jiff::SignedDuration,
}
