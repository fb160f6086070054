//! Why software is or is not a candidate, in words.

use serde::{Deserialize, Serialize};

use super::judge::{Case, Check, Evidence, FRESH_DAYS};
use super::rule::Threshold;

/// A predicate with its value and where that comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Predicate {
    /// Which.
    pub check: Check,
    /// Whether it holds.
    pub holds: bool,
    /// What was found.
    pub value: String,
    /// Where, or what it is measured by.
    pub source: String,
}

impl Case<'_> {
    /// Every predicate with its value.
    pub fn explain(&self) -> Vec<Predicate> {
        Check::ALL
            .into_iter()
            .map(|check| self.predicate(check))
            .collect()
    }

    /// One predicate with its value.
    pub fn predicate(&self, check: Check) -> Predicate {
        let (value, source) = self.shown(check);
        Predicate {
            check,
            holds: self.holds(check),
            value,
            source,
        }
    }

    fn shown(&self, check: Check) -> (String, String) {
        let rule = self.rule.origin();
        let facts = self.known.product;
        let first = self.window_first();
        let window = format!("the window is {first} to {}", self.known_until());
        let yes = |holds: bool| if holds { "yes" } else { "no" }.to_owned();
        match check {
            Check::RuleMakesCandidates => (
                self.rule.create_candidates.to_string(),
                format!("`create_candidates` of {rule}"),
            ),
            Check::Known => (yes(facts.is_some()), "usage records".to_owned()),
            Check::NotKept => (
                self.known
                    .decided
                    .kept_until
                    .map_or_else(|| "no".to_owned(), |until| format!("kept until {until:.0}")),
                "earlier decisions, and `cool_down`".to_owned(),
            ),
            Check::NotRemoved => (
                self.known.decided.removed_at.map_or_else(
                    || "no".to_owned(),
                    |at| format!("closed as removed at {at:.0}"),
                ),
                "earlier candidates, and whether a later report has it".to_owned(),
            ),
            Check::UseReported => (
                yes(self.has_records()),
                format!(
                    "records of the rule's type; `include_no_activity` of {rule} is {}",
                    self.rule.include_no_activity
                ),
            ),
            Check::ProductReported => (
                yes(self.has_records() || self.known.product_reported),
                "records of any item in the window".to_owned(),
            ),
            Check::ItemReported => (
                self.silent_since().map_or_else(
                    || "throughout".to_owned(),
                    |day| match self.rule.threshold {
                        Threshold::TotalUsage { .. } => {
                            format!("nothing of any product in {}", day.strftime("%Y-%m"))
                        }
                        Threshold::LastUsedDate { .. } if self.has_records() => {
                            format!("last on {day}, which is more than {FRESH_DAYS} days ago")
                        }
                        Threshold::LastUsedDate { .. } => "never a last-used date".to_owned(),
                    },
                ),
                window,
            ),
            Check::UseKnown => (
                yes(self.holds(check)),
                match self.rule.threshold {
                    Threshold::TotalUsage { .. } => "`total_usage_time` of the records",
                    Threshold::LastUsedDate { .. } => {
                        "`last_used_time` of the records, or `include_no_activity`"
                    }
                }
                .to_owned(),
            ),
            Check::OlderThanWindow => (
                facts.and_then(|facts| facts.known_since).map_or_else(
                    || "not known".to_owned(),
                    |since| format!("on the item since {}", self.moment.day(since)),
                ),
                format!("must be before {first}"),
            ),
            Check::Unused => (self.use_shown(), self.threshold_shown()),
        }
    }

    fn use_shown(&self) -> String {
        let last = self.known.product.and_then(|facts| facts.last_used);
        let last = last.map_or_else(
            || "no last use is known".to_owned(),
            |at| format!("last used {}", self.moment.day(at)),
        );
        match self.rule.threshold {
            Threshold::TotalUsage { .. } => {
                format!(
                    "{} since {}, {last}",
                    hours(self.seconds()),
                    self.window_first()
                )
            }
            Threshold::LastUsedDate { .. } => last,
        }
    }

    fn threshold_shown(&self) -> String {
        let rule = self.rule.origin();
        match self.rule.threshold {
            Threshold::TotalUsage {
                months,
                total_hours_used,
            } => format!("{rule}: at most {total_hours_used} h in {months} whole months and since"),
            Threshold::LastUsedDate { last_used_before } => format!(
                "{rule}: not for {last_used_before}, so it must be before {}",
                self.window_first()
            ),
        }
    }
}

impl Evidence {
    /// For people.
    pub fn told(&self) -> String {
        let Self {
            window_first,
            window_last,
            ..
        } = self;
        match self.total_usage_time {
            Some(seconds) => {
                format!("used {} since {window_first}", hours(seconds))
            }
            None => self.last_used_time.map_or_else(
                || format!("no use is known up to {window_last}"),
                |at| format!("last used at {at:.0}, as told on {window_last}"),
            ),
        }
    }
}

/// Seconds as hours, for people.
fn hours(seconds: u64) -> String {
    let tenths = seconds.div_ceil(360);
    format!("{}.{} h", tenths / 10, tenths % 10)
}
