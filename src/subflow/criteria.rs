//! What the seats of a profile are judged by at one time: the rules that reach it and what is known.
//! The calculation of candidates, the plan and `explain` all judge by this.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;

use super::coverage;
use crate::connector::facts::Grade;
use crate::profile::identifier::Identifier;
use crate::reclamation::criteria::{Criteria, Knowledge, Known};
use crate::reclamation::evidence;
use crate::reclamation::plan::Pool;
use crate::reclamation::rule::Rules;
use crate::settings::Guards;
use crate::store::activity::CoverageSpan;
use crate::store::document::RecordedProfile;
use crate::store::judgement::{Namesakes, ProfileFacts};
use crate::store::{Store, StoreError};

/// What seats are judged by.
#[derive(Debug, Clone)]
pub struct Judging {
    /// The rules that reach the profile.
    pub rules: Rules,
    /// What is known of the profile as a whole.
    pub knowledge: Knowledge,
    /// The seats of each identifier.
    pub pools: BTreeMap<Identifier, Pool>,
    /// Who cannot be told from another by the vendor's reports.
    pub namesakes: Arc<Namesakes>,
    coverage: Vec<CoverageSpan>,
    criteria: BTreeMap<Identifier, Criteria>,
}

impl Judging {
    /// What the seats of `profile` are judged by at `now`, within the settings' `ceiling`.
    pub async fn at(
        store: &Store,
        profile: &RecordedProfile,
        ceiling: Guards,
        now: Timestamp,
    ) -> Result<Self, StoreError> {
        let ProfileFacts {
            downloaded_at,
            download_not_in_force,
            last_use_of_anybody,
            coverage,
            pools,
            namesakes,
            directories,
        } = store.profile_facts(profile.id).await?;
        let mut judging = Self {
            rules: Rules::of(&profile.desired, ceiling),
            knowledge: Knowledge {
                now,
                downloaded_at,
                download_not_in_force,
                last_use_of_anybody,
                stale_directories: directories
                    .iter()
                    .filter_map(|row| Some((row.name.to_string(), row.stale(now)?)))
                    .collect(),
                options: profile.desired.profile.subflows.reclaim_options,
            },
            pools,
            namesakes,
            coverage,
            criteria: BTreeMap::new(),
        };
        let identifiers: Vec<Identifier> = judging.pools.keys().cloned().collect();
        for identifier in identifiers {
            let criteria = judging.made_for(&identifier);
            judging.criteria.insert(identifier, criteria);
        }
        Ok(judging)
    }

    /// The criteria of an identifier.
    pub fn of(&self, identifier: &Identifier) -> Cow<'_, Criteria> {
        match self.criteria.get(identifier) {
            Some(criteria) => Cow::Borrowed(criteria),
            None => Cow::Owned(self.made_for(identifier)),
        }
    }

    /// The first day within the threshold of every rule that reaches the profile: a seat used since is
    /// unused by none of them. Where a rule means people who left, it matters of no seat.
    pub fn used_by_any_rule(&self) -> Date {
        let mut rules = self
            .rules
            .of_identifiers
            .values()
            .chain([&self.rules.general]);
        if rules.any(|rule| rule.leavers) {
            return Date::MAX;
        }
        let rules = self.rules.of_identifiers.values();
        let all = rules.chain([&self.rules.general]);
        all.map(|rule| self.knowledge.window_first(rule))
            .fold(Date::MIN, Date::max)
    }

    fn made_for(&self, identifier: &Identifier) -> Criteria {
        let known = Known {
            hosted_since: self.known_since(identifier, Grade::Hosted),
            listed_since: self.known_since(identifier, Grade::Listed),
        };
        let rule = self.rules.for_identifier(identifier).clone();
        Criteria::new(identifier.clone(), rule, known, &self.knowledge)
    }

    /// The first day since which every kind of activity is known that counts for an identifier.
    fn known_since(&self, identifier: &Identifier, grade: Grade) -> Option<Date> {
        let kinds = evidence::counting(identifier);
        let since = kinds
            .iter()
            .map(|kind| coverage::known_since(&self.coverage, *kind, grade, self.knowledge.now));
        since.collect::<Option<Vec<Date>>>()?.into_iter().max()
    }
}
