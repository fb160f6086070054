//! The ledger of activity as events: what a user did on a day, and the seats that it is use of. That is
//! ServiceNow's list of SaaS feature usage
//! (<https://www.servicenow.com/docs/r/it-asset-management/software-asset-management/saas-overlap.html>).

use std::collections::{BTreeSet, HashMap};
use std::fmt::Write as _;

use jiff::civil::Date;
use rusqlite::{Transaction, params};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::activity::Counting;
use super::column::{Count, Day, Word};
use super::{Store, StoreError};
use crate::connector::facts::{ActivityKind, Grade};
use crate::profile::identifier::Identifier;
use crate::profile::name::Name;

/// What a user did on a day, and a seat that it is use of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// The same for as long as the event is kept, and no other's.
    pub id: String,
    /// In which profile.
    pub profile: Name,
    /// The user as the vendor's report names them: by id, or by e-mail address.
    pub user: String,
    /// What: hosted a meeting, made a call, and so on.
    pub event: ActivityKind,
    /// How much it proves.
    pub grade: Grade,
    /// The UTC day.
    pub day: Date,
    /// How often on that day.
    pub count: u64,
    /// Our number of the seat; absent where the user holds none that it is use of.
    pub subscription: Option<i64>,
    /// The vendor's id of the seat's user.
    pub external_user_id: Option<String>,
    /// The e-mail address of the seat's user.
    pub email: Option<String>,
    /// What the seat is of.
    pub identifier: Option<Identifier>,
}

/// Which events a listing wants; what is `None` does not narrow it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventFilter {
    /// Of this profile.
    pub profile: Option<Name>,
    /// Of this user, by the vendor's id or by e-mail address in any case.
    pub user: Option<String>,
    /// Of this UTC day or a later one.
    pub since: Date,
}

/// Where an event stands among all: what a page goes on after.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct EventPlace {
    /// The profile.
    pub profile: String,
    /// The user, as the ledger has it.
    pub user_key: String,
    /// The word for what it is.
    pub kind: String,
    /// The word for its grade.
    pub grade: String,
    /// The day, counted from 1970-01-01.
    pub day: i64,
    /// The seat; 0 where there is none.
    pub seat: i64,
}

/// A row of the ledger.
struct Entry {
    user_key: String,
    kind: ActivityKind,
    grade: Grade,
    day: Date,
    count: u64,
}

/// A seat of somebody whom the ledger names.
struct NamedSeat {
    id: i64,
    identifier: Identifier,
    external_user_id: String,
    email: String,
    ended_on: Option<i64>,
}

/// Seats by the key that the ledger has for their user.
type Seats = HashMap<String, Vec<NamedSeat>>;

impl Store {
    /// Events by profile, user, kind, grade and day, those after `after`, each with its place.
    pub async fn events(
        &self,
        filter: EventFilter,
        counting: Counting,
        after: Option<EventPlace>,
        limit: u32,
    ) -> Result<Vec<(EventPlace, Event)>, StoreError> {
        self.database
            .read("list events", move |t| {
                let begun = after.as_ref().map_or("", |place| place.profile.as_str());
                let mut profiles = t.prepare_cached(
                    "SELECT id, name FROM profiles
                     WHERE orphaned_at IS NULL AND (?1 IS NULL OR name = ?1) AND name >= ?2
                     ORDER BY name",
                )?;
                let narrow = params![filter.profile.as_ref().map(Name::as_str), begun];
                let profiles = profiles.query_map(narrow, |row| {
                    Ok((row.get(0)?, row.get::<_, Word<Name>>(1)?.0))
                })?;
                let profiles: Vec<(i64, Name)> = profiles.collect::<Result<_, _>>()?;
                let mut found = Vec::new();
                for (id, profile) in profiles {
                    let after = after
                        .as_ref()
                        .filter(|place| place.profile == profile.as_str());
                    let room = (limit as usize).saturating_sub(found.len());
                    if room == 0 {
                        break;
                    }
                    let entries = entries(t, id, &filter, after, room)?;
                    let seats = seats(t, id, &entries)?;
                    let events = entries
                        .iter()
                        .flat_map(|entry| events(id, &profile, entry, &seats, counting));
                    let events =
                        events.filter(|(place, _)| after.is_none_or(|after| place > after));
                    found.extend(events.take(room));
                }
                Ok(found)
            })
            .await
    }
}

/// The rows of the ledger from the one of `after` on, which may have more seats than a page took; one
/// more than `room` for that.
fn entries(
    t: &Transaction<'_>,
    profile: i64,
    filter: &EventFilter,
    after: Option<&EventPlace>,
    room: usize,
) -> rusqlite::Result<Vec<Entry>> {
    let keys = match &filter.user {
        Some(user) => Some(serde_json::Value::from(keys_of(t, profile, user)?).to_string()),
        None => None,
    };
    let mut statement = t.prepare_cached(
        "SELECT user_key, kind, grade, day, count FROM activities
         WHERE profile_id = ?1 AND day >= ?2
             AND (?3 IS NULL OR user_key IN (SELECT value FROM json_each(?3)))
             AND (user_key, kind, grade, day) >= (?4, ?5, ?6, ?7)
         ORDER BY user_key, kind, grade, day LIMIT ?8",
    )?;
    let word = |of: fn(&EventPlace) -> &str| after.map_or("", of);
    let narrow = params![
        profile,
        Day(filter.since),
        keys,
        word(|place| &place.user_key),
        word(|place| &place.kind),
        word(|place| &place.grade),
        after.map_or(i64::MIN, |place| place.day),
        i64::try_from(room).unwrap_or(i64::MAX).saturating_add(1),
    ];
    let rows = statement.query_map(narrow, |row| {
        Ok(Entry {
            user_key: row.get(0)?,
            kind: row.get::<_, Word<_>>(1)?.0,
            grade: row.get::<_, Word<_>>(2)?.0,
            day: row.get::<_, Day>(3)?.0,
            count: row.get::<_, Count>(4)?.0,
        })
    })?;
    rows.collect()
}

/// What the ledger may call a user who is asked for.
fn keys_of(t: &Transaction<'_>, profile: i64, user: &str) -> rusqlite::Result<Vec<String>> {
    let folded = user.to_lowercase();
    let mut keys = BTreeSet::from([format!("id:{user}"), format!("email:{folded}")]);
    let mut statement = t.prepare_cached(
        "SELECT DISTINCT external_user_id, coalesce(email_folded, email) FROM subscriptions
         WHERE profile_id = ?1 AND (external_user_id = ?2 OR coalesce(email_folded, email) = ?3)",
    )?;
    let mut rows = statement.query(params![profile, user, folded])?;
    while let Some(row) = rows.next()? {
        keys.insert(format!("id:{}", row.get::<_, String>(0)?));
        keys.insert(format!("email:{}", row.get::<_, String>(1)?));
    }
    Ok(keys.into_iter().collect())
}

/// The seats of everybody whom the rows name. Those named by address cost one look at every seat of the
/// profile, whatever their number: no index has addresses.
fn seats(t: &Transaction<'_>, profile: i64, entries: &[Entry]) -> rusqlite::Result<Seats> {
    let mut seats = Seats::new();
    for (prefix, column) in [
        ("id:", "external_user_id"),
        ("email:", "coalesce(email_folded, email)"),
    ] {
        let named = entries
            .iter()
            .filter_map(|entry| entry.user_key.strip_prefix(prefix));
        let named: BTreeSet<&str> = named.collect();
        if named.is_empty() {
            continue;
        }
        let mut statement = t.prepare_cached(&format!(
            "SELECT {column}, id, identifier, external_user_id, email, ended_at / 86400000
             FROM subscriptions
             WHERE profile_id = ?1 AND {column} IN (SELECT value FROM json_each(?2)) ORDER BY id"
        ))?;
        let named = serde_json::Value::from_iter(named).to_string();
        let mut rows = statement.query(params![profile, named])?;
        while let Some(row) = rows.next()? {
            let key = format!("{prefix}{}", row.get::<_, String>(0)?);
            seats.entry(key).or_default().push(NamedSeat {
                id: row.get(1)?,
                identifier: row.get::<_, Word<_>>(2)?.0,
                external_user_id: row.get(3)?,
                email: row.get(4)?,
                ended_on: row.get(5)?,
            });
        }
    }
    Ok(seats)
}

/// One event for each seat that it is use of and that had not ended by then, or one without a seat.
fn events(
    profile_id: i64,
    profile: &Name,
    entry: &Entry,
    seats: &Seats,
    counting: Counting,
) -> Vec<(EventPlace, Event)> {
    let (_, user) = entry
        .user_key
        .split_once(':')
        .unwrap_or(("", &entry.user_key));
    let day = Day(entry.day).number();
    let placed = |seat: Option<&NamedSeat>| {
        let place = EventPlace {
            profile: profile.to_string(),
            user_key: entry.user_key.clone(),
            kind: entry.kind.as_str().to_owned(),
            grade: entry.grade.as_str().to_owned(),
            day,
            seat: seat.map_or(0, |seat| seat.id),
        };
        let event = Event {
            id: id_of(profile_id, &place),
            profile: profile.clone(),
            user: user.to_owned(),
            event: entry.kind,
            grade: entry.grade,
            day: entry.day,
            count: entry.count,
            subscription: seat.map(|seat| seat.id),
            external_user_id: seat.map(|seat| seat.external_user_id.clone()),
            email: seat.map(|seat| seat.email.clone()),
            identifier: seat.map(|seat| seat.identifier.clone()),
        };
        (place, event)
    };
    let of_user = seats.get(&entry.user_key).into_iter().flatten();
    let used = of_user.filter(|seat| {
        let was_there = seat.ended_on.is_none_or(|ended_on| ended_on >= day);
        was_there && counting(&seat.identifier).contains(&entry.kind)
    });
    let of_seats: Vec<_> = used.map(|seat| placed(Some(seat))).collect();
    if of_seats.is_empty() {
        vec![placed(None)]
    } else {
        of_seats
    }
}

/// A digest of what makes the event this one: by the profile's number, which a new name does not change.
fn id_of(profile: i64, place: &EventPlace) -> String {
    let whole = format!(
        "{profile}/{}/{}/{}/{}/{}",
        place.kind, place.grade, place.day, place.seat, place.user_key
    );
    let digest = Sha256::digest(whole);
    let mut id = String::new();
    for byte in digest.iter().take(16) {
        let _ = write!(id, "{byte:02x}");
    }
    id
}
