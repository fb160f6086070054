//! What taking a seat back, or removing software, may save: the unit cost of the entitlement in force for
//! the software model that its identifier or product belongs to. ServiceNow multiplies unused rights by the average price per right;
//! a candidate is one right.

use jiff::civil::Date;
use serde_json::Value as Json;

use crate::profile::identifier::Identifier;
use crate::profile::model::{CheckedDocument, Document, Kind};
use crate::profile::name::Name;
use crate::reclamation::candidate::Savings;
use crate::store::{Store, StoreError};
use crate::usage::Reference;

/// Entitlements in force on one day, with the identifiers that they are for.
#[derive(Debug, Clone, Default)]
pub struct Prices {
    priced: Vec<(Patterns, Savings)>,
}

/// Identifiers and products of a software model.
#[derive(Debug, Clone, Default)]
struct Patterns {
    exactly: Vec<String>,
    prefixes: Vec<String>,
    products: Vec<Reference>,
}

impl Prices {
    /// The prices in force on `today`.
    pub async fn of(store: &Store, today: Date) -> Result<Self, StoreError> {
        let models = store.documents_of(Kind::SoftwareModel).await?;
        let entitlements = store.documents_of(Kind::Entitlement).await?;
        let mut priced = Vec::new();
        for document in &entitlements {
            let Document::Entitlement(entitlement) = document else {
                continue;
            };
            if let Some(savings) = savings_of(entitlement, today) {
                let model = entitlement.spec["software_model"].as_str();
                let model = models.iter().find_map(|document| match document {
                    Document::SoftwareModel(known) if Some(known.name.as_str()) == model => {
                        Some(known)
                    }
                    _ => None,
                });
                priced.extend(model.map(|model| (Patterns::of(model), savings)));
            }
        }
        Ok(Self { priced })
    }

    /// What one right to an installed product costs.
    pub fn of_product(&self, product: &Reference) -> Option<Savings> {
        let (_, savings) = self
            .priced
            .iter()
            .find(|(patterns, _)| patterns.products.contains(product))?;
        Some(savings.clone())
    }

    /// What one seat of `identifier` costs.
    pub fn of_identifier(&self, identifier: &Identifier) -> Option<Savings> {
        let (_, savings) = self
            .priced
            .iter()
            .find(|(patterns, _)| patterns.mean(identifier.as_str()))?;
        Some(savings.clone())
    }
}

impl Patterns {
    fn of(model: &CheckedDocument) -> Self {
        let mut patterns = Self::default();
        let list = model.spec["identifiers"].as_array();
        for entry in list.into_iter().flatten() {
            let text = |key: &str| entry[key].as_str().map(str::to_owned);
            patterns.exactly.extend(text("is"));
            patterns.prefixes.extend(text("starts_with"));
        }
        let products = model.spec["norm_products"].as_array();
        let products = products.into_iter().flatten().filter_map(Json::as_str);
        patterns.products = products.filter_map(Reference::parse).collect();
        patterns
    }

    fn mean(&self, identifier: &str) -> bool {
        self.exactly.iter().any(|one| one == identifier)
            || self
                .prefixes
                .iter()
                .any(|one| identifier.starts_with(one.as_str()))
    }
}

fn savings_of(entitlement: &CheckedDocument, today: Date) -> Option<Savings> {
    let spec = &entitlement.spec;
    let day = |key: &str| {
        spec[key]
            .as_str()
            .and_then(|text| text.parse::<Date>().ok())
    };
    let in_force = day("start").is_none_or(|start| start <= today)
        && day("end").is_none_or(|end| today <= end);
    if !in_force {
        return None;
    }
    let name: &Name = &entitlement.name;
    Some(Savings {
        amount: match &spec["unit_cost"] {
            Json::String(amount) => amount.clone(),
            Json::Number(amount) => amount.to_string(),
            _ => return None,
        },
        currency: spec["currency"].as_str()?.to_owned(),
        period: spec["period"].as_str().unwrap_or("annually").to_owned(),
        entitlement: name.clone(),
    })
}
