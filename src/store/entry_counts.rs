//! What each exclusion and protection means at present: whether it ever matched, how many seats, and
//! whose.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::params;
use serde::{Deserialize, Serialize};

use super::column::{Count, Json};
use super::document::ProfileId;
use super::staging::Purpose;
use super::{Store, StoreError};
use crate::profile::identifier::Identifier;

/// What stands against seats: a pattern against users with its purpose, or a whole identifier.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EntryKey {
    /// For instance `user:ceo@example.com`.
    Users(Purpose, String),
    /// Every seat of it is excluded.
    Identifier(Identifier),
}

/// Present seats that an entry means.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct EntryCount {
    /// Different users.
    pub users: u64,
    /// Their seats.
    pub seats: u64,
}

/// A user whom an entry means at present.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MatchedUser {
    /// The vendor's id of the user.
    pub external_user_id: String,
    /// The address that the vendor tells.
    pub email: String,
    /// What the user holds.
    pub identifiers: Vec<String>,
}

/// What is remembered of the entries of a profile.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EntryHistory {
    /// Of the entries in force that the matches were made from; `None` before the first time.
    pub digest: Option<String>,
    /// Whether a complete list of users was ever in force.
    pub was_walked: bool,
    /// Entries against users that matched anybody once.
    pub matched: BTreeSet<(String, String)>,
    /// Identifiers of which there ever was a seat.
    pub identifiers: BTreeSet<String>,
}

impl EntryHistory {
    /// Whether the entry matched a seat once.
    pub fn has_matched(&self, entry: &EntryKey) -> bool {
        match entry {
            EntryKey::Users(purpose, pattern) => self
                .matched
                .contains(&(purpose.as_str().to_owned(), pattern.clone())),
            EntryKey::Identifier(identifier) => self.identifiers.contains(identifier.as_str()),
        }
    }
}

impl Store {
    /// What is remembered of the entries of a profile.
    pub async fn entry_history(&self, profile: ProfileId) -> Result<EntryHistory, StoreError> {
        let was_walked = self.walk_baseline(profile).await?.is_some();
        self.database
            .read("read entry history", move |t| {
                let mut matched = t.prepare_cached(
                    "SELECT purpose, pattern FROM entries_that_matched WHERE profile_id = ?1",
                )?;
                let mut identifiers = t.prepare_cached(
                    "SELECT DISTINCT identifier FROM seat_counts WHERE profile_id = ?1 AND seats > 0",
                )?;
                let mut digest = t.prepare_cached(
                    "SELECT max(digest) FROM matched_entries WHERE profile_id = ?1",
                )?;
                Ok(EntryHistory {
                    digest: digest.query_row([profile.0], |row| row.get(0))?,
                    was_walked,
                    matched: matched
                        .query_map([profile.0], |row| Ok((row.get(0)?, row.get(1)?)))?
                        .collect::<Result<_, _>>()?,
                    identifiers: identifiers
                        .query_map([profile.0], |row| row.get(0))?
                        .collect::<Result<_, _>>()?,
                })
            })
            .await
    }

    /// How many present seats each entry against users means, by purpose and pattern, and how many
    /// seats each identifier has.
    pub async fn entry_counts(
        &self,
        profile: ProfileId,
    ) -> Result<BTreeMap<(String, String), EntryCount>, StoreError> {
        self.database
            .read("count matches", move |t| {
                let mut statement = t.prepare_cached(
                    "SELECT m.purpose, m.pattern, count(DISTINCT m.external_user_id), count(*)
                     FROM user_matches AS m JOIN subscriptions AS s
                       ON s.profile_id = m.profile_id AND s.external_user_id = m.external_user_id
                     WHERE m.profile_id = ?1 AND m.lifted_at IS NULL AND s.ended_at IS NULL
                     GROUP BY 1, 2
                     UNION ALL
                     SELECT 'identifier', identifier, count(DISTINCT external_user_id), count(*)
                     FROM subscriptions
                     WHERE profile_id = ?1 AND ended_at IS NULL AND identifier IN (
                         SELECT identifier FROM identifier_matches
                         WHERE profile_id = ?1 AND lifted_at IS NULL)
                     GROUP BY 2",
                )?;
                let rows = statement.query_map([profile.0], |row| {
                    let (users, seats): (Count, Count) = (row.get(2)?, row.get(3)?);
                    let count = EntryCount {
                        users: users.0,
                        seats: seats.0,
                    };
                    Ok(((row.get(0)?, row.get(1)?), count))
                })?;
                Ok(rows.collect::<Result<_, _>>()?)
            })
            .await
    }

    /// The users whom an entry means at present, at most `limit`, by their vendor's ids.
    pub async fn matched_users(
        &self,
        profile: ProfileId,
        entry: EntryKey,
        limit: u32,
    ) -> Result<Vec<MatchedUser>, StoreError> {
        const HELD: &str = "FROM subscriptions AS s
            WHERE s.profile_id = ?1 AND s.ended_at IS NULL AND ";
        self.database
            .read("read matched users", move |t| {
                let (condition, purpose, what) = match &entry {
                    EntryKey::Users(purpose, pattern) => (
                        "EXISTS (SELECT 1 FROM user_matches AS m
                             WHERE m.profile_id = s.profile_id
                               AND m.external_user_id = s.external_user_id
                               AND m.purpose = ?2 AND m.pattern = ?3 AND m.lifted_at IS NULL)",
                        purpose.as_str(),
                        pattern.as_str(),
                    ),
                    EntryKey::Identifier(identifier) => {
                        ("s.identifier = ?3 AND ?2 = ''", "", identifier.as_str())
                    }
                };
                let mut statement = t.prepare_cached(&format!(
                    "SELECT s.external_user_id, max(s.email),
                         json_group_array(s.identifier ORDER BY s.identifier)
                     {HELD} {condition} GROUP BY s.external_user_id LIMIT ?4"
                ))?;
                let rows =
                    statement.query_map(params![profile.0, purpose, what, limit], |row| {
                        let identifiers: Json<Vec<String>> = row.get(2)?;
                        Ok(MatchedUser {
                            external_user_id: row.get(0)?,
                            email: row.get(1)?,
                            identifiers: identifiers.0,
                        })
                    })?;
                Ok(rows.collect::<Result<_, _>>()?)
            })
            .await
    }
}
