//! The kinds that say what seats are of, and what is bought.

use super::Places;
use super::rules::{given, named_once};
use crate::profile::licence::{
    Cost, Entitlement, IdentifierMatch, Licensed, Owner, Period, Product, SoftwareModel,
};
use crate::profile::model::Document;
use crate::profile::raw::rules::{
    RawEntitlement, RawIdentifierMatch, RawProduct, RawSoftwareModel,
};
use crate::profile::raw::words::Prose;
use crate::yaml::diagnostic::Findings;
use crate::yaml::read::{At, Read};
use crate::yaml::tree::Node;

/// `kind: SoftwareModel`.
pub(super) fn software_model(
    node: &Node,
    places: &mut Places,
    to: &mut Findings,
) -> Option<Document> {
    let raw = RawSoftwareModel::read(node, to)?;
    places.note("identifiers", raw.identifiers.as_ref());
    places.note("norm_products", raw.norm_products.as_ref());
    if let Some(products) = &raw.norm_products {
        named_once(products, "`norm_products` names no product", to);
    }
    let empty = raw
        .identifiers
        .as_ref()
        .filter(|list| list.value.is_empty());
    let region = match (empty, &raw.identifiers, &raw.norm_products) {
        (Some(empty), ..) => Some(empty.region),
        // A list that does not read was told already.
        (None, None, None) => ["identifiers", "norm_products"]
            .iter()
            .all(|key| given(node, key).is_none())
            .then_some(node.region),
        _ => None,
    };
    if let Some(region) = region {
        let message = "a model needs at least one identifier or product";
        to.error("profile::empty", region, message)
            .help("list `identifiers` of seats, or `norm_products` of usage records");
    }
    let identifiers = raw.identifiers.map(|list| list.value).unwrap_or_default();
    let products = raw.norm_products.map(|list| list.value).unwrap_or_default();
    Some(Document::SoftwareModel(SoftwareModel {
        name: raw.name.0?.value,
        publisher: raw.publisher.0?.0,
        product: raw.product.0?.0,
        under_management: raw.under_management.unwrap_or(true),
        identifiers: identifiers
            .into_iter()
            .filter_map(|one| identifier_match(one.value))
            .collect(),
        norm_products: products
            .into_iter()
            .map(|product| product.value.0.to_lowercase())
            .collect(),
    }))
}

/// Reading told it when not exactly one is given.
fn identifier_match(raw: RawIdentifierMatch) -> Option<IdentifierMatch> {
    let is = raw.is.map(IdentifierMatch::Is);
    let starts = raw.starts_with;
    is.or_else(|| starts.map(|start| IdentifierMatch::StartsWith(start.0)))
        .or_else(|| raw.anything.map(IdentifierMatch::Anything))
}

/// `kind: Entitlement`.
pub(super) fn entitlement(node: &Node, places: &mut Places, to: &mut Findings) -> Option<Document> {
    let raw = RawEntitlement::read(node, to)?;
    places.note("software_model", raw.software_model.as_ref());
    places.note("product", raw.product.as_ref());
    check_amounts(&raw, node, to);
    check_dates(&raw, to);
    let product = |raw: At<RawProduct>| {
        Some(Product {
            publisher: raw.value.publisher.0?.0,
            product: raw.value.product.0?.0,
        })
    };
    let licensed = match raw.software_model {
        Some(model) => Licensed::SoftwareModel(model.value),
        None => Licensed::Product(raw.product.and_then(product)?),
    };
    let unlimited = raw.unlimited.unwrap_or(false);
    let cost = match (raw.unit_cost, raw.currency) {
        (Some(cost), Some(currency)) => Some(Cost {
            unit_cost: cost.value.0.parse().ok()?,
            currency: currency.value,
            period: raw.period.map(|period| period.value).unwrap_or_default(),
        }),
        _ => None,
    };
    let text = |prose: Option<Prose>| prose.map(|prose| prose.0);
    Some(Document::Entitlement(Entitlement {
        name: raw.name.0?.value,
        licensed,
        metric: raw.metric.unwrap_or_default(),
        quantity: raw
            .quantity
            .map_or(u64::from(unlimited), |quantity| quantity.0.into()),
        unlimited,
        cost,
        start: raw.start.0?.value.0,
        end: raw.end.map(|end| end.value.0),
        owner: Owner {
            department: text(raw.department),
            cost_center: text(raw.cost_center),
            company: text(raw.company),
            country: text(raw.country),
        },
    }))
}

fn check_amounts(raw: &RawEntitlement, node: &Node, to: &mut Findings) {
    if let (Some(cost), None) = (&raw.unit_cost, &raw.currency)
        && node.get("currency").is_none()
    {
        to.error(
            "profile::currency",
            cost.region,
            "an amount needs its `currency`",
        );
    }
    if given(node, "quantity").is_none() && raw.unlimited != Some(true) {
        to.error("profile::quantity", node.region, "`quantity` is missing")
            .help("write how many rights were bought, or `unlimited: true`");
    }
}

fn check_dates(raw: &RawEntitlement, to: &mut Findings) {
    if let (Some(start), Some(end)) = (&raw.start.0, &raw.end)
        && end.value < start.value
    {
        let message = format!("it ends on {} before it starts", end.value.0);
        to.error("profile::dates", end.region, message);
    }
    if let (Some(period), None) = (&raw.period, &raw.end)
        && period.value == Period::Entire
    {
        let message = "a cost for the `entire_period` needs the `end` of it";
        to.error("profile::dates", period.region, message)
            .help("write the last day as `end`, or another `period`");
    }
}
