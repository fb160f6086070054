//! After a backup was put back: what a profile's vendor was told since is not in it, so nothing is
//! written for the profile before its connection was validated, its seats were downloaded again, and
//! writes that were under way were looked up at the vendor.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, params};
use serde_json::json;

use super::super::audit::{self, AuditAction, NewEntry};
use super::super::column::At;
use super::super::document::ProfileId;
use super::super::{Store, StoreError};
use super::Manifest;
use crate::reclamation::actor::Actor;

/// Notes in a restored database that every profile waits.
pub(super) fn begin(
    connection: &Connection,
    manifest: &Manifest,
    now: Timestamp,
) -> Result<(), StoreError> {
    let failed = |error| StoreError::from_sqlite("note the restore", error);
    let transaction = connection.unchecked_transaction().map_err(failed)?;
    transaction
        .execute(
            "INSERT OR REPLACE INTO restore_holds (profile_id, restored_at)
             SELECT id, ?1 FROM profiles",
            [At(now)],
        )
        .map_err(failed)?;
    // So that each is proved and downloaded at once.
    transaction
        .execute(
            "UPDATE standings SET published_since = NULL, published_revision = NULL,
                 validated_revision = NULL",
            [],
        )
        .map_err(failed)?;
    // What people decided since is not in it: a person looks at the first plan, silence is nobody's
    // consent, and nothing is sent again that may have been sent.
    for forget in [
        "UPDATE reclaim_standings SET acted_at = NULL, acted_plan = NULL, released = NULL,
             released_by = NULL, released_at = NULL",
        "UPDATE candidates SET asked_at = NULL WHERE state = 'awaiting_user'",
    ] {
        transaction.execute(forget, []).map_err(failed)?;
    }
    transaction
        .execute(
            "UPDATE deliveries SET state = 'overtaken', ended_at = ?1,
                 said = 'a backup was put back before it was sent'
             WHERE state = 'waiting'",
            [At(now)],
        )
        .map_err(failed)?;
    let facts = json!({ "taken_at": manifest.taken_at, "seatsync": manifest.seatsync });
    let entry = NewEntry::new(AuditAction::BackupRestored, &Actor::Restore, facts);
    audit::append(&transaction, &entry, now)?;
    transaction.commit().map_err(failed)
}

impl Store {
    /// Why nothing is written for a profile that came from a backup; `None` once what happened since
    /// is known.
    pub async fn restore_hold(&self, profile: ProfileId) -> Result<Option<String>, StoreError> {
        self.database
            .read("look for a restore", move |t| {
                let restored: Option<At> = t
                    .prepare_cached("SELECT restored_at FROM restore_holds WHERE profile_id = ?1")?
                    .query_row([profile.0], |row| row.get(0))
                    .optional()?;
                let Some(At(restored)) = restored else {
                    return Ok(None);
                };
                let (downloaded, open): (bool, i64) = t
                    .prepare_cached(
                        "SELECT EXISTS (SELECT 1 FROM jobs WHERE profile_id = ?1
                                 AND subflow = 'download_subscriptions' AND state = 'completed'
                                 AND started_at >= ?2),
                             (SELECT count(*) FROM writes WHERE profile_id = ?1
                                 AND state = 'intended' AND intended_at < ?2)",
                    )?
                    .query_row(params![profile.0, At(restored)], |row| {
                        Ok((row.get(0)?, row.get(1)?))
                    })?;
                Ok(waits_for(restored, downloaded, open))
            })
            .await
    }
}

fn waits_for(restored: Timestamp, downloaded: bool, open: i64) -> Option<String> {
    let since = format!("a backup was put back at {restored:.0}");
    if !downloaded {
        Some(format!(
            "{since}: nothing is written before the connection is validated and a download has completed"
        ))
    } else if open > 0 {
        Some(format!(
            "{since}: what became of {open} writes that were under way is looked up at the vendor by the next run of `reclaim_subscriptions`"
        ))
    } else {
        None
    }
}
