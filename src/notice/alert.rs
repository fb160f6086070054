//! What operators are alerted of: once when it begins, once when it is over.

use std::fmt;

use crate::profile::model::SubflowKind;
use crate::profile::name::Name;

/// What an alert is about. Two that are about the same are one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// A guard holds the profile's writes, or its download.
    Held(Name),
    /// The profile cannot go on until a person changes something.
    Stalled(Name),
    /// The last two runs of a subflow failed.
    FailedTwice(Name, SubflowKind),
    /// The authorisation of a connection ends soon, or has ended.
    TokenExpiring(String),
    /// An entitlement ends soon, or has ended.
    EntitlementExpiring(Name),
    /// Notices do not go one way.
    NoticesBlocked(super::Way),
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Held(profile) => write!(f, "held/{profile}"),
            Self::Stalled(profile) => write!(f, "stalled/{profile}"),
            Self::FailedTwice(profile, subflow) => {
                write!(f, "failed-twice/{profile}/{}", subflow.as_str())
            }
            Self::TokenExpiring(connection) => write!(f, "token-expiring/{connection}"),
            Self::EntitlementExpiring(name) => write!(f, "entitlement-expiring/{name}"),
            Self::NoticesBlocked(way) => write!(f, "notices-blocked/{}", way.as_str()),
        }
    }
}

/// Something that is so now and needs an operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alert {
    /// What it is about.
    pub subject: Subject,
    /// What happened, to what, and what to do.
    pub message: String,
}
