//! Whose phone line a name stands for. The call reports know people by an identifier of the phone
//! system that leads nowhere, and by name.

use std::collections::{HashMap, HashSet};

use crate::profile::folding::folded_name;

/// Names of phone lines with the key of the one who has it. Grows with the number of people who have
/// a line, since a name that is shared shows only when all are known.
#[derive(Debug, Default)]
pub(super) struct Names {
    owners: HashMap<String, Owner>,
    /// The keys of those who share a name.
    sharing: HashSet<String>,
}

#[derive(Debug, PartialEq, Eq)]
enum Owner {
    One(String),
    Several,
}

impl Names {
    /// Somebody with this key has a line of this name.
    pub(super) fn add(&mut self, name: &str, key: &str) {
        let name = folded_name(name);
        if name.is_empty() {
            return;
        }
        let owner = self
            .owners
            .entry(name)
            .or_insert_with(|| Owner::One(key.to_owned()));
        if *owner != Owner::One(key.to_owned()) {
            self.sharing.insert(key.to_owned());
            if let Owner::One(other) = std::mem::replace(owner, Owner::Several) {
                self.sharing.insert(other);
            }
        }
    }

    /// The one person that one of these names stands for. Nobody where one of them is shared, or
    /// where they stand for different people.
    pub(super) fn owner<'a>(&self, names: impl Iterator<Item = &'a str>) -> Option<&str> {
        let mut found: Option<&str> = None;
        for name in names {
            match self.owners.get(&folded_name(name)) {
                None => {}
                Some(Owner::Several) => return None,
                Some(Owner::One(key)) if found.is_some_and(|other| other != key) => return None,
                Some(Owner::One(key)) => found = Some(key),
            }
        }
        found
    }

    /// Whether every line of somebody has a name of its own, and there is one: only then do calls that
    /// are told by name tell all of theirs.
    pub(super) fn single_out(&self, key: &str) -> bool {
        let has_own = |owner: &Owner| matches!(owner, Owner::One(one) if one == key);
        !self.sharing.contains(key) && self.owners.values().any(has_own)
    }

    /// How many names are shared.
    pub(super) fn shared(&self) -> usize {
        let owners = self.owners.values();
        owners.filter(|owner| **owner == Owner::Several).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shared_name_stands_for_nobody() {
        let mut names = Names::default();
        names.add("Wendy Webinar", "1");
        names.add("wendy  webinar", "1");
        names.add("Sam Same", "2");
        names.add("SAM SAME", "3");
        names.add("Lobby", "4");
        let owner = |told: &[&str]| names.owner(told.iter().copied()).map(str::to_owned);
        assert_eq!(owner(&["Wendy Webinar"]).as_deref(), Some("1"));
        assert_eq!(owner(&["W. W.", "Wendy Webinar"]).as_deref(), Some("1"));
        assert_eq!(owner(&["Sam Same"]), None);
        assert_eq!(owner(&["Wendy Webinar", "Sam Same"]), None);
        assert_eq!(owner(&["Wendy Webinar", "Lobby"]), None);
        assert_eq!(owner(&["Nobody"]), None);
        assert_eq!(names.shared(), 1);
        names.add("Sam's own", "2");
        let told_apart = |key| names.single_out(key);
        assert!(told_apart("1") && told_apart("4"));
        assert!(!told_apart("2") && !told_apart("3") && !told_apart("9"));
    }
}
