//! Who or what made something happen. Its text stands in the audit log, beside candidates and beside
//! writes, and is made here alone.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::profile::name::Name;

/// Who or what made something happen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Actor {
    /// A peer of the control socket, by its uid.
    Peer(u32),
    /// A user, of their own seat, by the link of a mail.
    SeatUser,
    /// An `Approval` document.
    Approval(Name),
    /// The daemon, by the rules in force.
    Rule,
    /// A change in the profiles folder.
    Files,
    /// The delivery of notices.
    Notices,
    /// Whoever put a backup back, while no daemon ran.
    Restore,
}

/// Text that names no actor.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is nobody who makes things happen")]
pub struct UnknownActor {
    text: String,
}

const SEAT_USER: &str = "its user, by the link";
const RULE: &str = "rule";
const FILES: &str = "files";
const NOTICES: &str = "notices";
const RESTORE: &str = "seatsync restore";

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Peer(uid) => write!(f, "uid {uid}"),
            Self::SeatUser => f.write_str(SEAT_USER),
            Self::Approval(name) => write!(f, "Approval {name}"),
            Self::Rule => f.write_str(RULE),
            Self::Files => f.write_str(FILES),
            Self::Notices => f.write_str(NOTICES),
            Self::Restore => f.write_str(RESTORE),
        }
    }
}

impl FromStr for Actor {
    type Err = UnknownActor;

    fn from_str(text: &str) -> Result<Self, UnknownActor> {
        let known = match text {
            SEAT_USER => Some(Self::SeatUser),
            RULE => Some(Self::Rule),
            FILES => Some(Self::Files),
            NOTICES => Some(Self::Notices),
            RESTORE => Some(Self::Restore),
            _ => match text.split_once(' ') {
                Some(("uid", uid)) => uid.parse().ok().map(Self::Peer),
                Some(("Approval", name)) => name.parse().ok().map(Self::Approval),
                _ => None,
            },
        };
        known.ok_or_else(|| UnknownActor {
            text: text.to_owned(),
        })
    }
}

impl TryFrom<String> for Actor {
    type Error = UnknownActor;

    fn try_from(text: String) -> Result<Self, UnknownActor> {
        text.parse()
    }
}

impl From<Actor> for String {
    fn from(actor: Actor) -> Self {
        actor.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_in_the_log_is_read_back() {
        let feb: Name = "feb".parse().unwrap();
        let table = [
            (Actor::Peer(1000), "uid 1000"),
            (Actor::SeatUser, "its user, by the link"),
            (Actor::Approval(feb), "Approval feb"),
            (Actor::Rule, "rule"),
            (Actor::Files, "files"),
            (Actor::Notices, "notices"),
            (Actor::Restore, "seatsync restore"),
        ];
        for (actor, text) in table {
            assert_eq!(actor.to_string(), text);
            assert_eq!(text.parse(), Ok(actor));
        }
        for text in ["", "uid", "uid -1", "uid x", "Approval A B", "Rule"] {
            assert!(text.parse::<Actor>().is_err(), "{text}");
        }
    }
}
