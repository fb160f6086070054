//! The rule that decides for a seat: the generated one, a `ReclamationRule` over it, the profile's own
//! settings over both, leaf by leaf; guards can only tighten.
//!
//! The generated rule is ServiceNow's for direct integrations: 60 days without activity
//! (<https://www.servicenow.com/docs/r/it-asset-management/saas-license-management/add-reclamation-rule-sub.html>).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use sha2::{Digest as _, Sha256};

use super::candidate::Justification;
use crate::profile::compare;
use crate::profile::identifier::Identifier;
use crate::profile::link;
use crate::profile::model::DesiredProfile;
use crate::profile::raw::rules::{ConditionStatus, Mode};
use crate::profile::window::Window;
use crate::settings::Guards;
use crate::yaml::duration::Span;

/// Seats to have free before nothing more is taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Json", into = "Json")]
pub enum KeepSpare {
    /// Per cent of those bought, rounded up.
    Percent(u8),
    /// Seats.
    Count(u32),
}

impl KeepSpare {
    /// How many seats that is, of so many bought.
    pub fn of(self, bought: u64) -> u64 {
        match self {
            Self::Percent(percent) => bought.saturating_mul(u64::from(percent)).div_ceil(100),
            Self::Count(count) => u64::from(count),
        }
    }
}

impl TryFrom<Json> for KeepSpare {
    type Error = String;

    fn try_from(value: Json) -> Result<Self, String> {
        let percent = value.as_str().and_then(|text| text.strip_suffix('%'));
        let percent = percent.and_then(|number| number.parse().ok());
        let count = value.as_u64().and_then(|count| u32::try_from(count).ok());
        match (percent, count) {
            (Some(percent), _) => Ok(Self::Percent(percent)),
            (None, Some(count)) => Ok(Self::Count(count)),
            _ => Err(format!("`{value}` is neither a part nor a number of seats")),
        }
    }
}

impl From<KeepSpare> for Json {
    fn from(spare: KeepSpare) -> Self {
        match spare {
            KeepSpare::Percent(percent) => Self::from(format!("{percent}%")),
            KeepSpare::Count(count) => Self::from(count),
        }
    }
}

/// Which users' seats a rule judges: those that have one of the values of every list that is given.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Conditions {
    /// Departments, in any case.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub departments: Option<Vec<String>>,
    /// Mail domains; `*.` in front takes subdomains.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub domains: Option<Vec<String>>,
    /// Standings at the vendor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub statuses: Option<Vec<ConditionStatus>>,
}

/// What one level says; what it leaves out comes from the level below.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Level {
    mode: Option<Mode>,
    last_activity_threshold: Option<Span>,
    include_no_activity: Option<bool>,
    leavers: Option<bool>,
    service_accounts: Option<bool>,
    notify_user: Option<bool>,
    days_before_auto_reclamation: Option<u16>,
    assignment_group: Option<String>,
    create_candidates: Option<bool>,
    cool_down: Option<Span>,
    keep_spare: Option<KeepSpare>,
    conditions: Option<Conditions>,
    windows: Option<Vec<Window>>,
    guards: Option<Json>,
}

/// A rule in force.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch that people write"
)]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// Where it is written, for people: the levels that say something, the highest last.
    pub origin: String,
    /// Who presses Reclaim on a ready candidate.
    pub mode: Mode,
    /// A seat without activity for so long counts as unused.
    pub last_activity_threshold: Span,
    /// Whether a seat is judged of which no activity, assignment or creation is known, by the day on
    /// which we first saw it.
    pub include_no_activity: bool,
    /// Whether a seat of somebody who left is a candidate however much it was used.
    #[serde(skip_serializing_if = "is_off", default)]
    pub leavers: bool,
    /// Whether seats of programs and of several people are judged like those of people.
    #[serde(skip_serializing_if = "is_off", default)]
    pub service_accounts: bool,
    /// Whether the user is asked first.
    pub notify_user: bool,
    /// Days the user has to answer.
    pub days_before_auto_reclamation: u16,
    /// Who decides when a user wants to keep the seat.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub assignment_group: Option<String>,
    /// Whether candidates are made at all.
    pub create_candidates: bool,
    /// For how long nobody is asked again who kept a seat, got it back or lost it.
    pub cool_down: Span,
    /// Seats to have free before nothing more is taken back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keep_spare: Option<KeepSpare>,
    /// Which users' seats it judges.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conditions: Option<Conditions>,
    /// When the vendor may be written to; always when `None`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub windows: Option<Vec<Window>>,
    /// The numbers that stop a reclaim.
    pub guards: Guards,
}

/// What is off stays out of a rule's words, so that digests of rules from before there was such a key hold.
#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands out references"
)]
fn is_off(flag: &bool) -> bool {
    !flag
}

impl Rule {
    /// The rule that holds where nothing is written.
    pub fn generated(ceiling: Guards) -> Self {
        Self {
            origin: "the generated rule".to_owned(),
            mode: Mode::Manual,
            last_activity_threshold: Span::days(60),
            include_no_activity: false,
            leavers: false,
            service_accounts: false,
            notify_user: true,
            days_before_auto_reclamation: 14,
            assignment_group: None,
            create_candidates: true,
            cool_down: Span::days(30),
            keep_spare: None,
            conditions: None,
            windows: None,
            guards: ceiling,
        }
    }

    /// `sha256:…` over everything that decides; where it is written does not.
    pub fn digest(&self) -> String {
        format!("sha256:{:x}", Sha256::digest(self.spec().to_string()))
    }

    /// What `after` decides more freely than this rule, in words; nothing where it is no looser.
    pub fn loosened_by(&self, after: &Self) -> Vec<String> {
        compare::loosened_rule(&self.spec(), &after.spec())
    }

    /// The rule as it decides for a candidate that was found for this reason: who left is not asked.
    #[must_use]
    pub fn deciding(&self, why: Justification) -> Self {
        Self {
            notify_user: self.notify_user && why != Justification::Left,
            ..self.clone()
        }
    }

    /// Whether the user is asked before the seat is taken.
    pub fn asks_user(&self) -> bool {
        self.notify_user && self.days_before_auto_reclamation > 0
    }

    /// Everything that decides, with the keys that files have.
    fn spec(&self) -> Json {
        let mut spec = serde_json::to_value(self).unwrap_or_default();
        if let Some(spec) = spec.as_object_mut() {
            spec.remove("origin");
            let Guards {
                max_per_run,
                max_per_day,
                hold_above,
                accept_listed_evidence,
            } = self.guards;
            let guards = json!({
                "max_per_run": max_per_run, "max_per_day": max_per_day,
                "hold_above": hold_above, "accept_listed_evidence": accept_listed_evidence,
            });
            spec.insert("guards".to_owned(), guards);
        }
        spec
    }

    fn overlaid(mut self, level: &Level, origin: String) -> Self {
        let windows = level.windows.clone();
        self.origin = origin;
        self.mode = level.mode.unwrap_or(self.mode);
        self.last_activity_threshold = level
            .last_activity_threshold
            .unwrap_or(self.last_activity_threshold);
        self.include_no_activity = level
            .include_no_activity
            .unwrap_or(self.include_no_activity);
        self.leavers = level.leavers.unwrap_or(self.leavers);
        self.service_accounts = level.service_accounts.unwrap_or(self.service_accounts);
        self.notify_user = level.notify_user.unwrap_or(self.notify_user);
        self.days_before_auto_reclamation = level
            .days_before_auto_reclamation
            .unwrap_or(self.days_before_auto_reclamation);
        self.assignment_group = level.assignment_group.clone().or(self.assignment_group);
        self.create_candidates = level.create_candidates.unwrap_or(self.create_candidates);
        self.cool_down = level.cool_down.unwrap_or(self.cool_down);
        self.keep_spare = level.keep_spare.or(self.keep_spare);
        self.conditions = level.conditions.clone().or(self.conditions);
        self.windows = windows.or(self.windows);
        if let Some(guards) = &level.guards {
            self.guards = self.guards.tightened_by(&link::limits_of(guards));
        }
        self
    }
}

/// The rules of a profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    /// For every identifier that no other rule decides for.
    pub general: Rule,
    /// For identifiers that a `ReclamationRule` names.
    pub of_identifiers: BTreeMap<Identifier, Rule>,
}

impl Rules {
    /// The rules that reach a profile, within the settings' `ceiling`. What does not read is as if it
    /// were not written: it was checked when it was loaded.
    pub fn of(desired: &DesiredProfile, ceiling: Guards) -> Self {
        let level = |spec: &Json| Level::deserialize(spec).unwrap_or_default();
        let own = desired.profile.reclamation.as_ref().map(&level);
        let name = &desired.profile.name;
        let finished = |rule: Rule, below: Option<String>| match &own {
            None => rule,
            Some(own) => {
                let below = below
                    .map(|below| format!("{below} and "))
                    .unwrap_or_default();
                rule.overlaid(own, format!("{below}`reclamation` of Profile {name}"))
            }
        };
        let mut of_identifiers = BTreeMap::new();
        for reaching in &desired.rules {
            let origin = format!("ReclamationRule {}", reaching.name);
            let rule = Rule::generated(ceiling).overlaid(&level(&reaching.spec), origin.clone());
            let rule = finished(rule, Some(origin));
            for identifier in &reaching.identifiers {
                of_identifiers.insert(identifier.clone(), rule.clone());
            }
        }
        Self {
            general: finished(Rule::generated(ceiling), None),
            of_identifiers,
        }
    }

    /// The rule that decides for seats of `identifier`.
    pub fn for_identifier(&self, identifier: &Identifier) -> &Rule {
        self.of_identifiers.get(identifier).unwrap_or(&self.general)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn over(generated: Rule, spec: &Json) -> Rule {
        let level = Level::deserialize(spec).unwrap();
        generated.overlaid(&level, "test".to_owned())
    }

    fn generated() -> Rule {
        Rule::generated(Guards::default())
    }

    #[test]
    fn levels_stand_over_each_other_leaf_by_leaf() {
        let rule = over(
            over(
                generated(),
                &json!({"mode": "approved", "last_activity_threshold": "90d", "keep_spare": "5%"}),
            ),
            &json!({"last_activity_threshold": "120d", "windows": ["mon..fri 09:00-16:00"]}),
        );
        assert_eq!(rule.mode, Mode::Approved);
        assert_eq!(rule.last_activity_threshold, Span::days(120));
        assert_eq!(rule.keep_spare, Some(KeepSpare::Percent(5)));
        assert!(rule.windows.is_some() && rule.notify_user);
    }

    #[test]
    fn guards_only_tighten_whatever_a_level_says() {
        let rule = over(
            generated(),
            &json!({"guards": {"max_per_day": 1000, "max_per_run": {"count": 3}}}),
        );
        assert_eq!(rule.guards.max_per_day, 100);
        assert_eq!(rule.guards.max_per_run.count, 3);
    }

    #[test]
    fn a_looser_rule_is_told_as_one_and_a_tighter_one_is_not() {
        let looser = [
            json!({"mode": "automatic"}),
            json!({"last_activity_threshold": "30d"}),
            json!({"include_no_activity": true}),
            json!({"leavers": true}),
            json!({"service_accounts": true}),
            json!({"notify_user": false}),
            json!({"days_before_auto_reclamation": 3}),
            json!({"cool_down": "1d"}),
        ];
        let tighter = [
            json!({"last_activity_threshold": "90d"}),
            json!({"keep_spare": 4}),
            json!({"windows": ["mon 09:00-10:00"]}),
            json!({"conditions": {"departments": ["Sales"]}}),
            json!({"guards": {"max_per_day": 3}}),
            json!({"create_candidates": false}),
            json!({"assignment_group": "sam@example.com"}),
        ];
        for spec in looser {
            let rule = over(generated(), &spec);
            assert_ne!(generated().loosened_by(&rule), [""; 0], "{spec}");
            assert_eq!(rule.loosened_by(&generated()), [""; 0], "{spec}");
        }
        for spec in tighter {
            let rule = over(generated(), &spec);
            assert_eq!(generated().loosened_by(&rule), [""; 0], "{spec}");
        }
    }

    #[test]
    fn the_digest_is_of_what_decides_and_not_of_where_it_is_written() {
        let one = over(generated(), &json!({"mode": "manual"}));
        assert_eq!(one.digest(), generated().digest());
        assert_ne!(
            over(generated(), &json!({"cool_down": "31d"})).digest(),
            one.digest()
        );
    }

    proptest! {
        #[test]
        fn a_part_of_the_bought_seats_is_rounded_up(percent in 0u8..=100, bought in 0u64..1_000_000) {
            let spare = KeepSpare::Percent(percent).of(bought);
            prop_assert!(spare * 100 >= bought * u64::from(percent));
            prop_assert!(spare == 0 || (spare - 1) * 100 < bought * u64::from(percent));
        }
    }
}
