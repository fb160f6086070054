//! What the kinds that later rooms work with say of each other.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use super::{Documents, Problems, find, installed, licences, nearest};
use crate::profile::identifier::Identifier;
use crate::profile::load::LoadedDocument;
use crate::profile::model::{CheckedDocument, Document, Kind, Profile, ReachingRule};
use crate::profile::name::Name;
use crate::settings::{GuardLimits, Settings};
use crate::yaml::duration::Span;

/// Checks references and conflicts, and returns the profiles that fail by them, with reasons.
pub(super) fn check(
    documents: &[LoadedDocument],
    by_id: &Documents<'_>,
    settings: &Settings,
    problems: &mut Problems<'_>,
) -> BTreeMap<Name, Vec<String>> {
    for document in documents {
        match document.document.as_ref() {
            Document::Profile(profile) => {
                if let Some(reclamation) = &profile.reclamation {
                    ceilings(document, reclamation, settings, problems);
                }
                reach(document, profile, documents, problems);
            }
            Document::ReclamationRule(rule) => {
                ceilings(document, &rule.spec, settings, problems);
                installed::models_of(document, rule, by_id, problems);
                for name in texts(&rule.spec, "profiles") {
                    refers(document, "profiles", Kind::Profile, name, by_id, problems);
                }
            }
            Document::Entitlement(entitlement) => {
                licences::licensed(document, entitlement, by_id, problems);
            }
            Document::Approval(approval) => {
                if let Some(name) = approval.spec["profile"].as_str() {
                    refers(document, "profile", Kind::Profile, name, by_id, problems);
                }
            }
            _ => {}
        }
    }
    installed::conflicts(documents, problems);
    licences::conflicts(documents, problems);
    conflicts(documents, problems)
}

/// The threshold where nothing is written.
const DEFAULT_THRESHOLD: Span = Span::days(60);

/// A window that activity is not looked at for is never known whole, so that no seat is found unused.
fn reach(
    document: &LoadedDocument,
    profile: &Profile,
    documents: &[LoadedDocument],
    problems: &mut Problems<'_>,
) {
    if !profile.subflows.pull_user_activity.enabled {
        return;
    }
    let threshold = |spec: &Json| -> Option<Span> {
        spec.get("last_activity_threshold")?.as_str()?.parse().ok()
    };
    let own = profile.reclamation.as_ref().and_then(threshold);
    let from_rules = reaching(documents, profile);
    let longest = match own {
        Some(own) => own,
        None => from_rules
            .iter()
            .filter_map(|rule| threshold(&rule.spec))
            .fold(DEFAULT_THRESHOLD, Span::max),
    };
    let analyzed = profile.subflows.analyze_from;
    if longest > analyzed {
        let message = format!(
            "activity is looked at for {analyzed}, and a rule judges by {longest}: what is not known proves no disuse, so its seats are found unused only once that long was watched"
        );
        let help = format!(
            "set `analyze_from: {longest}` under `pull_user_activity`, or a shorter threshold"
        );
        problems.warning(
            document,
            &["reclamation"],
            "profile::window",
            message,
            Some(help),
        );
    }
}

/// The rules that reach a profile.
pub(super) fn reaching(documents: &[LoadedDocument], profile: &Profile) -> Vec<ReachingRule> {
    let vendor = profile.profile_type.vendor();
    let of_vendor = |identifier: &Identifier| {
        let rest = identifier.as_str().strip_prefix(vendor.as_str());
        rest.is_some_and(|rest| rest.starts_with('.'))
    };
    documents
        .iter()
        .filter_map(|document| match document.document.as_ref() {
            Document::ReclamationRule(rule) if reaches(rule, &profile.name) => Some(rule),
            _ => None,
        })
        .filter_map(|rule| {
            let identifiers: BTreeSet<Identifier> = texts(&rule.spec, "identifiers")
                .filter_map(|text| text.parse().ok())
                .filter(of_vendor)
                .collect();
            (!identifiers.is_empty()).then(|| ReachingRule {
                name: rule.name.clone(),
                identifiers,
                spec: rule.spec.clone(),
            })
        })
        .collect()
}

/// The approvals of a profile's seats.
pub(super) fn approvals_of(documents: &[LoadedDocument], profile: &Name) -> BTreeMap<Name, Json> {
    documents
        .iter()
        .filter_map(|document| match document.document.as_ref() {
            Document::Approval(approval) if approval.spec["profile"] == profile.as_str() => {
                Some((approval.name.clone(), approval.spec.clone()))
            }
            _ => None,
        })
        .collect()
}

pub(super) fn texts<'a>(spec: &'a Json, key: &str) -> impl Iterator<Item = &'a str> {
    let list = spec.get(key).and_then(Json::as_array);
    list.into_iter().flatten().filter_map(Json::as_str)
}

/// A reference that leads nowhere is a warning: what it refers to may come with the next change,
/// and nothing is reclaimed by it meanwhile.
pub(super) fn refers(
    document: &LoadedDocument,
    place: &'static str,
    kind: Kind,
    name: &str,
    by_id: &Documents<'_>,
    problems: &mut Problems<'_>,
) {
    let Ok(name) = name.parse::<Name>() else {
        return;
    };
    if find(by_id, kind, &name).is_none() && !problems.is_broken(kind, &name) {
        let message = format!("there is no {} `{name}`", kind.as_str());
        let help = nearest(by_id, kind, &name).map(|near| format!("did you mean `{near}`?"));
        problems.warning(
            document,
            &[place],
            "profile::unknown_reference",
            message,
            help,
        );
    }
}

/// Guards wider than the settings' have no effect, which their author should know.
fn ceilings(
    document: &LoadedDocument,
    spec: &Json,
    settings: &Settings,
    problems: &mut Problems<'_>,
) {
    let Some(guards) = spec.get("guards") else {
        return;
    };
    let limits = limits_of(guards);
    let ceiling = &settings.guards;
    let wider: Vec<&str> = [
        (
            limits.max_per_run_percent > Some(ceiling.max_per_run.percent),
            "max_per_run.percent",
        ),
        (
            limits.max_per_run_count > Some(ceiling.max_per_run.count),
            "max_per_run.count",
        ),
        (
            limits.max_per_day > Some(ceiling.max_per_day),
            "max_per_day",
        ),
        (
            limits.hold_above_percent > Some(ceiling.hold_above.percent),
            "hold_above.percent",
        ),
        (
            limits.hold_above_min_count > Some(ceiling.hold_above.min_count),
            "hold_above.min_count",
        ),
        (
            limits.accept_listed_evidence == Some(true) && !ceiling.accept_listed_evidence,
            "accept_listed_evidence",
        ),
    ]
    .into_iter()
    .filter_map(|(wider, key)| wider.then_some(key))
    .collect();
    if !wider.is_empty() {
        let message = format!(
            "the settings allow less: `{}` has no effect as written",
            wider.join("`, `")
        );
        let help = "guards can only tighten what the settings allow".to_owned();
        problems.warning(document, &["guards"], "profile::guard", message, Some(help));
    }
}

/// The limits in a checked `guards` mapping.
pub fn limits_of(guards: &Json) -> GuardLimits {
    let number = |mapping: &str, key: &str| guards.get(mapping)?.get(key)?.as_u64();
    let count = |value: Option<u64>| value.and_then(|value| u32::try_from(value).ok());
    let percent = |value: Option<u64>| value.and_then(|value| u8::try_from(value).ok());
    GuardLimits {
        max_per_run_percent: percent(number("max_per_run", "percent")),
        max_per_run_count: count(number("max_per_run", "count")),
        max_per_day: count(guards.get("max_per_day").and_then(Json::as_u64)),
        hold_above_percent: percent(number("hold_above", "percent")),
        hold_above_min_count: count(number("hold_above", "min_count")),
        accept_listed_evidence: guards.get("accept_listed_evidence").and_then(Json::as_bool),
    }
}

/// Two rules for one seat: nobody can say which is meant, so the profiles they meet in fail.
fn conflicts(
    documents: &[LoadedDocument],
    problems: &mut Problems<'_>,
) -> BTreeMap<Name, Vec<String>> {
    let mut by_identifier: BTreeMap<&str, Vec<(&LoadedDocument, &CheckedDocument)>> =
        BTreeMap::new();
    for document in documents {
        if let Document::ReclamationRule(rule) = document.document.as_ref() {
            for identifier in texts(&rule.spec, "identifiers") {
                let rules = by_identifier.entry(identifier).or_default();
                rules.push((document, rule));
            }
        }
    }
    let mut failed: BTreeMap<Name, Vec<String>> = BTreeMap::new();
    for (identifier, rules) in by_identifier {
        for (position, (document, later)) in rules.iter().enumerate() {
            let earlier = rules.iter().take(position).map(|(_, rule)| rule);
            for earlier in earlier.filter(|earlier| meet(earlier, later)) {
                let message = format!(
                    "ReclamationRule `{}` is for `{identifier}` too, in the same profiles",
                    earlier.name
                );
                let help = "one rule decides for a seat: take the identifier out of one, or name different `profiles`";
                let reason = problems.error(
                    document,
                    &["identifiers"],
                    "profile::rule_conflict",
                    message,
                    Some(help.to_owned()),
                );
                for profile in profiles_of(documents, identifier) {
                    if reaches(earlier, profile) && reaches(later, profile) {
                        let reasons = failed.entry(profile.clone()).or_default();
                        reasons.push(format!("ReclamationRule `{}`: {reason}", later.name));
                    }
                }
            }
        }
    }
    failed
}

fn profiles_of<'a>(
    documents: &'a [LoadedDocument],
    identifier: &str,
) -> impl Iterator<Item = &'a Name> {
    let vendor = identifier.split('.').next().unwrap_or_default().to_owned();
    documents.iter().filter_map(move |document| {
        let Document::Profile(profile) = document.document.as_ref() else {
            return None;
        };
        let same = profile.profile_type.vendor().as_str() == vendor;
        same.then_some(&profile.name)
    })
}

fn reaches(rule: &CheckedDocument, profile: &Name) -> bool {
    rule.spec.get("profiles").is_none()
        || texts(&rule.spec, "profiles").any(|name| name == profile.as_str())
}

fn meet(one: &CheckedDocument, other: &CheckedDocument) -> bool {
    one.spec.get("profiles").is_none()
        || other.spec.get("profiles").is_none()
        || texts(&one.spec, "profiles")
            .any(|name| texts(&other.spec, "profiles").any(|theirs| theirs == name))
}
