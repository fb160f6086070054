//! Whether software on an item is unused, and why: predicates that must all hold, as for seats.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use serde::{Deserialize, Serialize};

use super::facts::{ItemFacts, MonthUse, ProductFacts, first_day, month_after, month_of};
use super::rule::{InstalledRule, Threshold};
use crate::reclamation::judge::Lapse;
use crate::usage::Period;

/// How old the last report of a last-used date may be to judge from: agents report once a day, some once
/// a week.
pub(super) const FRESH_DAYS: i32 = 7;

/// The time of a judgement.
#[derive(Debug, Clone, Copy)]
pub struct Moment<'a> {
    /// The instant.
    pub now: Timestamp,
    /// In which days and months begin.
    pub zone: &'a TimeZone,
}

impl Moment<'_> {
    pub(super) fn day(&self, at: Timestamp) -> Date {
        at.to_zoned(self.zone.clone()).date()
    }

    fn today(&self) -> Date {
        self.day(self.now)
    }

    /// The first of so many whole months before the present one.
    pub fn first_month(&self, months: u8) -> Option<Period> {
        month_of(self.first_day_of(months))
    }

    fn first_day_of(&self, months: u8) -> Date {
        let present = self.today().first_of_month();
        present.saturating_sub(i32::from(months).months())
    }
}

/// Everything that is known where one product on one item is judged.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    /// What was reported of the item.
    pub item: &'a ItemFacts,
    /// What was reported of the product on it; `None` where that is nothing.
    pub product: Option<&'a ProductFacts>,
    /// Whether any item reported the product within the window.
    pub product_reported: bool,
    /// What was decided of it before.
    pub decided: Decided,
}

/// What people decided before of one product on one item.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decided {
    /// Nobody is to be asked again before.
    pub kept_until: Option<Timestamp>,
    /// When a person last closed it as removed.
    pub removed_at: Option<Timestamp>,
}

impl Decided {
    /// Whether it is kept at `now`.
    pub fn keeps(self, now: Timestamp) -> bool {
        self.kept_until.is_some_and(|until| until > now)
    }

    /// Whether it was removed after `present`, the last time at which it is known to have been there.
    pub fn removed_since(self, present: Option<Timestamp>) -> bool {
        self.removed_at
            .is_some_and(|removed| present.is_none_or(|present| present <= removed))
    }
}

/// One predicate; software is a candidate when all hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Check {
    /// The rule makes candidates.
    RuleMakesCandidates,
    /// Some record says that the software is on the item.
    Known,
    /// Nobody decided lately that it stays.
    NotKept,
    /// It was not removed, or came back since.
    NotRemoved,
    /// Records of the rule's type are of it, or the rule includes what has none.
    UseReported,
    /// Somebody's agent reported the product at all, where this item's did not.
    ProductReported,
    /// The item's agent reported throughout the window.
    ItemReported,
    /// What it reported is measured.
    UseKnown,
    /// It was not used more than the rule allows.
    Unused,
    /// The software was on the item before the window began.
    OlderThanWindow,
}

/// What the use was measured by when it was found too little.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// The first day of the window.
    pub window_first: Date,
    /// The last day of which the agent's reports tell.
    pub window_last: Date,
    /// Seconds of use in the window, where months are added up.
    pub total_usage_time: Option<u64>,
    /// The last known use.
    pub last_used_time: Option<Timestamp>,
    /// Since when the software is known to be there.
    pub known_since: Timestamp,
}

/// What was concluded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Judgement {
    /// It is unused.
    Unused(Evidence),
    /// The first predicate that does not hold.
    NotACandidate(Check),
}

impl Check {
    /// Every predicate, in the order in which they are looked at.
    pub const ALL: [Self; 10] = [
        Self::RuleMakesCandidates,
        Self::Known,
        Self::NotKept,
        Self::NotRemoved,
        Self::UseReported,
        Self::ProductReported,
        Self::ItemReported,
        Self::UseKnown,
        Self::Unused,
        Self::OlderThanWindow,
    ];

    /// The word in listings.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RuleMakesCandidates => "rule_makes_candidates",
            Self::Known => "known",
            Self::NotKept => "not_kept",
            Self::NotRemoved => "not_removed",
            Self::UseReported => "use_reported",
            Self::ProductReported => "product_reported",
            Self::ItemReported => "item_reported",
            Self::UseKnown => "use_known",
            Self::OlderThanWindow => "older_than_window",
            Self::Unused => "unused",
        }
    }

    /// What its failing means for a candidate that is open.
    pub fn lapse(self) -> Lapse {
        match self {
            Self::RuleMakesCandidates | Self::Known | Self::NotKept | Self::NotRemoved => {
                Lapse::NotMeant
            }
            Self::UseReported
            | Self::ProductReported
            | Self::ItemReported
            | Self::UseKnown
            | Self::OlderThanWindow => Lapse::Unproved,
            Self::Unused => Lapse::Used,
        }
    }
}

/// One product on one item under its rule.
#[derive(Debug, Clone, Copy)]
pub struct Case<'a> {
    /// What decides.
    pub rule: &'a InstalledRule,
    /// What is known.
    pub known: Known<'a>,
    /// When.
    pub moment: Moment<'a>,
}

impl Case<'_> {
    /// Judges it.
    pub fn judge(&self) -> Judgement {
        let failed = Check::ALL.into_iter().find(|check| !self.holds(*check));
        match (failed, self.evidence()) {
            (None, Some(evidence)) => Judgement::Unused(evidence),
            (failed, _) => Judgement::NotACandidate(failed.unwrap_or(Check::Known)),
        }
    }

    /// What the failing predicates mean for a candidate that is open; `None` when all hold. Use weighs
    /// more than anything else, and what is not proved weighs least.
    pub fn lapse(&self) -> Option<(Check, Lapse)> {
        let weight = |check: &Check| match check.lapse() {
            Lapse::Used => 2,
            Lapse::NotMeant => 1,
            Lapse::Unproved => 0,
        };
        let failed = Check::ALL.into_iter().filter(|check| !self.holds(*check));
        // Of several that weigh the same, the first.
        let heaviest = failed.rev().max_by_key(weight)?;
        Some((heaviest, heaviest.lapse()))
    }

    pub(super) fn holds(&self, check: Check) -> bool {
        let Self {
            rule,
            known,
            moment,
        } = self;
        let facts = known.product;
        match check {
            Check::RuleMakesCandidates => rule.create_candidates,
            Check::Known => facts.is_some(),
            Check::NotKept => !known.decided.keeps(moment.now),
            Check::NotRemoved => {
                let present = facts.and_then(|facts| facts.last_present(moment.zone));
                !known.decided.removed_since(present)
            }
            Check::UseReported => self.has_records() || self.counts_silence(),
            Check::ProductReported => self.has_records() || known.product_reported,
            Check::ItemReported => self.silent_since().is_none(),
            Check::UseKnown => match rule.threshold {
                Threshold::TotalUsage { .. } => !self.in_window().any(|month| month.unmeasured),
                Threshold::LastUsedDate { .. } => {
                    facts.is_some_and(|facts| facts.last_used.is_some()) || rule.include_no_activity
                }
            },
            Check::OlderThanWindow => facts
                .and_then(|facts| facts.known_since)
                .is_some_and(|since| moment.day(since) < self.window_first()),
            Check::Unused => !self.was_used(),
        }
    }

    /// Whether records of the rule's type tell of the software within the window.
    pub(super) fn has_records(&self) -> bool {
        match self.rule.threshold {
            Threshold::TotalUsage { .. } => self.in_window().next().is_some(),
            Threshold::LastUsedDate { .. } => self
                .known
                .product
                .is_some_and(|facts| facts.listed_at.is_some()),
        }
    }

    /// Whether a month without a record is a month without use. A last-used date that was never
    /// reported is not one that lies long ago.
    fn counts_silence(&self) -> bool {
        matches!(self.rule.threshold, Threshold::TotalUsage { .. }) && self.rule.include_no_activity
    }

    /// What was reported of the months of the window and of those after it.
    fn in_window(&self) -> impl Iterator<Item = &MonthUse> {
        let first = month_of(self.window_first());
        let months = self.known.product.map(|facts| &facts.months);
        let months = months.into_iter().flatten();
        months
            .filter(move |(period, _)| Some(**period) >= first)
            .map(|(_, month)| month)
    }

    /// The first day of the window: of whole months, or of the days before the last report.
    pub(super) fn window_first(&self) -> Date {
        match self.rule.threshold {
            Threshold::TotalUsage { months, .. } => self.moment.first_day_of(months),
            Threshold::LastUsedDate { last_used_before } => {
                let days = i64::from(last_used_before.whole_days());
                // A use so many days ago is at the threshold, and not within it.
                self.known_until().saturating_sub((days - 1).days())
            }
        }
    }

    /// The last day of which the reports tell.
    pub(super) fn known_until(&self) -> Date {
        let today = self.moment.today();
        match self.rule.threshold {
            Threshold::TotalUsage { .. } => today.first_of_month().saturating_sub(1.day()),
            Threshold::LastUsedDate { .. } => {
                let listed = self.known.product.and_then(|facts| facts.listed_at);
                listed.map_or(today, |listed| self.moment.day(listed).min(today))
            }
        }
    }

    /// The first month that the item's agent said nothing of, or the day since which it is silent.
    pub(super) fn silent_since(&self) -> Option<Date> {
        match self.rule.threshold {
            Threshold::TotalUsage { months, .. } => {
                let mut month = month_of(self.window_first());
                for _ in 0..months {
                    let period = month?;
                    if !self.known.item.months.contains(&period) {
                        return first_day(period);
                    }
                    month = month_after(period);
                }
                None
            }
            Threshold::LastUsedDate { .. } => {
                let oldest = self.moment.today().saturating_sub(FRESH_DAYS.days());
                let until = self.known_until();
                (until < oldest || !self.has_records()).then_some(until)
            }
        }
    }

    fn was_used(&self) -> bool {
        let first = self.window_first();
        let last_used = self.known.product.and_then(|facts| facts.last_used);
        let used_since = last_used.is_some_and(|at| self.moment.day(at) >= first);
        match self.rule.threshold {
            Threshold::TotalUsage {
                total_hours_used: 0,
                ..
            } => used_since || self.in_window().any(|month| month.used),
            Threshold::TotalUsage {
                total_hours_used, ..
            } => self.seconds() > u64::from(total_hours_used) * 3600,
            Threshold::LastUsedDate { .. } => {
                // A month that reaches into the window may have been used in that part of it.
                used_since || self.in_window().any(|month| month.used)
            }
        }
    }

    pub(super) fn seconds(&self) -> u64 {
        self.in_window().map(|month| month.seconds).sum()
    }

    fn evidence(&self) -> Option<Evidence> {
        let facts = self.known.product?;
        Some(Evidence {
            window_first: self.window_first(),
            window_last: self.known_until(),
            total_usage_time: match self.rule.threshold {
                Threshold::TotalUsage { .. } => Some(self.seconds()),
                Threshold::LastUsedDate { .. } => None,
            },
            last_used_time: facts.last_used,
            known_since: facts.known_since?,
        })
    }
}

#[cfg(test)]
#[path = "judge_tests.rs"]
mod tests;
