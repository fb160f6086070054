//! The audit log: every decision and every write, in a hash chain. It is only ever added to.
//!
//! An entry's hash is the SHA-256 of this JSON text, without blanks:
//! `[seq,at,action,who,profile,candidate,identifier,facts,texts,prev]`, where `at` is milliseconds since
//! 1970-01-01 UTC, what is absent is `null`, `facts` and `texts` are strings of JSON as they are stored,
//! and `prev` is the hash of the entry before (64 zeros before the first). A text's digest is the SHA-256
//! of its 16 bytes of salt followed by its bytes; salt and text stand beside the chain, so that a text
//! that is let go cannot be guessed back.

pub mod verify;

use std::str::FromStr;

use jiff::Timestamp;
use ring::rand::{SecureRandom as _, SystemRandom};
use rusqlite::{OptionalExtension as _, Transaction, params};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::column::{At, Json};
use super::{Store, StoreError};
use crate::profile::folding::folded_address;
use crate::profile::identifier::Identifier;
use crate::profile::name::Name;
use crate::reclamation::actor::Actor;
use crate::telemetry::Notable;

/// What was decided or done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuditAction {
    /// A seat was found unused.
    CandidateOpened,
    /// Something happened to a candidate.
    CandidateMoved,
    /// A seat stays with its user until then.
    CandidateKept,
    /// A write to a vendor is about to be made.
    WriteIntended,
    /// What became of it.
    WriteEnded,
    /// A seat was to be given back, and the vendor showed that its user has it again: nothing was
    /// written.
    FoundHeld,
    /// A plan is acted on.
    PlanActedOn,
    /// A person released a plan.
    PlanReleased,
    /// A plan was exported for review.
    PlanExported,
    /// What plans are made from was taken off this host.
    SnapshotExported,
    /// A rule became looser.
    RuleLoosened,
    /// A person released a held download.
    DownloadReleased,
    /// A person let go of a profile's vendor account.
    AccountRebound,
    /// A person said that an empty folder is meant so.
    EmptyFolderAccepted,
    /// A user was forgotten.
    UserForgotten,
    /// A backup was put in place of what was there.
    BackupRestored,
}

impl AuditAction {
    /// Every kind, in the order in which they are told.
    pub const ALL: [Self; 16] = [
        Self::CandidateOpened,
        Self::CandidateMoved,
        Self::CandidateKept,
        Self::WriteIntended,
        Self::WriteEnded,
        Self::FoundHeld,
        Self::PlanActedOn,
        Self::PlanReleased,
        Self::PlanExported,
        Self::SnapshotExported,
        Self::RuleLoosened,
        Self::DownloadReleased,
        Self::AccountRebound,
        Self::EmptyFolderAccepted,
        Self::UserForgotten,
        Self::BackupRestored,
    ];

    /// The word in listings and in the chain.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CandidateOpened => "candidate_opened",
            Self::CandidateMoved => "candidate_moved",
            Self::CandidateKept => "candidate_kept",
            Self::WriteIntended => "write_intended",
            Self::WriteEnded => "write_ended",
            Self::FoundHeld => "found_held",
            Self::PlanActedOn => "plan_acted_on",
            Self::PlanReleased => "plan_released",
            Self::PlanExported => "plan_exported",
            Self::SnapshotExported => "snapshot_exported",
            Self::RuleLoosened => "rule_loosened",
            Self::DownloadReleased => "download_released",
            Self::AccountRebound => "account_rebound",
            Self::EmptyFolderAccepted => "empty_folder_accepted",
            Self::UserForgotten => "user_forgotten",
            Self::BackupRestored => "backup_restored",
        }
    }
}

/// A word that is no kind of entry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{word}` is no kind of entry: write one of {}", known_actions())]
pub struct UnknownAction {
    word: String,
}

fn known_actions() -> String {
    AuditAction::ALL.map(AuditAction::as_str).join(", ")
}

impl FromStr for AuditAction {
    type Err = UnknownAction;

    fn from_str(word: &str) -> Result<Self, UnknownAction> {
        Self::ALL
            .into_iter()
            .find(|action| action.as_str() == word)
            .ok_or_else(|| UnknownAction {
                word: word.to_owned(),
            })
    }
}

/// An entry to add.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEntry {
    /// What was decided or done.
    pub action: AuditAction,
    /// Who or what asked for it.
    pub who: Actor,
    /// Of which profile.
    pub profile: Option<Name>,
    /// Of which candidate.
    pub candidate: Option<i64>,
    /// Of what the seat is.
    pub identifier: Option<Identifier>,
    /// Facts that name nobody.
    pub facts: Value,
    /// What may name people, by label.
    pub texts: Vec<(&'static str, String)>,
}

impl NewEntry {
    /// An entry about nothing in particular.
    pub fn new(action: AuditAction, who: &Actor, facts: Value) -> Self {
        Self {
            action,
            who: who.clone(),
            profile: None,
            candidate: None,
            identifier: None,
            facts,
            texts: Vec::new(),
        }
    }
}

/// The last entry of the chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// Its number.
    pub seq: i64,
    /// Its hash, in hex.
    pub hash: String,
}

/// An entry as it is read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// Its number.
    pub seq: i64,
    /// When.
    pub at: Timestamp,
    /// What.
    pub action: String,
    /// Who.
    pub who: String,
    /// Of which profile.
    pub profile: Option<String>,
    /// Of which candidate.
    pub candidate: Option<i64>,
    /// Of what the seat is.
    pub identifier: Option<String>,
    /// Facts that name nobody.
    pub facts: Value,
    /// What may name people; what was forgotten is absent.
    pub texts: serde_json::Map<String, Value>,
    /// Its hash.
    pub hash: String,
}

/// Which entries a listing wants; what is `None` does not narrow it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// Of this profile.
    pub profile: Option<Name>,
    /// Of this candidate.
    pub candidate: Option<i64>,
    /// Of this user, by the vendor's id or by e-mail address in any case: the one that an entry tells, or the one that
    /// the seat's user has now.
    pub user: Option<String>,
    /// Of this kind.
    pub action: Option<AuditAction>,
    /// From this time on.
    pub since: Option<Timestamp>,
}

/// Before the first entry.
const GENESIS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

impl Store {
    /// Adds an entry by itself.
    pub async fn audit(&self, entry: NewEntry, now: Timestamp) -> Result<(), StoreError> {
        self.database
            .write("add to the audit log", move |t| append(t, &entry, now))
            .await?;
        self.announce_audit().await
    }

    /// Tells the journal the last entry, if it was not told yet: who holds the journal can find out
    /// whether the log was cut or rewritten later.
    pub async fn announce_audit(&self) -> Result<(), StoreError> {
        let Some(head) = self.audit_head().await? else {
            return Ok(());
        };
        let told = &self.audit_told;
        if told.swap(head.seq, std::sync::atomic::Ordering::Relaxed) != head.seq {
            tracing::info!(message_id = %Notable::AuditHead, seq = head.seq, hash = head.hash, "audit head");
        }
        Ok(())
    }

    /// The last entry.
    pub async fn audit_head(&self) -> Result<Option<Head>, StoreError> {
        self.database
            .read("read the audit log's head", |t| Ok(head(t)?))
            .await
    }

    /// Entries in their order, after the one with number `after`, at most `limit`.
    pub async fn audit_entries(
        &self,
        filter: AuditFilter,
        after: Option<i64>,
        limit: u32,
    ) -> Result<Vec<AuditEntry>, StoreError> {
        self.database
            .read("list the audit log", move |t| {
                let mut statement = t.prepare_cached(
                    "SELECT a.*, (SELECT json_group_object(label, text) FROM audit_texts AS x
                         WHERE x.seq = a.seq) AS told
                     FROM audit AS a WHERE a.seq > ?1
                       AND (?2 IS NULL OR a.profile = ?2)
                       AND (?3 IS NULL OR a.candidate = ?3)
                       AND (?4 IS NULL OR a.action = ?4)
                       AND (?5 IS NULL OR a.at >= ?5)
                       AND (?6 IS NULL OR EXISTS (SELECT 1 FROM audit_texts AS x
                           WHERE x.seq = a.seq AND x.label IN ('user', 'email')
                             AND (x.text = ?6 OR folded(x.text) = ?8))
                         OR a.candidate IN (SELECT c.id FROM candidates AS c
                             JOIN subscriptions AS s ON s.id = c.subscription_id
                             WHERE coalesce(s.email_folded, s.email) = ?8))
                     ORDER BY a.seq LIMIT ?7",
                )?;
                let rows = statement.query_map(
                    params![
                        after.unwrap_or(0),
                        filter.profile.map(String::from),
                        filter.candidate,
                        filter.action.map(AuditAction::as_str),
                        filter.since.map(At),
                        filter.user,
                        limit,
                        filter.user.as_deref().map(folded_address),
                    ],
                    |row| {
                        Ok(AuditEntry {
                            seq: row.get("seq")?,
                            at: row.get::<_, At>("at")?.0,
                            action: row.get("action")?,
                            who: row.get("who")?,
                            profile: row.get("profile")?,
                            candidate: row.get("candidate")?,
                            identifier: row.get("identifier")?,
                            facts: row.get::<_, Json<Value>>("facts")?.0,
                            texts: row.get::<_, Json<_>>("told")?.0,
                            hash: row.get("hash")?,
                        })
                    },
                )?;
                Ok(rows.collect::<Result<_, _>>()?)
            })
            .await
    }
}

/// Adds an entry within a transaction of this room, so that a change and its entry commit together.
pub(super) fn append(
    t: &Transaction<'_>,
    entry: &NewEntry,
    now: Timestamp,
) -> Result<(), StoreError> {
    Chain::read(t)?.append(t, entry, now)
}

/// The end of the chain within one transaction, for entries that follow one another with no other
/// between them.
#[derive(Debug)]
pub(super) struct Chain {
    last: Head,
}

impl Chain {
    pub(super) fn read(t: &Transaction<'_>) -> Result<Self, StoreError> {
        let last = head(t)?.unwrap_or_else(|| Head {
            seq: 0,
            hash: GENESIS.to_owned(),
        });
        Ok(Self { last })
    }

    pub(super) fn append(
        &mut self,
        t: &Transaction<'_>,
        entry: &NewEntry,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut digests = Vec::new();
        let mut salted = Vec::new();
        for (label, text) in &entry.texts {
            let salt = salt()?;
            digests.push(json!([label, digest(&salt, text)]));
            salted.push((label, salt, text));
        }
        let row = Row {
            seq: self.last.seq + 1,
            at: now.as_millisecond(),
            action: entry.action.as_str().to_owned(),
            who: entry.who.to_string(),
            profile: entry.profile.as_ref().map(Name::to_string),
            candidate: entry.candidate,
            identifier: entry.identifier.as_ref().map(Identifier::to_string),
            facts: entry.facts.to_string(),
            texts: Value::from(digests).to_string(),
            prev: std::mem::take(&mut self.last.hash),
        };
        let (seq, hash) = (row.seq, row.hash());
        t.prepare_cached(
            "INSERT INTO audit (seq, at, action, who, profile, candidate, identifier, facts, texts,
                 prev, hash)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        )?
        .execute(params![
            row.seq,
            row.at,
            row.action,
            row.who,
            row.profile,
            row.candidate,
            row.identifier,
            row.facts,
            row.texts,
            row.prev,
            hash,
        ])?;
        self.last = Head { seq, hash };
        let mut keep = t.prepare_cached(
            "INSERT INTO audit_texts (seq, label, salt, text) VALUES (?1, ?2, ?3, ?4)",
        )?;
        for (label, salt, text) in salted {
            keep.execute(params![seq, label, salt, text])?;
        }
        Ok(())
    }
}

/// What a hash is over.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Row {
    seq: i64,
    at: i64,
    action: String,
    who: String,
    profile: Option<String>,
    candidate: Option<i64>,
    identifier: Option<String>,
    facts: String,
    texts: String,
    prev: String,
}

impl Row {
    fn hash(&self) -> String {
        let whole = json!([
            self.seq,
            self.at,
            self.action,
            self.who,
            self.profile,
            self.candidate,
            self.identifier,
            self.facts,
            self.texts,
            self.prev,
        ]);
        format!("{:x}", Sha256::digest(whole.to_string()))
    }
}

fn salt() -> Result<Vec<u8>, StoreError> {
    let mut salt = vec![0; 16];
    SystemRandom::new()
        .fill(&mut salt)
        .map_err(|_| StoreError::NoRandomness)?;
    Ok(salt)
}

fn digest(salt: &[u8], text: &str) -> String {
    let mut hash = Sha256::new();
    hash.update(salt);
    hash.update(text);
    format!("{:x}", hash.finalize())
}

fn head(t: &Transaction<'_>) -> rusqlite::Result<Option<Head>> {
    t.prepare_cached(
        "SELECT seq, hash FROM audit UNION ALL SELECT seq, hash FROM audit_start
         ORDER BY seq DESC LIMIT 1",
    )?
    .query_row([], |row| {
        Ok(Head {
            seq: row.get(0)?,
            hash: row.get(1)?,
        })
    })
    .optional()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row() -> Row {
        Row {
            seq: 1,
            at: 1_764_028_800_000,
            action: "candidate_opened".to_owned(),
            who: "rule".to_owned(),
            profile: Some("zoom".to_owned()),
            candidate: Some(7),
            identifier: None,
            facts: "{\"a\":1}".to_owned(),
            texts: "[]".to_owned(),
            prev: GENESIS.to_owned(),
        }
    }

    #[test]
    fn the_hash_is_of_the_documented_text() {
        let text = format!(
            r#"[1,1764028800000,"candidate_opened","rule","zoom",7,null,"{{\"a\":1}}","[]","{GENESIS}"]"#
        );
        assert_eq!(row().hash(), format!("{:x}", Sha256::digest(text)));
    }

    #[test]
    fn every_member_of_an_entry_is_in_its_hash() {
        let plain = row().hash();
        let changes: [fn(&mut Row); 9] = [
            |row| row.seq = 2,
            |row| row.at += 1,
            |row| row.action.push('x'),
            |row| row.who.push('x'),
            |row| row.profile = None,
            |row| row.candidate = None,
            |row| row.identifier = Some("zoom.licensed".to_owned()),
            |row| row.facts.push(' '),
            |row| row.prev.replace_range(0..1, "1"),
        ];
        for change in changes {
            let mut other = row();
            change(&mut other);
            assert_ne!(other.hash(), plain, "{other:?}");
        }
    }
}
