//! One look at the folder: what it holds, what of it can be used, and which recorded versions have
//! to stand in for the rest. Everything here works on values already read.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;
use sha2::{Digest, Sha256};

use super::diff::{Desired, Kept, State, Version};
use crate::profile::link::link_beside;
use crate::profile::load::{Broken, Loaded, LoadedDocument};
use crate::profile::model::{DesiredProfile, Document, DocumentId, Kind};
use crate::profile::name::Name;
use crate::profile::reach::Reach;
use crate::settings::Settings;
use crate::store::document::Recorded;
use crate::yaml::diagnostic::Diagnostic;

/// The document does not load.
pub(super) const DOCUMENT_BROKEN: &str = "DocumentBroken";
/// The document loads; something that it refers to is missing or wrong.
pub(super) const NOT_LINKED: &str = "NotLinked";
/// The document is gone, while something that may be it does not load.
pub(super) const NOT_PRUNED: &str = "NotPruned";

/// Digests from the pass before, so that thousands of unchanged documents are not serialised again.
#[derive(Debug, Default)]
pub(super) struct Memory {
    documents: BTreeMap<DocumentId, (Arc<Document>, String)>,
    profiles: BTreeMap<Name, Remembered>,
}

#[derive(Debug)]
struct Remembered {
    /// Digest of the profile's document and of every document that is no profile.
    inputs: String,
    digest: String,
}

/// What the folder holds, and what is recorded.
#[derive(Debug)]
pub(super) struct Sides<'a> {
    pub(super) loaded: Loaded,
    pub(super) kept: BTreeMap<DocumentId, Kept>,
    /// The recorded versions of the documents in `kept`.
    pub(super) stand_ins: BTreeMap<DocumentId, Document>,
    pub(super) recorded: &'a Recorded,
}

/// What a folder comes to.
#[derive(Debug, Default)]
pub(super) struct Assembled {
    pub(super) desired: Desired,
    pub(super) profiles: BTreeMap<Name, DesiredProfile>,
    pub(super) findings: Vec<Diagnostic>,
}

/// The recorded documents that stay in force although the folder does not hold them in a usable
/// form. What does not load by name keeps itself. What does not load and is not recorded under its
/// name, or whose name cannot be read, may be any recorded document that is missing: none is pruned.
pub(super) fn kept(
    recorded: &Recorded,
    loaded: &Loaded,
    folder: &Path,
) -> BTreeMap<DocumentId, Kept> {
    let present: BTreeSet<&DocumentId> = loaded
        .documents
        .iter()
        .map(|document| &document.id)
        .collect();
    let suspect = suspect(recorded, &loaded.broken, folder);
    let mut kept = BTreeMap::new();
    for (id, known) in &recorded.documents {
        if present.contains(id) {
            continue;
        }
        if loaded.broken.documents.contains(id) {
            let message = format!(
                "it does not load, its last good version stays in force: {}",
                errors_in(&loaded.diagnostics, &folder.join(&known.file))
            );
            kept.insert(
                id.clone(),
                Kept {
                    reason: DOCUMENT_BROKEN,
                    message,
                },
            );
        } else if let Some(suspect) = &suspect {
            let message = format!(
                "it is no longer there, and stays in force because {suspect}, which may hold it: {}",
                errors_in(&loaded.diagnostics, &folder.join(&known.file))
            );
            kept.insert(
                id.clone(),
                Kept {
                    reason: NOT_PRUNED,
                    message,
                },
            );
        }
    }
    kept
}

/// Something broken that may be a recorded document in disguise, in words.
fn suspect(recorded: &Recorded, broken: &Broken, folder: &Path) -> Option<String> {
    if let Some(file) = broken.files.first() {
        return Some(format!(
            "`{}` does not load",
            relative(file, folder).display()
        ));
    }
    let new = broken
        .documents
        .iter()
        .find(|id| !recorded.documents.contains_key(*id))?;
    Some(format!(
        "{} `{}` does not load",
        new.kind.as_str(),
        new.name
    ))
}

/// Why it is not known what the folder excludes, in words.
pub(super) fn exclusions_unknown(broken: &Broken, folder: &Path) -> Option<String> {
    let exclusions = broken
        .documents
        .iter()
        .find(|id| id.kind == Kind::Exclusions);
    if let Some(id) = exclusions {
        return Some(format!("Exclusions `{}` does not load", id.name));
    }
    let file = relative(broken.files.first()?, folder);
    Some(format!(
        "`{}` does not load, and may hold exclusions",
        file.display()
    ))
}

/// The rules of which it is not known what they decide, each with the profiles that it may decide for:
/// those of its last good version, and what can be read of the new one.
pub(super) fn rules_in_doubt(
    broken: &Broken,
    stand_ins: &BTreeMap<DocumentId, Document>,
) -> BTreeMap<Name, Reach> {
    let ids: BTreeSet<&DocumentId> = broken.documents.iter().chain(stand_ins.keys()).collect();
    let rules = ids
        .into_iter()
        .filter(|id| id.kind == Kind::ReclamationRule);
    rules
        .map(|id| {
            let before = match stand_ins.get(id) {
                Some(Document::ReclamationRule(rule)) => Some(Reach::of(rule)),
                _ => None,
            };
            let now = broken.documents.contains(id).then(|| {
                let read = broken.rules.get(&id.name).cloned();
                read.unwrap_or(Reach::All)
            });
            let reach = before.into_iter().chain(now).reduce(Reach::or);
            (id.name.clone(), reach.unwrap_or(Reach::All))
        })
        .collect()
}

/// The first errors of a file, or of the folder where that file has none.
fn errors_in(findings: &[Diagnostic], file: &Path) -> String {
    let errors = || findings.iter().filter(|finding| finding.is_error());
    let mut lines: Vec<String> = errors()
        .filter(|finding| *finding.file == *file)
        .take(3)
        .map(ToString::to_string)
        .collect();
    if lines.is_empty() {
        lines.extend(errors().take(1).map(ToString::to_string));
    }
    lines.join("; ")
}

/// Links what loaded with what stands in for the rest.
pub(super) fn assemble(
    sides: Sides<'_>,
    folder: &Path,
    settings: &Settings,
    memory: &mut Memory,
) -> Assembled {
    let Sides {
        loaded,
        mut kept,
        stand_ins,
        recorded,
    } = sides;
    let mut documents = loaded.documents;
    documents.extend(
        stand_ins
            .into_iter()
            .map(|(id, document)| LoadedDocument::recorded(id, document)),
    );
    let (set, linking) = link_beside(&documents, &loaded.broken.documents, settings);
    let mut findings = loaded.diagnostics;
    findings.extend(linking);
    findings.extend(renamed_too_late(&documents, recorded));
    for (name, reasons) in &set.failed {
        let id = DocumentId {
            kind: Kind::Profile,
            name: name.clone(),
        };
        let message = format!(
            "it cannot be used, its last good version stays in force: {}",
            reasons.join("; ")
        );
        kept.entry(id).or_insert(Kept {
            reason: NOT_LINKED,
            message,
        });
    }
    let mut state = State::default();
    let mut remembered = BTreeMap::new();
    let mut formerly = BTreeMap::new();
    for loaded in documents {
        let id = loaded.id;
        let (document, digest) = match memory.documents.remove(&id) {
            Some((before, digest)) if Arc::ptr_eq(&before, &loaded.document) => (before, digest),
            _ => {
                let digest = digest_of(&*loaded.document);
                (loaded.document, digest)
            }
        };
        let file = match (&loaded.source, recorded.documents.get(&id)) {
            (Some(source), _) => relative(&source.file, folder),
            (None, Some(known)) => known.file.clone(),
            (None, None) => PathBuf::new(),
        };
        if let Document::Profile(profile) = &*document {
            let now = &profile.name;
            formerly.extend(
                profile
                    .formerly
                    .iter()
                    .map(|old| (old.clone(), now.clone())),
            );
        }
        let version = Version {
            file,
            digest: digest.clone(),
            document: Some(Arc::clone(&document)),
        };
        remembered.insert(id.clone(), (document, digest));
        if !kept.contains_key(&id) {
            state.documents.insert(id, version);
        }
    }
    memory.documents = remembered;
    state.profiles = profile_digests(&set.profiles, memory);
    Assembled {
        desired: Desired {
            state,
            kept,
            formerly,
        },
        profiles: set.profiles,
        findings,
    }
}

/// Former names that come too late: while both profiles are recorded, neither becomes the other.
fn renamed_too_late(documents: &[LoadedDocument], recorded: &Recorded) -> Vec<Diagnostic> {
    let profiles = documents
        .iter()
        .filter_map(|loaded| match &*loaded.document {
            Document::Profile(profile) => Some((profile, loaded.source.as_ref()?)),
            _ => None,
        });
    let is_removed = |name: &&Name| {
        let known = recorded.profiles.get(*name);
        known.is_some_and(|known| known.orphaned_at.is_some())
    };
    let mut findings = Vec::new();
    for (profile, source) in profiles {
        let now = &profile.name;
        if !recorded.profiles.contains_key(now) {
            continue;
        }
        for old in profile.formerly.iter().filter(is_removed) {
            let message = format!(
                "`{old}` was removed, and `{now}` made a profile of its own, before this name stood here: it changes nothing"
            );
            let mut found = source.error("profile::formerly", message);
            found.warn().at(source.place(&["formerly"])).help(format!(
                "take `{old}` out of `formerly`: while both are bound to one vendor account, who keeps a seat and what was written today counts for `{now}` as it is"
            ));
            findings.push(found);
        }
    }
    findings
}

fn profile_digests(
    profiles: &BTreeMap<Name, DesiredProfile>,
    memory: &mut Memory,
) -> BTreeMap<Name, String> {
    let mut surroundings = Sha256::new();
    for (id, (_, digest)) in &memory.documents {
        if id.kind != Kind::Profile {
            surroundings.update(id.kind.as_str());
            surroundings.update(id.name.as_str());
            surroundings.update(digest);
        }
    }
    let surroundings = format!("{:x}", surroundings.finalize());
    let mut remembered = BTreeMap::new();
    for (name, desired) in profiles {
        let id = DocumentId {
            kind: Kind::Profile,
            name: name.clone(),
        };
        let own = memory.documents.get(&id).map_or("", |(_, digest)| digest);
        let inputs = format!("{own} {surroundings}");
        let now = match memory.profiles.remove(name) {
            Some(before) if before.inputs == inputs => before,
            _ => Remembered {
                inputs,
                digest: digest_of(desired),
            },
        };
        remembered.insert(name.clone(), now);
    }
    memory.profiles = remembered;
    memory
        .profiles
        .iter()
        .map(|(name, remembered)| (name.clone(), remembered.digest.clone()))
        .collect()
}

/// `sha256:…` of a value's canonical JSON: members stand in the order of the type.
fn digest_of<T: Serialize>(value: &T) -> String {
    let mut hash = Sha256::new();
    if let Err(error) = serde_json::to_writer(&mut hash, value) {
        tracing::error!(%error, "a checked document cannot be written as JSON");
    }
    format!("sha256:{:x}", hash.finalize())
}

fn relative(file: &Path, folder: &Path) -> PathBuf {
    file.strip_prefix(folder).unwrap_or(file).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::document::{DocumentState, RecordedDocument};

    fn id(name: &str) -> DocumentId {
        DocumentId {
            kind: Kind::Profile,
            name: name.parse().unwrap(),
        }
    }

    fn recorded(documents: &[(&str, &str)]) -> Recorded {
        let documents = documents.iter().map(|(name, file)| {
            let document = RecordedDocument {
                file: file.into(),
                digest: "sha256:0".into(),
                state: DocumentState::InForce,
            };
            (id(name), document)
        });
        Recorded {
            documents: documents.collect(),
            ..Recorded::default()
        }
    }

    fn broken(documents: &[&str], files: &[&str]) -> Loaded {
        let finding = |file: &str, message: &str| {
            Diagnostic::error(Path::new(file), "profile::key", message.to_owned())
        };
        Loaded {
            broken: Broken {
                documents: documents.iter().map(|name| id(name)).collect(),
                files: files.iter().map(PathBuf::from).collect(),
                ..Broken::default()
            },
            diagnostics: vec![
                finding("/p/a.yaml", "wrong in a"),
                finding("/p/b.yaml", "wrong in b"),
            ],
            ..Loaded::default()
        }
    }

    fn reasons(recorded: &Recorded, loaded: &Loaded) -> Vec<(String, &'static str)> {
        let kept = kept(recorded, loaded, Path::new("/p"));
        kept.into_iter()
            .map(|(id, kept)| (id.name.to_string(), kept.reason))
            .collect()
    }

    #[test]
    fn a_broken_document_keeps_itself_and_others_may_go() {
        let recorded = recorded(&[("a", "a.yaml"), ("gone", "gone.yaml")]);
        let loaded = broken(&["a"], &[]);
        assert_eq!(reasons(&recorded, &loaded), [("a".into(), DOCUMENT_BROKEN)]);
        let kept = kept(&recorded, &loaded, Path::new("/p"));
        let message = &kept[&id("a")].message;
        assert!(message.contains("/p/a.yaml: wrong in a"), "{message}");
        assert!(!message.contains("wrong in b"), "{message}");
    }

    #[test]
    fn nothing_is_pruned_that_may_hide_in_a_file_that_cannot_be_read() {
        let recorded = recorded(&[("a", "a.yaml"), ("gone", "gone.yaml")]);
        assert_eq!(
            reasons(&recorded, &broken(&[], &["/p/a.yaml"])),
            [("a".into(), NOT_PRUNED), ("gone".into(), NOT_PRUNED)]
        );
    }

    #[test]
    fn nothing_is_pruned_that_may_have_become_a_broken_document_of_a_new_name() {
        let recorded = recorded(&[("old", "a.yaml")]);
        assert_eq!(
            reasons(&recorded, &broken(&["new"], &[])),
            [("old".into(), NOT_PRUNED)]
        );
    }

    #[test]
    fn what_is_gone_while_all_loads_is_let_go() {
        let recorded = recorded(&[("a", "a.yaml")]);
        assert_eq!(reasons(&recorded, &Loaded::default()), []);
    }
}
