//! Seats as they are judged: what a rule decides from, read past without keeping it. A million seats
//! take no more memory than a thousand.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;
use rusqlite::{Row, Transaction, params};

use super::activity::{CoverageSpan, coverage_spans};
use super::candidate::candidate_of;
use super::column::{At, Count, Day, Word};
use super::document::{OF_ONE_ACCOUNT, ProfileId};
use super::people::{DirectoryRow, any_directory, directories};
use super::{Store, StoreError};
use crate::connector::facts::{Role, UserStatus};
use crate::profile::folding::folded_name;
use crate::profile::identifier::Identifier;
use crate::profile::user_directory::AccountClass;
use crate::reclamation::candidate::Candidate;
use crate::reclamation::collateral::HeldSeat;
use crate::reclamation::evidence;
use crate::reclamation::plan::Pool;
use crate::reclamation::seat::{FoundPerson, Holder, SeatFacts};

/// What is known of a profile as a whole.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProfileFacts {
    /// When the last complete download ended.
    pub downloaded_at: Option<Timestamp>,
    /// Why the last download is not in force, where it is not.
    pub download_not_in_force: Option<String>,
    /// The last day on which anybody was seen to use anything, by the vendor's own report.
    pub last_use_of_anybody: Option<Date>,
    /// Which days are known.
    pub coverage: Vec<CoverageSpan>,
    /// The seats of each identifier that is held.
    pub pools: BTreeMap<Identifier, Pool>,
    /// Who cannot be told from another by the vendor's reports.
    pub namesakes: Arc<Namesakes>,
    /// The user directories.
    pub directories: Vec<DirectoryRow>,
}

/// Names that several people hold, in lower case, with the product whose use is reported by names alone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Namesakes(HashSet<(String, String)>);

/// What a page of seats was found to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scanned<T> {
    /// What the judge made of seats.
    pub found: Vec<T>,
    /// The seat to go on after; `None` when all were looked at.
    pub next: Option<i64>,
}

/// An open candidate beside its seat, while that is held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenCandidate<T> {
    /// The candidate.
    pub candidate: Candidate,
    /// What the judge made of its seat; `None` where the seat is not held any more.
    pub seat: Option<T>,
}

impl Store {
    /// What is known of a profile as a whole.
    pub async fn profile_facts(&self, profile: ProfileId) -> Result<ProfileFacts, StoreError> {
        let complete = self.last_complete_walk(profile).await?;
        let last = self.last_walk(profile).await?;
        self.database
            .read("read what is known of the profile", move |t| {
                let not_in_force = last
                    .filter(|last| {
                        complete
                            .as_ref()
                            .is_none_or(|complete| complete.id < last.id)
                    })
                    .map(|last| last.reason.unwrap_or_else(|| "incomplete".to_owned()));
                let last_use: Option<Day> = t
                    .prepare_cached(
                        "SELECT max(last_hosted_day) FROM subscriptions
                         WHERE profile_id = ?1 AND last_hosted_day IS NOT NULL",
                    )?
                    .query_row([profile.0], |row| row.get(0))?;
                let pools = pools(t, profile)?;
                Ok(ProfileFacts {
                    namesakes: Arc::new(namesakes(t, profile, &pools)?),
                    downloaded_at: complete.map(|walk| walk.ended_at),
                    download_not_in_force: not_in_force,
                    last_use_of_anybody: last_use.map(|day| day.0),
                    coverage: coverage_spans(t, profile)?,
                    pools,
                    directories: directories(t)?,
                })
            })
            .await
    }

    /// Shows seats that are held to `judge`, up to `limit` of them after the one with number `after`, until
    /// it has found `most`. Passes over those that are known to have been used on `used_on` or later.
    pub async fn judge_seats<T, F>(
        &self,
        profile: ProfileId,
        namesakes: Arc<Namesakes>,
        used_on: Date,
        (after, limit): (i64, u32),
        most: usize,
        mut judge: F,
    ) -> Result<Scanned<T>, StoreError>
    where
        T: Send + 'static,
        F: FnMut(&Identifier, &SeatFacts<'_>) -> Option<T> + Send + 'static,
    {
        self.database
            .read("judge seats", move |t| {
                let beside = Beside::read(t, profile, namesakes)?;
                // `+`: in the order of the rows; by the profile's index all of them would be sorted.
                let mut statement = t.prepare_cached(&format!(
                    "SELECT {} FROM subscriptions AS s {}
                     WHERE +s.profile_id = ?1 AND s.id > ?2 AND s.ended_at IS NULL
                       AND (s.last_hosted_day IS NULL OR s.last_hosted_day < ?4)
                     ORDER BY s.id LIMIT ?3",
                    beside.columns(),
                    beside.joined()
                ))?;
                let mut rows = statement.query(params![profile.0, after, limit, Day(used_on)])?;
                let mut found = Vec::new();
                let mut looked_at = 0;
                let mut next = None;
                let mut known: HashMap<String, Identifier> = HashMap::new();
                while let Some(row) = rows.next()? {
                    looked_at += 1;
                    next = Some(row.get(0)?);
                    found.extend(seen(row, &beside, &mut known, &mut judge)?);
                    if found.len() == most {
                        break;
                    }
                }
                let next = next.filter(|_| looked_at == limit || found.len() == most);
                Ok(Scanned { found, next })
            })
            .await
    }

    /// Shows the seats of open candidates to `judge`, at most `limit` of them after the candidate with
    /// number `after`.
    pub async fn open_candidates_with_seats<T, F>(
        &self,
        profile: ProfileId,
        namesakes: Arc<Namesakes>,
        (after, limit): (i64, u32),
        mut judge: F,
    ) -> Result<Vec<OpenCandidate<T>>, StoreError>
    where
        T: Send + 'static,
        F: FnMut(&Candidate, &Identifier, &SeatFacts<'_>) -> T + Send + 'static,
    {
        self.database
            .read("read open candidates", move |t| {
                let beside = Beside::read(t, profile, namesakes)?;
                let mut candidates = t.prepare_cached(
                    "SELECT c.*, p.name AS profile
                     FROM candidates AS c JOIN profiles AS p ON p.id = c.profile_id
                     WHERE c.profile_id = ?1 AND c.id > ?2 AND c.closed_at IS NULL
                     ORDER BY c.id LIMIT ?3",
                )?;
                let candidates: Vec<Candidate> = candidates
                    .query_map(params![profile.0, after, limit], candidate_of)?
                    .collect::<Result<_, _>>()?;
                let mut seat = t.prepare_cached(&format!(
                    "SELECT {} FROM subscriptions AS s {} WHERE s.id = ?1 AND s.ended_at IS NULL",
                    beside.columns(),
                    beside.joined()
                ))?;
                let mut known = HashMap::new();
                let mut open = Vec::with_capacity(candidates.len());
                for candidate in candidates {
                    let mut rows = seat.query([candidate.subscription])?;
                    let found = match rows.next()? {
                        Some(row) => seen(row, &beside, &mut known, |identifier, facts| {
                            judge(&candidate, identifier, facts)
                        })
                        .map(Some)?,
                        None => None,
                    };
                    drop(rows);
                    open.push(OpenCandidate {
                        candidate,
                        seat: found,
                    });
                }
                Ok(open)
            })
            .await
    }

    /// Shows the seats of one user that are held to `judge`.
    pub async fn judge_user<T, F>(
        &self,
        profile: ProfileId,
        namesakes: Arc<Namesakes>,
        external_user_id: &str,
        mut judge: F,
    ) -> Result<Vec<T>, StoreError>
    where
        T: Send + 'static,
        F: FnMut(&Identifier, &SeatFacts<'_>) -> T + Send + 'static,
    {
        let user = external_user_id.to_owned();
        self.database
            .read("judge user", move |t| {
                let beside = Beside::read(t, profile, namesakes)?;
                let mut statement = t.prepare_cached(&format!(
                    "SELECT {} FROM subscriptions AS s {}
                     WHERE s.profile_id = ?1 AND s.external_user_id = ?2 AND s.ended_at IS NULL
                     ORDER BY s.identifier",
                    beside.columns(),
                    beside.joined()
                ))?;
                let mut rows = statement.query(params![profile.0, user])?;
                let mut known = HashMap::new();
                let mut found = Vec::new();
                while let Some(row) = rows.next()? {
                    found.push(seen(row, &beside, &mut known, &mut judge)?);
                }
                Ok(found)
            })
            .await
    }

    /// For each of these users, the seats that count against what was bought.
    pub async fn seats_held(
        &self,
        profile: ProfileId,
        users: BTreeSet<String>,
    ) -> Result<BTreeMap<String, Vec<HeldSeat>>, StoreError> {
        self.database
            .read("read seats of users", move |t| {
                let mut statement = t.prepare_cached(
                    "SELECT identifier, source = 'add_on' FROM subscriptions
                     WHERE profile_id = ?1 AND external_user_id = ?2 AND paid
                       AND ended_at IS NULL ORDER BY identifier",
                )?;
                let mut held = BTreeMap::new();
                for user in users {
                    let seats: Vec<HeldSeat> = statement
                        .query_map(params![profile.0, user], |row| {
                            Ok(HeldSeat {
                                identifier: row.get::<_, Word<Identifier>>(0)?.0,
                                is_add_on: row.get(1)?,
                            })
                        })?
                        .collect::<Result<_, _>>()?;
                    held.insert(user, seats);
                }
                Ok(held)
            })
            .await
    }
}

const HOLDER: &str = "r.outcome, r.directory, r.line, r.matched_by, h.active, h.class, d.file";
const HOLDER_JOINED: &str = "LEFT JOIN resolved_users AS r ON r.profile_id = s.profile_id
         AND r.external_user_id = s.external_user_id
     LEFT JOIN people AS h ON r.outcome = 'resolved' AND h.directory = r.directory
         AND h.line = r.line
     LEFT JOIN directories AS d ON d.name = h.directory";

/// What stands beside the seats: small, or not there at all.
struct Beside {
    kept: HashMap<i64, Timestamp>,
    namesakes: Arc<Namesakes>,
    has_exclusions: bool,
    has_protections: bool,
    has_directories: bool,
}

impl Beside {
    fn read(
        t: &Transaction<'_>,
        profile: ProfileId,
        namesakes: Arc<Namesakes>,
    ) -> Result<Self, StoreError> {
        let mut kept = t.prepare_cached(&format!(
            "SELECT id, max(kept_until) FROM (
                 SELECT subscription_id AS id, kept_until FROM candidates
                 WHERE profile_id = ?1 AND kept_until IS NOT NULL AND subscription_id IS NOT NULL
                 UNION ALL
                 SELECT s.id, c.kept_until FROM candidates AS c JOIN subscriptions AS s
                     ON s.profile_id = ?1 AND s.external_user_id = c.external_user_id
                         AND s.identifier = c.identifier
                 WHERE c.profile_id IN {OF_ONE_ACCOUNT} AND c.kept_until IS NOT NULL)
             GROUP BY id"
        ))?;
        let kept = kept
            .query_map([profile.0], |row| Ok((row.get(0)?, row.get::<_, At>(1)?.0)))?
            .collect::<Result<_, _>>()?;
        let has = |purpose: &str| -> Result<bool, StoreError> {
            Ok(t.prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM user_matches WHERE profile_id = ?1
                     AND purpose = ?2 AND lifted_at IS NULL)
                 OR ?2 = 'exclusion' AND EXISTS (SELECT 1 FROM identifier_matches
                     WHERE profile_id = ?1 AND lifted_at IS NULL)",
            )?
            .query_row(params![profile.0, purpose], |row| row.get(0))?)
        };
        Ok(Self {
            kept,
            namesakes,
            has_exclusions: has("exclusion")?,
            has_protections: has("protection")?,
            has_directories: any_directory(t)?,
        })
    }

    /// Who the users are; without a directory nobody is looked up.
    fn joined(&self) -> &'static str {
        if self.has_directories {
            HOLDER_JOINED
        } else {
            ""
        }
    }

    /// The columns of a seat as it is judged.
    fn columns(&self) -> String {
        let entry = |purpose: &str| {
            format!(
                "(SELECT m.rule || ': ' || m.reason FROM user_matches AS m
                  WHERE m.profile_id = s.profile_id AND m.external_user_id = s.external_user_id
                    AND m.purpose = '{purpose}' AND m.lifted_at IS NULL LIMIT 1)"
            )
        };
        let excluded = if self.has_exclusions {
            format!(
                "coalesce((SELECT m.rule || ': ' || m.reason FROM identifier_matches AS m
                     WHERE m.profile_id = s.profile_id AND m.identifier = s.identifier
                       AND m.lifted_at IS NULL), {})",
                entry("exclusion")
            )
        } else {
            "NULL".to_owned()
        };
        let protected = if self.has_protections {
            entry("protection")
        } else {
            "NULL".to_owned()
        };
        let holder = if self.has_directories {
            HOLDER
        } else {
            "NULL, NULL, NULL, NULL, NULL, NULL, NULL"
        };
        format!(
            "s.id, s.external_user_id, s.identifier, s.email, s.department, s.status, s.role,
             s.user_created_at, s.first_seen, s.assigned_at, s.bundled, s.paid, s.last_hosted_day,
             s.last_listed_day, s.display_name, {excluded}, {protected}, {holder}"
        )
    }
}

/// Names that several people hold, of products whose use is reported by names alone. Reads all names of
/// such a product, so it is done once for all seats.
fn namesakes(
    t: &Transaction<'_>,
    profile: ProfileId,
    pools: &BTreeMap<Identifier, Pool>,
) -> Result<Namesakes, StoreError> {
    let mut statement = t.prepare_cached(
        "SELECT external_user_id, display_name FROM subscriptions
         WHERE profile_id = ?1 AND identifier = ?2 AND ended_at IS NULL",
    )?;
    let mut shared = HashSet::new();
    let held = |identifier: &&str| pools.keys().any(|held| held.as_str() == *identifier);
    for identifier in evidence::REPORTED_BY_NAME.into_iter().filter(held) {
        let mut holders: HashMap<String, String> = HashMap::new();
        let mut rows = statement.query(params![profile.0, identifier])?;
        while let Some(row) = rows.next()? {
            let user: String = row.get(0)?;
            let name = folded_name(row.get_ref(1)?.as_str().map_err(rusqlite::Error::from)?);
            match holders.get(&name) {
                Some(other) if *other != user => {
                    shared.insert((identifier.to_owned(), name));
                }
                Some(_) => {}
                None => {
                    holders.insert(name, user);
                }
            }
        }
    }
    Ok(Namesakes(shared))
}

/// Shows the seat of a row to `judge`.
fn seen<T>(
    row: &Row<'_>,
    beside: &Beside,
    known: &mut HashMap<String, Identifier>,
    mut judge: impl FnMut(&Identifier, &SeatFacts<'_>) -> T,
) -> Result<T, StoreError> {
    let text = |column: usize| row.get_ref(column)?.as_str().map_err(rusqlite::Error::from);
    let optional = |column: usize| {
        let value = row.get_ref(column)?;
        value.as_str_or_null().map_err(rusqlite::Error::from)
    };
    let instant = |column: usize| -> rusqlite::Result<Option<Timestamp>> {
        Ok(row.get::<_, Option<At>>(column)?.map(|at| at.0))
    };
    let day = |column: usize| -> rusqlite::Result<Option<Date>> {
        Ok(row.get::<_, Option<Day>>(column)?.map(|day| day.0))
    };
    let subscription: i64 = row.get(0)?;
    let word = text(2)?;
    if !known.contains_key(word) {
        known.insert(word.to_owned(), row.get::<_, Word<Identifier>>(2)?.0);
    }
    let Some(identifier) = known.get(word) else {
        return Err(rusqlite::Error::QueryReturnedNoRows.into());
    };
    let namesakes = &beside.namesakes.0;
    let shares_name =
        !namesakes.is_empty() && namesakes.contains(&(word.to_owned(), folded_name(text(14)?)));
    let facts = SeatFacts {
        subscription,
        external_user_id: text(1)?,
        email: text(3)?,
        department: optional(4)?,
        status: status_of(text(5)?),
        role: role_of(text(6)?),
        created: instant(7)?,
        first_seen: row.get::<_, At>(8)?.0,
        assigned: instant(9)?,
        bundled: row.get(10)?,
        paid: row.get(11)?,
        last_hosted: day(12)?,
        last_listed: day(13)?,
        excluded: optional(15)?,
        protected: optional(16)?,
        kept_until: beside.kept.get(&subscription).copied(),
        shares_name,
        holder: holder(row, beside)?,
    };
    Ok(judge(identifier, &facts))
}

/// Who the user is. What is not known is not somebody who left.
fn holder<'r>(row: &'r Row<'_>, beside: &Beside) -> Result<Holder<'r>, StoreError> {
    let text = |column: usize| {
        let value = row.get_ref(column)?;
        value.as_str_or_null().map_err(rusqlite::Error::from)
    };
    if !beside.has_directories {
        return Ok(Holder::Unknown);
    }
    let (outcome, class) = (text(17)?, text(22)?);
    Ok(match (outcome, class) {
        (Some("resolved"), Some(class)) => Holder::Found(FoundPerson {
            active: row.get(21)?,
            class: match class {
                "human" => AccountClass::Human,
                "shared" => AccountClass::Shared,
                _ => AccountClass::Service,
            },
            directory: text(18)?.unwrap_or_default(),
            file: text(23)?.unwrap_or_default(),
            line: row.get(19)?,
            matched_by: text(20)?.unwrap_or_default(),
        }),
        // A person who was forgotten is nobody.
        (None, _) | (Some("resolved"), None) => Holder::Unresolved,
        (Some(_), _) => Holder::Tie,
    })
}

/// A word that is not known is the one that keeps the seat.
fn status_of(word: &str) -> UserStatus {
    match word {
        "active" => UserStatus::Active,
        "inactive" => UserStatus::Inactive,
        _ => UserStatus::Pending,
    }
}

/// A word that is not known is the one that keeps the seat.
fn role_of(word: &str) -> Role {
    match word {
        "member" => Role::Member,
        "admin" => Role::Admin,
        _ => Role::Owner,
    }
}

/// The seats of each identifier: how many count, were bought, and are free.
fn pools(
    t: &Transaction<'_>,
    profile: ProfileId,
) -> Result<BTreeMap<Identifier, Pool>, StoreError> {
    let mut pools: BTreeMap<Identifier, Pool> = BTreeMap::new();
    let mut counts = t.prepare_cached(
        "SELECT identifier, paid, excluded FROM seat_counts
         WHERE profile_id = ?1 AND day = (SELECT max(day) FROM seat_counts WHERE profile_id = ?1)",
    )?;
    let mut rows = counts.query([profile.0])?;
    while let Some(row) = rows.next()? {
        let (paid, excluded) = (row.get::<_, Count>(1)?.0, row.get::<_, Count>(2)?.0);
        let pool = pools.entry(row.get::<_, Word<_>>(0)?.0).or_default();
        pool.licensed = paid.saturating_sub(excluded);
    }
    let mut bought = t.prepare_cached(
        "SELECT identifier, bought, assigned FROM purchases WHERE profile_id = ?1",
    )?;
    let mut rows = bought.query([profile.0])?;
    while let Some(row) = rows.next()? {
        let bought = row.get::<_, Option<Count>>(1)?.map(|count| count.0);
        let assigned = row.get::<_, Count>(2)?.0;
        let pool = pools.entry(row.get::<_, Word<_>>(0)?.0).or_default();
        pool.bought = bought;
        pool.free = bought.map(|bought| bought.saturating_sub(assigned));
    }
    Ok(pools)
}
