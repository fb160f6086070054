//! Whether the audit log is as it was written: every entry follows the one before, and none is missing.

use rusqlite::{OptionalExtension as _, Transaction};
use serde::{Deserialize, Serialize};

use super::super::{Store, StoreError};
use super::{GENESIS, Head, Row, digest};

/// What a look at the whole chain found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verified {
    /// Entries looked at.
    pub entries: u64,
    /// The last one.
    pub head: Option<Head>,
    /// The first thing that is wrong; `None` where all is as it was written.
    pub broken: Option<String>,
    /// Why an entry that was noted elsewhere cannot be looked for: it was let go after its time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aged_out: Option<String>,
}

impl Verified {
    /// Whether everything that was asked about was found as it was written.
    pub fn is_proved(&self) -> bool {
        self.broken.is_none() && self.aged_out.is_none()
    }
}

impl Store {
    /// Looks at the whole chain, and at `known`: an entry that somebody noted elsewhere.
    pub async fn verify_audit(&self, known: Option<Head>) -> Result<Verified, StoreError> {
        self.database
            .read("verify the audit log", move |t| verify(t, known.as_ref()))
            .await
    }
}

pub(in crate::store) fn verify(
    t: &Transaction<'_>,
    known: Option<&Head>,
) -> Result<Verified, StoreError> {
    let start: Option<Head> = t
        .query_row("SELECT seq, hash FROM audit_start", [], |row| {
            Ok(Head {
                seq: row.get(0)?,
                hash: row.get(1)?,
            })
        })
        .optional()?;
    let let_go = start.as_ref().map_or(0, |start| start.seq);
    let mut last = start.unwrap_or(Head {
        seq: 0,
        hash: GENESIS.to_owned(),
    });
    let mut seen_known = known.is_none_or(|known| *known == last);
    let mut entries = 0;
    let mut broken = None;
    let mut texts = t.prepare_cached("SELECT label, salt, text FROM audit_texts WHERE seq = ?1")?;
    let mut statement = t.prepare_cached("SELECT * FROM audit ORDER BY seq")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let entry = Row {
            seq: row.get("seq")?,
            at: row.get("at")?,
            action: row.get("action")?,
            who: row.get("who")?,
            profile: row.get("profile")?,
            candidate: row.get("candidate")?,
            identifier: row.get("identifier")?,
            facts: row.get("facts")?,
            texts: row.get("texts")?,
            prev: row.get("prev")?,
        };
        let hash: String = row.get("hash")?;
        if broken.is_none() {
            broken = fault(&entry, &hash, &last);
        }
        if broken.is_none() {
            let kept = texts.query_map([entry.seq], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?))
            })?;
            let kept: Vec<(String, Vec<u8>, String)> = kept.collect::<Result<_, _>>()?;
            broken = altered_text(&entry, &kept);
        }
        entries += 1;
        last = Head {
            seq: entry.seq,
            hash,
        };
        seen_known |= known == Some(&last);
    }
    let missing = known.filter(|_| !seen_known);
    let aged_out = missing.filter(|known| known.seq < let_go).map(|known| {
        format!(
            "entry {}, which was noted elsewhere, aged out: entries up to {let_go} were let go after the retention time, so it cannot be looked for; compare with an entry that was noted later",
            known.seq
        )
    });
    if broken.is_none() && aged_out.is_none() {
        broken = missing.map(|known| {
            format!(
                "entry {}:{}, which was noted elsewhere, is not in the log: it was cut or written anew",
                known.seq, known.hash
            )
        });
    }
    Ok(Verified {
        entries,
        head: (last.seq > 0).then_some(last),
        broken,
        aged_out,
    })
}

/// What is wrong with an entry that follows `last`.
fn fault(entry: &Row, hash: &str, last: &Head) -> Option<String> {
    let seq = entry.seq;
    if seq != last.seq + 1 {
        Some(format!(
            "entry {} is missing: {seq} comes after {}",
            last.seq + 1,
            last.seq
        ))
    } else if entry.prev != last.hash {
        Some(format!(
            "entry {seq} does not follow entry {}: one of them was replaced",
            last.seq
        ))
    } else if entry.hash() != hash {
        Some(format!("entry {seq} was altered"))
    } else {
        None
    }
}

/// A text beside the chain that is not the one that the entry was made with.
fn altered_text(entry: &Row, kept: &[(String, Vec<u8>, String)]) -> Option<String> {
    let digests: Vec<(String, String)> = serde_json::from_str(&entry.texts).unwrap_or_default();
    let altered = kept.iter().find(|(label, salt, text)| {
        !digests
            .iter()
            .any(|(known, value)| known == label && *value == digest(salt, text))
    });
    altered.map(|(label, ..)| format!("the text `{label}` of entry {} was altered", entry.seq))
}
