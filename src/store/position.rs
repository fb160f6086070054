//! Licence positions: the facts that they are computed from, and the runs that are kept.

use std::collections::{BTreeMap, HashMap};

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use rusqlite::{OptionalExtension as _, Row, Transaction, params};
use serde::{Deserialize, Serialize};

use super::column::{At, Count, Day, Json, Word};
use super::job::Trigger;
use super::people::any_directory;
use super::{Store, StoreError};
use crate::position::facts::{
    Candidates, Facts, Grouping, Holder, Purchase, SavingsKind, Seats, Standing,
};
use crate::position::result::{Holders, Ignored, Position, ProductResult};
use crate::profile::identifier::Identifier;
use crate::profile::licence::Owner;

/// How long a completed candidate counts as a saving: a year, as every amount is of one.
const REALISED_FOR: SignedDuration = SignedDuration::from_hours(24 * 365);

/// A position that was computed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PositionRun {
    /// Its number; a later run has a higher one.
    pub id: i64,
    /// Why it was computed.
    pub trigger: Trigger,
    /// When.
    pub calculated_at: Timestamp,
    /// The day that entitlements stood on, in the settings' zone.
    pub day: Date,
    /// Whether none is later.
    pub latest: bool,
    /// Seats that use no right.
    pub ignored: Ignored,
    /// Who holds the seats that use rights.
    #[serde(default)]
    pub holders: Holders,
    /// Seats of identifiers that no software model has.
    pub unrecognized: BTreeMap<Identifier, u64>,
}

/// A position to keep.
#[derive(Debug, Clone, PartialEq)]
pub struct NewPosition {
    /// Why it was computed.
    pub trigger: Trigger,
    /// When.
    pub calculated_at: Timestamp,
    /// The day that entitlements stood on.
    pub day: Date,
    /// By each grouping.
    pub by_grouping: Vec<(Grouping, Position)>,
}

/// A result, and where it stands in its run.
#[derive(Debug, Clone, PartialEq)]
pub struct PlacedResult {
    /// By what it is told apart.
    pub grouping: Grouping,
    /// Its place among the results of that grouping.
    pub seq: i64,
    /// What it says.
    pub result: ProductResult,
}

/// Which results are asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PositionFilter {
    /// Only of this publisher.
    pub publisher: Option<String>,
    /// Only of this product.
    pub product: Option<String>,
}

impl Store {
    /// Everything that a position at `now` counts: what of the profiles in the folder is there.
    pub async fn position_facts(&self, now: Timestamp) -> Result<Facts, StoreError> {
        self.database
            .read("count seats for the position", move |t| {
                Ok(Facts {
                    seats: seats(t)?,
                    candidates: candidates(t, now)?,
                    purchases: purchases(t)?,
                })
            })
            .await
    }

    /// Keeps a position. Of those that follow profiles' chains, a day's last one stays.
    pub async fn keep_position(&self, new: NewPosition) -> Result<PositionRun, StoreError> {
        self.database
            .write("keep position", move |t| {
                if new.trigger == Trigger::Chain {
                    t.prepare_cached("DELETE FROM position_runs WHERE day = ?1 AND trigger = ?2")?
                        .execute(params![Day(new.day), Word(new.trigger)])?;
                }
                let whole = new.by_grouping.first().map(|(_, position)| position);
                let ignored = whole.map(|whole| whole.ignored).unwrap_or_default();
                let holders = whole.map(|whole| whole.holders).unwrap_or_default();
                let unrecognized = whole.map(|whole| &whole.unrecognized);
                let id: i64 = t
                    .prepare_cached(
                        "INSERT INTO position_runs (trigger, calculated_at, day, ignored, unrecognized,
                             holders)
                         VALUES (?1, ?2, ?3, ?4, coalesce(?5, '{}'), ?6) RETURNING id",
                    )?
                    .query_row(
                        params![
                            Word(new.trigger),
                            At(new.calculated_at),
                            Day(new.day),
                            Json(ignored),
                            unrecognized.map(Json),
                            Json(holders),
                        ],
                        |row| row.get(0),
                    )?;
                for (grouping, position) in &new.by_grouping {
                    put_results(t, id, *grouping, &position.products)?;
                }
                let kept = t
                    .prepare_cached(&format!("{SELECT_RUN} WHERE r.id = ?1"))?
                    .query_row([id], run_of)?;
                Ok(kept)
            })
            .await
    }

    /// The latest position, or the one of a number.
    pub async fn position_run(&self, id: Option<i64>) -> Result<Option<PositionRun>, StoreError> {
        self.database
            .read("read position", move |t| {
                let query = format!(
                    "{SELECT_RUN} WHERE ?1 IS NULL OR r.id = ?1 ORDER BY r.id DESC LIMIT 1"
                );
                Ok(t.prepare_cached(&query)?
                    .query_row([id], run_of)
                    .optional()?)
            })
            .await
    }

    /// Positions that are kept, the latest first, those after the number `before`.
    pub async fn position_runs(
        &self,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Vec<PositionRun>, StoreError> {
        self.database
            .read("list positions", move |t| {
                let query = format!(
                    "{SELECT_RUN} WHERE ?1 IS NULL OR r.id < ?1 ORDER BY r.id DESC LIMIT ?2"
                );
                let mut statement = t.prepare_cached(&query)?;
                let rows = statement.query_map(params![before, limit], run_of)?;
                Ok(rows.collect::<Result<_, _>>()?)
            })
            .await
    }

    /// The results of a run by a grouping.
    pub async fn position_results(
        &self,
        run: i64,
        grouping: Grouping,
        filter: PositionFilter,
    ) -> Result<Vec<ProductResult>, StoreError> {
        self.database
            .read("read position", move |t| {
                let mut statement = t.prepare_cached(
                    "SELECT result FROM position_results
                     WHERE run = ?1 AND grouping = ?2 AND (?3 IS NULL OR publisher = ?3)
                         AND (?4 IS NULL OR product = ?4) ORDER BY seq",
                )?;
                let narrow = params![run, Word(grouping), filter.publisher, filter.product];
                let rows = statement
                    .query_map(narrow, |row| Ok(row.get::<_, Json<ProductResult>>(0)?.0))?;
                Ok(rows.collect::<Result<_, _>>()?)
            })
            .await
    }

    /// Results of a run in the order of grouping and place, those after `after`: of the whole, or of every
    /// grouping. What there is of a run is gone with it: `None` then.
    pub async fn placed_results(
        &self,
        run: i64,
        grouped: bool,
        after: Option<(Grouping, i64)>,
        limit: u32,
    ) -> Result<Option<Vec<PlacedResult>>, StoreError> {
        self.database
            .read("read position", move |t| {
                let mut known = t.prepare_cached("SELECT 1 FROM position_runs WHERE id = ?1")?;
                if !known.exists([run])? {
                    return Ok(None);
                }
                let mut statement = t.prepare_cached(
                    "SELECT grouping, seq, result FROM position_results
                     WHERE run = ?1 AND (grouping <> 'none') = ?2
                         AND (?3 IS NULL OR (grouping, seq) > (?3, ?4))
                     ORDER BY grouping, seq LIMIT ?5",
                )?;
                let (grouping, seq) = after.unzip();
                let narrow = params![run, grouped, grouping.map(Word), seq, limit];
                let rows = statement.query_map(narrow, |row| {
                    Ok(PlacedResult {
                        grouping: row.get::<_, Word<_>>(0)?.0,
                        seq: row.get(1)?,
                        result: row.get::<_, Json<_>>(2)?.0,
                    })
                })?;
                Ok(Some(rows.collect::<Result<_, _>>()?))
            })
            .await
    }
}

const SELECT_RUN: &str = "
    SELECT r.*, r.id = (SELECT max(id) FROM position_runs) AS latest FROM position_runs AS r";

fn run_of(row: &Row<'_>) -> rusqlite::Result<PositionRun> {
    Ok(PositionRun {
        id: row.get("id")?,
        trigger: row.get::<_, Word<_>>("trigger")?.0,
        calculated_at: row.get::<_, At>("calculated_at")?.0,
        day: row.get::<_, Day>("day")?.0,
        latest: row.get("latest")?,
        ignored: row.get::<_, Json<_>>("ignored")?.0,
        holders: row.get::<_, Json<_>>("holders")?.0,
        unrecognized: row.get::<_, Json<_>>("unrecognized")?.0,
    })
}

fn put_results(
    t: &Transaction<'_>,
    run: i64,
    grouping: Grouping,
    products: &[ProductResult],
) -> rusqlite::Result<()> {
    let mut statement = t.prepare_cached(
        "INSERT INTO position_results (run, grouping, seq, publisher, product, result)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    for (seq, result) in (0_i64..).zip(products) {
        let product = &result.product;
        statement.execute(params![
            run,
            Word(grouping),
            seq,
            product.publisher,
            product.product,
            Json(result),
        ])?;
    }
    Ok(())
}

/// Seats that are there, alike ones together. Rows are stepped and counted here: to have SQLite group
/// them would sort every seat first.
fn seats(t: &Transaction<'_>) -> rusqlite::Result<Vec<Seats>> {
    let mut profiles =
        t.prepare_cached("SELECT id, name FROM profiles WHERE orphaned_at IS NULL ORDER BY name")?;
    let profiles = profiles.query_map([], |row| Ok((row.get(0)?, row.get::<_, Word<_>>(1)?.0)))?;
    let profiles: Vec<(i64, _)> = profiles.collect::<Result<_, _>>()?;
    // Without a directory nobody is looked up.
    let (person, joined) = if any_directory(t)? {
        (PERSON, PERSON_JOINED)
    } else {
        ("NULL, NULL, NULL, NULL, NULL, NULL, NULL", "")
    };
    let looked_up = !joined.is_empty();
    let mut statement = t.prepare_cached(&format!(
        "SELECT s.identifier, s.department,
             CASE WHEN im.rule IS NOT NULL OR EXISTS (
                     SELECT 1 FROM user_matches AS m
                     WHERE m.profile_id = s.profile_id
                       AND m.external_user_id = s.external_user_id
                       AND m.purpose = 'exclusion' AND m.lifted_at IS NULL) THEN 'excluded'
                 WHEN s.status = 'inactive' THEN 'inactive'
                 WHEN NOT s.paid THEN 'free' ELSE 'counts' END, {person}
         FROM subscriptions AS s {joined}
         LEFT JOIN identifier_matches AS im ON im.profile_id = s.profile_id
             AND im.identifier = s.identifier AND im.lifted_at IS NULL
         WHERE s.profile_id = ?1 AND s.ended_at IS NULL"
    ))?;
    let mut found = Vec::new();
    for (id, profile) in profiles {
        let mut at: HashMap<String, HashMap<(Owner, Holder, String), u64>> = HashMap::new();
        let mut rows = statement.query([id])?;
        while let Some(row) = rows.next()? {
            let identifier = row.get_ref(0)?.as_str()?;
            let alike = match at.get_mut(identifier) {
                Some(alike) => alike,
                None => at.entry(identifier.to_owned()).or_default(),
            };
            let owner = owner(row, 1, 3)?;
            let holder = if looked_up {
                holder(row, 7)?
            } else {
                Holder::Unknown
            };
            *alike.entry((owner, holder, row.get(2)?)).or_default() += 1;
        }
        for (identifier, alike) in at {
            let Ok(identifier) = identifier.parse::<Identifier>() else {
                continue;
            };
            for ((owner, holder, standing), count) in alike {
                found.push(Seats {
                    profile: Clone::clone(&profile),
                    identifier: identifier.clone(),
                    owner,
                    standing: standing_of(&standing),
                    holder,
                    count,
                });
            }
        }
    }
    Ok(found)
}

/// What a directory says of the person behind a seat, and how that was found.
const PERSON: &str =
    "h.department, h.cost_center, h.company, h.country, r.outcome, h.active, h.class";
const PERSON_JOINED: &str = "LEFT JOIN resolved_users AS r ON r.profile_id = s.profile_id
             AND r.external_user_id = s.external_user_id
         LEFT JOIN people AS h ON r.outcome = 'resolved' AND h.directory = r.directory
             AND h.line = r.line";

/// Whose a seat is: the directory knows better than the vendor, whose department stands in.
fn owner(row: &Row<'_>, vendors: usize, first: usize) -> rusqlite::Result<Owner> {
    let department: Option<String> = row.get(first)?;
    Ok(Owner {
        department: match department {
            Some(department) => Some(department),
            None => row.get(vendors)?,
        },
        cost_center: row.get(first + 1)?,
        company: row.get(first + 2)?,
        country: row.get(first + 3)?,
    })
}

/// Who holds a seat, by the columns `outcome`, `active` and `class` from `first` on.
fn holder(row: &Row<'_>, first: usize) -> rusqlite::Result<Holder> {
    let word = |column| {
        let value = row.get_ref(column)?;
        value.as_str_or_null().map_err(rusqlite::Error::from)
    };
    let active: Option<bool> = row.get(first + 1)?;
    Ok(match (word(first)?, word(first + 2)?, active) {
        (None, ..) => Holder::Unresolved,
        (Some("tie"), ..) => Holder::Tie,
        (_, Some("service"), _) => Holder::Service,
        (_, Some("shared"), _) => Holder::Shared,
        (_, _, Some(false)) => Holder::Left,
        _ => Holder::Person,
    })
}

fn standing_of(word: &str) -> Standing {
    match word {
        "excluded" => Standing::Excluded,
        "inactive" => Standing::Inactive,
        "free" => Standing::Free,
        _ => Standing::Counts,
    }
}

fn candidates(t: &Transaction<'_>, now: Timestamp) -> rusqlite::Result<Vec<Candidates>> {
    let since = now.saturating_sub(REALISED_FOR).unwrap_or(Timestamp::MIN);
    let mut statement = t.prepare_cached(&format!(
        "SELECT p.name, c.identifier, s.department, c.closed_at IS NULL, c.savings, h.department,
             h.cost_center, h.company, h.country, count(*)
         FROM candidates AS c JOIN profiles AS p ON p.id = c.profile_id
         LEFT JOIN subscriptions AS s ON s.id = c.subscription_id {PERSON_JOINED}
         -- A seat that uses no right has none to give back.
         WHERE p.orphaned_at IS NULL AND (c.closed_at IS NULL AND s.paid AND s.status <> 'inactive'
             OR c.state = 'closed_complete' AND c.restored_at IS NULL AND c.closed_at >= ?1)
         GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9 ORDER BY 1, 2, 3, 4 DESC, 5, 6, 7, 8, 9"
    ))?;
    let rows = statement.query_map([At(since)], |row| {
        let open: bool = row.get(3)?;
        let saving: Option<String> = row.get(4)?;
        Ok(Candidates {
            profile: row.get::<_, Word<_>>(0)?.0,
            identifier: row.get::<_, Word<_>>(1)?.0,
            owner: owner(row, 2, 5)?,
            kind: if open {
                SavingsKind::Potential
            } else {
                SavingsKind::Realised
            },
            saving: saving.and_then(|text| serde_json::from_str(&text).ok()),
            count: row.get::<_, Count>(9)?.0,
        })
    })?;
    rows.collect()
}

fn purchases(t: &Transaction<'_>) -> rusqlite::Result<Vec<Purchase>> {
    let mut statement = t.prepare_cached(
        "SELECT p.name, b.identifier, b.bought, b.assigned, b.read_at
         FROM purchases AS b JOIN profiles AS p ON p.id = b.profile_id
         WHERE p.orphaned_at IS NULL AND NOT EXISTS (
             SELECT 1 FROM identifier_matches AS im
             WHERE im.profile_id = b.profile_id AND im.identifier = b.identifier
               AND im.lifted_at IS NULL)
         ORDER BY p.name, b.identifier",
    )?;
    let rows = statement.query_map([], |row| {
        Ok(Purchase {
            profile: row.get::<_, Word<_>>(0)?.0,
            identifier: row.get::<_, Word<_>>(1)?.0,
            bought: row.get::<_, Option<Count>>(2)?.map(|count| count.0),
            assigned: row.get::<_, Count>(3)?.0,
            read_at: row.get::<_, At>(4)?.0,
        })
    })?;
    rows.collect()
}
