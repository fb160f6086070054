//! The outbox: what people are to be told, and how far each way of telling it is. A notice is recorded in
//! the transaction of what it is about, so that none is lost and none is made up.

use jiff::Timestamp;
use jiff::civil::Date;
use rusqlite::{OptionalExtension as _, Row, Transaction, params};
use serde::{Deserialize, Serialize};
use uuid::{NoContext, Uuid};

use super::candidate::{Happening, candidate_at, happen};
use super::column::{At, Count, Day, Word};
use super::{Store, StoreError};
use crate::notice::{Occasion, Way};
use crate::reclamation::actor::Actor;
use crate::reclamation::candidate::{Event, State};

/// A notice that waits to go one way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The notice's number.
    pub notice: i64,
    /// The same through every repetition.
    pub uid: String,
    /// Which way.
    pub way: Way,
    /// Why somebody is told.
    pub occasion: Occasion,
    /// How often it was tried.
    pub attempts: u32,
    /// When the notice was made.
    pub created_at: Timestamp,
}

/// What became of an attempt, for the record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeliveryEnd {
    /// The other side took it.
    Accepted {
        /// What it said.
        said: String,
    },
    /// It will never be taken.
    Refused {
        /// Why.
        said: String,
    },
    /// It is tried again at `next_at`.
    Again {
        /// Why.
        said: String,
        /// When.
        next_at: Timestamp,
    },
    /// What it was about is over.
    Overtaken,
}

/// How far a notice is, one way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// It is to go, now or at its next time.
    Waiting,
    /// The other side took it.
    Accepted,
    /// It will never be taken.
    Refused,
    /// What it was about was over before it went.
    Overtaken,
}

/// A notice as listings show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedNotice {
    /// Its number.
    pub id: i64,
    /// The same in `Message-ID` and `webhook-id`.
    pub uid: String,
    /// `question`, `digest`, `alert_raised`, `alert_cleared`, `trial`.
    pub kind: String,
    /// What it is about: a candidate's number, a group, an alert's subject.
    pub about: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// How far it is, each way.
    pub ways: Vec<WayStanding>,
}

/// How far a notice is, one way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WayStanding {
    /// Which way.
    pub way: Way,
    /// How far it is.
    pub state: DeliveryState,
    /// How often it was tried.
    pub attempts: u32,
    /// When it was over.
    pub ended_at: Option<Timestamp>,
    /// What the other side said last.
    pub said: Option<String>,
}

/// Which notices a listing wants; what is `None` does not narrow it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct NoticeFilter {
    /// Older than the one with this number.
    pub before: Option<i64>,
    /// About this candidate.
    pub candidate: Option<i64>,
}

impl Store {
    /// What waits to go `way` now, the oldest first, at most `limit`.
    pub async fn due_deliveries(
        &self,
        way: Way,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<Delivery>, StoreError> {
        self.database
            .read("list due notices", move |t| {
                let mut statement = t.prepare_cached(
                    "SELECT n.*, d.way, d.attempts FROM deliveries AS d
                     JOIN notices AS n ON n.id = d.notice_id
                     WHERE d.state = 'waiting' AND d.way = ?1 AND d.next_at <= ?2
                     ORDER BY n.id LIMIT ?3",
                )?;
                let rows = statement.query_map(params![Word(way), At(now), limit], delivery_of)?;
                Ok(rows.collect::<Result<_, _>>()?)
            })
            .await
    }

    /// Records what became of an attempt, and what that means for a candidate whose user was asked.
    pub async fn end_delivery(
        &self,
        delivery: Delivery,
        end: DeliveryEnd,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.database
            .write("record what became of a notice", move |t| {
                record(t, &delivery, &end, now)?;
                let Occasion::Question { candidate, round } = delivery.occasion else {
                    return Ok(());
                };
                match &end {
                    DeliveryEnd::Accepted { .. } if delivery.way == Way::Mail => {
                        note_asked(t, candidate, round, now)
                    }
                    DeliveryEnd::Refused { said } => {
                        fail_question(t, &delivery, (candidate, round), said, now)
                    }
                    _ => Ok(()),
                }
            })
            .await
    }

    /// Records a notice by itself. Returns its uid.
    pub async fn announce(&self, occasion: Occasion, now: Timestamp) -> Result<String, StoreError> {
        let uid = self
            .database
            .write("record a notice", move |t| announce(t, &occasion, now))
            .await?;
        self.outbox.notify_one();
        Ok(uid)
    }

    /// Waits until a notice was recorded that somebody waits for. Others may be found by looking.
    pub async fn notice_recorded(&self) {
        self.outbox.notified().await;
    }

    /// Records the digest of a group, unless one with this content went within `repeat_after` days or
    /// one went today. Whether it is to go.
    pub async fn announce_digest(
        &self,
        group: String,
        content: String,
        today: Date,
        repeat_after: i64,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.database
            .write("record a digest", move |t| {
                let last: Option<(Day, String)> = t
                    .prepare_cached("SELECT sent_on, content FROM digests WHERE group_name = ?1")?
                    .query_row([&group], |row| Ok((row.get(0)?, row.get(1)?)))
                    .optional()?;
                let is_told = last.is_some_and(|(day, told)| {
                    let age = Day(today).number() - day.number();
                    age <= 0 || (told == content && age < repeat_after)
                });
                if is_told {
                    return Ok(false);
                }
                t.prepare_cached(
                    "INSERT INTO digests (group_name, sent_on, content) VALUES (?1, ?2, ?3)
                     ON CONFLICT (group_name) DO UPDATE SET sent_on = excluded.sent_on,
                         content = excluded.content",
                )?
                .execute(params![group, Day(today), content])?;
                announce(t, &Occasion::Digest { group }, now)?;
                Ok(true)
            })
            .await
    }

    /// Gives up what waited since before `before` to go `way`, because the settings do not give that
    /// way. Returns how many.
    pub async fn give_up_unsent(
        &self,
        way: Way,
        before: Timestamp,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        self.database
            .write("give up notices that have no way", move |t| {
                let given_up = t
                    .prepare_cached(
                        "UPDATE deliveries SET state = 'overtaken', ended_at = ?3,
                             said = 'the settings give no such way'
                         WHERE state = 'waiting' AND way = ?1 AND notice_id IN (
                             SELECT id FROM notices WHERE created_at < ?2)",
                    )?
                    .execute(params![Word(way), At(before), At(now)])?;
                Ok(u64::try_from(given_up).unwrap_or_default())
            })
            .await
    }

    /// Notices, the newest first, at most `limit`.
    pub async fn notices(
        &self,
        filter: NoticeFilter,
        limit: u32,
    ) -> Result<Vec<RecordedNotice>, StoreError> {
        self.database
            .read("list notices", move |t| {
                let mut statement = t.prepare_cached(
                    "SELECT n.id, n.uid, n.kind, n.created_at,
                         coalesce(CAST(n.candidate_id AS TEXT), n.group_name, a.subject, '') AS about
                     FROM notices AS n LEFT JOIN alerts AS a ON a.id = n.alert_id
                     WHERE (?1 IS NULL OR n.id < ?1) AND (?2 IS NULL OR n.candidate_id = ?2)
                     ORDER BY n.id DESC LIMIT ?3",
                )?;
                let rows = statement
                    .query_map(params![filter.before, filter.candidate, limit], notice_of)?;
                let mut notices: Vec<RecordedNotice> = rows.collect::<Result<_, _>>()?;
                let mut statement = t.prepare_cached(
                    "SELECT way, state, attempts, ended_at, said FROM deliveries
                     WHERE notice_id = ?1 ORDER BY way",
                )?;
                for notice in &mut notices {
                    let ways = statement.query_map([notice.id], standing_of)?;
                    notice.ways = ways.collect::<Result<_, _>>()?;
                }
                Ok(notices)
            })
            .await
    }
}

fn delivery_of(row: &Row<'_>) -> rusqlite::Result<Delivery> {
    let kind: String = row.get("kind")?;
    let occasion = match kind.as_str() {
        "question" => Occasion::Question {
            candidate: row.get("candidate_id")?,
            round: row.get("round")?,
        },
        "digest" => Occasion::Digest {
            group: row.get("group_name")?,
        },
        "alert_raised" => Occasion::AlertRaised {
            alert: row.get("alert_id")?,
        },
        "alert_cleared" => Occasion::AlertCleared {
            alert: row.get("alert_id")?,
        },
        _ => Occasion::Trial,
    };
    Ok(Delivery {
        notice: row.get("id")?,
        uid: row.get("uid")?,
        way: row.get::<_, Word<_>>("way")?.0,
        occasion,
        attempts: row.get("attempts")?,
        created_at: row.get::<_, At>("created_at")?.0,
    })
}

fn notice_of(row: &Row<'_>) -> rusqlite::Result<RecordedNotice> {
    Ok(RecordedNotice {
        id: row.get("id")?,
        uid: row.get("uid")?,
        kind: row.get("kind")?,
        about: row.get("about")?,
        created_at: row.get::<_, At>("created_at")?.0,
        ways: Vec::new(),
    })
}

fn standing_of(row: &Row<'_>) -> rusqlite::Result<WayStanding> {
    Ok(WayStanding {
        way: row.get::<_, Word<_>>("way")?.0,
        state: row.get::<_, Word<_>>("state")?.0,
        attempts: row.get("attempts")?,
        ended_at: row.get::<_, Option<At>>("ended_at")?.map(|at| at.0),
        said: row.get("said")?,
    })
}

/// Records a notice that is to go every way, within a transaction of this room. Returns its uid.
pub(super) fn announce(
    t: &Transaction<'_>,
    occasion: &Occasion,
    now: Timestamp,
) -> Result<String, StoreError> {
    let uid = new_uid(now);
    let (kind, candidate, round, group, alert) = match occasion {
        Occasion::Question { candidate, round } => {
            ("question", Some(*candidate), Some(*round), None, None)
        }
        Occasion::Digest { group } => ("digest", None, None, Some(group.as_str()), None),
        Occasion::AlertRaised { alert } => ("alert_raised", None, None, None, Some(*alert)),
        Occasion::AlertCleared { alert } => ("alert_cleared", None, None, None, Some(*alert)),
        Occasion::Trial => ("trial", None, None, None, None),
    };
    t.prepare_cached(
        "INSERT INTO notices (uid, kind, candidate_id, round, group_name, alert_id, created_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?
    .execute(params![uid, kind, candidate, round, group, alert, At(now)])?;
    let id = t.last_insert_rowid();
    for way in Way::ALL {
        t.prepare_cached(
            "INSERT INTO deliveries (notice_id, way, state, next_at) VALUES (?1, ?2, 'waiting', ?3)",
        )?
        .execute(params![id, Word(way), At(now)])?;
    }
    Ok(uid)
}

fn new_uid(now: Timestamp) -> String {
    let seconds = u64::try_from(now.as_second()).unwrap_or_default();
    let nanos = u32::try_from(now.subsec_nanosecond()).unwrap_or_default();
    Uuid::new_v7(uuid::Timestamp::from_unix(NoContext, seconds, nanos)).to_string()
}

fn record(
    t: &Transaction<'_>,
    delivery: &Delivery,
    end: &DeliveryEnd,
    now: Timestamp,
) -> Result<(), StoreError> {
    let (state, said, next_at) = match end {
        DeliveryEnd::Accepted { said } => (DeliveryState::Accepted, Some(said), None),
        DeliveryEnd::Refused { said } => (DeliveryState::Refused, Some(said), None),
        DeliveryEnd::Again { said, next_at } => {
            (DeliveryState::Waiting, Some(said), Some(*next_at))
        }
        DeliveryEnd::Overtaken => (DeliveryState::Overtaken, None, None),
    };
    let tried = u32::from(*end != DeliveryEnd::Overtaken);
    t.prepare_cached(
        "UPDATE deliveries SET state = ?3, attempts = attempts + ?4, said = coalesce(?5, said),
             next_at = coalesce(?6, next_at), ended_at = ?7
         WHERE notice_id = ?1 AND way = ?2 AND state = 'waiting'",
    )?
    .execute(params![
        delivery.notice,
        Word(delivery.way),
        Word(state),
        tried,
        said,
        next_at.map(At),
        (state != DeliveryState::Waiting).then_some(At(now)),
    ])?;
    Ok(())
}

/// The user has the days that the rule gives from when the mail server took the question.
fn note_asked(
    t: &Transaction<'_>,
    candidate: i64,
    round: u32,
    now: Timestamp,
) -> Result<(), StoreError> {
    t.prepare_cached(
        "UPDATE candidates SET asked_at = ?3, answer_by = ?3 + (answer_by - changed_at)
         WHERE id = ?1 AND round = ?2 AND state = 'awaiting_user' AND asked_at IS NULL",
    )?
    .execute(params![candidate, round, At(now)])?;
    Ok(())
}

/// Nobody is asked any more where no way took the question and none tries on.
fn fail_question(
    t: &Transaction<'_>,
    delivery: &Delivery,
    (candidate, round): (i64, u32),
    said: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let hope: Count = t
        .prepare_cached(
            "SELECT count(*) FROM deliveries WHERE notice_id = ?1 AND way <> ?2
                 AND (state = 'accepted' OR state = 'waiting' AND attempts > 0)",
        )?
        .query_row(params![delivery.notice, Word(delivery.way)], |row| {
            row.get(0)
        })?;
    let asked = candidate_at(t, candidate)?
        .is_some_and(|now| now.state == State::AwaitingUser && now.round == round);
    if !asked || (delivery.way == Way::Webhook && hope.0 > 0) {
        return Ok(());
    }
    let reason = format!(
        "the question did not reach its user ({said}): correct the address or ask them yourself, then `resume` and `reclaim`, or `skip`"
    );
    let failed = Happening::new(candidate, Event::NoticeFailed, reason, &Actor::Notices);
    happen(t, &failed, now).map(drop)
}
