//! What exclusions and protections match. They stand beside the seats, so that a changed list
//! rewrites no seat; a match that no longer holds keeps the time at which it was lifted.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use rusqlite::{Transaction, params};

use super::column::At;
use super::document::ProfileId;
use super::staging::Purpose;
use super::{Store, StoreError};
use crate::profile::identifier::Identifier;

/// An exclusion of a whole identifier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdentifierMatch {
    /// Which.
    pub identifier: Identifier,
    /// Where it is written, for people.
    pub rule: String,
    /// Why, in the team's words.
    pub reason: String,
    /// The last day it holds.
    pub expires: Option<Date>,
}

/// The entries in force, beside the user matches that stand in the staging set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Entries {
    /// Of all entries in force: what the matches are made from.
    pub digest: String,
    /// Whole identifiers.
    pub identifiers: Vec<IdentifierMatch>,
    /// Patterns that mean one user each. They stay bound to the user ids that they once matched,
    /// also while the user is not listed.
    pub bound: Vec<(Purpose, String)>,
}

/// The user ids that patterns are bound to.
pub type Bindings = BTreeMap<(Purpose, String), Vec<String>>;

impl Store {
    /// The user ids that these patterns once matched.
    pub async fn bindings(
        &self,
        profile: ProfileId,
        patterns: Vec<(Purpose, String)>,
    ) -> Result<Bindings, StoreError> {
        if patterns.is_empty() {
            return Ok(Bindings::new());
        }
        self.database
            .read("read bindings", move |t| {
                let wanted: std::collections::BTreeSet<(Purpose, String)> =
                    patterns.into_iter().collect();
                let mut statement = t.prepare_cached(
                    "SELECT purpose, pattern, external_user_id FROM user_matches
                     WHERE profile_id = ?1 AND lifted_at IS NULL AND pattern GLOB 'user:*'",
                )?;
                let mut rows = statement.query([profile.0])?;
                let mut bindings = Bindings::new();
                while let Some(row) = rows.next()? {
                    let purpose = if row
                        .get_ref(0)?
                        .as_str()
                        .is_ok_and(|word| word == "exclusion")
                    {
                        Purpose::Exclusion
                    } else {
                        Purpose::Protection
                    };
                    let key = (purpose, row.get(1)?);
                    if wanted.contains(&key) {
                        bindings.entry(key).or_default().push(row.get(2)?);
                    }
                }
                Ok(bindings)
            })
            .await
    }
}

/// Makes the staged matches the ones in force.
pub(super) fn replace(
    t: &Transaction<'_>,
    profile: ProfileId,
    entries: &Entries,
    now: Timestamp,
) -> Result<(), StoreError> {
    replace_identifiers(t, profile, entries, now)?;
    t.execute(
        "INSERT INTO main.user_matches
             (profile_id, external_user_id, purpose, pattern, rule, reason, expires, since)
         SELECT ?1, external_user_id, purpose, pattern, rule, reason, expires, ?2
         FROM staged.matches WHERE true
         ON CONFLICT (profile_id, external_user_id, purpose, pattern) DO UPDATE SET
             since = iif(lifted_at IS NULL, since, excluded.since),
             rule = excluded.rule, reason = excluded.reason, expires = excluded.expires,
             lifted_at = NULL
         WHERE (rule, reason, expires, lifted_at)
             IS NOT (excluded.rule, excluded.reason, excluded.expires, NULL)",
        params![profile.0, At(now)],
    )?;
    t.execute(
        "INSERT OR IGNORE INTO main.entries_that_matched (profile_id, purpose, pattern, since)
         SELECT DISTINCT ?1, purpose, pattern, ?2 FROM staged.matches",
        params![profile.0, At(now)],
    )?;
    let bound: serde_json::Value = entries
        .bound
        .iter()
        .map(|(purpose, pattern)| format!("{} {pattern}", purpose.as_str()))
        .collect();
    t.execute(
        "UPDATE main.user_matches AS m SET lifted_at = ?2
         WHERE profile_id = ?1 AND lifted_at IS NULL
           AND purpose || ' ' || pattern NOT IN (SELECT value FROM json_each(?3))
           AND NOT EXISTS (SELECT 1 FROM staged.matches AS s
               WHERE s.external_user_id = m.external_user_id AND s.purpose = m.purpose
                 AND s.pattern = m.pattern)",
        params![profile.0, At(now), bound.to_string()],
    )?;
    t.execute(
        "INSERT INTO matched_entries (profile_id, digest) VALUES (?1, ?2)
         ON CONFLICT (profile_id) DO UPDATE SET digest = excluded.digest
         WHERE digest <> excluded.digest",
        params![profile.0, entries.digest],
    )?;
    Ok(())
}

fn replace_identifiers(
    t: &Transaction<'_>,
    profile: ProfileId,
    entries: &Entries,
    now: Timestamp,
) -> Result<(), StoreError> {
    for entry in &entries.identifiers {
        t.prepare_cached(
            "INSERT INTO identifier_matches (profile_id, identifier, rule, reason, expires, since)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT (profile_id, identifier) DO UPDATE SET
                 since = iif(lifted_at IS NULL, since, excluded.since),
                 rule = excluded.rule, reason = excluded.reason, expires = excluded.expires,
                 lifted_at = NULL
             WHERE (rule, reason, expires, lifted_at)
                 IS NOT (excluded.rule, excluded.reason, excluded.expires, NULL)",
        )?
        .execute(params![
            profile.0,
            entry.identifier.as_str(),
            entry.rule,
            entry.reason,
            entry.expires.map(|day| day.to_string()),
            At(now),
        ])?;
    }
    let named: serde_json::Value = entries
        .identifiers
        .iter()
        .map(|entry| entry.identifier.as_str())
        .collect();
    t.execute(
        "UPDATE identifier_matches SET lifted_at = ?2
         WHERE profile_id = ?1 AND lifted_at IS NULL
           AND identifier NOT IN (SELECT value FROM json_each(?3))",
        params![profile.0, At(now), named.to_string()],
    )?;
    Ok(())
}
