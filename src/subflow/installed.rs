//! The calculation of candidates on configuration items: which installed software is unused now, and what
//! became of what was found before. It reads what agents reported a piece at a time and calls nobody.
//! Usage records and candidates are in two files without a transaction over both: what an agent reports
//! meanwhile is seen by the next run.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::candidates::ATTENTION_TIMEOUT;
use super::savings::Prices;
use crate::clock::Clock;
use crate::profile::model::Kind;
use crate::reclamation::actor::Actor;
use crate::reclamation::candidate::{Event, State};
use crate::reclamation::installed::candidate::InstalledCandidate;
use crate::reclamation::installed::facts::{ItemFacts, ProductFacts};
use crate::reclamation::installed::judge::{Case, Decided, Judgement, Known, Moment};
use crate::reclamation::installed::rule::{InstalledRules, Selected, Threshold};
use crate::reclamation::judge::Lapse;
use crate::store::candidate::{Happened, Happening};
use crate::store::installed::{InstalledFilter, NewInstalled};
use crate::store::job::Counts;
use crate::store::usage::UsageStore;
use crate::store::{Store, StoreError};
use crate::usage::Reference;

/// Open candidates looked at in one piece.
const OPEN: u32 = 500;

/// What installed software is judged with.
#[derive(Debug, Clone, Copy)]
pub struct InstalledContext<'a> {
    /// Where candidates are.
    pub store: &'a Store,
    /// What agents reported.
    pub usage: &'a UsageStore,
    /// What time it is.
    pub clock: &'a dyn Clock,
    /// In which days and months begin.
    pub zone: &'a TimeZone,
}

/// What installed software is judged by at one time.
#[derive(Debug, Clone)]
pub struct InstalledJudging {
    /// What decides for which product.
    pub rules: InstalledRules,
    now: Timestamp,
    zone: TimeZone,
    /// Products that no item reported within their rule's window.
    unreported: BTreeSet<Reference>,
}

/// The rules for installed software that are in force.
pub async fn rules_in_force(store: &Store) -> Result<InstalledRules, StoreError> {
    let rules = store.documents_of(Kind::ReclamationRule).await?;
    let models = store.documents_of(Kind::SoftwareModel).await?;
    Ok(InstalledRules::of(&rules, &models))
}

impl InstalledJudging {
    /// What is judged by now.
    pub async fn now(context: InstalledContext<'_>) -> Result<Self, StoreError> {
        let rules = rules_in_force(context.store).await?;
        let moment = Moment {
            now: context.clock.now(),
            zone: context.zone,
        };
        let mut sought = BTreeMap::new();
        for (product, selected) in rules.iter() {
            if let Threshold::TotalUsage { months, .. } = selected.rule.threshold
                && selected.rule.include_no_activity
                && let Some(first) = moment.first_month(months)
            {
                sought.insert(*product, first);
            }
        }
        let unreported = context.usage.unreported(sought).await?;
        Ok(Self {
            rules,
            now: moment.now,
            zone: context.zone.clone(),
            unreported: unreported.into_keys().collect(),
        })
    }

    /// One product on one item, as it is judged.
    pub fn case<'a>(
        &'a self,
        product: &Reference,
        selected: &'a Selected,
        item: &'a ItemFacts,
        decided: Decided,
    ) -> Case<'a> {
        Case {
            rule: &selected.rule,
            known: Known {
                item,
                product: item.products.get(product),
                product_reported: !self.unreported.contains(product),
                decided,
            },
            moment: Moment {
                now: self.now,
                zone: &self.zone,
            },
        }
    }

    fn present(&self, facts: &ProductFacts) -> Option<Timestamp> {
        facts.last_present(&self.zone)
    }
}

/// Runs the calculation: products on items looked at are `fetched`, new candidates `inserted`, moved ones
/// `updated`, closed ones `ended`.
pub async fn refresh_installed(
    context: InstalledContext<'_>,
    counts: &mut Counts,
) -> Result<(), StoreError> {
    let judging = Arc::new(InstalledJudging::now(context).await?);
    follow(context, &judging, counts).await?;
    find(context, &judging, counts).await
}

/// Moves open candidates on: what was used, or is not meant any more; answers that did not come; trouble
/// that was not mended.
async fn follow(
    context: InstalledContext<'_>,
    judging: &Arc<InstalledJudging>,
    counts: &mut Counts,
) -> Result<(), StoreError> {
    let mut after = None;
    loop {
        let filter = InstalledFilter {
            open: Some(true),
            ..InstalledFilter::default()
        };
        let open = context
            .store
            .installed_candidates(filter, after, OPEN)
            .await?;
        let Some(last) = open.last() else {
            return Ok(());
        };
        after = Some(last.id);
        let items = open.iter().map(|one| one.configuration_item).collect();
        let wanted = Arc::clone(judging);
        let facts = context
            .usage
            .item_facts(items, context.zone, move |product| {
                wanted.rules.get(product).is_some()
            })
            .await?;
        let pairs = open.iter().map(pair_of).collect();
        let decided = context.store.installed_histories(pairs).await?;
        let happenings = open
            .iter()
            .filter_map(|one| {
                let facts = facts.get(&one.configuration_item);
                let decided = decided.get(&pair_of(one)).copied().unwrap_or_default();
                next_of(one, judging, facts, decided)
            })
            .collect();
        for happened in context
            .store
            .happen_installed(happenings, judging.now)
            .await?
        {
            if let Happened::Moved(candidate) = happened {
                if candidate.state.is_closed() {
                    counts.ended += 1;
                } else {
                    counts.updated += 1;
                }
            }
        }
    }
}

fn pair_of(candidate: &InstalledCandidate) -> (Reference, Reference) {
    (candidate.configuration_item, candidate.norm_product)
}

/// What happens to an open candidate now, if anything does.
fn next_of(
    candidate: &InstalledCandidate,
    judging: &InstalledJudging,
    facts: Option<&ItemFacts>,
    decided: Decided,
) -> Option<Happening> {
    let happens =
        |event, reason: String| Some(Happening::new(candidate.id, event, reason, &Actor::Rule));
    let nothing = ItemFacts::default();
    let Some(selected) = judging.rules.get(&candidate.norm_product) else {
        let reason = "no rule decides for it any more".to_owned();
        return happens(Event::NoLongerMeant, reason);
    };
    let facts = facts.unwrap_or(&nothing);
    let case = judging.case(&candidate.norm_product, selected, facts, decided);
    if let Some((check, lapse)) = case.lapse() {
        let found = case.predicate(check);
        let why = format!(
            "`{}` does not hold: {} ({})",
            check.as_str(),
            found.value,
            found.source
        );
        match lapse {
            // What a stricter rule takes for use was there when the candidate was found.
            Lapse::Used if selected.rule.digest() != candidate.rule_digest => {
                return happens(Event::NoLongerMeant, format!("its rule changed: {why}"));
            }
            Lapse::Used => return happens(Event::Used, why),
            Lapse::NotMeant => return happens(Event::NoLongerMeant, why),
            Lapse::Unproved => {}
        }
    }
    let now = judging.now;
    match candidate.state {
        State::AttentionRequired
            if now.duration_since(candidate.changed_at) > ATTENTION_TIMEOUT =>
        {
            let days = ATTENTION_TIMEOUT.as_hours() / 24;
            let reason = format!("it required attention for more than {days} days");
            happens(Event::TimedOut, reason)
        }
        // Silence is no consent where nothing is known to have reached the user.
        State::AwaitingUser if candidate.answer_by.is_some_and(|by| by < now) => {
            let reason = "no answer of its user was recorded in time: ask them, then record it with `seatsync candidates answer` after `resume` and `reclaim`, or set `notify_user: false` in the rule";
            happens(Event::NoticeFailed, reason.to_owned())
        }
        _ => None,
    }
}

/// Software that is unused as far as agents tell.
#[derive(Debug)]
struct Found {
    new: NewInstalled,
    present: Option<Timestamp>,
}

/// Looks at the software of every item, and records what is found unused.
async fn find(
    context: InstalledContext<'_>,
    judging: &Arc<InstalledJudging>,
    counts: &mut Counts,
) -> Result<(), StoreError> {
    if judging.rules.is_empty() {
        return Ok(());
    }
    let today = judging.now.to_zoned(context.zone.clone()).date();
    let prices = Prices::of(context.store, today).await?;
    let mut after = None;
    loop {
        let (wanted, judge) = (Arc::clone(judging), Arc::clone(judging));
        let (pieces, next) = context
            .usage
            .judge_items(
                after,
                context.zone,
                move |product| wanted.rules.get(product).is_some(),
                move |item, facts, to| to.push(unused_on(item, facts, &judge)),
            )
            .await?;
        let mut found = Vec::new();
        for (looked_at, unused) in pieces {
            counts.fetched += looked_at;
            found.extend(unused);
        }
        counts.inserted += record(context, judging, &prices, found).await?;
        match next {
            Some(next) => after = Some(next),
            None => return Ok(()),
        }
    }
}

/// How many products of an item are judged, and those that are unused.
fn unused_on(item: Reference, facts: &ItemFacts, judging: &InstalledJudging) -> (u64, Vec<Found>) {
    let mut unused = Vec::new();
    for (product, known) in &facts.products {
        let Some(selected) = judging.rules.get(product) else {
            continue;
        };
        let case = judging.case(product, selected, facts, Decided::default());
        if let Judgement::Unused(evidence) = case.judge() {
            let rule = &selected.rule;
            unused.push(Found {
                new: NewInstalled {
                    configuration_item: item,
                    norm_product: *product,
                    software_model: selected.software_model.clone(),
                    product: selected.product.clone(),
                    rule: rule.name.clone(),
                    rule_digest: rule.digest(),
                    evidence,
                    savings: None,
                    assignment_group: rule.assignment_group.clone(),
                },
                present: judging.present(known),
            });
        }
    }
    let looked_at = u64::try_from(facts.products.len()).unwrap_or_default();
    (looked_at, unused)
}

/// Records what was found, but for what was kept or removed.
async fn record(
    context: InstalledContext<'_>,
    judging: &InstalledJudging,
    prices: &Prices,
    found: Vec<Found>,
) -> Result<u64, StoreError> {
    let pair = |one: &Found| (one.new.configuration_item, one.new.norm_product);
    let pairs = found.iter().map(pair).collect();
    let decided: HashMap<_, Decided> = context.store.installed_histories(pairs).await?;
    let open = found
        .into_iter()
        .filter(|one| {
            let before = decided.get(&pair(one)).copied().unwrap_or_default();
            !before.keeps(judging.now) && !before.removed_since(one.present)
        })
        .map(|one| NewInstalled {
            savings: prices.of_product(&one.new.norm_product),
            ..one.new
        })
        .collect();
    context.store.open_installed(open, judging.now).await
}
