//! Exclusions and protected entries that a change takes away, narrows or ends earlier. An entry
//! that only moved, from a profile to the organisation or from excluded to protected, loosens
//! nothing: what counts is whether every profile it reached is still covered.

use jiff::civil::Date;

use crate::profile::model::{
    DesiredProfile, ExclusionTarget, Exclusions, IdentifierEntry, Profile, ProfileSet, UserEntry,
    UserPattern,
};

/// What a changed profile's own entries no longer keep.
pub(super) fn of_profile(before: &Profile, head: &ProfileSet) -> Vec<String> {
    let Some(now) = head.profiles.get(&before.name) else {
        return Vec::new();
    };
    let lists = &before.exclusions;
    lost(&lists.identifiers, &lists.users, &before.protected, &[now])
}

/// What changed or removed organisation-wide entries no longer keep.
pub(super) fn of_organisation(
    before: &Exclusions,
    after: Option<&Exclusions>,
    head: &ProfileSet,
) -> Vec<String> {
    if after == Some(before) {
        return Vec::new();
    }
    let profiles: Vec<&DesiredProfile> = head.profiles.values().collect();
    let lists = &before.lists;
    lost(
        &lists.identifiers,
        &lists.users,
        &before.protected,
        &profiles,
    )
}

fn lost(
    identifiers: &[IdentifierEntry],
    users: &[UserEntry],
    protected: &[UserEntry],
    profiles: &[&DesiredProfile],
) -> Vec<String> {
    let identifiers = identifiers.iter().filter_map(|entry| {
        let what = format!("`{}` is excluded", entry.identifier);
        let reached = profiles.iter().filter(|now| reached(entry, now));
        told(
            &what,
            reached.map(|now| keeps_identifier(now, entry)),
            entry.expires,
        )
    });
    let users = [(users, "excluded"), (protected, "protected")];
    let users = users.into_iter().flat_map(|(entries, word)| {
        entries.iter().filter_map(move |entry| {
            let what = format!("{} {word}", people(&entry.pattern));
            let kept = profiles.iter().map(|now| keeps_users(now, entry));
            told(&what, kept, entry.expires)
        })
    });
    identifiers.chain(users).collect()
}

/// How long something is kept: not at all, until a day, or without end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kept {
    No,
    Until(Date),
    Always,
}

impl Kept {
    fn by(expires: Option<Date>) -> Self {
        expires.map_or(Self::Always, Self::Until)
    }
}

fn told(what: &str, kept: impl Iterator<Item = Kept>, expires: Option<Date>) -> Option<String> {
    let worst = kept.min()?;
    if worst >= Kept::by(expires) {
        return None;
    }
    Some(match worst {
        Kept::Until(day) => format!("{what} only until {day} now"),
        _ => format!("{what} no more"),
    })
}

fn reached(entry: &IdentifierEntry, now: &DesiredProfile) -> bool {
    let profile_type = now.profile.profile_type;
    match entry.profile_type {
        Some(wanted) => wanted == profile_type,
        None => entry
            .identifier
            .as_str()
            .strip_prefix(profile_type.vendor().as_str())
            .is_some_and(|rest| rest.starts_with('.')),
    }
}

fn keeps_identifier(now: &DesiredProfile, entry: &IdentifierEntry) -> Kept {
    let same = now.exclusions.iter().filter(|exclusion| {
        matches!(&exclusion.target, ExclusionTarget::Identifier(known) if *known == entry.identifier)
    });
    let kept = same.map(|exclusion| Kept::by(exclusion.expires)).max();
    kept.unwrap_or(Kept::No)
}

fn keeps_users(now: &DesiredProfile, entry: &UserEntry) -> Kept {
    let excluded = now.exclusions.iter().filter_map(|one| match &one.target {
        ExclusionTarget::Users(pattern) => Some((pattern, one.expires)),
        ExclusionTarget::Identifier(_) => None,
    });
    let protected = now.protected.iter();
    let protected = protected.map(|one| (&one.entry.pattern, one.entry.expires));
    let covering = excluded
        .chain(protected)
        .filter(|(pattern, _)| covers(pattern, &entry.pattern));
    let kept = covering.map(|(_, expires)| Kept::by(expires)).max();
    kept.unwrap_or(Kept::No)
}

/// Whether everybody whom `narrow` means is meant by `wide` too.
fn covers(wide: &UserPattern, narrow: &UserPattern) -> bool {
    match (wide, narrow) {
        _ if wide == narrow => true,
        (_, UserPattern::User(user)) => user.contains('@') && wide.matches(user, user),
        (
            UserPattern::Subdomains(parent),
            UserPattern::Domain(domain) | UserPattern::Subdomains(domain),
        ) => domain
            .strip_suffix(parent.as_str())
            .is_some_and(|rest| rest.len() > 1 && rest.ends_with('.')),
        _ => false,
    }
}

fn people(pattern: &UserPattern) -> String {
    match pattern {
        UserPattern::User(user) => format!("`{user}` is"),
        UserPattern::Domain(domain) => format!("everybody of `{domain}` is"),
        UserPattern::Subdomains(parent) => format!("everybody of `*.{parent}` is"),
    }
}
