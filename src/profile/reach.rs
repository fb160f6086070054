//! Which profiles a rule is for, as far as that can be read: a rule that does not load makes uncertain
//! what may be reclaimed of these, and of no others.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::model::CheckedDocument;
use super::name::Name;
use crate::yaml::tree::{Node, Value};

/// Which profiles a rule is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reach {
    /// It names none, or they cannot be read.
    All,
    /// It names these.
    Only(BTreeSet<Name>),
}

impl Reach {
    /// Of a rule that loaded.
    pub fn of(rule: &CheckedDocument) -> Self {
        let named = rule.spec["profiles"].as_array();
        Self::only(named.map(|list| list.iter().map(|name| name.as_str()?.parse().ok())))
    }

    /// Of a rule that does not load, from what of it is YAML.
    pub fn read(node: &Node) -> Self {
        let Value::Map(entries) = &node.value else {
            return Self::All;
        };
        let mut written = entries
            .iter()
            .filter(|(key, _)| key.text() == Some("profiles"));
        // Nobody can say which of two lists is meant.
        let (Some((_, value)), None) = (written.next(), written.next()) else {
            return Self::All;
        };
        let Value::List(items) = &value.value else {
            return Self::All;
        };
        Self::only(Some(items.iter().map(|item| item.text()?.parse().ok())))
    }

    fn only(names: Option<impl Iterator<Item = Option<Name>>>) -> Self {
        match names.and_then(Iterator::collect::<Option<BTreeSet<Name>>>) {
            Some(names) if !names.is_empty() => Self::Only(names),
            _ => Self::All,
        }
    }

    /// For either.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Only(mut names), Self::Only(more)) => {
                names.extend(more);
                Self::Only(names)
            }
            _ => Self::All,
        }
    }

    /// Whether a profile is among them.
    pub fn includes(&self, profile: &Name) -> bool {
        match self {
            Self::All => true,
            Self::Only(names) => names.contains(profile),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::yaml::diagnostic::Findings;
    use crate::yaml::text::Text;
    use crate::yaml::tree;

    fn read(text: &str) -> Reach {
        let text = Text::new(text.to_owned());
        let chunk = text.documents().into_iter().next().unwrap();
        let mut findings = Findings::of(Path::new("rule.yaml"));
        Reach::read(&tree::parse(&text, chunk, &mut findings).unwrap())
    }

    #[test]
    fn a_rule_is_for_what_it_names_and_for_all_where_that_cannot_be_read() {
        let only =
            |names: &[&str]| Reach::Only(names.iter().map(|name| name.parse().unwrap()).collect());
        let table = [
            ("{mode: sometimes, profiles: [a, b]}", only(&["a", "b"])),
            ("{mode: sometimes}", Reach::All),
            ("{profiles: []}", Reach::All),
            ("{profiles: a}", Reach::All),
            ("{profiles: [a, {b: c}]}", Reach::All),
            ("{profiles: [a, Not A Name]}", Reach::All),
        ];
        for (text, expected) in table {
            assert_eq!(read(text), expected, "{text}");
        }
        assert_eq!(only(&["a"]).or(only(&["b"])), only(&["a", "b"]));
        assert_eq!(only(&["a"]).or(Reach::All), Reach::All);
        assert!(!only(&["a"]).includes(&"b".parse().unwrap()));
    }
}
