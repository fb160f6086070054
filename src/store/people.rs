//! The people of user directories, and whom the users of seats are found to be. Reconciling brings a
//! directory's file here; every download and every change of a directory resolves users anew.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use rusqlite::{CachedStatement, OptionalExtension as _, Transaction, params};
use serde::{Deserialize, Serialize};

use super::column::{At, Count, Json};
use super::document::ProfileId;
use super::{Store, StoreError};
use crate::profile::model::Document;
use crate::profile::name::Name;
use crate::profile::people::{self, PeopleError, Person, Tally};
use crate::profile::user_directory::{MatchField, Resolution, UserDirectory, folded};

/// A directory as it was last taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DirectoryRow {
    /// Its document's name.
    pub name: Name,
    /// The file, relative to the profiles folder.
    pub file: String,
    /// Digest of the document that the file was read by.
    #[serde(skip)]
    pub by: String,
    /// `sha256:…` of the file.
    pub digest: String,
    /// When the file was written.
    pub as_of: Timestamp,
    /// When it was read.
    pub read_at: Timestamp,
    /// Nobody counts as having left by a file that is older, in seconds.
    pub max_age: u64,
    /// How many people it names.
    #[serde(flatten)]
    pub tally: Tally,
    /// Why what is there now is not taken; `None` when it is.
    pub problem: Option<String>,
}

impl DirectoryRow {
    /// Why nobody counts as having left by it at `now`, in words; `None` where it may be gone by.
    pub fn stale(&self, now: Timestamp) -> Option<String> {
        if let Some(problem) = &self.problem {
            return Some(format!("`{}` is not taken as it is: {problem}", self.file));
        }
        let age = now.duration_since(self.as_of);
        let most = SignedDuration::try_from(std::time::Duration::from_secs(self.max_age));
        let old = most.is_ok_and(|most| age > most);
        old.then(|| {
            format!(
                "`{}` was written at {:.0}, longer ago than `max_age` of UserDirectory {}",
                self.file, self.as_of, self.name
            )
        })
    }
}

/// A directory to take.
#[derive(Debug, Clone)]
pub struct NewDirectory {
    /// What the document says.
    pub directory: UserDirectory,
    /// The file, relative to the profiles folder.
    pub file: String,
    /// Digest of the document.
    pub by: String,
    /// `sha256:…` of the file.
    pub digest: String,
    /// When it was written.
    pub as_of: Timestamp,
    /// What is in it.
    pub text: String,
}

impl Store {
    /// Every directory that was taken, by name.
    pub async fn directories(&self) -> Result<Vec<DirectoryRow>, StoreError> {
        self.database.read("read directories", directories).await
    }

    /// Why nobody counts as having left by a directory at `now`, by its name; those that may be gone by are
    /// not in it.
    pub async fn stale_directories(
        &self,
        now: Timestamp,
    ) -> Result<BTreeMap<String, String>, StoreError> {
        let known = self.directories().await?;
        let stale = known
            .iter()
            .filter_map(|row| Some((row.name.to_string(), row.stale(now)?)));
        Ok(stale.collect())
    }

    /// Takes a directory's file in place of what was there, in one transaction, and resolves the users of
    /// every profile. The inner error says what in the file cannot be read; then nothing changed.
    pub async fn take_directory(
        &self,
        new: NewDirectory,
        now: Timestamp,
    ) -> Result<Result<Tally, PeopleError>, StoreError> {
        let taken = self
            .database
            .write("take user directory", move |t| {
                let tally = put_directory(t, &new, now)?;
                resolve_all(t)?;
                Ok(tally)
            })
            .await;
        match taken {
            Ok(tally) => Ok(Ok(tally)),
            Err(StoreError::People(error)) => Ok(Err(error)),
            Err(error) => Err(error),
        }
    }

    /// Notes that a directory's file was written again with the same content, or why what is there now is
    /// not taken.
    pub async fn note_directory(
        &self,
        name: &Name,
        as_of: Option<Timestamp>,
        problem: Option<String>,
    ) -> Result<(), StoreError> {
        let name = name.clone();
        self.database
            .write("note user directory", move |t| {
                t.prepare_cached(
                    "UPDATE directories SET as_of = coalesce(?2, as_of), problem = ?3
                     WHERE name = ?1",
                )?
                .execute(params![name.as_str(), as_of.map(At), problem])?;
                Ok(())
            })
            .await
    }

    /// Lets go of the people of directories whose document is gone.
    pub async fn keep_directories(&self, names: BTreeSet<Name>) -> Result<(), StoreError> {
        self.database
            .write("let user directories go", move |t| {
                let known = directories(t)?;
                let gone: Vec<_> = known
                    .iter()
                    .filter(|row| !names.contains(&row.name))
                    .collect();
                if gone.is_empty() {
                    return Ok(());
                }
                for row in gone {
                    remove(t, &row.name)?;
                    t.prepare_cached("DELETE FROM directories WHERE name = ?1")?
                        .execute([row.name.as_str()])?;
                }
                resolve_all(t)
            })
            .await
    }
}

pub(super) fn directories(t: &Transaction<'_>) -> Result<Vec<DirectoryRow>, StoreError> {
    let mut statement = t.prepare_cached("SELECT * FROM directories ORDER BY name")?;
    let rows = statement.query_map([], |row| {
        Ok(DirectoryRow {
            name: row.get::<_, super::column::Word<_>>("name")?.0,
            file: row.get("file")?,
            by: row.get("by")?,
            digest: row.get("digest")?,
            as_of: row.get::<_, At>("as_of")?.0,
            read_at: row.get::<_, At>("read_at")?.0,
            max_age: row.get::<_, Count>("max_age")?.0,
            tally: Tally {
                people: row.get::<_, Count>("people")?.0,
                active: row.get::<_, Count>("active")?.0,
            },
            problem: row.get("problem")?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Whether any directory is known: without one nobody is looked up.
pub(super) fn any_directory(t: &Transaction<'_>) -> Result<bool, rusqlite::Error> {
    t.prepare_cached("SELECT EXISTS (SELECT 1 FROM directories)")?
        .query_row([], |row| row.get(0))
}

fn remove(t: &Transaction<'_>, name: &Name) -> Result<(), StoreError> {
    for table in ["person_keys", "people"] {
        t.prepare_cached(&format!("DELETE FROM {table} WHERE directory = ?1"))?
            .execute([name.as_str()])?;
    }
    Ok(())
}

fn put_directory(
    t: &Transaction<'_>,
    new: &NewDirectory,
    now: Timestamp,
) -> Result<Tally, StoreError> {
    let name = &new.directory.name;
    remove(t, name)?;
    t.prepare_cached(
        "INSERT OR REPLACE INTO directories (name, file, by, digest, as_of, read_at, max_age, people,
             active)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 0, 0)",
    )?
    .execute(params![
        name.as_str(),
        new.file,
        new.by,
        new.digest,
        At(new.as_of),
        At(now),
        new.directory.max_age.as_secs(),
    ])?;
    let tally = people::read(&new.text, &new.directory, |person| put(t, name, &person))?;
    t.prepare_cached("UPDATE directories SET people = ?2, active = ?3 WHERE name = ?1")?
        .execute(params![
            name.as_str(),
            Count(tally.people),
            Count(tally.active)
        ])?;
    Ok(tally)
}

fn put(t: &Transaction<'_>, directory: &Name, person: &Person) -> Result<(), StoreError> {
    t.prepare_cached(
        "INSERT INTO people (directory, line, email, user_name, external_user_id, employee_id,
             display_name, department, cost_center, company, country, manager, active, class)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
    )?
    .execute(params![
        directory.as_str(),
        Count(person.line),
        person.email,
        person.user_name,
        person.external_user_id,
        person.employee_id,
        person.display_name,
        person.department,
        person.cost_center,
        person.company,
        person.country,
        person.manager,
        person.active,
        person.class.as_str(),
    ])?;
    let single = [
        (MatchField::Email, &person.email),
        (MatchField::UserName, &person.user_name),
        (MatchField::ExternalUserId, &person.external_user_id),
        (MatchField::EmployeeId, &person.employee_id),
    ];
    let single = single
        .into_iter()
        .filter_map(|(field, value)| Some((field, value.as_ref()?)));
    let aliases = person.aliases.iter().map(|one| (MatchField::Aliases, one));
    let mut key = t.prepare_cached(
        "INSERT OR IGNORE INTO person_keys (directory, field, value, line) VALUES (?1, ?2, ?3, ?4)",
    )?;
    for (field, value) in single.chain(aliases) {
        if let Some(value) = folded(value) {
            key.execute(params![
                directory.as_str(),
                field.as_str(),
                value,
                Count(person.line)
            ])?;
        }
    }
    Ok(())
}

fn resolve_all(t: &Transaction<'_>) -> Result<(), StoreError> {
    let mut profiles = t.prepare_cached("SELECT id FROM profiles ORDER BY id")?;
    let profiles: Vec<i64> = profiles
        .query_map([], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    for profile in profiles {
        resolve(t, ProfileId(profile))?;
    }
    Ok(())
}

/// Finds the people behind the users of a profile. Only what changed is written.
pub(super) fn resolve(t: &Transaction<'_>, profile: ProfileId) -> Result<(), StoreError> {
    if !any_directory(t)? {
        t.prepare_cached("DELETE FROM resolved_users WHERE profile_id = ?1")?
            .execute([profile.0])?;
        return Ok(());
    }
    let rules = rules(t)?;
    let mut finder = Finder::new(t)?;
    let mut users = t.prepare_cached(
        "SELECT external_user_id, max(email) FROM main.subscriptions WHERE profile_id = ?1
         GROUP BY external_user_id",
    )?;
    let mut put = t.prepare_cached(
        "INSERT INTO resolved_users
             (profile_id, external_user_id, outcome, directory, line, matched_by, found)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
         ON CONFLICT (profile_id, external_user_id) DO UPDATE SET
             outcome = excluded.outcome, directory = excluded.directory, line = excluded.line,
             matched_by = excluded.matched_by, found = excluded.found
         WHERE (outcome, directory, line, matched_by, found) IS NOT (excluded.outcome,
             excluded.directory, excluded.line, excluded.matched_by, excluded.found)",
    )?;
    let mut forget = t.prepare_cached(
        "DELETE FROM resolved_users WHERE profile_id = ?1 AND external_user_id = ?2",
    )?;
    let mut rows = users.query([profile.0])?;
    while let Some(row) = rows.next()? {
        let (user, email): (String, String) = (row.get(0)?, row.get(1)?);
        match finder.find(&rules, &email, &user)? {
            Some(found) => {
                put.execute(params![
                    profile.0,
                    user,
                    if found.people == 1 { "resolved" } else { "tie" },
                    found.directory,
                    found.line,
                    found.matched_by,
                    Count(found.people),
                ])?;
            }
            None => {
                forget.execute(params![profile.0, user])?;
            }
        }
    }
    t.prepare_cached(
        "DELETE FROM resolved_users AS r WHERE profile_id = ?1 AND NOT EXISTS (
             SELECT 1 FROM main.subscriptions AS s
             WHERE s.profile_id = r.profile_id AND s.external_user_id = r.external_user_id)",
    )?
    .execute([profile.0])?;
    Ok(())
}

/// The rules of each directory that was taken, by name.
fn rules(t: &Transaction<'_>) -> Result<Vec<(String, Vec<Resolution>)>, StoreError> {
    let mut statement = t.prepare_cached(
        "SELECT d.document FROM documents AS d JOIN directories AS taken ON taken.name = d.name
         WHERE d.kind = 'UserDirectory' ORDER BY d.name",
    )?;
    let rows = statement.query_map([], |row| Ok(row.get::<_, Json<Document>>(0)?.0))?;
    let mut rules = Vec::new();
    for document in rows {
        if let Document::UserDirectory(directory) = document? {
            rules.push((directory.name.to_string(), directory.resolution));
        }
    }
    Ok(rules)
}

/// Who was found.
struct Found {
    directory: String,
    line: i64,
    matched_by: String,
    people: u64,
}

struct Finder<'t> {
    lookup: CachedStatement<'t>,
}

impl<'t> Finder<'t> {
    fn new(t: &'t Transaction<'_>) -> Result<Self, StoreError> {
        let lookup = t.prepare_cached(
            "SELECT min(line), count(*) FROM person_keys
             WHERE directory = ?1 AND field = ?2 AND value = ?3 HAVING count(*) > 0",
        )?;
        Ok(Self { lookup })
    }

    /// Whom the rules find: in each directory by the first that finds somebody. Several are a tie, be they in
    /// one directory or in two: nobody guesses.
    fn find(
        &mut self,
        rules: &[(String, Vec<Resolution>)],
        email: &str,
        user: &str,
    ) -> Result<Option<Found>, StoreError> {
        let mut all: Option<Found> = None;
        for (directory, rules) in rules {
            let Some(found) = self.within(directory, rules, email, user)? else {
                continue;
            };
            match &mut all {
                Some(first) => first.people += found.people,
                None => all = Some(found),
            }
        }
        Ok(all)
    }

    fn within(
        &mut self,
        directory: &str,
        rules: &[Resolution],
        email: &str,
        user: &str,
    ) -> Result<Option<Found>, StoreError> {
        for rule in rules {
            let Some(wanted) = rule.wanted(email, user) else {
                continue;
            };
            let found: Option<(i64, Count)> = self
                .lookup
                .query_row(params![directory, rule.r#match.as_str(), wanted], |row| {
                    Ok((row.get(0)?, row.get(1)?))
                })
                .optional()?;
            if let Some((line, people)) = found {
                return Ok(Some(Found {
                    directory: directory.to_owned(),
                    line,
                    matched_by: rule.shown(),
                    people: people.0,
                }));
            }
        }
        Ok(None)
    }
}
