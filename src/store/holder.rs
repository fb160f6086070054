//! The users of seats and who they are: what `seatsync users list` shows.

use rusqlite::{Row, params};
use serde::{Deserialize, Serialize};

use super::column::{Count, Word};
use super::{Store, StoreError};
use crate::profile::name::Name;
use crate::profile::user_directory::AccountClass;

/// Which users are asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HolderFilter {
    /// All of them.
    #[default]
    All,
    /// Those whom no rule finds.
    Unresolved,
    /// Those for whom several people are found.
    Ties,
    /// People who left.
    Left,
    /// Accounts of programs, and of several people.
    Accounts,
}

impl HolderFilter {
    fn condition(self) -> &'static str {
        match self {
            Self::All => "true",
            Self::Unresolved => "r.outcome IS NULL",
            Self::Ties => "r.outcome = 'tie'",
            Self::Left => LEFT,
            Self::Accounts => "h.class IN ('service', 'shared')",
        }
    }
}

const LEFT: &str = "h.active = 0 AND h.class = 'human'";

/// How a user was looked for in the directories.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// One person was found.
    Resolved,
    /// Several were: nobody guesses.
    Tie,
    /// None was.
    Unresolved,
}

impl Outcome {
    /// The word in listings.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Resolved => "resolved",
            Self::Tie => "tie",
            Self::Unresolved => "unresolved",
        }
    }
}

/// What a directory says of a person.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonFacts {
    /// The name for people.
    pub display_name: Option<String>,
    /// The personnel number.
    pub employee_id: Option<String>,
    /// The department.
    pub department: Option<String>,
    /// The cost centre.
    pub cost_center: Option<String>,
    /// The company.
    pub company: Option<String>,
    /// The country.
    pub country: Option<String>,
    /// The manager's e-mail address.
    pub manager: Option<String>,
    /// Whether the person is with us, where the directory says so.
    pub active: Option<bool>,
    /// Whose account it is.
    pub class: AccountClass,
}

/// Where a person, or the first of several, was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The UserDirectory.
    pub directory: String,
    /// The line of its file; the header is line 1.
    pub line: u64,
    /// The rule that found it.
    pub matched_by: String,
    /// How many people were found.
    pub found: u64,
}

/// A user who holds seats.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeatUser {
    /// In which profile.
    pub profile: Name,
    /// The vendor's id.
    pub external_user_id: String,
    /// As the vendor has it.
    pub email: String,
    /// How many seats.
    pub seats: u64,
    /// How the user was looked for.
    pub outcome: Outcome,
    /// Where somebody was found.
    pub origin: Option<Origin>,
    /// Who it is; only where it is one.
    pub person: Option<PersonFacts>,
}

/// How many users there are of each kind, and how many seats they hold.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HolderCounts {
    /// One person was found.
    pub resolved: u64,
    /// Several were.
    pub ties: u64,
    /// None was.
    pub unresolved: u64,
    /// Seats of users whom no rule finds.
    pub unresolved_seats: u64,
    /// People who left and hold seats.
    pub left: u64,
    /// Accounts of programs and of several people.
    pub accounts: u64,
}

const JOINED: &str = "LEFT JOIN resolved_users AS r ON r.profile_id = s.profile_id
         AND r.external_user_id = s.external_user_id
     LEFT JOIN people AS h ON r.outcome = 'resolved' AND h.directory = r.directory
         AND h.line = r.line";

impl Store {
    /// Users who hold seats, by profile and the vendor's id, those after `after`.
    pub async fn seat_users(
        &self,
        profile: Option<Name>,
        filter: HolderFilter,
        after: Option<(String, String)>,
        limit: u32,
    ) -> Result<Vec<SeatUser>, StoreError> {
        self.database
            .read("list users", move |t| {
                let (after_profile, after_user) = after.unwrap_or_default();
                let mut profiles = t.prepare_cached(
                    "SELECT id, name FROM profiles
                     WHERE orphaned_at IS NULL AND (?1 IS NULL OR name = ?1) AND name >= ?2
                     ORDER BY name",
                )?;
                let narrow = params![profile.map(String::from), after_profile];
                let profiles = profiles.query_map(narrow, |row| Ok((row.get(0)?, row.get(1)?)))?;
                let profiles: Vec<(i64, String)> = profiles.collect::<Result<_, _>>()?;
                // A profile at a time: in the order of the index of its users, so that a page reads
                // no more seats than are on it.
                let mut statement = t.prepare_cached(&format!(
                    "SELECT p.name, s.external_user_id, max(s.email), count(*), r.outcome,
                         r.directory, r.line, r.matched_by, r.found, h.display_name, h.employee_id,
                         h.department, h.cost_center, h.company, h.country, h.manager, h.active,
                         h.class
                     FROM subscriptions AS s JOIN profiles AS p ON p.id = s.profile_id {JOINED}
                     WHERE s.profile_id = ?1 AND s.external_user_id > ?2 AND s.ended_at IS NULL
                         AND {}
                     GROUP BY s.external_user_id ORDER BY s.external_user_id LIMIT ?3",
                    filter.condition()
                ))?;
                let mut users: Vec<SeatUser> = Vec::new();
                let mut room = limit;
                for (id, name) in profiles {
                    let is_begun = name == after_profile;
                    let after = if is_begun { after_user.as_str() } else { "" };
                    let rows = statement.query_map(params![id, after, room], user)?;
                    let before = users.len();
                    users.extend(rows.collect::<Result<Vec<_>, _>>()?);
                    let read = u32::try_from(users.len() - before).unwrap_or(u32::MAX);
                    room = room.saturating_sub(read);
                }
                Ok(users)
            })
            .await
    }

    /// How many users there are of each kind.
    pub async fn holder_counts(&self, profile: Option<Name>) -> Result<HolderCounts, StoreError> {
        self.database
            .read("count users", move |t| {
                let user = "p.name || ' ' || s.external_user_id";
                let counts = t
                    .prepare_cached(&format!(
                        "SELECT count(DISTINCT {user}) FILTER (WHERE r.outcome = 'resolved'),
                             count(DISTINCT {user}) FILTER (WHERE r.outcome = 'tie'),
                             count(DISTINCT {user}) FILTER (WHERE r.outcome IS NULL),
                             count(*) FILTER (WHERE r.outcome IS NULL),
                             count(DISTINCT {user}) FILTER (WHERE {LEFT}),
                             count(DISTINCT {user}) FILTER (WHERE h.class <> 'human')
                         FROM subscriptions AS s JOIN profiles AS p ON p.id = s.profile_id {JOINED}
                         WHERE s.ended_at IS NULL AND p.orphaned_at IS NULL
                             AND (?1 IS NULL OR p.name = ?1)"
                    ))?
                    .query_row([profile.map(|name| name.to_string())], |row| {
                        let count =
                            |column| Ok::<_, rusqlite::Error>(row.get::<_, Count>(column)?.0);
                        Ok(HolderCounts {
                            resolved: count(0)?,
                            ties: count(1)?,
                            unresolved: count(2)?,
                            unresolved_seats: count(3)?,
                            left: count(4)?,
                            accounts: count(5)?,
                        })
                    })?;
                Ok(counts)
            })
            .await
    }
}

fn user(row: &Row<'_>) -> rusqlite::Result<SeatUser> {
    let outcome = match row.get::<_, Option<String>>(4)?.as_deref() {
        Some("resolved") => Outcome::Resolved,
        Some(_) => Outcome::Tie,
        None => Outcome::Unresolved,
    };
    let origin = match outcome {
        Outcome::Unresolved => None,
        Outcome::Resolved | Outcome::Tie => Some(Origin {
            directory: row.get(5)?,
            line: row.get::<_, Count>(6)?.0,
            matched_by: row.get(7)?,
            found: row.get::<_, Count>(8)?.0,
        }),
    };
    let class: Option<Word<AccountClass>> = row.get(17)?;
    let person = match class {
        Some(class) => Some(PersonFacts {
            display_name: row.get(9)?,
            employee_id: row.get(10)?,
            department: row.get(11)?,
            cost_center: row.get(12)?,
            company: row.get(13)?,
            country: row.get(14)?,
            manager: row.get(15)?,
            active: row.get(16)?,
            class: class.0,
        }),
        None => None,
    };
    Ok(SeatUser {
        profile: row.get::<_, Word<_>>(0)?.0,
        external_user_id: row.get(1)?,
        email: row.get(2)?,
        seats: row.get::<_, Count>(3)?.0,
        outcome,
        origin,
        person,
    })
}
