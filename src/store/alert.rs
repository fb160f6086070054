//! What operators were alerted of, and whether it is over.

use std::collections::BTreeSet;

use jiff::Timestamp;
use rusqlite::{OptionalExtension as _, Transaction, params};
use serde::{Deserialize, Serialize};

use super::column::{At, Word};
use super::condition::ConditionKind;
use super::job::JobState;
use super::notice::announce;
use super::{Store, StoreError};
use crate::notice::Occasion;
use crate::notice::alert::Alert;
use crate::profile::model::SubflowKind;
use crate::profile::name::Name;

/// An alert as it is recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedAlert {
    /// Its number.
    pub id: i64,
    /// What it is about.
    pub subject: String,
    /// What happened, to what, and what to do.
    pub message: String,
    /// Since when.
    pub raised_at: Timestamp,
    /// When it was over.
    pub cleared_at: Option<Timestamp>,
}

/// A condition that needs an operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// A guard tripped.
    Held,
    /// A person must change something.
    Stalled,
}

/// What changed when alerts were settled.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SettledAlerts {
    /// Of what operators are told now.
    pub raised: Vec<String>,
    /// What is over.
    pub cleared: Vec<String>,
}

impl Store {
    /// Makes `standing` the alerts that stand: a new one is told, and so is the end of one that is not
    /// there any more; one that stands already is not told again.
    pub async fn settle_alerts(
        &self,
        standing: Vec<Alert>,
        now: Timestamp,
    ) -> Result<SettledAlerts, StoreError> {
        if !self.alerts_differ(&standing).await? {
            return Ok(SettledAlerts::default());
        }
        self.database
            .write("settle alerts", move |t| settle(t, &standing, now))
            .await
    }

    /// Nothing is written where nothing changed: this is asked every minute.
    async fn alerts_differ(&self, standing: &[Alert]) -> Result<bool, StoreError> {
        let open = self.open_alerts().await?;
        let open: BTreeSet<&str> = open.iter().map(|alert| alert.subject.as_str()).collect();
        let standing: BTreeSet<String> = standing
            .iter()
            .map(|alert| alert.subject.to_string())
            .collect();
        Ok(!standing.iter().map(String::as_str).eq(open))
    }

    /// The alerts that stand, by subject.
    pub async fn open_alerts(&self) -> Result<Vec<RecordedAlert>, StoreError> {
        self.database.read("list alerts", open_alerts).await
    }

    /// One alert.
    pub async fn alert(&self, id: i64) -> Result<Option<RecordedAlert>, StoreError> {
        self.database
            .read("read alert", move |t| {
                Ok(t.prepare_cached("SELECT * FROM alerts WHERE id = ?1")?
                    .query_row([id], alert_of)
                    .optional()?)
            })
            .await
    }

    /// The profiles that are held or stalled, and why.
    pub async fn troubles(&self) -> Result<Vec<(Name, Trouble, String)>, StoreError> {
        self.database
            .read("list held and stalled profiles", |t| {
                let mut statement = t.prepare_cached(
                    "SELECT p.name, c.kind, c.message FROM conditions AS c
                     JOIN profiles AS p ON p.id = c.profile_id
                     WHERE c.status = 'True' AND c.kind IN ('Held', 'Stalled')
                         AND p.orphaned_at IS NULL",
                )?;
                let rows = statement.query_map([], |row| {
                    let trouble = match row.get::<_, Word<ConditionKind>>(1)?.0 {
                        ConditionKind::Held => Trouble::Held,
                        _ => Trouble::Stalled,
                    };
                    Ok((row.get::<_, Word<Name>>(0)?.0, trouble, row.get(2)?))
                })?;
                Ok(rows.collect::<Result<_, _>>()?)
            })
            .await
    }

    /// The subflows whose last two runs both failed, with what the last one said.
    pub async fn failed_twice(&self) -> Result<Vec<(Name, SubflowKind, String)>, StoreError> {
        self.database
            .read("list what failed twice", |t| {
                let mut statement = t.prepare_cached(
                    "SELECT name, subflow, message FROM (
                         SELECT p.name, j.subflow, j.state,
                             coalesce(json_extract(j.failure, '$.message'), '') AS message,
                             row_number() OVER last AS place,
                             sum(j.state = 'failed') OVER (last ROWS BETWEEN CURRENT ROW AND 1 FOLLOWING)
                                 AS failed
                         FROM jobs AS j JOIN profiles AS p ON p.id = j.profile_id
                         WHERE p.orphaned_at IS NULL AND j.state IN (?1, ?2, ?3)
                         WINDOW last AS (PARTITION BY j.profile_id, j.subflow ORDER BY j.seq DESC))
                     WHERE place = 1 AND failed = 2",
                )?;
                let rows = statement.query_map(
                    params![
                        Word(JobState::Completed),
                        Word(JobState::PartiallyCompleted),
                        Word(JobState::Failed),
                    ],
                    |row| {
                        Ok((
                            row.get::<_, Word<Name>>(0)?.0,
                            row.get::<_, Word<SubflowKind>>(1)?.0,
                            row.get(2)?,
                        ))
                    },
                )?;
                Ok(rows.collect::<Result<_, _>>()?)
            })
            .await
    }
}

fn open_alerts(t: &Transaction<'_>) -> Result<Vec<RecordedAlert>, StoreError> {
    let mut statement =
        t.prepare_cached("SELECT * FROM alerts WHERE cleared_at IS NULL ORDER BY subject")?;
    let rows = statement.query_map([], alert_of)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn settle(
    t: &Transaction<'_>,
    standing: &[Alert],
    now: Timestamp,
) -> Result<SettledAlerts, StoreError> {
    let mut settled = SettledAlerts::default();
    let open = open_alerts(t)?;
    for over in &open {
        let stands = standing
            .iter()
            .any(|alert| alert.subject.to_string() == over.subject);
        if !stands {
            t.prepare_cached("UPDATE alerts SET cleared_at = ?2 WHERE id = ?1")?
                .execute(params![over.id, At(now)])?;
            announce(t, &Occasion::AlertCleared { alert: over.id }, now)?;
            settled.cleared.push(over.subject.clone());
        }
    }
    for alert in standing {
        let subject = alert.subject.to_string();
        if open.iter().any(|known| known.subject == subject) {
            continue;
        }
        t.prepare_cached(
            "INSERT OR IGNORE INTO alerts (subject, message, raised_at) VALUES (?1, ?2, ?3)",
        )?
        .execute(params![subject, alert.message, At(now)])?;
        if t.changes() == 0 {
            continue;
        }
        let alert = t.last_insert_rowid();
        announce(t, &Occasion::AlertRaised { alert }, now)?;
        settled.raised.push(subject);
    }
    Ok(settled)
}

fn alert_of(row: &rusqlite::Row<'_>) -> rusqlite::Result<RecordedAlert> {
    Ok(RecordedAlert {
        id: row.get("id")?,
        subject: row.get("subject")?,
        message: row.get("message")?,
        raised_at: row.get::<_, At>("raised_at")?.0,
        cleared_at: row.get::<_, Option<At>>("cleared_at")?.map(|at| at.0),
    })
}
