//! What waits and how much there is, as numbers for monitoring. Nothing in them names a person.

use std::fs;

use super::usage::UsageStore;
use super::{Store, StoreError};

/// Numbers of the store at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// (profile, subflow, state, jobs that wait or run).
    pub jobs: Vec<(String, String, String, u64)>,
    /// (profile, state, candidates).
    pub candidates: Vec<(String, String, u64)>,
    /// (profile, guard, whether it holds the plan that a job made last, steps that it keeps back).
    pub guards: Vec<(String, String, bool, u64)>,
    /// (database, bytes with its log).
    pub bytes: Vec<(String, u64)>,
}

impl Store {
    /// Counts what waits, is decided, and lies on the disk.
    pub async fn tally(&self, usage: &UsageStore) -> Result<Tally, StoreError> {
        let paths = [self.database_path(), usage.database_path()];
        self.database
            .read("count", move |t| {
                let count = |number: i64| u64::try_from(number).unwrap_or_default();
                let mut tally = Tally::default();
                let mut statement = t.prepare_cached(
                    "SELECT p.name, j.subflow, j.state, count(*) FROM jobs AS j
                     JOIN profiles AS p ON p.id = j.profile_id
                     WHERE j.state IN ('pending', 'in_progress') GROUP BY 1, 2, 3",
                )?;
                let rows = statement.query_map([], |row| {
                    Ok((row.get(0)?, row.get(1)?, row.get(2)?, count(row.get(3)?)))
                })?;
                tally.jobs = rows.collect::<Result<_, _>>()?;
                let mut statement = t.prepare_cached(
                    "SELECT p.name, c.state, count(*) FROM candidates AS c
                     JOIN profiles AS p ON p.id = c.profile_id GROUP BY 1, 2",
                )?;
                let rows = statement
                    .query_map([], |row| Ok((row.get(0)?, row.get(1)?, count(row.get(2)?))))?;
                tally.candidates = rows.collect::<Result<_, _>>()?;
                let mut statement = t.prepare_cached(
                    "SELECT p.name, g.value ->> 'guard', g.value ->> 'verdict' = 'holds',
                         g.value ->> 'withheld'
                     FROM reclaim_standings AS s JOIN profiles AS p ON p.id = s.profile_id,
                         json_each(s.last_plan, '$.guards') AS g
                     WHERE s.last_plan IS NOT NULL ORDER BY 1, 2",
                )?;
                let rows = statement.query_map([], |row| {
                    Ok((row.get(0)?, row.get(1)?, row.get(2)?, count(row.get(3)?)))
                })?;
                tally.guards = rows.collect::<Result<_, _>>()?;
                for path in paths {
                    let name = path.file_name().unwrap_or_default().to_string_lossy();
                    let log = path.with_file_name(format!("{name}-wal"));
                    let length = |path| fs::metadata(path).map_or(0, |found| found.len());
                    tally
                        .bytes
                        .push((name.into_owned(), length(&path) + length(&log)));
                }
                Ok(tally)
            })
            .await
    }
}
