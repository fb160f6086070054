//! Why software on a configuration item is or is not a candidate: every predicate with its value, judged
//! by the same code that finds candidates.

use serde::{Deserialize, Serialize};

use super::installed::{InstalledContext, InstalledJudging};
use crate::profile::name::Name;
use crate::reclamation::installed::explain::Predicate;
use crate::reclamation::installed::facts::ItemFacts;
use crate::reclamation::installed::judge::Check;
use crate::reclamation::installed::rule::Selected;
use crate::store::StoreError;
use crate::usage::Reference;

/// What is concluded of one product on one item now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstalledVerdict {
    /// Which product.
    pub norm_product: Reference,
    /// Its model.
    pub software_model: Name,
    /// Publisher and product, for people.
    pub product: String,
    /// The `ReclamationRule` document that decides.
    pub rule: Name,
    /// Whether it is a candidate.
    pub unused: bool,
    /// The first predicate that does not hold.
    pub fails: Option<Check>,
    /// Every predicate.
    pub predicates: Vec<Predicate>,
}

/// What is concluded of an item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemExplained {
    /// Which item.
    pub configuration_item: Reference,
    /// The months of which its agent reported anything, `YYYY-MM`.
    pub months_reported: Vec<String>,
    /// What is concluded of each product that a rule decides for.
    pub verdicts: Vec<InstalledVerdict>,
}

/// Judges the software on an item: the products of it that a rule decides for, or the one that is asked
/// for although nothing was reported of it. `None` where nothing was reported of the item.
pub async fn item_explained(
    context: InstalledContext<'_>,
    item: Reference,
    asked: impl Fn(&Reference, &Selected) -> bool,
    named: bool,
) -> Result<Option<ItemExplained>, StoreError> {
    let judging = InstalledJudging::now(context).await?;
    let mut facts = context
        .usage
        .item_facts(vec![item], context.zone, |_| true)
        .await?;
    let facts = facts.remove(&item).unwrap_or_default();
    if facts == ItemFacts::default() {
        return Ok(None);
    }
    let pairs = judging.rules.iter().map(|(product, _)| (item, *product));
    let decided = context.store.installed_histories(pairs.collect()).await?;
    let verdicts = judging
        .rules
        .iter()
        .filter(|(product, selected)| asked(product, selected))
        .filter(|(product, _)| named || facts.products.contains_key(product))
        .map(|(product, selected)| {
            let before = decided.get(&(item, *product)).copied().unwrap_or_default();
            let case = judging.case(product, selected, &facts, before);
            let predicates = case.explain();
            let fails = predicates.iter().find(|one| !one.holds);
            let fails = fails.map(|one| one.check);
            InstalledVerdict {
                norm_product: *product,
                software_model: selected.software_model.clone(),
                product: selected.product.clone(),
                rule: selected.rule.name.clone(),
                unused: fails.is_none(),
                fails,
                predicates,
            }
        })
        .collect();
    let months = facts.months.iter().filter_map(|month| {
        let (year, month) = month.year_and_month()?;
        Some(format!("{year:04}-{month:02}"))
    });
    Ok(Some(ItemExplained {
        configuration_item: item,
        months_reported: months.collect(),
        verdicts,
    }))
}
