//! The position of one day, from the facts.

use std::collections::BTreeMap;

use jiff::civil::Date;

use super::draft::{ModelDraft, Rights, sum_up};
use super::facts::{Candidates, Facts, Grouping, Holder, Saving, Standing};
use super::price::{Price, TooMuch};
use super::result::{
    Holders, Ignored, ModelResult, Money, Position, ProductResult, Status, VendorCounts,
};
use super::vendor;
use crate::profile::catalogue::Catalogue;
use crate::profile::identifier::Identifier;
use crate::profile::licence::{Entitlement, Licensed, Product, SoftwareModel, yearly};
use crate::profile::name::Name;

/// What is bought, and what it is of.
#[derive(Debug, Clone, Copy)]
pub struct Basis<'a> {
    /// Every model.
    pub catalogue: &'a Catalogue,
    /// Every entitlement, those that hold no more among them.
    pub entitlements: &'a [Entitlement],
    /// The day that they stand on.
    pub today: Date,
}

/// The position by `grouping`. Owned, used and available rights, spend and savings of the groups sum up to
/// the whole. What is needed and what is too much do not: the rights of one group cover no other's seats.
pub fn position(basis: Basis<'_>, facts: &Facts, grouping: Grouping) -> Position {
    let mut collected = Collected {
        basis,
        grouping,
        products: BTreeMap::new(),
        prices: BTreeMap::new(),
        ignored: Ignored::default(),
        holders: Holders::default(),
        unrecognized: BTreeMap::new(),
    };
    collected.add_seats(facts);
    let too_much = collected.add_entitlements();
    for alike in &facts.candidates {
        collected.add_candidates(alike);
    }
    if grouping == Grouping::None {
        collected.add_purchases(facts);
    }
    collected.finish(&too_much)
}

/// What a candidate saves in a year. A cost for an entire period needs the dates of its entitlement; where
/// that is gone, nothing is claimed.
pub fn yearly_saving(saving: &Saving, entitlements: &[Entitlement], today: Date) -> Option<Money> {
    let mut entitlements = entitlements.iter();
    let bought = entitlements.find(|bought| bought.name == saving.entitlement);
    let (start, end) = bought.map_or((today, None), |bought| (bought.start, bought.end));
    Some(Money {
        amount: yearly(saving.amount, saving.period, start, end)?,
        currency: saving.currency,
    })
}

type Key = (Product, Option<String>);

#[derive(Debug, Default)]
struct ProductDraft {
    rights: Rights,
    models: BTreeMap<Name, ModelDraft>,
}

struct Collected<'a> {
    basis: Basis<'a>,
    grouping: Grouping,
    products: BTreeMap<Key, ProductDraft>,
    /// Of the whole: what a right costs does not depend on who is to have it.
    prices: BTreeMap<Licensed, Price>,
    ignored: Ignored,
    holders: Holders,
    unrecognized: BTreeMap<Identifier, u64>,
}

impl<'a> Collected<'a> {
    fn add_seats(&mut self, facts: &Facts) {
        let catalogue = self.basis.catalogue;
        let mut known: BTreeMap<&Identifier, Option<&'a SoftwareModel>> = BTreeMap::new();
        for seats in &facts.seats {
            let identifier = &seats.identifier;
            let model = *known
                .entry(identifier)
                .or_insert_with(|| catalogue.model_of(identifier));
            match (seats.standing, model) {
                (Standing::Excluded, _) => self.ignored.excluded += seats.count,
                (Standing::Inactive, _) => self.ignored.inactive += seats.count,
                (Standing::Free, _) => self.ignored.free += seats.count,
                (Standing::Counts, None) => {
                    *self.unrecognized.entry(identifier.clone()).or_default() += seats.count;
                }
                (Standing::Counts, Some(model)) if !model.under_management => {
                    self.ignored.not_under_management += seats.count;
                }
                (Standing::Counts, Some(model)) => {
                    self.holders.add(seats.holder, seats.count);
                    let group = self.grouping.of(&seats.owner).map(str::to_owned);
                    let draft = self.draft(model, group);
                    draft.add_seats(&seats.profile, identifier, seats.count);
                }
            }
        }
    }

    /// Counts the entitlements in. Returns those whose price is beyond what can be computed.
    fn add_entitlements(&mut self) -> Vec<Licensed> {
        let Basis {
            catalogue,
            entitlements,
            today,
        } = self.basis;
        let mut too_much = Vec::new();
        for bought in entitlements {
            // Installed software is counted by agents, not by seats: nothing here tells its use.
            let managed =
                |model: &&SoftwareModel| model.under_management && !model.identifiers.is_empty();
            let mut models = catalogue.iter().map(|(_, model)| model);
            let covered = |model: &&SoftwareModel| managed(model) && bought.licensed.covers(model);
            let Some(model) = models.find(covered) else {
                continue;
            };
            let group = self.grouping.of(&bought.owner).map(str::to_owned);
            match &bought.licensed {
                Licensed::SoftwareModel(_) => {
                    self.draft(model, group).rights.add(bought, today);
                }
                Licensed::Product(product) => {
                    let key = (product.clone(), group);
                    let draft = self.products.entry(key).or_default();
                    draft.rights.add(bought, today);
                }
            }
            let price = self.prices.entry(bought.licensed.clone()).or_default();
            if bought.in_use(today) && price.add(bought) == Err(TooMuch) {
                too_much.push(bought.licensed.clone());
            }
        }
        too_much
    }

    fn add_candidates(&mut self, alike: &Candidates) {
        let Some(model) = self.basis.catalogue.model_of(&alike.identifier) else {
            return;
        };
        if !model.under_management {
            return;
        }
        let Basis {
            entitlements,
            today,
            ..
        } = self.basis;
        let saving = alike.saving.as_ref();
        let each = saving.and_then(|saving| yearly_saving(saving, entitlements, today));
        let group = self.grouping.of(&alike.owner).map(str::to_owned);
        self.draft(model, group).add_candidates(alike, each);
    }

    /// Counts in what vendors say was bought: of what has seats or rights, and what has neither where it
    /// is anything at all.
    fn add_purchases(&mut self, facts: &Facts) {
        for purchase in &facts.purchases {
            let model = self.basis.catalogue.model_of(&purchase.identifier);
            let Some(model) = model.filter(|model| model.under_management) else {
                continue;
            };
            let is_known = self.products.contains_key(&(product_of(model), None));
            if is_known || purchase.bought.unwrap_or_default() > 0 || purchase.assigned > 0 {
                self.draft(model, None).add_purchase(purchase);
            }
        }
    }

    fn draft(&mut self, model: &SoftwareModel, group: Option<String>) -> &mut ModelDraft {
        let product = self.products.entry((product_of(model), group)).or_default();
        product.models.entry(model.name.clone()).or_default()
    }

    fn finish(self, too_much: &[Licensed]) -> Position {
        let prices = self.prices;
        let products = self.products.into_iter();
        let products = products.map(|((product, group), draft)| {
            let failed = |model: &Name| {
                let of_model = Licensed::SoftwareModel(model.clone());
                let of_product = Licensed::Product(product.clone());
                too_much.contains(&of_model) || too_much.contains(&of_product)
            };
            finish_product(product.clone(), group, draft, &prices, failed)
        });
        Position {
            products: products.collect(),
            ignored: self.ignored,
            holders: self.holders,
            unrecognized: self.unrecognized,
        }
    }
}

fn product_of(model: &SoftwareModel) -> Product {
    Product {
        publisher: model.publisher.clone(),
        product: model.product.clone(),
    }
}

impl Holders {
    fn add(&mut self, holder: Holder, count: u64) {
        match holder {
            Holder::Unknown => {}
            Holder::Person => self.people += count,
            Holder::Left => self.left += count,
            Holder::Service => self.service += count,
            Holder::Shared => self.shared += count,
            Holder::Tie => self.ties += count,
            Holder::Unresolved => self.unresolved += count,
        }
    }
}

fn finish_product(
    product: Product,
    group: Option<String>,
    draft: ProductDraft,
    prices: &BTreeMap<Licensed, Price>,
    failed: impl Fn(&Name) -> bool,
) -> ProductResult {
    let none = Price::default();
    let for_product = prices
        .get(&Licensed::Product(product.clone()))
        .unwrap_or(&none);
    let mut left = draft.rights.owned();
    let mut models: Vec<ModelResult> = Vec::new();
    for (name, model) in draft.models {
        let own = prices.get(&Licensed::SoftwareModel(name.clone()));
        let price = own.filter(|price| price.is_known()).unwrap_or(for_product);
        let covered = draft.rights.cover(&mut left, model.shortage());
        let failed = failed(&name);
        let mut result = model.finish(name, covered, price);
        if draft.rights.owned() > 0 || draft.rights.unlimited() {
            // Which of the product's rights are meant for this model, nobody says.
            result.vendor = result.vendor.map(VendorCounts::without_drift);
        }
        if failed {
            result.status = Status::Failed;
        }
        models.push(result);
    }
    let worst = models.iter().map(|model| model.status).max();
    let mut status = worst.unwrap_or(Status::Compliant);
    let unlimited = draft.rights.unlimited();
    let (mut numbers, rights) =
        draft
            .rights
            .into_numbers(left, for_product)
            .unwrap_or_else(|TooMuch| {
                status = Status::Failed;
                Default::default()
            });
    let sums = models
        .iter()
        .try_for_each(|model| sum_up(&mut numbers, &model.numbers));
    if sums.is_err() {
        status = Status::Failed;
    }
    if unlimited {
        numbers.rights_available = numbers.rights_available.max(0);
    }
    let vendor = vendor::of_models(&models, &numbers);
    ProductResult {
        product,
        group,
        status,
        numbers,
        vendor,
        rights,
        models,
    }
}
