//! What seats are judged by: what is known of their profile, and for each identifier the rule with how far back its
//! activity is known.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::civil::Date;
use jiff::tz::Offset;
use jiff::{Timestamp, ToSpan};
use serde::{Deserialize, Serialize};

use super::candidate::Justification;
use super::evidence;
use super::rule::Rule;
use crate::connector::facts::Grade;
use crate::profile::identifier::Identifier;
use crate::profile::model::ReclaimOptions;
use crate::profile::raw::rules::Mode;

/// What is known of the whole profile when its seats are judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Knowledge {
    /// The time of the judgement.
    pub now: Timestamp,
    /// When the last complete download ended.
    pub downloaded_at: Option<Timestamp>,
    /// Why the last download is not in force, where it is not.
    pub download_not_in_force: Option<String>,
    /// The last day on which anybody of the profile was seen to use anything, by the vendor's own
    /// report: a report that tells of nobody may be no report.
    pub last_use_of_anybody: Option<Date>,
    /// What the profile lets a reclaim do.
    pub options: ReclaimOptions,
    /// Why nobody counts as having left by a directory now, by its name.
    pub stale_directories: BTreeMap<String, String>,
}

impl Knowledge {
    fn today(&self) -> Date {
        day_of(self.now)
    }

    /// The first day within the threshold of `rule`. A seat used that many days ago was last used at the
    /// threshold, not within it.
    pub fn window_first(&self, rule: &Rule) -> Date {
        let days = i64::from(rule.last_activity_threshold.whole_days());
        self.today().saturating_sub((days - 1).days())
    }
}

/// How far back the activity is known that counts for an identifier.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Known {
    /// The first day since which everything is known that took place.
    pub hosted_since: Option<Date>,
    /// The first day since which everything is known that was at least scheduled.
    pub listed_since: Option<Date>,
}

/// A rule as it decides for candidates of one justification, with what each of them records of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deciding {
    /// The rule.
    pub rule: Rule,
    /// Where it is written.
    pub origin: Arc<str>,
    /// Its digest.
    pub digest: Arc<str>,
}

impl Deciding {
    fn of(rule: &Rule, why: Justification) -> Self {
        let rule = rule.deciding(why);
        Self {
            origin: rule.origin.as_str().into(),
            digest: rule.digest().into(),
            rule,
        }
    }
}

/// What seats of one identifier are judged by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Criteria {
    /// Of which identifier.
    pub identifier: Identifier,
    /// The rule that decides.
    pub rule: Rule,
    /// How far back activity is known.
    pub known: Known,
    tells_disuse: bool,
    /// The first day that is within the threshold.
    window_first: Date,
    // Made once: there may be very many candidates.
    of_unused: Deciding,
    of_leavers: Deciding,
}

impl Criteria {
    /// The criteria of one identifier at the time of `knowledge`.
    pub fn new(identifier: Identifier, rule: Rule, known: Known, knowledge: &Knowledge) -> Self {
        Self {
            tells_disuse: evidence::tells_disuse(&identifier),
            window_first: knowledge.window_first(&rule),
            of_unused: Deciding::of(&rule, Justification::LowUsage),
            of_leavers: Deciding::of(&rule, Justification::Left),
            identifier,
            rule,
            known,
        }
    }

    /// The rule as it decides for a candidate that was found for this reason.
    pub fn deciding(&self, why: Justification) -> &Deciding {
        match why {
            Justification::LowUsage => &self.of_unused,
            Justification::Left => &self.of_leavers,
        }
    }

    /// The first day within the threshold: use from it on speaks against taking the seat.
    pub fn window_first(&self) -> Date {
        self.window_first
    }

    /// The grade of the evidence that covers the whole window; `None` where nothing does.
    pub fn evidence(&self) -> Option<Grade> {
        let covers = |since: Option<Date>| since.is_some_and(|since| since <= self.window_first);
        if covers(self.known.hosted_since) {
            Some(Grade::Hosted)
        } else if covers(self.known.listed_since) && self.accepts_listed() {
            Some(Grade::Listed)
        } else {
            None
        }
    }

    /// Whether the vendor reports the whole use of the product.
    pub(super) fn tells_disuse(&self) -> bool {
        self.tells_disuse
    }

    pub(super) fn accepts_listed(&self) -> bool {
        self.rule.guards.accept_listed_evidence && self.rule.mode != Mode::Automatic
    }
}

/// The UTC day of a time.
pub(super) fn day_of(at: Timestamp) -> Date {
    Offset::UTC.to_datetime(at).date()
}
