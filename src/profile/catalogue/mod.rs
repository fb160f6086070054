//! Which software model an identifier belongs to: the team's own, then the built-in ones. Nothing
//! of it is kept with a seat, so that a model which comes later holds for every seat at once.

mod built_in;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use self::built_in::BUILT_IN;
use super::identifier::Identifier;
use super::licence::{IdentifierMatch, SoftwareModel};
use super::name::Name;

/// Where a model comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// A `SoftwareModel` document.
    Own,
    /// This program.
    BuiltIn,
}

impl Origin {
    /// The word in listings.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::BuiltIn => "built_in",
        }
    }
}

/// Every model there is.
#[derive(Debug, Clone)]
pub struct Catalogue {
    own: Vec<SoftwareModel>,
    built_in: Vec<&'static SoftwareModel>,
}

impl Catalogue {
    /// The team's own models, and those of the built-in ones whose name they do not take.
    pub fn of(mut own: Vec<SoftwareModel>) -> Self {
        own.sort_by(|one, other| one.name.cmp(&other.name));
        let taken: BTreeSet<&Name> = own.iter().map(|model| &model.name).collect();
        let left = BUILT_IN.iter().filter(|model| !taken.contains(&model.name));
        Self {
            built_in: left.collect(),
            own,
        }
    }

    /// Every model, the team's own first.
    pub fn iter(&self) -> impl Iterator<Item = (Origin, &SoftwareModel)> {
        let own = self.own.iter().map(|model| (Origin::Own, model));
        let built_in = self.built_in.iter();
        own.chain(built_in.map(|model| (Origin::BuiltIn, *model)))
    }

    /// The model of this name.
    pub fn get(&self, name: &Name) -> Option<&SoftwareModel> {
        self.iter()
            .map(|(_, model)| model)
            .find(|model| model.name == *name)
    }

    /// The model that an identifier belongs to; without one it is unrecognized. The team's own win,
    /// whatever they say of it; among models of one origin, the one that means it most closely: the
    /// identifier itself, a longer start, a shorter one, anything. The first by name where two mean it
    /// alike.
    pub fn model_of(&self, identifier: &Identifier) -> Option<&SoftwareModel> {
        closest(self.own.iter(), identifier)
            .or_else(|| closest(self.built_in.iter().copied(), identifier))
    }
}

/// The models that this program knows by itself.
pub fn built_in() -> impl Iterator<Item = &'static SoftwareModel> {
    BUILT_IN.iter()
}

fn closest<'a>(
    models: impl Iterator<Item = &'a SoftwareModel>,
    identifier: &Identifier,
) -> Option<&'a SoftwareModel> {
    let mut found: Option<(usize, &SoftwareModel)> = None;
    for model in models {
        let closeness = |one: &IdentifierMatch| one.closeness(identifier);
        let Some(close) = model.identifiers.iter().filter_map(closeness).max() else {
            continue;
        };
        if found.is_none_or(|(best, _)| close > best) {
            found = Some((close, model));
        }
    }
    found.map(|(_, model)| model)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model(name: &str, identifiers: &str) -> SoftwareModel {
        let text = format!(
            r#"{{"name":"{name}","publisher":"A","product":"{name}","identifiers":[{identifiers}]}}"#
        );
        serde_json::from_str(&text).unwrap()
    }

    fn named<'a>(catalogue: &'a Catalogue, identifier: &str) -> Option<&'a str> {
        let found = catalogue.model_of(&identifier.parse().unwrap());
        found.map(|model| model.name.as_str())
    }

    #[test]
    fn the_closest_of_the_teams_own_models_wins_and_the_built_in_ones_come_last() {
        let catalogue = Catalogue::of(vec![
            model("rest", r#"{"anything":"zoom"}"#),
            model("suites", r#"{"starts_with":"zoom.one."}"#),
            model(
                "education",
                r#"{"starts_with":"zoom.one.5"},{"is":"zoom.licensed"}"#,
            ),
            model("again", r#"{"starts_with":"zoom.one."}"#),
        ]);
        for (identifier, expected) in [
            ("zoom.one.4", Some("again")),
            ("zoom.one.512", Some("education")),
            ("zoom.licensed", Some("education")),
            ("zoom.zoom_phone", Some("rest")),
            ("zoom.type_7", Some("rest")),
            ("goto.g2m", Some("goto-meeting")),
            ("goto.unheard_of", None),
        ] {
            assert_eq!(named(&catalogue, identifier), expected, "{identifier}");
        }
        assert_eq!(named(&Catalogue::of(Vec::new()), "zoom.type_7"), None);
    }

    #[test]
    fn a_model_that_takes_the_name_of_a_built_in_one_replaces_it() {
        let catalogue = Catalogue::of(vec![model("zoom-phone", r#"{"is":"zoom.zoom_phone"}"#)]);
        let same = catalogue
            .iter()
            .filter(|(_, model)| model.name.as_str() == "zoom-phone");
        assert_eq!(same.count(), 1);
        let name = "zoom-phone".parse().unwrap();
        assert_eq!(catalogue.get(&name).unwrap().publisher, "A");
        assert!(built_in().any(|model| model.name == name));
    }
}
