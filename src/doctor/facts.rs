//! What health is judged by.

use jiff::Timestamp;
use jiff::civil::Date;

use crate::connector::grant::GrantFacts;
use crate::profile::licence::{Entitlement, Product};

/// Everything that the checks look at.
#[derive(Debug, Clone, PartialEq)]
pub struct Facts {
    /// The time.
    pub now: Timestamp,
    /// The day in the settings' zone, which entitlements begin and end on.
    pub today: Date,
    /// Profiles that are in the folder, published, and not suspended.
    pub profiles: Vec<ProfileFacts>,
    /// The connections that these use.
    pub connections: Vec<ConnectionFacts>,
    /// Rights that were bought.
    pub entitlements: Vec<Entitlement>,
    /// The user directories.
    pub directories: Vec<DirectoryFacts>,
    /// Writes to vendors whose end is not recorded, of every profile that is known.
    pub open_writes: Vec<OpenWriteFacts>,
}

/// A write to a vendor whose end is not recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenWriteFacts {
    /// The profile's name.
    pub profile: String,
    /// The number of the candidate whose seat it is about.
    pub candidate: i64,
    /// When it was recorded, before it was made.
    pub intended_at: Timestamp,
}

/// How one user directory stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DirectoryFacts {
    /// Its name.
    pub name: String,
    /// Why nobody counts as having left by it, where nobody does.
    pub stale: Option<String>,
}

/// How many users of a profile could not be found in the user directories.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct UserFacts {
    /// Users behind whom nobody was found.
    pub unresolved: u64,
    /// The seats that these hold.
    pub unresolved_seats: u64,
    /// Users behind whom several were found.
    pub ties: u64,
}

/// How one profile stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProfileFacts {
    /// Its name.
    pub name: String,
    /// Users behind whom no person, or more than one, was found; none where there is no directory.
    pub users: UserFacts,
    /// Conditions that stop it: held by a guard, or stalled.
    pub stops: Vec<Stop>,
    /// The last run of each subflow that did not do everything.
    pub failures: Vec<FailedRun>,
    /// The last walk over the vendor's lists.
    pub last_walk: Option<WalkFacts>,
    /// The first instant at which a download was due after the last complete one, where that is past.
    pub download_due_since: Option<Timestamp>,
    /// Whether activity was ever read, so that it can be missed.
    pub activity_was_read: bool,
    /// Whether the profile switches the reclaim on.
    pub reclaims: bool,
    /// Whether the right to reclaim was proved at the vendor.
    pub reclaim_is_proved: bool,
    /// Its identifiers.
    pub identifiers: Vec<IdentifierFacts>,
}

/// A condition that stops a profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stop {
    /// `held` or `stalled`.
    pub word: &'static str,
    /// Its CamelCase reason.
    pub reason: String,
    /// What happened and what to do.
    pub message: String,
}

/// A run that did not do everything, and none after it did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedRun {
    /// Which subflow.
    pub subflow: &'static str,
    /// `failed`, `interrupted` or `partially_completed`.
    pub state: &'static str,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// Why.
    pub message: Option<String>,
}

/// A walk over a vendor's lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WalkFacts {
    /// Whether what it saw is in force.
    pub complete: bool,
    /// Different users seen.
    pub users: u64,
    /// The vendor's own total.
    pub vendor_total: Option<u64>,
    /// Codes that no identifier is known for, with how often they were seen.
    pub unrecognized: Vec<(String, u64)>,
}

/// Seats of an identifier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdentifierFacts {
    /// Which.
    pub identifier: String,
    /// Of which product, where a software model has it.
    pub product: Option<Product>,
    /// Whether the vendor reports its use, so that disuse can be told.
    pub tells_disuse: bool,
    /// Seats that are there.
    pub seats: u64,
    /// Of those, the ones that count against what was bought.
    pub paid: u64,
    /// Of those that are there, the excluded ones.
    pub excluded: u64,
    /// Of those that are there, the ones with any known use.
    pub with_activity: u64,
    /// Seats that the vendor counts as assigned.
    pub assigned: Option<u64>,
}

/// A connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectionFacts {
    /// Its name.
    pub name: String,
    /// Whether a person has to consent.
    pub needs_person: bool,
    /// The consent, where one was given.
    pub consent: Option<GrantFacts>,
}
