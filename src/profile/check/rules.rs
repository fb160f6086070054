//! The kinds whose work later rooms do. Each is checked in every field and then kept as canonical
//! JSON.

use std::collections::BTreeSet;

use super::entries::vendor_of;
use super::{Places, canonical};
use crate::profile::model::{CheckedDocument, Document};
use crate::profile::name::Name;
use crate::profile::raw::rules::{
    Mode, RawApproval, RawReclamation, RawReclamationRule, ReclamationType,
};
use crate::yaml::diagnostic::{Findings, Region};
use crate::yaml::duration::Span;
use crate::yaml::read::{At, Read};
use crate::yaml::tree::{Node, Value};

/// The shortest threshold: vendors report activity up to three days late, and some agents report
/// once a week.
const SHORTEST_THRESHOLD: Span = Span::days(7);
/// Keys of a rule that mean something only where a vendor holds seats.
const FOR_SEATS: [&str; 9] = [
    "profiles",
    "mode",
    "last_activity_threshold",
    "leavers",
    "service_accounts",
    "keep_spare",
    "conditions",
    "windows",
    "guards",
];
/// Keys of a rule that mean something only for what agents report.
const FOR_INSTALLED: [&str; 4] = [
    "reclamation_type",
    "months",
    "total_hours_used",
    "last_used_before",
];

fn kept(name: Option<At<Name>>, node: &Node) -> Option<CheckedDocument> {
    Some(CheckedDocument {
        name: name?.value,
        spec: canonical(node, &["kind", "name", "version"]),
    })
}

/// What a reclamation rule and a profile's `reclamation` have in common.
pub(super) fn reclamation(raw: &RawReclamation, to: &mut Findings) {
    if let Some(threshold) = &raw.last_activity_threshold
        && threshold.value < SHORTEST_THRESHOLD
    {
        let message = format!("`{}` is too short to tell disuse", threshold.value);
        to.error("profile::threshold", threshold.region, message)
            .help(format!(
                "at least {SHORTEST_THRESHOLD}: vendors report activity up to three days late"
            ));
    }
    if let Some(guards) = &raw.guards
        && guards.value.accept_listed_evidence == Some(true)
        && raw.mode == Some(Mode::Automatic)
    {
        to.error(
            "profile::evidence",
            guards.region,
            "scheduled activity is no evidence in automatic mode",
        )
        .help("leave `accept_listed_evidence` out, or use mode `manual` or `approved`");
    }
}

/// `kind: ReclamationRule`.
pub(super) fn reclamation_rule(
    node: &Node,
    places: &mut Places,
    to: &mut Findings,
) -> Option<Document> {
    let raw = RawReclamationRule::read(node, to)?;
    if let Some(identifiers) = &raw.identifiers {
        places.values.push(("identifiers", identifiers.region));
        named_once(identifiers, "a rule needs at least one identifier", to);
        strangers(node, &FOR_INSTALLED, "`software_models`", to);
    }
    if let Some(models) = &raw.software_models {
        places.values.push(("software_models", models.region));
        named_once(models, "a rule needs at least one software model", to);
        strangers(node, &FOR_SEATS, "`identifiers`", to);
        installed(&raw, node, to);
    }
    places.note("guards", raw.guards.as_ref());
    if let Some(first) = raw.profiles.as_ref().and_then(|profiles| profiles.first()) {
        places.values.push(("profiles", first.region));
    }
    reclamation(
        &RawReclamation {
            mode: raw.mode,
            last_activity_threshold: raw.last_activity_threshold,
            include_no_activity: raw.include_no_activity,
            leavers: raw.leavers,
            service_accounts: raw.service_accounts,
            notify_user: raw.notify_user,
            days_before_auto_reclamation: raw.days_before_auto_reclamation,
            assignment_group: raw.assignment_group,
            create_candidates: raw.create_candidates,
            cool_down: raw.cool_down,
            keep_spare: raw.keep_spare,
            conditions: raw.conditions,
            windows: raw.windows,
            guards: raw.guards,
        },
        to,
    );
    kept(raw.name.0, node).map(Document::ReclamationRule)
}

/// A list that has something in it, and nothing twice.
pub(super) fn named_once<T: Ord + std::fmt::Display>(
    list: &At<Vec<At<T>>>,
    needed: &'static str,
    to: &mut Findings,
) {
    if list.value.is_empty() {
        to.error("profile::empty", list.region, needed);
    }
    let mut seen = BTreeSet::new();
    for At { value, region } in &list.value {
        if !seen.insert(value) {
            let message = format!("`{value}` is given twice");
            to.error("profile::repeated", *region, message);
        }
    }
}

/// Keys that go with the other list than the rule has.
fn strangers(node: &Node, keys: &[&str], with: &str, to: &mut Findings) {
    for key in keys {
        if let Some(region) = given(node, key) {
            let message = format!("`{key}` goes with {with}, which this rule does not have");
            to.error("profile::applies_to", region, message)
                .help("a rule is for seats (`identifiers`) or for installed software (`software_models`): leave it out, or write a rule of its own");
        }
    }
}

pub(super) fn given(node: &Node, key: &str) -> Option<Region> {
    let value = node.get(key)?;
    (value.value != Value::Null).then_some(value.region)
}

/// What a rule for installed software says by itself.
fn installed(raw: &RawReclamationRule, node: &Node, to: &mut Findings) {
    let reclamation_type = raw.reclamation_type.unwrap_or_default();
    let (others, with): (&[&str], _) = match reclamation_type {
        ReclamationType::TotalUsage => (&["last_used_before"], "last_used_date"),
        ReclamationType::LastUsedDate => (&["months", "total_hours_used"], "total_usage"),
    };
    for key in others {
        if let Some(region) = given(node, key) {
            let message = format!("`{key}` goes with `reclamation_type: {with}`");
            to.error("profile::applies_to", region, message)
                .help(format!("leave it out, or write `reclamation_type: {with}`"));
        }
    }
    if raw.notify_user == Some(true)
        && let Some(region) = given(node, "notify_user")
    {
        let message = "`notify_user` sends nothing for installed software: agents tell no address";
        to.warning("profile::notify_user", region, message)
            .help("ask the users whom the digest of `assignment_group` tells, and record each answer with `seatsync candidates answer`; or leave it out");
    }
    if let Some(threshold) = &raw.last_used_before
        && threshold.value < SHORTEST_THRESHOLD
    {
        let message = format!("`{}` is too short to tell disuse", threshold.value);
        to.error("profile::threshold", threshold.region, message)
            .help(format!(
                "at least {SHORTEST_THRESHOLD}: some agents report once a week"
            ));
    }
}

/// `kind: Approval`.
pub(super) fn approval(node: &Node, places: &mut Places, to: &mut Findings) -> Option<Document> {
    let raw = RawApproval::read(node, to)?;
    places.note("profile", raw.profile.0.as_ref());
    if let Some(expires) = &raw.expires.0 {
        places.expires.push((expires.value.0, expires.region));
    }
    let mut vendors = BTreeSet::new();
    for seat in raw.seats.0.iter().flatten() {
        let vendor = seat.value.identifier.0.as_ref().and_then(vendor_of);
        vendors.extend(vendor);
        if vendors.len() > 1 {
            to.error(
                "profile::approval",
                seat.region,
                "the seats of one approval belong to one vendor",
            );
            break;
        }
    }
    kept(raw.name.0, node).map(Document::Approval)
}
