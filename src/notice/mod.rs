//! What people are told and how it travels: the question to a seat's user, the digest for an assignment
//! group, the alerts for operators; as mail and as a webhook. Knows nothing of the store: what is so is
//! given, what became of a message is returned.

pub mod alert;
pub mod answer_link;
pub mod content;
pub mod mail;
pub mod template;
pub mod webhook;

use serde::{Deserialize, Serialize};

/// Why somebody is told something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Occasion {
    /// A candidate's user is asked whether the seat is still needed.
    Question {
        /// Which candidate.
        candidate: i64,
        /// The how manieth time; only the answer to the last question counts.
        round: u32,
    },
    /// An assignment group is told what waits for it.
    Digest {
        /// The group as the rules name it; empty for whom no rule names one.
        group: String,
    },
    /// Operators are told of something that needs them.
    AlertRaised {
        /// Which alert.
        alert: i64,
    },
    /// Operators are told that it is over.
    AlertCleared {
        /// Which alert.
        alert: i64,
    },
    /// An operator tries whether notices arrive.
    Trial,
}

/// A way that notices go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    /// By SMTP.
    Mail,
    /// A signed POST.
    Webhook,
}

impl Way {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Mail, Self::Webhook];

    /// The word in listings.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Mail => "mail",
            Self::Webhook => "webhook",
        }
    }
}

/// What became of one attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sent {
    /// The other side took it, and said this.
    Accepted {
        /// For people.
        said: String,
    },
    /// The other side will never take it.
    Refused {
        /// For people.
        said: String,
    },
    /// Not now: this message is tried again later.
    Later {
        /// For people.
        said: String,
    },
    /// Nothing goes this way now, this message or another.
    Blocked {
        /// For people.
        said: String,
    },
}
