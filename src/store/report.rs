//! Sums for the report: how seats and rights moved, how long seats are idle, how long the lists are.

use jiff::civil::Date;
use rusqlite::params;
use serde::{Deserialize, Serialize};

use super::column::{Count, Day, Word};
use super::{Store, StoreError};
use crate::position::result::Money;
use crate::profile::name::Name;
use crate::reclamation::candidate::Candidate;

/// Days of the trend: a year and a day.
const TREND_DAYS: u32 = 366;

/// Rights on one day, over all products: of the day's last position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrendDay {
    /// The day in the settings' zone.
    pub day: Date,
    /// Rights owned; unlimited ones count nothing.
    pub owned: u64,
    /// Rights used: seats that count.
    pub used: u64,
    /// Of those, seats that are open candidates.
    pub stale: u64,
}

/// Seats of an identifier that are there, paid and not excluded, by the days since their last activity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdleSeats {
    /// In which profile.
    pub profile: Name,
    /// Of which identifier.
    pub identifier: String,
    /// Below 30, 60, 90 and 120 days, 120 and more, and those of which no use is known.
    pub seats: [u64; 6],
}

/// An open candidate, and what taking its seat back saves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportCandidate {
    /// The candidate.
    #[serde(flatten)]
    pub candidate: Candidate,
    /// In a year, where that is known.
    pub saves: Option<Money>,
}

/// Everything that the report sums up.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportSums {
    /// The first day first.
    pub trend: Vec<TrendDay>,
    /// By profile and identifier.
    pub idle: Vec<IdleSeats>,
    /// Candidates that are open.
    pub open_candidates: u64,
    /// Jobs that ended.
    pub ended_jobs: u64,
}

impl Store {
    /// Sums up for a report on `today`, a UTC day.
    pub async fn report_sums(&self, today: Date) -> Result<ReportSums, StoreError> {
        self.database
            .read("sum up for the report", move |t| {
                let mut sums = ReportSums::default();
                let mut statement = t.prepare_cached(
                    "SELECT r.day, sum(p.result ->> 'rights_owned'),
                         sum(p.result ->> 'rights_used'), sum(p.result ->> 'rights_stale')
                     FROM position_runs AS r JOIN position_results AS p ON p.run = r.id
                     WHERE p.grouping = 'none'
                         AND r.id IN (SELECT max(id) FROM position_runs GROUP BY day)
                     GROUP BY r.day ORDER BY r.day DESC LIMIT ?1",
                )?;
                let rows = statement.query_map([TREND_DAYS], |row| {
                    Ok(TrendDay {
                        day: row.get::<_, Day>(0)?.0,
                        owned: row.get::<_, Count>(1)?.0,
                        used: row.get::<_, Count>(2)?.0,
                        stale: row.get::<_, Count>(3)?.0,
                    })
                })?;
                sums.trend = rows.collect::<Result<_, _>>()?;
                sums.trend.reverse();
                let mut statement = t.prepare_cached(
                    "WITH held AS (
                         SELECT p.name AS profile, s.identifier, ?1 - max(
                             coalesce(s.last_hosted_day, s.last_listed_day),
                             coalesce(s.last_listed_day, s.last_hosted_day)) AS idle
                         FROM subscriptions AS s JOIN profiles AS p ON p.id = s.profile_id
                         LEFT JOIN identifier_matches AS im ON im.profile_id = s.profile_id
                             AND im.identifier = s.identifier AND im.lifted_at IS NULL
                         WHERE s.ended_at IS NULL AND s.paid AND s.status <> 'inactive'
                             AND p.orphaned_at IS NULL AND im.rule IS NULL AND NOT EXISTS (
                                 SELECT 1 FROM user_matches AS m
                                 WHERE m.profile_id = s.profile_id
                                   AND m.external_user_id = s.external_user_id
                                   AND m.purpose = 'exclusion' AND m.lifted_at IS NULL))
                     SELECT profile, identifier, count(*) FILTER (WHERE idle < 30),
                         count(*) FILTER (WHERE idle >= 30 AND idle < 60),
                         count(*) FILTER (WHERE idle >= 60 AND idle < 90),
                         count(*) FILTER (WHERE idle >= 90 AND idle < 120),
                         count(*) FILTER (WHERE idle >= 120),
                         count(*) FILTER (WHERE idle IS NULL)
                     FROM held GROUP BY 1, 2 ORDER BY 1, 2",
                )?;
                let rows = statement.query_map(params![Day(today)], |row| {
                    let mut seats = [0; 6];
                    for (index, count) in seats.iter_mut().enumerate() {
                        *count = row.get::<_, Count>(index + 2)?.0;
                    }
                    Ok(IdleSeats {
                        profile: row.get::<_, Word<_>>(0)?.0,
                        identifier: row.get(1)?,
                        seats,
                    })
                })?;
                sums.idle = rows.collect::<Result<_, _>>()?;
                let count = |query| -> rusqlite::Result<u64> {
                    let mut statement = t.prepare_cached(query)?;
                    statement.query_row([], |row| Ok(row.get::<_, Count>(0)?.0))
                };
                sums.open_candidates =
                    count("SELECT count(*) FROM candidates WHERE closed_at IS NULL")?;
                sums.ended_jobs = count("SELECT count(*) FROM jobs WHERE ended_at IS NOT NULL")?;
                Ok(sums)
            })
            .await
    }
}
