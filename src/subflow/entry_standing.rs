//! How each exclusion and protection stands: whom it means at present, whether it ever meant anybody,
//! and whether it is about to lapse.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::entries::{Matcher, text_of};
use crate::profile::model::{DesiredProfile, ExclusionTarget};
use crate::store::document::RecordedProfile;
use crate::store::entry_counts::{EntryCount, EntryHistory, EntryKey, MatchedUser};
use crate::store::staging::Purpose;
use crate::store::{Store, StoreError};

/// Days before an entry's last day from which on it is warned of.
const WARN_DAYS: i32 = 14;

/// Users that are named for one entry; the rest is counted.
const NAMED_USERS: u32 = 100;

/// An exclusion or a protection, at one profile that it reaches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntryStanding {
    /// The profile.
    pub profile: String,
    /// `exclusion` or `protection`.
    pub purpose: String,
    /// For instance `user:ceo@example.com`, `domain:*.contractor.example` or `identifier:zoom_pro`.
    pub entry: String,
    /// The document that it stands in, for people.
    pub rule: String,
    /// Why, in the team's words.
    pub reason: String,
    /// The last day it holds.
    pub expires: Option<Date>,
    /// Whether it holds today.
    pub in_force: bool,
    /// Different users whom it means at present.
    pub users: u64,
    /// Their seats.
    pub seats: u64,
    /// Whether it ever meant a seat here; `None` before a complete download told.
    pub ever_matched: Option<bool>,
    /// Whom it means, where that was asked for: at most 100 of `users`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub matches: Vec<MatchedUser>,
}

/// An entry of a desired profile, whichever list it stands in.
struct Entry<'a> {
    key: EntryKey,
    rule: &'a str,
    reason: &'a str,
    expires: Option<Date>,
}

impl Entry<'_> {
    fn holds(&self, today: Date) -> bool {
        self.expires.is_none_or(|last| today <= last)
    }
}

/// How every entry that reaches a profile stands on `today`, a day of the settings' zone; with the
/// users whom it means where `with_users`.
pub async fn of_profile(
    store: &Store,
    profile: &RecordedProfile,
    today: Date,
    with_users: bool,
) -> Result<Vec<EntryStanding>, StoreError> {
    let history = store.entry_history(profile.id).await?;
    let is_known = is_known(&profile.desired, &history, today);
    let counts = store.entry_counts(profile.id).await?;
    let mut standings = Vec::new();
    for entry in entries_of(&profile.desired) {
        let in_force = entry.holds(today);
        let (purpose, text) = words(&entry.key);
        let count = if in_force {
            count_of(&counts, &entry.key)
        } else {
            EntryCount::default()
        };
        let matches = if with_users && count.users > 0 {
            let key = entry.key.clone();
            store.matched_users(profile.id, key, NAMED_USERS).await?
        } else {
            Vec::new()
        };
        standings.push(EntryStanding {
            profile: profile.name.to_string(),
            purpose: purpose.as_str().to_owned(),
            entry: text,
            rule: entry.rule.to_owned(),
            reason: entry.reason.to_owned(),
            expires: entry.expires,
            in_force,
            users: count.users,
            seats: count.seats,
            ever_matched: if history.has_matched(&entry.key) {
                Some(true)
            } else {
                is_known.then_some(false)
            },
            matches,
        });
    }
    Ok(standings)
}

/// What a person should know of the entries that are recorded: those that never meant anybody in any
/// profile that they reach, and those that lapse within 14 days. A line each.
pub async fn warnings(
    store: &Store,
    profiles: &[RecordedProfile],
    today: Date,
) -> Result<Vec<String>, StoreError> {
    let mut lapsing = BTreeSet::new();
    let mut never: BTreeMap<(String, String), bool> = BTreeMap::new();
    for profile in profiles.iter().filter(|p| p.orphaned_at.is_none()) {
        let history = store.entry_history(profile.id).await?;
        let is_known = is_known(&profile.desired, &history, today);
        for entry in entries_of(&profile.desired).filter(|entry| entry.holds(today)) {
            let (purpose, text) = words(&entry.key);
            let named = format!("{purpose} `{text}` of {}", entry.rule);
            if let Some(line) = lapses(&named, entry.expires, today) {
                lapsing.insert(line);
            }
            let matched_nobody = is_known && !history.has_matched(&entry.key);
            never
                .entry((named, entry.rule.to_owned()))
                .and_modify(|never| *never &= matched_nobody)
                .or_insert(matched_nobody);
        }
    }
    let never = never.into_iter().filter(|(_, never)| *never);
    let never = never.map(|((named, rule), _)| {
        format!(
            "{named} never matched a seat of any profile that it reaches: correct it, or take it out of {rule}"
        )
    });
    Ok(lapsing.into_iter().chain(never).collect())
}

/// Whether what the entries mean is known: a complete list was read, and matched with these very
/// entries.
fn is_known(desired: &DesiredProfile, history: &EntryHistory, today: Date) -> bool {
    history.was_walked && history.digest.as_deref() == Some(Matcher::new(desired, today).digest())
}

fn lapses(named: &str, expires: Option<Date>, today: Date) -> Option<String> {
    let last = expires?;
    let days = (last - today).get_days();
    (days <= WARN_DAYS).then(|| {
        format!(
            "{named} holds until {last} ({}): extend its `expires`, or take it out",
            match days {
                0 => "today".to_owned(),
                1 => "one day more".to_owned(),
                days => format!("{days} days more"),
            }
        )
    })
}

fn entries_of(desired: &DesiredProfile) -> impl Iterator<Item = Entry<'_>> {
    let exclusions = desired.exclusions.iter().map(|exclusion| Entry {
        key: match &exclusion.target {
            ExclusionTarget::Identifier(identifier) => EntryKey::Identifier(identifier.clone()),
            ExclusionTarget::Users(pattern) => {
                EntryKey::Users(Purpose::Exclusion, text_of(pattern))
            }
        },
        rule: &exclusion.origin,
        reason: &exclusion.reason,
        expires: exclusion.expires,
    });
    let protections = desired.protected.iter().map(|protection| Entry {
        key: EntryKey::Users(Purpose::Protection, text_of(&protection.entry.pattern)),
        rule: &protection.origin,
        reason: &protection.entry.reason,
        expires: protection.entry.expires,
    });
    exclusions.chain(protections)
}

/// The list that an entry stands in, and its text.
fn words(key: &EntryKey) -> (Purpose, String) {
    match key {
        EntryKey::Users(purpose, pattern) => (*purpose, pattern.clone()),
        EntryKey::Identifier(identifier) => {
            (Purpose::Exclusion, format!("identifier:{identifier}"))
        }
    }
}

fn count_of(counts: &BTreeMap<(String, String), EntryCount>, key: &EntryKey) -> EntryCount {
    let place = match key {
        EntryKey::Users(purpose, pattern) => (purpose.as_str().to_owned(), pattern.clone()),
        EntryKey::Identifier(identifier) => ("identifier".to_owned(), identifier.to_string()),
    };
    counts.get(&place).copied().unwrap_or_default()
}
