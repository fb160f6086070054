//! What was used of vendor accounts' daily rate limits, so that a restart does not forget it.
//! [`crate::job`] is the only caller.

use rusqlite::params;

use super::column::{Count, Day, Word};
use super::{Store, StoreError};
use crate::connector::facts::DailyUse;

impl Store {
    /// What was noted last of every budget, of whatever day.
    pub async fn daily_use(&self) -> Result<Vec<DailyUse>, StoreError> {
        self.database
            .read("read the use of rate limits", |t| {
                let mut statement =
                    t.prepare_cached("SELECT vendor, account, budget, day, calls FROM daily_use")?;
                let rows = statement.query_map([], |row| {
                    Ok(DailyUse {
                        vendor: row.get::<_, Word<_>>(0)?.0,
                        account: row.get(1)?,
                        budget: row.get(2)?,
                        day: row.get::<_, Day>(3)?.0,
                        calls: row.get::<_, Count>(4)?.0,
                    })
                })?;
                Ok(rows.collect::<Result<_, _>>()?)
            })
            .await
    }

    /// Notes what is used; one row a budget. Nothing is written when nothing changed.
    pub async fn set_daily_use(&self, used: Vec<DailyUse>) -> Result<(), StoreError> {
        if used.is_empty() {
            return Ok(());
        }
        self.database
            .write("note the use of rate limits", move |t| {
                let mut statement = t.prepare_cached(
                    "INSERT INTO daily_use (vendor, account, budget, day, calls)
                     VALUES (?1, ?2, ?3, ?4, ?5)
                     ON CONFLICT (vendor, account, budget) DO UPDATE SET
                         day = excluded.day, calls = excluded.calls
                     WHERE (day, calls) IS NOT (excluded.day, excluded.calls)",
                )?;
                for used in &used {
                    statement.execute(params![
                        Word(used.vendor),
                        used.account,
                        used.budget,
                        Day(used.day),
                        Count(used.calls),
                    ])?;
                }
                Ok(())
            })
            .await
    }
}
