//! Desired against recorded: a pure function. Two folders are compared by it as well as a folder
//! and the store.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use super::fields::differences;
use super::plan::{Action, Change, Plan};
use crate::profile::model::{Document, DocumentId, Kind};
use crate::profile::name::Name;

/// One side of a comparison: what is recorded, or what a folder wants.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct State {
    /// Every document, by identity.
    pub documents: BTreeMap<DocumentId, Version>,
    /// Every profile that is in force, by name, with the digest of all that it needs to run.
    pub profiles: BTreeMap<Name, String>,
}

/// One version of a document.
#[derive(Debug, Clone, PartialEq)]
pub struct Version {
    /// Where it stands, relative to the profiles folder.
    pub file: PathBuf,
    /// `sha256:…` of its canonical JSON.
    pub digest: String,
    /// Its content; may be left out on a side where [`needs`] does not ask for it.
    pub document: Option<Arc<Document>>,
}

/// What a folder wants, and what of the recorded state it cannot decide about.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Desired {
    /// What is to be in force; for a document in `kept`, the recorded version or nothing.
    pub state: State,
    /// Documents whose version in the folder cannot be used.
    pub kept: BTreeMap<DocumentId, Kept>,
    /// Names that profiles had before, to their names now.
    pub formerly: BTreeMap<Name, Name>,
}

/// Why the recorded version of a document stays in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// One CamelCase word, as conditions have it.
    pub reason: &'static str,
    /// What happened and what to do.
    pub message: String,
}

/// The recorded documents whose content [`diff`] wants, to name what differs in them.
pub fn needs(recorded: &State, desired: &Desired) -> Vec<DocumentId> {
    let changed = desired.state.documents.iter().filter_map(|(id, wanted)| {
        let known = recorded.documents.get(id)?;
        (known.digest != wanted.digest).then(|| id.clone())
    });
    let renamed = renames(recorded, desired)
        .into_values()
        .map(|old| DocumentId {
            kind: Kind::Profile,
            name: old,
        });
    changed.chain(renamed).collect()
}

/// What makes `recorded` agree with `desired`.
pub fn diff(recorded: &State, desired: &Desired) -> Plan {
    let renames = renames(recorded, desired);
    let renamed_away: BTreeSet<&Name> = renames.values().collect();
    let mut plan = Plan::default();
    for (id, wanted) in &desired.state.documents {
        let action = match (recorded.documents.get(id), renamed_from(&renames, id)) {
            _ if desired.kept.contains_key(id) => continue,
            (Some(known), _) => compare(known, wanted),
            (None, Some(from)) => Some(renamed(recorded, from, wanted)),
            (None, None) => Some(Action::Created),
        };
        match action {
            Some(action) => plan.changes.push(change(id, wanted, action, true)),
            None => plan.unchanged += 1,
        }
    }
    for (id, known) in &recorded.documents {
        let wanted = desired.state.documents.contains_key(id) || desired.kept.contains_key(id);
        let renamed = id.kind == Kind::Profile && renamed_away.contains(&id.name);
        if !wanted && !renamed {
            plan.changes.push(change(id, known, Action::Removed, false));
        }
    }
    for (id, kept) in &desired.kept {
        if let Some(known) = recorded.documents.get(id) {
            let reason = kept.message.clone();
            plan.changes
                .push(change(id, known, Action::Kept { reason }, false));
        }
    }
    plan.changes.sort_by_key(Change::id);
    plan.affected = affected(recorded, desired, &plan);
    plan.unchanged -= plan.affected.len().min(plan.unchanged);
    plan
}

/// New name to old name, of the profiles that are renamed: the old one is recorded and no longer
/// wanted, the new one is not recorded.
pub fn renames(recorded: &State, desired: &Desired) -> BTreeMap<Name, Name> {
    let id = |name: &Name| DocumentId {
        kind: Kind::Profile,
        name: name.clone(),
    };
    let mut found = BTreeMap::new();
    for (old, new) in &desired.formerly {
        let old_is_free =
            !desired.state.documents.contains_key(&id(old)) && !desired.kept.contains_key(&id(old));
        if old_is_free
            && recorded.profiles.contains_key(old)
            && !recorded.profiles.contains_key(new)
            && desired.state.profiles.contains_key(new)
        {
            found.entry(new.clone()).or_insert_with(|| old.clone());
        }
    }
    found
}

fn renamed_from<'a>(renames: &'a BTreeMap<Name, Name>, id: &DocumentId) -> Option<&'a Name> {
    (id.kind == Kind::Profile)
        .then(|| renames.get(&id.name))
        .flatten()
}

fn compare(known: &Version, wanted: &Version) -> Option<Action> {
    if known.digest != wanted.digest {
        let fields = fields(Some(known), wanted);
        return Some(Action::Changed { fields });
    }
    (known.file != wanted.file).then(|| Action::Moved {
        from: known.file.clone(),
    })
}

fn renamed(recorded: &State, from: &Name, wanted: &Version) -> Action {
    let id = DocumentId {
        kind: Kind::Profile,
        name: from.clone(),
    };
    let mut fields = fields(recorded.documents.get(&id), wanted);
    fields.retain(|field| field.path != "name" && !field.path.starts_with("formerly"));
    Action::Renamed {
        from: from.clone(),
        fields,
    }
}

fn fields(known: Option<&Version>, wanted: &Version) -> Vec<super::plan::FieldChange> {
    match (
        known.and_then(|known| known.document.as_ref()),
        &wanted.document,
    ) {
        (Some(old), Some(new)) => differences(old, new),
        _ => Vec::new(),
    }
}

fn change(id: &DocumentId, version: &Version, action: Action, comes: bool) -> Change {
    Change {
        kind: id.kind,
        name: id.name.clone(),
        file: version.file.clone(),
        digest: comes.then(|| version.digest.clone()),
        action,
    }
}

/// Profiles that run differently although nothing of their own document is applied. A last good
/// version is among them: an exclusion that is new protects its users all the same.
fn affected(recorded: &State, desired: &Desired, plan: &Plan) -> Vec<Name> {
    let named: BTreeSet<&Name> = plan
        .changes
        .iter()
        .filter(|change| change.kind == Kind::Profile && change.is_applied())
        .map(|change| &change.name)
        .collect();
    desired
        .state
        .profiles
        .iter()
        .filter(|(name, digest)| {
            !named.contains(name) && recorded.profiles.get(*name) != Some(digest)
        })
        .map(|(name, _)| name.clone())
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn id(kind: Kind, name: &str) -> DocumentId {
        DocumentId {
            kind,
            name: name.parse().unwrap(),
        }
    }

    /// (kind, name, content, file): a small world, so that sides meet often.
    type Line = (bool, u8, u8, u8);

    fn state(lines: &[Line]) -> State {
        let mut state = State::default();
        for (is_profile, name, content, file) in lines {
            let kind = if *is_profile {
                Kind::Profile
            } else {
                Kind::Connection
            };
            let version = Version {
                file: format!("{file}.yaml").into(),
                digest: format!("sha256:{content}"),
                document: None,
            };
            state
                .documents
                .insert(id(kind, &format!("n{name}")), version);
        }
        let surroundings: Vec<&str> = of_kind(&state, Kind::Connection)
            .map(|(_, version)| version.digest.as_str())
            .collect();
        state.profiles = of_kind(&state, Kind::Profile)
            .map(|(name, version)| (name.clone(), format!("{}{surroundings:?}", version.digest)))
            .collect();
        state
    }

    fn of_kind(state: &State, kind: Kind) -> impl Iterator<Item = (&Name, &Version)> {
        state
            .documents
            .iter()
            .filter(move |(id, _)| id.kind == kind)
            .map(|(id, version)| (&id.name, version))
    }

    /// What the store does with a plan.
    fn apply(plan: &Plan, recorded: &State, desired: &Desired) -> State {
        let mut state = recorded.clone();
        for change in &plan.changes {
            let id = change.id();
            match &change.action {
                Action::Kept { .. } => continue,
                Action::Removed => {
                    state.documents.remove(&id);
                    if id.kind == Kind::Profile {
                        state.profiles.remove(&id.name);
                    }
                    continue;
                }
                Action::Renamed { from, .. } => {
                    let old = DocumentId {
                        kind: Kind::Profile,
                        name: from.clone(),
                    };
                    state.documents.remove(&old);
                    state.profiles.remove(from);
                }
                Action::Created | Action::Changed { .. } | Action::Moved { .. } => {}
            }
            let version = desired.state.documents[&id].clone();
            assert_eq!(change.digest.as_ref(), Some(&version.digest));
            if let Some(digest) = desired.state.profiles.get(&id.name)
                && id.kind == Kind::Profile
            {
                state.profiles.insert(id.name.clone(), digest.clone());
            }
            state.documents.insert(id, version);
        }
        for name in &plan.affected {
            let digest = desired.state.profiles[name].clone();
            state.profiles.insert(name.clone(), digest);
        }
        state
    }

    fn lines() -> impl Strategy<Value = Vec<Line>> {
        prop::collection::vec((any::<bool>(), 0..5_u8, 0..3_u8, 0..2_u8), 0..8)
    }

    proptest! {
        #[test]
        fn applying_the_difference_gives_what_is_desired(
            recorded in lines(),
            wanted in lines(),
            formerly in prop::collection::vec((0..5_u8, 0..5_u8), 0..3),
        ) {
            let recorded = state(&recorded);
            let desired = Desired {
                state: state(&wanted),
                kept: BTreeMap::new(),
                formerly: formerly
                    .into_iter()
                    .map(|(old, new)| {
                        (format!("n{old}").parse().unwrap(), format!("n{new}").parse().unwrap())
                    })
                    .collect(),
            };
            let plan = diff(&recorded, &desired);
            prop_assert_eq!(&apply(&plan, &recorded, &desired), &desired.state);
            let touched: BTreeSet<DocumentId> = plan.changes.iter().map(Change::id).collect();
            prop_assert_eq!(touched.len(), plan.changes.len());
        }

        #[test]
        fn nothing_differs_from_itself(lines in lines()) {
            let side = state(&lines);
            let desired = Desired { state: side.clone(), ..Desired::default() };
            let plan = diff(&side, &desired);
            prop_assert!(plan.is_empty());
            prop_assert!(plan.changes.is_empty());
            prop_assert_eq!(plan.unchanged, side.documents.len());
        }

        #[test]
        fn what_is_kept_stays_as_it_is_recorded(recorded in lines(), wanted in lines(), broken in 0..5_u8) {
            let recorded = state(&recorded);
            let mut desired = Desired { state: state(&wanted), ..Desired::default() };
            let broken = id(Kind::Profile, &format!("n{broken}"));
            desired.state.documents.remove(&broken);
            desired.state.profiles.remove(&broken.name);
            let kept = Kept { reason: "DocumentBroken", message: "line 5".into() };
            desired.kept.insert(broken.clone(), kept);
            let after = apply(&diff(&recorded, &desired), &recorded, &desired);
            prop_assert_eq!(after.documents.get(&broken), recorded.documents.get(&broken));
            prop_assert_eq!(after.profiles.get(&broken.name), recorded.profiles.get(&broken.name));
        }
    }

    #[test]
    fn a_profile_with_a_former_name_is_renamed_once_the_old_one_is_gone() {
        let recorded = state(&[(true, 1, 0, 0)]);
        let formerly = BTreeMap::from([("n1".parse().unwrap(), "n2".parse().unwrap())]);
        let both = Desired {
            state: state(&[(true, 1, 0, 0), (true, 2, 0, 0)]),
            formerly,
            ..Desired::default()
        };
        let plan = diff(&recorded, &both);
        assert!(matches!(plan.changes[0].action, Action::Created));
        let moved = Desired {
            state: state(&[(true, 2, 0, 0)]),
            ..both
        };
        let plan = diff(&recorded, &moved);
        assert_eq!(
            plan.to_string().lines().next(),
            Some("> Profile n1 → n2 (0.yaml)")
        );
    }

    #[test]
    fn a_profile_whose_connection_changed_is_affected_and_the_digest_tells() {
        let recorded = state(&[(true, 1, 0, 0), (false, 1, 0, 0)]);
        let wanted = |content| Desired {
            state: state(&[(true, 1, 0, 0), (false, 1, content, 0)]),
            ..Desired::default()
        };
        let plan = diff(&recorded, &wanted(1));
        assert_eq!(plan.affected, ["n1".parse().unwrap()]);
        assert_ne!(plan.digest(), diff(&recorded, &wanted(2)).digest());
        assert_eq!(plan.digest(), diff(&recorded, &wanted(1)).digest());
    }
}
