//! Exclusions and protected entries, a profile's own and the organisation's.

use super::Places;
use crate::profile::folding::folded_address;
use crate::profile::identifier::{Identifier, ProfileType, Vendor};
use crate::profile::model::{ExclusionLists, Exclusions, IdentifierEntry, UserEntry, UserPattern};
use crate::profile::raw::words::Day;
use crate::profile::raw::{RawExclusions, RawProfileExclusions, RawUserEntry};
use crate::yaml::diagnostic::Findings;
use crate::yaml::read::At;

/// The vendor an identifier belongs to by its first word.
pub(super) fn vendor_of(identifier: &Identifier) -> Option<Vendor> {
    let (vendor, _) = identifier.as_str().split_once('.')?;
    [Vendor::Zoom, Vendor::GoTo, Vendor::Aha]
        .into_iter()
        .find(|known| known.as_str() == vendor)
}

/// Says that an identifier is another vendor's; it would never match.
pub(super) fn same_vendor(identifier: &At<Identifier>, vendor: Vendor, to: &mut Findings) {
    if vendor_of(&identifier.value).is_some_and(|other| other != vendor) {
        let message = format!(
            "`{}` is no identifier of {vendor}: it would never match",
            identifier.value
        );
        to.error("profile::identifier_vendor", identifier.region, message)
            .help(format!("identifiers here start with `{vendor}.`"));
    }
}

/// Warns of an identifier that no seat can have, or none in profiles of the type: it would never match.
fn of_something(identifier: &At<Identifier>, profile_type: Option<ProfileType>, to: &mut Findings) {
    if !identifier.value.is_of_nothing() {
        if profile_type.is_some_and(|profile_type| !identifier.value.counts_in(profile_type)) {
            let message = format!(
                "profiles of type `zoom` do not count `{}`: it would never match",
                identifier.value
            );
            to.warning("profile::identifier", identifier.region, message)
                .help("profiles of type `zoom_workplace` count it");
        }
        return;
    }
    let message = format!(
        "no seat is known to have the identifier `{}`: it would never match",
        identifier.value
    );
    let finding = to.warning("profile::identifier", identifier.region, message);
    match identifier.value.nearest() {
        Some(near) => finding.help(format!("did you mean `{near}`?")),
        None => finding.help("`seatsync identifiers list` shows those that seats have"),
    };
}

fn expires(day: Option<At<Day>>, places: &mut Places) -> Option<jiff::civil::Date> {
    let day = day?;
    places.expires.push((day.value.0, day.region));
    Some(day.value.0)
}

/// User entries, patterns in lower case.
pub(super) fn users(raw: Option<Vec<At<RawUserEntry>>>, places: &mut Places) -> Vec<UserEntry> {
    let entries = raw.unwrap_or_default().into_iter();
    entries
        .filter_map(|entry| user(entry.value, places))
        .collect()
}

fn user(value: RawUserEntry, places: &mut Places) -> Option<UserEntry> {
    let expires = expires(value.expires, places);
    let pattern = match (value.user, value.domain) {
        (Some(user), None) => user_pattern(&user.value.0),
        (None, Some(domain)) => domain_pattern(&domain.value.0),
        _ => return None,
    };
    Some(UserEntry {
        pattern,
        reason: value.reason.0?.0,
        expires,
    })
}

fn user_pattern(user: &str) -> UserPattern {
    let user = user.trim();
    UserPattern::User(if user.contains('@') {
        folded_address(user)
    } else {
        user.to_owned()
    })
}

fn domain_pattern(domain: &str) -> UserPattern {
    let domain = folded_address(domain);
    match domain.strip_prefix("*.") {
        Some(parent) => UserPattern::Subdomains(parent.to_owned()),
        None => UserPattern::Domain(domain),
    }
}

/// A profile's own exclusions.
pub(super) fn of_profile(
    raw: RawProfileExclusions,
    profile_type: Option<ProfileType>,
    places: &mut Places,
    to: &mut Findings,
) -> ExclusionLists {
    let mut identifiers = Vec::new();
    for At { value, .. } in raw.identifiers.unwrap_or_default() {
        let expires = expires(value.expires, places);
        let (Some(identifier), Some(reason)) = (value.identifier.0, value.reason.0) else {
            continue;
        };
        if let Some(profile_type) = profile_type {
            same_vendor(&identifier, profile_type.vendor(), to);
        }
        of_something(&identifier, profile_type, to);
        identifiers.push(IdentifierEntry {
            identifier: identifier.value,
            profile_type: None,
            reason: reason.0,
            expires,
        });
    }
    ExclusionLists {
        identifiers,
        users: users(raw.users, places),
    }
}

/// `kind: Exclusions`.
pub(super) fn exclusions(
    raw: RawExclusions,
    places: &mut Places,
    to: &mut Findings,
) -> Option<Exclusions> {
    let mut identifiers = Vec::new();
    for At { value, .. } in raw.identifiers.unwrap_or_default() {
        let expires = expires(value.expires, places);
        let profile_type = value.profile_type.map(|profile_type| profile_type.value);
        let (Some(identifier), Some(reason)) = (value.identifier.0, value.reason.0) else {
            continue;
        };
        if let Some(profile_type) = profile_type {
            same_vendor(&identifier, profile_type.vendor(), to);
        }
        of_something(&identifier, profile_type, to);
        identifiers.push(IdentifierEntry {
            identifier: identifier.value,
            profile_type,
            reason: reason.0,
            expires,
        });
    }
    let users_lists = users(raw.users, places);
    let protected = users(raw.protected, places);
    Some(Exclusions {
        name: raw.name.0?.value,
        lists: ExclusionLists {
            identifiers,
            users: users_lists,
        },
        protected,
    })
}
