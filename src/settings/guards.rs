//! The numbers that stop a reclaim. The settings' are ceilings; a rule or a profile can only
//! tighten them.

use serde::{Deserialize, Serialize};

/// A part of the seats of an identifier, and never more than a number of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    /// Per cent, 0 to 100.
    pub percent: u8,
    /// Seats.
    pub count: u32,
}

/// When so many new candidates at once mean that something else is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tripwire {
    /// Per cent of the identifier's seats, 0 to 100.
    pub percent: u8,
    /// Fewer new candidates than this never trip it.
    pub min_count: u32,
}

/// Guards in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Guards {
    /// Seats of one identifier written to in one run: the smaller of the two wins, at least one
    /// where both are above zero.
    pub max_per_run: Share,
    /// Seats of one profile written to in one day.
    pub max_per_day: u32,
    /// Above this many new candidates the profile is held.
    pub hold_above: Tripwire,
    /// Whether activity that is only scheduled may stand for a whole window. Never in automatic
    /// mode, whatever this says.
    pub accept_listed_evidence: bool,
}

impl Default for Guards {
    fn default() -> Self {
        Self {
            max_per_run: Share {
                percent: 5,
                count: 25,
            },
            max_per_day: 100,
            hold_above: Tripwire {
                percent: 20,
                min_count: 20,
            },
            accept_listed_evidence: false,
        }
    }
}

/// What one place sets; what it leaves out comes from the level above.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct GuardLimits {
    /// Per cent of [`Guards::max_per_run`].
    pub max_per_run_percent: Option<u8>,
    /// Seats of [`Guards::max_per_run`].
    pub max_per_run_count: Option<u32>,
    /// [`Guards::max_per_day`].
    pub max_per_day: Option<u32>,
    /// Per cent of [`Guards::hold_above`].
    pub hold_above_percent: Option<u8>,
    /// Number of [`Guards::hold_above`].
    pub hold_above_min_count: Option<u32>,
    /// [`Guards::accept_listed_evidence`].
    pub accept_listed_evidence: Option<bool>,
}

impl Guards {
    /// These guards with `limits` laid over them where they are tighter; where they are wider,
    /// nothing changes.
    #[must_use]
    pub fn tightened_by(self, limits: &GuardLimits) -> Self {
        Self {
            max_per_run: Share {
                percent: smaller(self.max_per_run.percent, limits.max_per_run_percent),
                count: smaller(self.max_per_run.count, limits.max_per_run_count),
            },
            max_per_day: smaller(self.max_per_day, limits.max_per_day),
            hold_above: Tripwire {
                percent: smaller(self.hold_above.percent, limits.hold_above_percent),
                min_count: smaller(self.hold_above.min_count, limits.hold_above_min_count),
            },
            accept_listed_evidence: self.accept_listed_evidence
                && limits.accept_listed_evidence.unwrap_or(true),
        }
    }
}

fn smaller<T: Ord>(ceiling: T, limit: Option<T>) -> T {
    match limit {
        Some(limit) => ceiling.min(limit),
        None => ceiling,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_tightens_and_never_widens() {
        let wider = GuardLimits {
            max_per_run_percent: Some(50),
            max_per_run_count: Some(3),
            max_per_day: Some(1000),
            accept_listed_evidence: Some(true),
            ..GuardLimits::default()
        };
        let guards = Guards::default().tightened_by(&wider);
        assert_eq!(guards.max_per_run.percent, 5);
        assert_eq!(guards.max_per_run.count, 3);
        assert_eq!(guards.max_per_day, 100);
        assert!(!guards.accept_listed_evidence);
    }
}
