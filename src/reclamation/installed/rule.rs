//! The rules for installed software that are in force, by the product that each decides for.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use sha2::{Digest as _, Sha256};

use crate::profile::licence::SoftwareModel;
use crate::profile::model::{CheckedDocument, Document};
use crate::profile::name::Name;
use crate::usage::Reference;
use crate::yaml::duration::Span;

/// What counts as no use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "reclamation_type")]
pub enum Threshold {
    /// So many hours or fewer in all, over so many whole months before the present one.
    TotalUsage {
        /// Whole calendar months.
        months: u8,
        /// Hours in all of them.
        total_hours_used: u32,
    },
    /// No use for so long.
    LastUsedDate {
        /// Since the last use.
        last_used_before: Span,
    },
}

/// A rule in force, defaults applied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstalledRule {
    /// The `ReclamationRule` document.
    pub name: Name,
    /// What counts as no use.
    #[serde(flatten)]
    pub threshold: Threshold,
    /// Whether software is judged of which no use was ever reported, or none in the whole window, while
    /// the item's agent reported on other products.
    pub include_no_activity: bool,
    /// Whether the item's user is asked first. Agents tell no addresses, so that a person has to.
    pub notify_user: bool,
    /// Days the user has to answer.
    pub days_before_auto_reclamation: u16,
    /// Who decides when a user wants to keep it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assignment_group: Option<String>,
    /// Whether candidates are made at all.
    pub create_candidates: bool,
    /// For how long nobody is asked again who kept it.
    pub cool_down: Span,
}

impl InstalledRule {
    /// Where it is written, for people.
    pub fn origin(&self) -> String {
        format!("ReclamationRule {}", self.name)
    }

    /// `sha256:…` over everything that decides.
    pub fn digest(&self) -> String {
        digest_of(self)
    }

    /// Whether the user is asked before the software is removed.
    pub fn asks_user(&self) -> bool {
        self.notify_user && self.days_before_auto_reclamation > 0
    }

    /// Of a checked document; `None` where that is a rule for seats.
    fn of(document: &CheckedDocument) -> Option<Self> {
        let spec = &document.spec;
        spec.get("software_models")?;
        let number = |key: &str| spec.get(key).and_then(Json::as_u64);
        let flag = |key: &str| spec.get(key).and_then(Json::as_bool);
        let span = |key: &str| spec.get(key)?.as_str()?.parse::<Span>().ok();
        let threshold = match spec.get("reclamation_type").and_then(Json::as_str) {
            Some("last_used_date") => Threshold::LastUsedDate {
                last_used_before: span("last_used_before").unwrap_or(Span::days(90)),
            },
            _ => Threshold::TotalUsage {
                months: whole(number("months"), 3),
                total_hours_used: whole(number("total_hours_used"), 0),
            },
        };
        let group = spec.get("assignment_group").and_then(Json::as_str);
        Some(Self {
            name: document.name.clone(),
            threshold,
            include_no_activity: flag("include_no_activity").unwrap_or(false),
            notify_user: flag("notify_user").unwrap_or(false),
            days_before_auto_reclamation: whole(number("days_before_auto_reclamation"), 14),
            assignment_group: group.map(str::to_owned),
            create_candidates: flag("create_candidates").unwrap_or(true),
            cool_down: span("cool_down").unwrap_or(Span::days(30)),
        })
    }
}

/// A product that a rule decides for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Selected {
    /// The `SoftwareModel` document that has it.
    pub software_model: Name,
    /// Publisher and product, for people.
    pub product: String,
    /// What decides.
    #[serde(flatten)]
    pub rule: InstalledRule,
}

/// The rules for installed software.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InstalledRules {
    by_product: BTreeMap<Reference, Selected>,
}

impl InstalledRules {
    /// What the rules among `rules` decide for, by the models that they name. A product that two of them
    /// or two models have is judged by none: nobody can say which is meant.
    pub fn of(rules: &[Document], models: &[Document]) -> Self {
        let mut by_model: BTreeMap<&str, Vec<InstalledRule>> = BTreeMap::new();
        for document in rules {
            if let Document::ReclamationRule(document) = document
                && let Some(rule) = InstalledRule::of(document)
            {
                for model in texts(&document.spec, "software_models") {
                    by_model.entry(model).or_default().push(rule.clone());
                }
            }
        }
        let (mut by_product, mut seen) = (BTreeMap::new(), BTreeSet::new());
        for document in models {
            let Document::SoftwareModel(model) = document else {
                continue;
            };
            for product in products_of(model) {
                if !seen.insert(product) {
                    by_product.remove(&product);
                    continue;
                }
                if let Some([rule]) = by_model.get(model.name.as_str()).map(Vec::as_slice) {
                    let selected = Selected {
                        software_model: model.name.clone(),
                        product: name_of(model),
                        rule: rule.clone(),
                    };
                    by_product.insert(product, selected);
                }
            }
        }
        Self { by_product }
    }

    /// Whether no product is judged.
    pub fn is_empty(&self) -> bool {
        self.by_product.is_empty()
    }

    /// What decides for a product.
    pub fn get(&self, product: &Reference) -> Option<&Selected> {
        self.by_product.get(product)
    }

    /// Every product that is judged, in the order of the ids.
    pub fn iter(&self) -> impl Iterator<Item = (&Reference, &Selected)> {
        self.by_product.iter()
    }

    /// `sha256:…` over all that decides, so that a change of it is noticed.
    pub fn digest(&self) -> String {
        let entries: Vec<(&Reference, &Selected)> = self.iter().collect();
        digest_of(&entries)
    }
}

fn digest_of(value: &impl Serialize) -> String {
    let text = serde_json::to_string(value).unwrap_or_default();
    format!("sha256:{:x}", Sha256::digest(text))
}

fn name_of(model: &SoftwareModel) -> String {
    format!("{} {}", model.publisher, model.product)
}

fn products_of(model: &SoftwareModel) -> impl Iterator<Item = Reference> {
    let products = model.norm_products.iter();
    products.filter_map(|product| Reference::parse(product))
}

/// A number within the bounds that the file was checked for.
fn whole<T: TryFrom<u64>>(number: Option<u64>, default: T) -> T {
    number
        .and_then(|number| T::try_from(number).ok())
        .unwrap_or(default)
}

fn texts<'a>(spec: &'a Json, key: &str) -> impl Iterator<Item = &'a str> {
    let list = spec.get(key).and_then(Json::as_array);
    list.into_iter().flatten().filter_map(Json::as_str)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rule(name: &str, spec: Json) -> Document {
        Document::ReclamationRule(CheckedDocument {
            name: name.parse().unwrap(),
            spec,
        })
    }

    fn model(name: &str, product: u8) -> Document {
        let text = json!({"name": name, "publisher": "Acme", "product": name, "norm_products": [format!("{product:032X}")]});
        Document::SoftwareModel(serde_json::from_value(text).unwrap())
    }

    fn product(number: u8) -> Reference {
        Reference::parse(&format!("{number:032x}")).unwrap()
    }

    #[test]
    fn a_rule_has_its_defaults_and_says_what_is_written() {
        let rules = [
            rule("hours", json!({"software_models": ["cad"]})),
            rule(
                "last",
                json!({"software_models": ["word"], "reclamation_type": "last_used_date", "last_used_before": "30d", "cool_down": "7d", "create_candidates": false}),
            ),
            rule("seats", json!({"identifiers": ["zoom.licensed"]})),
        ];
        let models = [model("cad", 1), model("word", 2), model("other", 3)];
        let found = InstalledRules::of(&rules, &models);
        let cad = found.get(&product(1)).unwrap();
        assert_eq!(
            serde_json::to_value(cad).unwrap(),
            json!({"software_model": "cad", "product": "Acme cad", "name": "hours", "reclamation_type": "total_usage",
                "months": 3, "total_hours_used": 0, "include_no_activity": false, "notify_user": false,
                "days_before_auto_reclamation": 14, "create_candidates": true, "cool_down": "30d"})
        );
        let word = found.get(&product(2)).unwrap();
        let before = Threshold::LastUsedDate {
            last_used_before: Span::days(30),
        };
        assert_eq!(word.rule.threshold, before);
        assert!(!word.rule.create_candidates);
        assert_eq!(found.get(&product(3)), None);
        assert_eq!(found.iter().count(), 2);
        let back: Selected = serde_json::from_value(serde_json::to_value(word).unwrap()).unwrap();
        assert_eq!(&back, word);
    }

    #[test]
    fn what_two_rules_or_two_models_have_is_judged_by_none() {
        let one = rule("one", json!({"software_models": ["cad", "word"]}));
        let two = rule("two", json!({"software_models": ["cad"]}));
        let models = [model("cad", 1), model("word", 2), model("words", 2)];
        assert!(InstalledRules::of(&[one.clone(), two], &models).is_empty());
        let digest = InstalledRules::of(std::slice::from_ref(&one), &models).digest();
        let further = [models.to_vec(), vec![model("word", 4)]].concat();
        assert_ne!(InstalledRules::of(&[one], &further).digest(), digest);
    }
}
