//! Checked documents to a set in which every reference holds. Links what it can: one bad profile
//! never stops another. Called by the reconciler, `check` and `plan --base`.

mod connection;
mod installed;
mod licences;
mod rules;

use std::collections::{BTreeMap, BTreeSet};

use self::connection::Connections;
pub(in crate::profile) use self::connection::DEFAULT_SHARE;
pub use self::connection::{is_vendors_own, secret_astray};
pub use self::rules::limits_of;
use super::identifier::ProfileType;
use super::load::LoadedDocument;
use super::model::{
    ConnectionRef, DesiredProfile, Document, DocumentId, Exclusion, ExclusionTarget, Exclusions,
    IdentifierEntry, Kind, Profile, ProfileSet, Protection, UserEntry,
};
use super::name::Name;
use crate::settings::Settings;
use crate::yaml::diagnostic::Diagnostic;

/// Links `documents` (each identity once; last good versions standing in for broken ones). A
/// profile that cannot be linked is in [`ProfileSet::failed`] with the reasons, not in
/// [`ProfileSet::profiles`]. [`ProfileSet::broken`] is left for the caller.
pub fn link(documents: &[LoadedDocument], settings: &Settings) -> (ProfileSet, Vec<Diagnostic>) {
    link_beside(documents, &BTreeSet::new(), settings)
}

/// [`link`], for a folder in which some documents are `broken`: what refers to one for which nothing
/// stands in is not told again.
pub fn link_beside(
    documents: &[LoadedDocument],
    broken: &BTreeSet<DocumentId>,
    settings: &Settings,
) -> (ProfileSet, Vec<Diagnostic>) {
    let by_id: Documents<'_> = documents
        .iter()
        .map(|document| (&document.id, document))
        .collect();
    let mut problems = Problems {
        broken,
        list: Vec::new(),
    };
    let mut connections = Connections::new(&by_id, settings, &mut problems);
    let exclusions: Vec<&Exclusions> = documents
        .iter()
        .filter_map(|document| match document.document.as_ref() {
            Document::Exclusions(exclusions) => Some(exclusions),
            _ => None,
        })
        .collect();
    let mut set = ProfileSet {
        documents: documents
            .iter()
            .map(|document| (document.id.clone(), document.document.as_ref().clone()))
            .collect(),
        ..ProfileSet::default()
    };
    let mut failed = rules::check(documents, &by_id, settings, &mut problems);
    let formerly = former_names(documents);
    for document in documents {
        let Document::Profile(profile) = document.document.as_ref() else {
            continue;
        };
        let mut reasons = failed.remove(&profile.name).unwrap_or_default();
        check_formerly(
            document,
            profile,
            &by_id,
            &formerly,
            &mut reasons,
            &mut problems,
        );
        let linked = connections.of_profile(document, profile, &mut reasons, &mut problems);
        match linked {
            Some((connection, connect_connection)) if reasons.is_empty() => {
                let desired = DesiredProfile {
                    connection,
                    connect_connection,
                    exclusions: exclusions_of(profile, &exclusions),
                    protected: protected_of(profile, &exclusions),
                    rules: rules::reaching(documents, profile),
                    approvals: rules::approvals_of(documents, &profile.name),
                    profile: profile.as_ref().clone(),
                };
                set.profiles.insert(profile.name.clone(), desired);
            }
            _ => {
                set.failed.insert(profile.name.clone(), reasons);
            }
        }
    }
    let mut list = problems.list;
    list.sort_by(|one, other| one.order().cmp(&other.order()));
    (set, list)
}

type Documents<'a> = BTreeMap<&'a DocumentId, &'a LoadedDocument>;

fn find<'a>(documents: &Documents<'a>, kind: Kind, name: &Name) -> Option<&'a LoadedDocument> {
    let id = DocumentId {
        kind,
        name: name.clone(),
    };
    documents.get(&id).copied()
}

/// Names of one kind, for suggestions.
fn nearest<'a>(documents: &Documents<'a>, kind: Kind, name: &Name) -> Option<&'a str> {
    let names = documents.keys().filter(|id| id.kind == kind);
    names
        .map(|id| id.name.as_str())
        .map(|known| (strsim::damerau_levenshtein(known, name.as_str()), known))
        .filter(|(distance, known)| *distance <= known.len() / 3 + 1)
        .min()
        .map(|(_, known)| known)
}

/// The findings of linking.
#[derive(Debug)]
struct Problems<'a> {
    broken: &'a BTreeSet<DocumentId>,
    list: Vec<Diagnostic>,
}

impl Problems<'_> {
    /// Whether what is not there is there, and broken: then that was told already.
    fn is_broken(&self, kind: Kind, name: &Name) -> bool {
        self.broken.contains(&DocumentId {
            kind,
            name: name.clone(),
        })
    }

    /// Adds an error at the first of `places` that the document writes, and returns its text for
    /// the reasons of whatever fails by it. A document that was recorded earlier has no place; then
    /// the reason is all.
    fn error(
        &mut self,
        document: &LoadedDocument,
        places: &[&str],
        code: &'static str,
        message: String,
        help: Option<String>,
    ) -> String {
        let reason = match &help {
            Some(help) => format!("{message}; {help}"),
            None => message.clone(),
        };
        if let Some(source) = &document.source {
            let mut found = source.error(code, message);
            found.at(source.place(places));
            found.help = help;
            self.list.push(found);
        }
        reason
    }

    /// Adds a warning.
    fn warning(
        &mut self,
        document: &LoadedDocument,
        places: &[&str],
        code: &'static str,
        message: String,
        help: Option<String>,
    ) {
        self.error(document, places, code, message, help);
        if document.source.is_some()
            && let Some(last) = self.list.last_mut()
        {
            last.warn();
        }
    }
}

/// Which profiles claim a former name.
fn former_names(documents: &[LoadedDocument]) -> BTreeMap<&Name, Vec<&Name>> {
    let mut claimed: BTreeMap<&Name, Vec<&Name>> = BTreeMap::new();
    for document in documents {
        if let Document::Profile(profile) = document.document.as_ref() {
            for name in &profile.formerly {
                claimed.entry(name).or_default().push(&profile.name);
            }
        }
    }
    claimed
}

fn check_formerly(
    document: &LoadedDocument,
    profile: &Profile,
    documents: &Documents<'_>,
    claimed: &BTreeMap<&Name, Vec<&Name>>,
    reasons: &mut Vec<String>,
    problems: &mut Problems<'_>,
) {
    for name in &profile.formerly {
        let other = claimed.get(name).into_iter().flatten();
        let other = other.copied().find(|other| **other != profile.name);
        let message = if find(documents, Kind::Profile, name).is_some() {
            format!("`{name}` is another profile that is still there, not a former name")
        } else if let Some(other) = other {
            format!("profile `{other}` claims the former name `{name}` too")
        } else {
            continue;
        };
        reasons.push(problems.error(document, &["formerly"], "profile::formerly", message, None));
    }
}

/// Whether an organisation-wide entry reaches profiles of this type.
fn reaches(entry: &IdentifierEntry, profile_type: ProfileType) -> bool {
    if let Some(wanted) = entry.profile_type {
        return wanted == profile_type;
    }
    let vendor = profile_type.vendor().as_str();
    let rest = entry.identifier.as_str().strip_prefix(vendor);
    rest.is_some_and(|rest| rest.starts_with('.'))
}

fn exclusions_of(profile: &Profile, organisation: &[&Exclusions]) -> Vec<Exclusion> {
    let mut reaching = Vec::new();
    let mut add = |origin: &str, identifiers: &[IdentifierEntry], users: &[UserEntry]| {
        let identifiers = identifiers
            .iter()
            .filter(|entry| reaches(entry, profile.profile_type));
        reaching.extend(identifiers.map(|entry| Exclusion {
            origin: origin.to_owned(),
            target: ExclusionTarget::Identifier(entry.identifier.clone()),
            reason: entry.reason.clone(),
            expires: entry.expires,
        }));
        reaching.extend(users.iter().map(|entry| Exclusion {
            origin: origin.to_owned(),
            target: ExclusionTarget::Users(entry.pattern.clone()),
            reason: entry.reason.clone(),
            expires: entry.expires,
        }));
    };
    let own = &profile.exclusions;
    add(&origin_of(profile), &own.identifiers, &own.users);
    for exclusions in organisation {
        let origin = format!("Exclusions {}", exclusions.name);
        add(
            &origin,
            &exclusions.lists.identifiers,
            &exclusions.lists.users,
        );
    }
    reaching
}

fn protected_of(profile: &Profile, organisation: &[&Exclusions]) -> Vec<Protection> {
    let own = (origin_of(profile), &profile.protected);
    let others = organisation.iter().map(|exclusions| {
        (
            format!("Exclusions {}", exclusions.name),
            &exclusions.protected,
        )
    });
    let all = std::iter::once(own).chain(others);
    all.flat_map(|(origin, entries)| {
        entries.iter().map(move |entry| Protection {
            origin: origin.clone(),
            entry: entry.clone(),
        })
    })
    .collect()
}

fn origin_of(profile: &Profile) -> String {
    format!("Profile {}", profile.name)
}

/// How a connection is called where it has no name of its own.
fn inline_name(profile: &Profile, reference: &ConnectionRef) -> String {
    match reference {
        ConnectionRef::Named(name) => name.to_string(),
        ConnectionRef::Inline(_) => format!("profile/{}", profile.name),
    }
}
