//! What entitlements and software models say of each other.

use std::collections::BTreeMap;

use super::rules::refers;
use super::{Documents, Problems};
use crate::profile::catalogue::built_in;
use crate::profile::licence::{Entitlement, IdentifierMatch, Licensed, SoftwareModel};
use crate::profile::load::LoadedDocument;
use crate::profile::model::{Document, Kind};
use crate::profile::name::Name;

/// What an entitlement is for: where there is no such model or product, its rights cover nothing.
pub(super) fn licensed(
    document: &LoadedDocument,
    entitlement: &Entitlement,
    by_id: &Documents<'_>,
    problems: &mut Problems<'_>,
) {
    match &entitlement.licensed {
        Licensed::SoftwareModel(name) if built_in().any(|model| model.name == *name) => {}
        Licensed::SoftwareModel(name) => {
            let place = "software_model";
            let kind = Kind::SoftwareModel;
            refers(document, place, kind, name.as_str(), by_id, problems);
        }
        Licensed::Product(product) => {
            let mut own = by_id
                .values()
                .filter_map(|one| match one.document.as_ref() {
                    Document::SoftwareModel(model) => Some(model),
                    _ => None,
                });
            let covers = |model: &SoftwareModel| entitlement.licensed.covers(model);
            let known = own.any(covers) || built_in().any(covers);
            if !known {
                let message = format!(
                    "no software model is of `{}` by `{}`: its rights cover nothing",
                    product.product, product.publisher
                );
                let help =
                    "write both as `seatsync models list` prints them, or add a SoftwareModel"
                        .to_owned();
                let code = "profile::unknown_reference";
                problems.warning(document, &["product"], code, message, Some(help));
            }
        }
    }
}

/// Two models that mean the same identifiers: the first by name has them.
pub(super) fn conflicts(documents: &[LoadedDocument], problems: &mut Problems<'_>) {
    let mut meant: BTreeMap<&IdentifierMatch, &Name> = BTreeMap::new();
    for document in documents {
        let Document::SoftwareModel(model) = document.document.as_ref() else {
            continue;
        };
        for one in &model.identifiers {
            let Some(other) = meant.insert(one, &model.name) else {
                continue;
            };
            let (word, text) = match one {
                IdentifierMatch::Is(identifier) => ("is", identifier.as_str()),
                IdentifierMatch::StartsWith(start) => ("starts_with", start.as_str()),
                IdentifierMatch::Anything(vendor) => ("anything", vendor.as_str()),
            };
            let message = format!("SoftwareModel `{other}` has `{word}: {text}` too");
            let first = other.min(&model.name);
            let help = format!(
                "an identifier belongs to one model: take it out of one; until then `{first}`, the first by name, has it"
            );
            let code = "profile::model_conflict";
            problems.warning(document, &["identifiers"], code, message, Some(help));
        }
    }
}
