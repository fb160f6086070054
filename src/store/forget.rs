//! Forgetting a user who holds no seat any more: names and addresses go, the numbers stay, and the audit
//! log's chain stays whole.

use jiff::Timestamp;
use rusqlite::{Connection, Transaction, TransactionBehavior, params};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::audit::{self, AuditAction, NewEntry};
use super::document::ProfileId;
use super::{Store, StoreError};
use crate::profile::folding::folded_address;
use crate::reclamation::actor::Actor;

/// What was forgotten of a user.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forgotten {
    /// Seats that the user still holds: where there are any, nothing was forgotten.
    pub held: u64,
    /// Ended seats.
    pub seats: u64,
    /// Days of activity.
    pub activity: u64,
    /// Candidates whose user is not named any more.
    pub candidates: u64,
    /// Texts beside the audit log.
    pub audit_texts: u64,
    /// Lines of user directories, which come again with their file unless that is mended.
    #[serde(default)]
    pub people: u64,
    /// Usage records whose user is not named any more.
    pub usage_records: u64,
}

impl Store {
    /// Forgets a user, by the vendor's id or by e-mail address in any case, in one profile or in all.
    /// Refuses, by telling them, while seats are held. `usage_records` are in a file of their own; how
    /// many name the user goes into the audit log.
    pub async fn forget_user(
        &self,
        user: &str,
        profile: Option<ProfileId>,
        usage_records: u64,
        by: &Actor,
        now: Timestamp,
    ) -> Result<Forgotten, StoreError> {
        let (user, by) = (user.to_owned(), by.clone());
        let forgotten = self
            .database
            .with_writer(move |connection| {
                forget(connection, &user, profile, usage_records, &by, now)
                    .map_err(|error| StoreError::from_sqlite("forget user", error))?
            })
            .await?;
        self.announce_audit().await?;
        Ok(forgotten)
    }
}

/// The rows of a table `x` that has users' ids.
const MEANT: &str = "EXISTS (SELECT 1 FROM forgetting AS f
    WHERE f.profile_id = x.profile_id AND f.id = x.external_user_id)";

/// The profile is not removed: what it once recorded comes back with its next download.
const RUNS: &str = "EXISTS (SELECT 1 FROM profiles AS p
    WHERE p.id = x.profile_id AND p.orphaned_at IS NULL)";

type Forgetting = Result<Result<Forgotten, StoreError>, rusqlite::Error>;

/// The file is written anew, and the log of the database moved into it: earlier versions of the rows lie
/// in free space otherwise, so that the name would still be in the bytes.
fn forget(
    connection: &mut Connection,
    user: &str,
    profile: Option<ProfileId>,
    usage_records: u64,
    by: &Actor,
    now: Timestamp,
) -> Forgetting {
    let forgotten = within(connection, user, profile, usage_records, by, now);
    connection.execute_batch("VACUUM")?;
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    forgotten
}

fn within(
    connection: &mut Connection,
    user: &str,
    profile: Option<ProfileId>,
    usage_records: u64,
    by: &Actor,
    now: Timestamp,
) -> Forgetting {
    let t = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    t.execute_batch(
        "CREATE TEMP TABLE IF NOT EXISTS forgetting (profile_id INTEGER, id TEXT, email TEXT);
         DELETE FROM forgetting;",
    )?;
    let profile = profile.map(|profile| profile.0);
    find_users(&t, user, profile)?;
    let held = still_held(&t)?;
    if held > 0 {
        return Ok(Ok(Forgotten {
            held,
            ..Forgotten::default()
        }));
    }
    // Of a user whose rows are gone by age, the audit log may still know the name.
    if profile.is_none() {
        t.execute(
            "INSERT INTO forgetting VALUES (NULL, ?1, ?2)",
            params![user, folded_address(user)],
        )?;
    }
    let audit_texts = t.execute(
        "DELETE FROM audit_texts WHERE seq IN (
             SELECT a.seq FROM audit AS a JOIN audit_texts AS told ON told.seq = a.seq
             JOIN forgetting AS f ON (told.label = 'user' AND told.text = f.id
                 OR told.label = 'email' AND folded(told.text) = f.email)
             WHERE f.profile_id IS NULL
                OR a.profile = (SELECT name FROM profiles AS p WHERE p.id = f.profile_id))",
        [],
    )?;
    t.execute(
        &format!(
            "UPDATE writes SET prior = NULL, outcome = NULL WHERE candidate_id IN (
                 SELECT x.id FROM candidates AS x WHERE {MEANT})"
        ),
        [],
    )?;
    let activity = t.execute(
        "DELETE FROM activities AS x WHERE EXISTS (SELECT 1 FROM forgetting AS f
             WHERE f.profile_id = x.profile_id
               AND x.user_key IN ('id:' || f.id, 'email:' || f.email))",
        [],
    )?;
    let people = forget_people(&t)?;
    for table in ["user_matches", "user_checks", "resolved_users"] {
        t.execute(&format!("DELETE FROM {table} AS x WHERE {MEANT}"), [])?;
    }
    t.execute(
        "UPDATE jobs SET failure = NULL WHERE failure IS NOT NULL AND EXISTS (
             SELECT 1 FROM forgetting AS f WHERE f.profile_id = jobs.profile_id
                 AND ((f.email <> '' AND instr(folded(failure), f.email))
                     OR (f.id <> '' AND instr(failure, f.id))))",
        [],
    )?;
    t.execute(
        "UPDATE reclaim_standings SET last_plan = NULL WHERE last_plan IS NOT NULL AND EXISTS (
             SELECT 1 FROM forgetting AS f WHERE f.id <> ''
                 AND f.profile_id = reclaim_standings.profile_id AND instr(last_plan, f.id))",
        [],
    )?;
    let candidates = t.execute(
        &format!(
            "UPDATE candidates AS x SET external_user_id = 'forgotten', email = '',
                 display_name = '', reason = 'its user was forgotten' WHERE {MEANT}"
        ),
        [],
    )?;
    let seats = t.execute(&format!("DELETE FROM subscriptions AS x WHERE {MEANT}"), [])?;
    t.execute_batch("DELETE FROM forgetting;")?;
    let forgotten = Forgotten {
        held: 0,
        seats: rows(seats),
        activity: rows(activity),
        candidates: rows(candidates),
        audit_texts: rows(audit_texts),
        people: rows(people),
        usage_records,
    };
    let facts = json!({
        "seats": forgotten.seats, "activity": forgotten.activity,
        "candidates": forgotten.candidates, "audit_texts": forgotten.audit_texts,
        "people": forgotten.people, "usage_records": forgotten.usage_records,
    });
    if let Err(error) = audit::append(
        &t,
        &NewEntry::new(AuditAction::UserForgotten, by, facts),
        now,
    ) {
        return Ok(Err(error));
    }
    t.commit()?;
    Ok(Ok(forgotten))
}

/// Lines of user directories, and the user as somebody's manager. Who is in a directory is so for every
/// profile, so all of it stays while only one forgets.
fn forget_people(t: &Transaction<'_>) -> Result<usize, rusqlite::Error> {
    t.execute(
        "UPDATE people AS x SET manager = NULL
         WHERE EXISTS (SELECT 1 FROM forgetting AS f WHERE f.profile_id IS NULL)
           AND EXISTS (SELECT 1 FROM forgetting AS f
               WHERE folded(x.manager) IN (f.email, folded(f.id)))",
        [],
    )?;
    t.execute(
        "DELETE FROM people AS x
         WHERE EXISTS (SELECT 1 FROM forgetting WHERE profile_id IS NULL)
           AND (EXISTS (SELECT 1 FROM forgetting AS f
                   WHERE folded(x.email) = f.email AND f.email <> ''
                      OR x.external_user_id = f.id AND f.id <> '')
               OR EXISTS (SELECT 1 FROM forgetting AS f JOIN resolved_users AS r
                       ON r.profile_id = f.profile_id AND r.external_user_id = f.id
                   WHERE r.outcome = 'resolved' AND r.directory = x.directory
                     AND r.line = x.line))",
        [],
    )
}

/// Puts who is meant by an id or an address into `forgetting`, once for each profile, with the address as
/// it is compared.
fn find_users(
    t: &Transaction<'_>,
    user: &str,
    profile: Option<i64>,
) -> Result<(), rusqlite::Error> {
    let folded = folded_address(user);
    for (table, address) in [
        ("subscriptions", "coalesce(email_folded, email)"),
        ("candidates", "folded(email)"),
    ] {
        t.execute(
            &format!(
                "INSERT INTO forgetting SELECT DISTINCT profile_id, external_user_id, folded(email)
                 FROM {table} WHERE (external_user_id = ?1 OR {address} = ?3)
                   AND (?2 IS NULL OR profile_id = ?2)"
            ),
            params![user, profile, folded],
        )?;
    }
    Ok(())
}

/// Seats and open candidates of whom is to be forgotten.
fn still_held(t: &Transaction<'_>) -> Result<u64, rusqlite::Error> {
    t.query_row(
        // A candidate that is open may yet be written to, by its user's id.
        &format!(
            "SELECT (SELECT count(*) FROM subscriptions AS x
                     WHERE x.ended_at IS NULL AND {MEANT} AND {RUNS})
                  + (SELECT count(*) FROM candidates AS x
                     WHERE x.state NOT LIKE 'closed%' AND {MEANT} AND {RUNS})"
        ),
        [],
        |row| row.get(0),
    )
    .map(count)
}

fn count(number: i64) -> u64 {
    u64::try_from(number).unwrap_or_default()
}

fn rows(number: usize) -> u64 {
    u64::try_from(number).unwrap_or_default()
}
