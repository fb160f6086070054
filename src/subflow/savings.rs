//! What taking a seat back, or removing software, may save: the unit cost of the entitlement in force for
//! the software model that its identifier or product belongs to. ServiceNow multiplies unused rights by the average price per right;
//! a candidate is one right.

use std::cmp::Reverse;

use jiff::civil::Date;

use crate::profile::catalogue::Catalogue;
use crate::profile::identifier::Identifier;
use crate::profile::licence::{Entitlement, Licensed, SoftwareModel};
use crate::reclamation::candidate::Savings;
use crate::store::{Store, StoreError};
use crate::usage::Reference;

/// Entitlements in force on one day, with the models that they are for.
#[derive(Debug, Clone)]
pub struct Prices {
    catalogue: Catalogue,
    priced: Vec<(Licensed, Savings)>,
}

impl Prices {
    /// The prices in force on `today`.
    pub async fn of(store: &Store, today: Date) -> Result<Self, StoreError> {
        let bought = store.entitlements().await?;
        // What an unlimited agreement costs tells nothing of the cost of one right.
        let in_use = bought
            .iter()
            .filter(|bought| bought.in_use(today) && !bought.unlimited);
        let mut priced: Vec<(u64, Licensed, Savings)> = in_use
            .filter_map(|bought| {
                let savings = savings_of(bought)?;
                Some((bought.quantity, bought.licensed.clone(), savings))
            })
            .collect();
        // A price of the very model is nearer than one of its product; of several, most seats have the
        // price of the largest.
        priced.sort_by_key(|(quantity, licensed, _)| {
            (matches!(licensed, Licensed::Product(_)), Reverse(*quantity))
        });
        let priced = priced
            .into_iter()
            .map(|(_, licensed, savings)| (licensed, savings))
            .collect();
        Ok(Self {
            catalogue: store.catalogue().await?,
            priced,
        })
    }

    /// What one right to an installed product costs.
    pub fn of_product(&self, product: &Reference) -> Option<Savings> {
        let mut models = self.catalogue.iter().map(|(_, model)| model);
        let is_product = |text: &String| Reference::parse(text).as_ref() == Some(product);
        let model = models.find(|model| model.norm_products.iter().any(is_product))?;
        self.of_model(model)
    }

    /// What one seat of `identifier` costs.
    pub fn of_identifier(&self, identifier: &Identifier) -> Option<Savings> {
        self.of_model(self.catalogue.model_of(identifier)?)
    }

    fn of_model(&self, model: &SoftwareModel) -> Option<Savings> {
        let mut priced = self.priced.iter();
        let (_, savings) = priced.find(|(licensed, _)| licensed.covers(model))?;
        Some(savings.clone())
    }
}

fn savings_of(bought: &Entitlement) -> Option<Savings> {
    let cost = bought.cost?;
    Some(Savings {
        amount: cost.unit_cost.to_string(),
        currency: cost.currency.to_string(),
        period: cost.period.as_str().to_owned(),
        entitlement: bought.name.clone(),
    })
}
