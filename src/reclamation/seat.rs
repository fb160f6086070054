//! What is known of one seat when it is judged.

use jiff::Timestamp;
use jiff::civil::Date;

use crate::connector::facts::{Grade, Role, UserStatus};
use crate::profile::user_directory::AccountClass;

/// A seat that is held, with everything that the decision rests on. Borrowed from a row, so that a
/// million of them cost no memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SeatFacts<'a> {
    /// Our number of the seat.
    pub subscription: i64,
    /// The vendor's user id.
    pub external_user_id: &'a str,
    /// The user's address; empty where the vendor tells none.
    pub email: &'a str,
    /// As the vendor has it.
    pub department: Option<&'a str>,
    /// Whether the user can sign in.
    pub status: UserStatus,
    /// The user's role.
    pub role: Role,
    /// When the user came to the account.
    pub created: Option<Timestamp>,
    /// When we first saw the seat.
    pub first_seen: Timestamp,
    /// When we saw the seat come, if we saw that: it was not there the time before.
    pub assigned: Option<Timestamp>,
    /// The seat is part of a suite, or another system manages it.
    pub bundled: bool,
    /// The seat counts against what was bought.
    pub paid: bool,
    /// The latest use that took place by the vendor's own report.
    pub last_hosted: Option<Date>,
    /// The latest use that was only scheduled.
    pub last_listed: Option<Date>,
    /// The exclusion that takes it out: where it is written, and why.
    pub excluded: Option<&'a str>,
    /// The entry that protects it: where it is written, and why.
    pub protected: Option<&'a str>,
    /// Until when nobody is asked again for this seat.
    pub kept_until: Option<Timestamp>,
    /// The vendor's reports of its use name people by names alone, and another holder has the same.
    pub shares_name: bool,
    /// Who the user is, by the user directories.
    pub holder: Holder<'a>,
}

/// Who a seat's user is, by the user directories.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Holder<'a> {
    /// No directory is known.
    #[default]
    Unknown,
    /// Nobody was found.
    Unresolved,
    /// Several people were found.
    Tie,
    /// One person, or one account, was found.
    Found(FoundPerson<'a>),
}

/// Whom a directory names, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FoundPerson<'a> {
    /// Whether the person is with us; `None` where the directory does not say.
    pub active: Option<bool>,
    /// Whose account it is.
    pub class: AccountClass,
    /// The UserDirectory.
    pub directory: &'a str,
    /// Its file.
    pub file: &'a str,
    /// The line of the file.
    pub line: i64,
    /// The rule that found it.
    pub matched_by: &'a str,
}

impl Holder<'_> {
    /// The account, where one was found.
    pub fn found(&self) -> Option<&FoundPerson<'_>> {
        match self {
            Self::Found(person) => Some(person),
            Self::Unknown | Self::Unresolved | Self::Tie => None,
        }
    }

    /// Whether a directory says that the user left.
    pub fn left(&self) -> bool {
        self.found()
            .is_some_and(|person| person.active == Some(false))
    }

    /// Whether a program or several people hold it.
    pub fn is_service(&self) -> bool {
        self.found()
            .is_some_and(|person| person.class != AccountClass::Human)
    }
}

impl SeatFacts<'_> {
    /// The latest use, of whichever grade is later.
    pub fn last_activity(&self) -> Option<(Date, Grade)> {
        let hosted = self.last_hosted.map(|day| (day, Grade::Hosted));
        let listed = self.last_listed.map(|day| (day, Grade::Listed));
        match (hosted, listed) {
            (Some(hosted), Some(listed)) if listed.0 > hosted.0 => Some(listed),
            (hosted, listed) => hosted.or(listed),
        }
    }
}
