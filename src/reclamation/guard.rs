//! What can keep a seat from being written to, whatever was found about its use. All of it is looked at
//! before the first write.

use serde::{Deserialize, Serialize};

/// A guard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Guard {
    /// Writing is switched off: in the settings, in the profile, or by the file that stops writes.
    Switch,
    /// The profile reaches another vendor account than the one it is bound to, or none yet.
    Account,
    /// Files that do not load: what they exclude is not known.
    Files,
    /// A backup was put back, and what the vendor was told since is not known yet.
    Restored,
    /// This host's clock and the vendor's differ.
    Clock,
    /// Three writes in a row failed.
    Errors,
    /// More new candidates at once than are believed, or the first plan of a profile.
    TripWire,
    /// The evidence does not cover what it must.
    Evidence,
    /// An exclusion, a protection, a role, a suite, or something that the vendor says is going on.
    Protected,
    /// What decides for the seat was relaxed in the last 24 hours.
    Loosened,
    /// A seat would be taken along that is no candidate of this plan.
    Collateral,
    /// Outside the times of the week in which the rule lets write.
    Window,
    /// Enough bought seats are free.
    KeepSpare,
    /// So many seats of the identifier were written to in this run.
    MaxPerRun,
    /// So many seats of the profile were written to on this day.
    MaxPerDay,
}

impl Guard {
    /// Every guard, in the order in which they are told.
    pub const ALL: [Self; 15] = [
        Self::Switch,
        Self::Account,
        Self::Files,
        Self::Restored,
        Self::Clock,
        Self::Errors,
        Self::TripWire,
        Self::Evidence,
        Self::Protected,
        Self::Loosened,
        Self::Collateral,
        Self::Window,
        Self::KeepSpare,
        Self::MaxPerRun,
        Self::MaxPerDay,
    ];

    /// The word in listings.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Switch => "switch",
            Self::Account => "account",
            Self::Files => "files",
            Self::Restored => "restored",
            Self::Clock => "clock",
            Self::Errors => "errors",
            Self::TripWire => "trip_wire",
            Self::Evidence => "evidence",
            Self::Protected => "protected",
            Self::Loosened => "loosened",
            Self::Collateral => "collateral",
            Self::Window => "window",
            Self::KeepSpare => "keep_spare",
            Self::MaxPerRun => "max_per_run",
            Self::MaxPerDay => "max_per_day",
        }
    }

    /// Whether a person may release a plan that it holds.
    pub fn is_releasable(self) -> bool {
        matches!(self, Self::TripWire | Self::Errors)
    }
}

/// What a guard says of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GuardVerdict {
    /// Nothing of the plan.
    Passes,
    /// It keeps some steps back; the others go.
    Withholds,
    /// Nothing of the plan is done.
    Holds,
    /// It would hold, and a person released exactly this plan.
    Released,
}

impl GuardVerdict {
    /// The word in listings.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Passes => "passes",
            Self::Withholds => "withholds",
            Self::Holds => "holds",
            Self::Released => "released",
        }
    }
}

/// A guard's verdict on a plan, with what it measured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuardReport {
    /// Which.
    pub guard: Guard,
    /// What it says.
    pub verdict: GuardVerdict,
    /// How many steps it keeps back.
    pub withheld: u64,
    /// What it measured, against what.
    pub value: String,
}
