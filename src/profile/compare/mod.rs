//! Two folders compared offline: which documents come, change and go, and what each change
//! *loosens*, that is, which seats it lets be written to that were safe before, where it sends
//! credentials that stayed elsewhere, or what more it takes of a vendor's rate limit. For the review
//! of a change, so it errs on the loud side. Called by `plan --base`.

mod entries;
mod reclamation;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::PathBuf;

use serde::Serialize;
use serde_json::Value as Json;
use sha2::{Digest, Sha256};

use super::link::{DEFAULT_SHARE, link_beside};
use super::load::{Loaded, load_paths};
use super::model::{Connection, Document, DocumentId, Kind, Profile, ProfileSet, ProfileState};
use super::name::Name;
use crate::settings::Settings;
use crate::yaml::diagnostic::Diagnostic;

/// What a reclamation rule decides more freely than it did, in words; nothing where it is no looser.
/// Both are mappings with the keys of a rule.
pub fn loosened_rule(before: &Json, after: &Json) -> Vec<String> {
    reclamation::of_specs(before, after)
}

/// What becomes of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    /// It is new.
    Added,
    /// It says something else.
    Changed,
    /// It is gone. A removed profile is orphaned: nothing is ever reclaimed for it.
    Removed,
    /// It does not load any more; its last good version stays in force.
    Broken,
}

impl ChangeKind {
    fn sign(self) -> char {
        match self {
            Self::Added => '+',
            Self::Changed => '~',
            Self::Removed => '-',
            Self::Broken => '!',
        }
    }
}

/// One document that is not the same on both sides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DocumentChange {
    /// What it is.
    pub kind: Kind,
    /// Its name.
    pub name: Name,
    /// What becomes of it.
    pub change: ChangeKind,
    /// The values that differ, for instance `state: "draft" → "published"`. Empty unless changed.
    pub values: Vec<String>,
    /// What it loosens, for people.
    pub loosens: Vec<String>,
}

/// Two folders compared.
#[derive(Debug, Clone)]
pub struct Comparison {
    /// What differs, by kind and name.
    pub changes: Vec<DocumentChange>,
    /// What is wrong in the folder that is to be.
    pub findings: Vec<Diagnostic>,
    /// Files read in it.
    pub files: usize,
    /// Documents that are right in it.
    pub documents: usize,
    /// SHA-256 over the changes, `sha256:` in front.
    pub digest: String,
}

/// Compares the files and folders of `head` with those of `base`, the target branch's checkout.
/// What is wrong in `base` is not told: it is there already.
pub fn folders(base: &[PathBuf], head: &[PathBuf], settings: &Settings) -> Comparison {
    let (base, _) = linked(&load_paths(base), settings);
    let loaded = load_paths(head);
    let (head, mut findings) = linked(&loaded, settings);
    findings.extend(loaded.diagnostics);
    findings.sort_by(|one, other| one.order().cmp(&other.order()));
    let changes = compare(&base, &head);
    let digest = digest(&changes);
    Comparison {
        changes,
        findings,
        files: loaded.files,
        documents: loaded.documents.len(),
        digest,
    }
}

fn linked(loaded: &Loaded, settings: &Settings) -> (ProfileSet, Vec<Diagnostic>) {
    let (mut set, unlinked) = link_beside(&loaded.documents, &loaded.broken.documents, settings);
    set.broken.clone_from(&loaded.broken.documents);
    (set, unlinked)
}

/// What differs from `base` to `head`, by kind and name.
pub fn compare(base: &ProfileSet, head: &ProfileSet) -> Vec<DocumentChange> {
    let before = base.documents.keys();
    let ids: BTreeSet<&DocumentId> = before
        .chain(head.documents.keys())
        .chain(&head.broken)
        .collect();
    ids.into_iter()
        .filter_map(|id| change_of(id, base, head))
        .collect()
}

fn change_of(id: &DocumentId, base: &ProfileSet, head: &ProfileSet) -> Option<DocumentChange> {
    let before = base.documents.get(id);
    let after = head.documents.get(id);
    let change = match (before, after) {
        _ if after.is_none() && head.broken.contains(id) => ChangeKind::Broken,
        (None, None) => return None,
        (None, Some(_)) => ChangeKind::Added,
        (Some(_), None) => ChangeKind::Removed,
        (Some(before), Some(after)) if before == after => return None,
        _ => ChangeKind::Changed,
    };
    let values = match (before, after) {
        (Some(before), Some(after)) => differing(before, after),
        _ => Vec::new(),
    };
    let loosens = if change == ChangeKind::Broken {
        Vec::new()
    } else {
        loosened(before, after, base, head)
    };
    Some(DocumentChange {
        kind: id.kind,
        name: id.name.clone(),
        change,
        values,
        loosens,
    })
}

fn loosened(
    before: Option<&Document>,
    after: Option<&Document>,
    base: &ProfileSet,
    head: &ProfileSet,
) -> Vec<String> {
    match (before, after) {
        (before, Some(Document::Profile(after))) => {
            let before = match before {
                Some(Document::Profile(before)) => Some(before.as_ref()),
                _ => None,
            };
            profile(before, after, base, head)
        }
        (Some(Document::Connection(before)), Some(Document::Connection(after))) => {
            connection(before, after, base, head)
        }
        (Some(Document::Exclusions(before)), after) => {
            let after = match after {
                Some(Document::Exclusions(after)) => Some(after),
                _ => None,
            };
            entries::of_organisation(before, after, head)
        }
        (before, after) => reclamation::of_documents(before, after),
    }
}

fn profile(
    before: Option<&Profile>,
    after: &Profile,
    base: &ProfileSet,
    head: &ProfileSet,
) -> Vec<String> {
    let mut loosens = Vec::new();
    let runs = |profile: &Profile| profile.state == ProfileState::Published;
    if runs(after) && !before.is_some_and(runs) {
        loosens.push("it is published: its subflows run".to_owned());
    }
    if before.is_some_and(|before| before.suspend) && !after.suspend {
        loosens.push("it is not suspended any more: its subflows run".to_owned());
    }
    let reclaims = |profile: &Profile| profile.subflows.reclaim_subscriptions.enabled;
    if reclaims(after) && !before.is_some_and(reclaims) {
        loosens.push("`reclaim_subscriptions` is enabled: seats can be taken back".to_owned());
    }
    let own = |profile: &Profile| profile.reclamation.clone().unwrap_or(Json::Null);
    let before_rule = before.map_or(Json::Null, own);
    loosens.extend(reclamation::of_specs(&before_rule, &own(after)));
    let Some(before) = before else {
        return loosens;
    };
    if before.profile_type != after.profile_type {
        loosens.push(format!(
            "its type was `{}`: other seats are meant",
            before.profile_type
        ));
    }
    loosens.extend(entries::of_profile(before, head));
    let resolved = |set: &ProfileSet| {
        let profile = set.profiles.get(&after.name);
        profile.map(|desired| {
            (
                desired.connection.clone(),
                desired.connect_connection.clone(),
            )
        })
    };
    if let (Some((first, _)), Some((now, _))) = (resolved(base), resolved(head)) {
        let leads = [
            ("url", Some(first.url), Some(now.url)),
            ("token_url", Some(first.token_url), Some(now.token_url)),
            ("account_id", first.account_id, now.account_id),
            ("client_id", first.client_id, now.client_id),
        ];
        let changed_reference = before.connection != after.connection;
        loosens.extend(leads.into_iter().filter_map(|(leaf, first, now)| {
            let differs = changed_reference && first != now;
            differs.then(|| leads_elsewhere(leaf, first.as_deref(), now.as_deref()))
        }));
        if changed_reference {
            loosens.extend(takes_more(first.share, now.share));
        }
    }
    if before.connect_connection != after.connect_connection && before.connect_connection.is_some()
    {
        loosens.push("`connect_connection` leads elsewhere".to_owned());
    }
    loosens
}

fn leads_elsewhere(leaf: &str, before: Option<&str>, after: Option<&str>) -> String {
    format!(
        "its connection leads elsewhere: `{leaf}` is `{}`, was `{}`",
        after.unwrap_or("not set"),
        before.unwrap_or("not set")
    )
}

fn connection(
    before: &Connection,
    after: &Connection,
    base: &ProfileSet,
    head: &ProfileSet,
) -> Vec<String> {
    let leaves = |connection: &Connection| {
        let oauth = &connection.oauth;
        [
            ("url", connection.url.clone()),
            ("token_url", oauth.token_url.clone()),
            ("authorize_url", oauth.authorize_url.clone()),
            ("account_id", oauth.account_id.clone()),
            ("client_id", oauth.client_id.clone()),
            (
                "parent",
                connection.parent.as_ref().map(ToString::to_string),
            ),
        ]
    };
    let pairs = leaves(before).into_iter().zip(leaves(after));
    let differing = pairs.filter(|((_, before), (_, after))| before != after);
    let leads = differing.map(|((leaf, before), (_, after))| {
        leads_elsewhere(leaf, before.as_deref(), after.as_deref())
    });
    let shares = (share_of(before, base), share_of(after, head));
    leads.chain(takes_more(shares.0, shares.1)).collect()
}

/// What taking more of the vendor's rate limit than before leaves to others.
fn takes_more(before: u8, after: u8) -> Option<String> {
    (after > before).then(|| {
        format!(
            "`limits.share` is {after} %, was {before} %: less of the vendor's rate limit is left to others"
        )
    })
}

/// A connection's share of the rate limit, in per cent: its own, else its nearest parent's.
fn share_of(connection: &Connection, set: &ProfileSet) -> u8 {
    let mut current = connection;
    // A circle of parents was told already, and ends here.
    for _ in 0..=set.documents.len() {
        if let Some(share) = current.share {
            return share;
        }
        let parent = current.parent.as_ref().and_then(|name| {
            set.documents.get(&DocumentId {
                kind: Kind::Connection,
                name: name.clone(),
            })
        });
        let Some(Document::Connection(parent)) = parent else {
            break;
        };
        current = parent;
    }
    DEFAULT_SHARE
}

/// The values that differ, with their paths.
fn differing(before: &Document, after: &Document) -> Vec<String> {
    let as_json = |document: &Document| serde_json::to_value(document).unwrap_or_default();
    let mut list = Vec::new();
    collect(
        &as_json(before)["document"],
        &as_json(after)["document"],
        "",
        &mut list,
    );
    list
}

fn collect(before: &Json, after: &Json, path: &str, list: &mut Vec<String>) {
    if before == after {
        return;
    }
    let (Json::Object(old), Json::Object(new)) = (before, after) else {
        let shown = |value: &Json| match value {
            Json::Null => "not set".to_owned(),
            other => other.to_string(),
        };
        list.push(format!("{path}: {} → {}", shown(before), shown(after)));
        return;
    };
    let keys: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    for key in keys {
        let path = match path {
            "" => key.clone(),
            path => format!("{path}.{key}"),
        };
        collect(
            old.get(key).unwrap_or(&Json::Null),
            new.get(key).unwrap_or(&Json::Null),
            &path,
            list,
        );
    }
}

/// `sha256:` and the digest of the changes as JSON.
pub fn digest(changes: &[DocumentChange]) -> String {
    let json = serde_json::to_vec(changes).unwrap_or_default();
    let hex = Sha256::digest(json)
        .iter()
        .fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        });
    format!("sha256:{hex}")
}

/// The changes for people: a line each, what differs and what it loosens below it.
pub fn text(changes: &[DocumentChange]) -> String {
    if changes.is_empty() {
        return "nothing changes\n".to_owned();
    }
    let mut text = String::new();
    for change in changes {
        let DocumentChange {
            kind,
            name,
            change,
            values,
            loosens,
        } = change;
        let word = match change {
            ChangeKind::Added => "added",
            ChangeKind::Changed => "changed",
            ChangeKind::Removed => "removed",
            ChangeKind::Broken => "does not load; its last good version stays in force",
        };
        let sign = change.sign();
        let _ = writeln!(text, "{sign} {} {name}: {word}", kind.as_str());
        for value in values {
            let _ = writeln!(text, "    {value}");
        }
        for what in loosens {
            let _ = writeln!(text, "    LOOSENS: {what}");
        }
    }
    let loosening = changes.iter().filter(|change| !change.loosens.is_empty());
    let _ = writeln!(
        text,
        "{} changed, {} of them loosen something",
        match changes.len() {
            1 => "1 document".to_owned(),
            count => format!("{count} documents"),
        },
        loosening.count()
    );
    text
}
