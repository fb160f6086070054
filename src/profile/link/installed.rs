//! What rules for installed software and software models say of each other.

use std::collections::BTreeMap;

use super::rules::{refers, texts};
use super::{Documents, Problems, find};
use crate::profile::load::LoadedDocument;
use crate::profile::model::{CheckedDocument, Document, Kind};
use crate::profile::name::Name;

/// The models that a rule names: one that is not there, or that is no installed software, is a warning,
/// for the rule finds nothing by it.
pub(super) fn models_of(
    document: &LoadedDocument,
    rule: &CheckedDocument,
    by_id: &Documents<'_>,
    problems: &mut Problems<'_>,
) {
    for text in texts(&rule.spec, "software_models") {
        let place = "software_models";
        refers(document, place, Kind::SoftwareModel, text, by_id, problems);
        let name = text.parse::<Name>().ok();
        let model = name.and_then(|name| find(by_id, Kind::SoftwareModel, &name));
        let Some(Document::SoftwareModel(model)) = model.map(|model| model.document.as_ref())
        else {
            continue;
        };
        if model.norm_products.is_empty() {
            let message = format!(
                "SoftwareModel `{text}` has no `norm_products`: no usage record is of it, so that this rule finds nothing"
            );
            let help = "list the products in it as `seatsync usage summary` prints them".to_owned();
            let code = "profile::no_products";
            problems.warning(document, &[place], code, message, Some(help));
        }
    }
}

/// Two rules for one product, or two models of it: nobody can say which is meant, so that neither
/// judges it.
pub(super) fn conflicts(documents: &[LoadedDocument], problems: &mut Problems<'_>) {
    let mut models: BTreeMap<&str, &Name> = BTreeMap::new();
    let mut rules: BTreeMap<&str, &Name> = BTreeMap::new();
    for document in documents {
        match document.document.as_ref() {
            Document::SoftwareModel(model) => {
                for product in &model.norm_products {
                    let Some(other) = models.insert(product, &model.name) else {
                        continue;
                    };
                    let message = format!("SoftwareModel `{other}` has product `{product}` too");
                    let help = "one model has a product: take it out of one; no rule judges it now"
                        .to_owned();
                    let place = &["norm_products"];
                    let code = "profile::model_conflict";
                    problems.error(document, place, code, message, Some(help));
                }
            }
            Document::ReclamationRule(rule) => {
                for model in texts(&rule.spec, "software_models") {
                    let Some(other) = rules.insert(model, &rule.name) else {
                        continue;
                    };
                    let message =
                        format!("ReclamationRule `{other}` is for SoftwareModel `{model}` too");
                    let help =
                        "one rule decides for a model: take it out of one; neither judges it now"
                            .to_owned();
                    let place = &["software_models"];
                    let code = "profile::rule_conflict";
                    problems.error(document, place, code, message, Some(help));
                }
            }
            _ => {}
        }
    }
}
