//! The ledger of activity: who used what on which day, which days are known, and how far a seat's
//! last activity moves forward. The activity subflow writes it.

use std::ops::RangeInclusive;

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};
use rusqlite::{Transaction, params};
use serde::{Deserialize, Serialize};

use super::add_on::UserCheck;
use super::column::{At, Count, Day, Word};
use super::document::ProfileId;
use super::{Store, StoreError};
use crate::connector::facts::{Activity, ActivityKind, ActivityUser, Grade};
use crate::profile::folding::folded_address;
use crate::profile::identifier::Identifier;

/// Days in a row of which the vendor was asked for everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CoverageSpan {
    /// Of what.
    pub kind: ActivityKind,
    /// How much it proves.
    pub grade: Grade,
    /// The first day.
    pub first: Date,
    /// The last day, included.
    pub last: Date,
}

/// A day that was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadDay {
    /// Which.
    pub day: Date,
    /// When it was last read.
    pub read_at: Timestamp,
}

/// Which activity counts for a seat, as the store asks for it.
pub type Counting = fn(&Identifier) -> &'static [ActivityKind];

/// What settling last activities did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Settled {
    /// Seats whose last activity moved forward.
    pub moved: u64,
    /// The seat to go on after; `None` when all were looked at.
    pub next: Option<i64>,
}

impl Store {
    /// Adds activity to the ledger. A user's count of a day is the larger of what was recorded and
    /// what is told now: a day that is read again replaces, never doubles.
    pub async fn record_activities(
        &self,
        profile: ProfileId,
        activities: Vec<Activity>,
    ) -> Result<(), StoreError> {
        self.database
            .write("record activity", move |t| {
                let mut insert = t.prepare_cached(
                    "INSERT INTO activities (profile_id, user_key, kind, grade, day, count)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                     ON CONFLICT DO UPDATE SET count = excluded.count
                     WHERE count < excluded.count",
                )?;
                for activity in &activities {
                    insert.execute(params![
                        profile.0,
                        user_key(&activity.user),
                        activity.kind.as_str(),
                        activity.grade.as_str(),
                        Day(activity.day),
                        Count(activity.count),
                    ])?;
                }
                Ok(())
            })
            .await
    }

    /// Records that the vendor was asked for everything of these days.
    pub async fn record_read_days(
        &self,
        profile: ProfileId,
        kinds: Vec<ActivityKind>,
        grade: Grade,
        days: RangeInclusive<Date>,
        read_at: Timestamp,
    ) -> Result<(), StoreError> {
        self.database
            .write("record days", move |t| {
                let mut insert = t.prepare_cached(
                    "INSERT OR REPLACE INTO activity_days (profile_id, kind, grade, day, read_at)
                     VALUES (?1, ?2, ?3, ?4, ?5)",
                )?;
                let (first, last) = days.into_inner();
                for day in first.series(1.day()).take_while(|day| *day <= last) {
                    for kind in &kinds {
                        insert.execute(params![
                            profile.0,
                            kind.as_str(),
                            grade.as_str(),
                            Day(day),
                            At(read_at),
                        ])?;
                    }
                }
                Ok(())
            })
            .await
    }

    /// The days from `since` on that were read for every one of `kinds`, each with the time of the
    /// reading that is longest ago.
    pub async fn read_days(
        &self,
        profile: ProfileId,
        kinds: Vec<ActivityKind>,
        grade: Grade,
        since: Date,
    ) -> Result<Vec<ReadDay>, StoreError> {
        let wanted = i64::try_from(kinds.len()).unwrap_or(i64::MAX);
        let kinds: serde_json::Value = kinds.iter().map(|kind| kind.as_str()).collect();
        self.database
            .read("read known days", move |t| {
                let mut statement = t.prepare_cached(
                    "SELECT day, min(read_at) FROM activity_days
                     WHERE profile_id = ?1 AND grade = ?2 AND day >= ?3
                       AND kind IN (SELECT value FROM json_each(?4))
                     GROUP BY day HAVING count(*) = ?5 ORDER BY day",
                )?;
                let rows = statement.query_map(
                    params![
                        profile.0,
                        grade.as_str(),
                        Day(since),
                        kinds.to_string(),
                        wanted
                    ],
                    |row| {
                        Ok(ReadDay {
                            day: row.get::<_, Day>(0)?.0,
                            read_at: row.get::<_, At>(1)?.0,
                        })
                    },
                )?;
                Ok(rows.collect::<Result<_, _>>()?)
            })
            .await
    }

    /// Which days are known, as spans.
    pub async fn coverage(&self, profile: ProfileId) -> Result<Vec<CoverageSpan>, StoreError> {
        self.database
            .read("read coverage", move |t| coverage_spans(t, profile))
            .await
    }

    /// Moves the last activity of up to `limit` seats after the one with number `after` forward to
    /// what the ledger says, never past `latest` and never back.
    pub async fn settle_last_activity(
        &self,
        profile: ProfileId,
        counting: Counting,
        latest: Date,
        after: i64,
        limit: u32,
    ) -> Result<Settled, StoreError> {
        let (moves, next) = self
            .database
            .read("look for later activity", move |t| {
                moves(t, profile, counting, latest, after, limit)
            })
            .await?;
        let moved = u64::try_from(moves.len()).unwrap_or_default();
        if !moves.is_empty() {
            self.database
                .write("move last activity", move |t| {
                    let mut update = t.prepare_cached(
                        "UPDATE subscriptions SET
                             last_hosted_day = nullif(max(coalesce(last_hosted_day, -1000000),
                                 coalesce(?2, -1000000)), -1000000),
                             last_listed_day = nullif(max(coalesce(last_listed_day, -1000000),
                                 coalesce(?3, -1000000)), -1000000)
                         WHERE id = ?1",
                    )?;
                    for (id, hosted, listed) in &moves {
                        update.execute(params![id, hosted, listed])?;
                    }
                    Ok(())
                })
                .await?;
        }
        Ok(Settled { moved, next })
    }

    /// Users that the ledger names from `since` on and of whom no seat is recorded.
    pub async fn unresolved_users(
        &self,
        profile: ProfileId,
        since: Date,
    ) -> Result<u64, StoreError> {
        self.database
            .read("count unresolved users", move |t| {
                let by_id: Count = t
                    .prepare_cached(
                        "SELECT count(DISTINCT user_key) FROM activities AS a
                         WHERE profile_id = ?1 AND user_key GLOB 'id:*' AND day >= ?2
                           AND NOT EXISTS (SELECT 1 FROM subscriptions AS s
                               WHERE s.profile_id = ?1
                                 AND s.external_user_id = substr(a.user_key, 4))",
                    )?
                    .query_row(params![profile.0, Day(since)], |row| row.get(0))?;
                let by_email: Count = t
                    .prepare_cached(
                        "SELECT count(DISTINCT user_key) FROM activities
                         WHERE profile_id = ?1 AND user_key GLOB 'email:*' AND day >= ?2
                           AND user_key NOT IN (
                               SELECT 'email:' || coalesce(email_folded, email)
                               FROM subscriptions WHERE profile_id = ?1)",
                    )?
                    .query_row(params![profile.0, Day(since)], |row| row.get(0))?;
                Ok(by_id.0 + by_email.0)
            })
            .await
    }

    /// Users with a seat in the order of their ids, after `after`, who were not asked for since
    /// `before`: for accounts whose scopes allow no reports.
    pub async fn users_to_ask(
        &self,
        profile: ProfileId,
        what: UserCheck,
        before: Timestamp,
        after: &str,
        limit: u32,
    ) -> Result<Vec<String>, StoreError> {
        let after = after.to_owned();
        self.database
            .read("list users to ask for", move |t| {
                let mut statement = t.prepare_cached(
                    "SELECT DISTINCT s.external_user_id FROM subscriptions AS s
                     LEFT JOIN user_checks AS c ON c.profile_id = s.profile_id AND c.what = ?2
                         AND c.external_user_id = s.external_user_id
                     WHERE s.profile_id = ?1 AND s.external_user_id > ?3 AND s.ended_at IS NULL
                       AND s.status = 'active' AND coalesce(c.checked_at, -1) < ?4
                     ORDER BY s.external_user_id LIMIT ?5",
                )?;
                let rows = statement.query_map(
                    params![profile.0, what.as_str(), after, At(before), limit],
                    |row| row.get(0),
                )?;
                Ok(rows.collect::<Result<_, _>>()?)
            })
            .await
    }

    /// Records that a user was asked for.
    pub async fn record_user_check(
        &self,
        profile: ProfileId,
        what: UserCheck,
        users: Vec<String>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.database
            .write("record users asked for", move |t| {
                for user in &users {
                    t.prepare_cached(
                        "INSERT OR REPLACE INTO user_checks
                             (profile_id, external_user_id, what, checked_at)
                         VALUES (?1, ?2, ?3, ?4)",
                    )?
                    .execute(params![
                        profile.0,
                        user,
                        what.as_str(),
                        At(now)
                    ])?;
                }
                Ok(())
            })
            .await
    }
}

fn user_key(user: &ActivityUser) -> String {
    match user {
        ActivityUser::Id(id) => format!("id:{id}"),
        ActivityUser::Email(email) => format!("email:{}", folded_address(email)),
    }
}

type Moves = Vec<(i64, Option<i64>, Option<i64>)>;

fn moves(
    t: &Transaction<'_>,
    profile: ProfileId,
    counting: Counting,
    latest: Date,
    after: i64,
    limit: u32,
) -> Result<(Moves, Option<i64>), StoreError> {
    // `+`: in the order of the rows; by the profile's index every piece would sort all of them.
    let mut seats = t.prepare_cached(
        "SELECT id, identifier, external_user_id, coalesce(email_folded, email),
                last_hosted_day, last_listed_day
         FROM subscriptions
         WHERE +profile_id = ?1 AND id > ?2 AND ended_at IS NULL ORDER BY id LIMIT ?3",
    )?;
    let mut last_day = t.prepare_cached(
        "SELECT max(day) FROM activities WHERE profile_id = ?1 AND user_key = ?2 AND kind = ?3
             AND grade = ?4 AND day <= ?5",
    )?;
    let mut rows = seats.query(params![profile.0, after, limit])?;
    let mut moves = Vec::new();
    let mut looked_at = 0;
    let mut next = None;
    while let Some(row) = rows.next()? {
        looked_at += 1;
        let id: i64 = row.get(0)?;
        next = Some(id);
        let identifier = row.get::<_, Word<Identifier>>(1)?.0;
        let keys = [
            format!("id:{}", row.get_ref(2)?.as_str().unwrap_or_default()),
            format!("email:{}", row.get_ref(3)?.as_str().unwrap_or_default()),
        ];
        let mut latest_of = |grade: Grade| -> Result<Option<i64>, StoreError> {
            let mut best: Option<i64> = None;
            for kind in counting(&identifier) {
                for key in &keys {
                    let day: Option<i64> = last_day.query_row(
                        params![profile.0, key, kind.as_str(), grade.as_str(), Day(latest)],
                        |row| row.get(0),
                    )?;
                    best = best.max(day);
                }
            }
            Ok(best)
        };
        let hosted = latest_of(Grade::Hosted)?;
        let listed = latest_of(Grade::Listed)?;
        let known_hosted: Option<i64> = row.get(4)?;
        let known_listed: Option<i64> = row.get(5)?;
        if hosted > known_hosted || listed > known_listed {
            moves.push((id, hosted, listed));
        }
    }
    Ok((moves, if looked_at < limit { None } else { next }))
}

/// The known days as spans, within a transaction of this room.
pub(super) fn coverage_spans(
    t: &Transaction<'_>,
    profile: ProfileId,
) -> Result<Vec<CoverageSpan>, StoreError> {
    let mut statement = t.prepare_cached(
        "SELECT kind, grade, day FROM activity_days WHERE profile_id = ?1 ORDER BY kind, grade, day",
    )?;
    let mut rows = statement.query([profile.0])?;
    let mut spans: Vec<CoverageSpan> = Vec::new();
    while let Some(row) = rows.next()? {
        let kind = row.get::<_, Word<ActivityKind>>(0)?.0;
        let grade = row.get::<_, Word<Grade>>(1)?.0;
        let day = row.get::<_, Day>(2)?.0;
        match spans.last_mut() {
            Some(span)
                if span.kind == kind && span.grade == grade && span.last + 1.day() == day =>
            {
                span.last = day;
            }
            _ => spans.push(CoverageSpan {
                kind,
                grade,
                first: day,
                last: day,
            }),
        }
    }
    Ok(spans)
}
