//! Seats as everybody reads them: who holds what, since when, used when, excluded or protected by
//! which entry. [`super::merge`] and [`super::add_on`] write them.

use jiff::Timestamp;
use jiff::civil::Date;
use rusqlite::{Row, params};
use serde::{Deserialize, Serialize};

use super::column::{At, Count, Day, Word};
use super::{Store, StoreError};
use crate::connector::facts::{Grade, Seat};
use crate::profile::folding::folded_address;
use crate::profile::name::Name;

/// An entry of an exclusion or protection list that means a seat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MatchedEntry {
    /// Where it is written.
    pub rule: String,
    /// Why, in the team's words.
    pub reason: String,
    /// The last day it holds.
    pub expires: Option<Date>,
    /// Since when it means this seat.
    pub since: Timestamp,
}

/// The latest use of a seat.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastActivity {
    /// The UTC day.
    pub day: Date,
    /// How much it proves.
    pub grade: Grade,
}

/// Where a seat was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SeatSource {
    /// In the vendor's lists.
    Walk,
    /// In a call per user.
    AddOn,
}

/// A recorded seat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subscription {
    /// Ours; stays when an invitation becomes a user.
    pub id: i64,
    /// Of which profile.
    pub profile: Name,
    /// As the vendor told it last.
    #[serde(flatten)]
    pub seat: Seat,
    /// Where it was read.
    pub source: SeatSource,
    /// When it was first there.
    pub first_seen: Timestamp,
    /// When it was there last: the last complete walk that had it.
    pub last_seen: Option<Timestamp>,
    /// When standing, role, suite or payment last changed.
    pub changed_at: Timestamp,
    /// When it was found gone.
    pub ended_at: Option<Timestamp>,
    /// What found it gone: `download`, `add_on_check` or `reclaim`.
    pub ended_by: Option<String>,
    /// Its latest use, of whichever grade is later.
    pub last_activity: Option<LastActivity>,
    /// The latest use that took place by the vendor's own report.
    pub last_hosted: Option<Date>,
    /// The exclusion that takes it out.
    pub excluded: Option<MatchedEntry>,
    /// The entry that protects it.
    pub protected: Option<MatchedEntry>,
}

/// Which seats a listing wants, by whether they are there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Presence {
    /// Those that are there.
    #[default]
    Held,
    /// Those that ended.
    Ended,
    /// All.
    Any,
}

/// Which seats a listing wants; what is `None` does not narrow it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SubscriptionFilter {
    /// Of this profile.
    pub profile: Option<Name>,
    /// Of this identifier, as text: an unknown one finds nothing.
    pub identifier: Option<String>,
    /// Of this user, by the vendor's id or by e-mail address in any case.
    pub user: Option<String>,
    /// Excluded ones, or the others.
    pub excluded: Option<bool>,
    /// Whether they are there.
    pub presence: Presence,
}

/// An identifier of one profile, counted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdentifierCount {
    /// Of which profile.
    pub profile: Name,
    /// Which.
    pub identifier: String,
    /// Seats that are there.
    pub seats: u64,
    /// Of those, the ones that count against what was bought.
    pub paid: u64,
    /// Of those that are there, the excluded ones.
    pub excluded: u64,
    /// Of those that are there, the ones with any known use.
    pub with_activity: u64,
    /// Seats bought, where the vendor says so.
    pub bought: Option<u64>,
    /// Seats assigned, as the vendor counts them.
    pub assigned: Option<u64>,
}

const SELECT: &str = "
    SELECT s.*, p.name AS profile,
        CASE s.source WHEN 'walk' THEN (
                SELECT max(w.ended_at) FROM walks AS w
                WHERE w.profile_id = s.profile_id AND w.verdict = 'complete')
            ELSE (SELECT c.checked_at FROM user_checks AS c
                WHERE c.profile_id = s.profile_id AND c.what = 'add_ons'
                  AND c.external_user_id = s.external_user_id) END AS still_seen,
        coalesce(im.rule, ux.rule) AS ex_rule, coalesce(im.reason, ux.reason) AS ex_reason,
        coalesce(im.expires, ux.expires) AS ex_expires, coalesce(im.since, ux.since) AS ex_since,
        up.rule AS pr_rule, up.reason AS pr_reason, up.expires AS pr_expires, up.since AS pr_since
    FROM subscriptions AS s
    JOIN profiles AS p ON p.id = s.profile_id
    LEFT JOIN identifier_matches AS im ON im.profile_id = s.profile_id
        AND im.identifier = s.identifier AND im.lifted_at IS NULL
    LEFT JOIN user_matches AS ux ON ux.profile_id = s.profile_id
        AND ux.external_user_id = s.external_user_id AND ux.purpose = 'exclusion'
        AND ux.pattern = (SELECT min(pattern) FROM user_matches AS m
            WHERE m.profile_id = s.profile_id AND m.external_user_id = s.external_user_id
              AND m.purpose = 'exclusion' AND m.lifted_at IS NULL)
    LEFT JOIN user_matches AS up ON up.profile_id = s.profile_id
        AND up.external_user_id = s.external_user_id AND up.purpose = 'protection'
        AND up.pattern = (SELECT min(pattern) FROM user_matches AS m
            WHERE m.profile_id = s.profile_id AND m.external_user_id = s.external_user_id
              AND m.purpose = 'protection' AND m.lifted_at IS NULL)";

impl Store {
    /// Seats in the order of their numbers, after the one with number `after`, at most `limit`.
    pub async fn subscriptions(
        &self,
        filter: SubscriptionFilter,
        after: Option<i64>,
        limit: u32,
    ) -> Result<Vec<Subscription>, StoreError> {
        self.database
            .read("list subscriptions", move |t| {
                let mut statement = t.prepare_cached(&format!(
                    "{SELECT}
                     WHERE s.id > ?1
                       AND (?2 IS NULL OR p.name = ?2)
                       AND (?3 IS NULL OR s.identifier = ?3)
                       AND (?4 IS NULL OR s.external_user_id = ?4
                            OR coalesce(s.email_folded, s.email) = ?5)
                       AND (?6 IS NULL OR (coalesce(im.rule, ux.rule) IS NOT NULL) = ?6)
                       AND (?7 = 'any' OR (s.ended_at IS NULL) = (?7 = 'held'))
                     ORDER BY s.id LIMIT ?8"
                ))?;
                let rows = statement.query_map(
                    params![
                        after.unwrap_or(0),
                        filter.profile.map(String::from),
                        filter.identifier,
                        filter.user,
                        filter.user.as_deref().map(folded_address),
                        filter.excluded,
                        Word(filter.presence),
                        limit,
                    ],
                    subscription_of,
                )?;
                Ok(rows.collect::<Result<_, _>>()?)
            })
            .await
    }

    /// Identifiers with their counts, of one profile or of all.
    pub async fn identifiers(
        &self,
        profile: Option<Name>,
    ) -> Result<Vec<IdentifierCount>, StoreError> {
        self.database
            .read("count identifiers", move |t| {
                let mut statement = t.prepare_cached(
                    "SELECT p.name, s.identifier, count(*), sum(s.paid),
                         sum(im.rule IS NOT NULL OR EXISTS (
                             SELECT 1 FROM user_matches AS m
                             WHERE m.profile_id = s.profile_id
                               AND m.external_user_id = s.external_user_id
                               AND m.purpose = 'exclusion' AND m.lifted_at IS NULL)),
                         sum(coalesce(s.last_hosted_day, s.last_listed_day) IS NOT NULL),
                         b.bought, b.assigned
                     FROM subscriptions AS s
                     JOIN profiles AS p ON p.id = s.profile_id
                     LEFT JOIN identifier_matches AS im ON im.profile_id = s.profile_id
                         AND im.identifier = s.identifier AND im.lifted_at IS NULL
                     LEFT JOIN purchases AS b ON b.profile_id = s.profile_id
                         AND b.identifier = s.identifier
                     WHERE s.ended_at IS NULL AND (?1 IS NULL OR p.name = ?1)
                     GROUP BY p.name, s.identifier ORDER BY p.name, s.identifier",
                )?;
                let rows = statement.query_map([profile.map(String::from)], |row| {
                    Ok(IdentifierCount {
                        profile: row.get::<_, Word<_>>(0)?.0,
                        identifier: row.get(1)?,
                        seats: row.get::<_, Count>(2)?.0,
                        paid: row.get::<_, Count>(3)?.0,
                        excluded: row.get::<_, Count>(4)?.0,
                        with_activity: row.get::<_, Count>(5)?.0,
                        bought: row.get::<_, Option<Count>>(6)?.map(|count| count.0),
                        assigned: row.get::<_, Option<Count>>(7)?.map(|count| count.0),
                    })
                })?;
                Ok(rows.collect::<Result<_, _>>()?)
            })
            .await
    }
}

/// The seat of a row of `subscriptions`.
pub(super) fn seat_of(row: &Row<'_>) -> rusqlite::Result<Seat> {
    let instant = |column: &str| -> rusqlite::Result<Option<Timestamp>> {
        Ok(row.get::<_, Option<At>>(column)?.map(|at| at.0))
    };
    Ok(Seat {
        external_user_id: row.get("external_user_id")?,
        identifier: row.get::<_, Word<_>>("identifier")?.0,
        email: row.get("email")?,
        display_name: row.get("display_name")?,
        department: row.get("department")?,
        status: row.get::<_, Word<_>>("status")?.0,
        role: row.get::<_, Word<_>>("role")?.0,
        user_created_at: instant("user_created_at")?,
        last_login_at: instant("last_login_at")?,
        bundled: row.get("bundled")?,
        paid: row.get("paid")?,
        may_have_add_ons: row.get("may_have_add_ons")?,
    })
}

fn subscription_of(row: &Row<'_>) -> rusqlite::Result<Subscription> {
    let instant = |column: &str| -> rusqlite::Result<Option<Timestamp>> {
        Ok(row.get::<_, Option<At>>(column)?.map(|at| at.0))
    };
    let day = |column: &str| -> rusqlite::Result<Option<Date>> {
        Ok(row.get::<_, Option<Day>>(column)?.map(|day| day.0))
    };
    let last_hosted = day("last_hosted_day")?;
    let last_listed = day("last_listed_day")?;
    let ended_at = instant("ended_at")?;
    let still_seen = instant("still_seen")?;
    Ok(Subscription {
        id: row.get("id")?,
        profile: row.get::<_, Word<_>>("profile")?.0,
        seat: seat_of(row)?,
        source: row.get::<_, Word<_>>("source")?.0,
        first_seen: row.get::<_, At>("first_seen")?.0,
        last_seen: if ended_at.is_some() {
            instant("last_seen")?
        } else {
            still_seen
        },
        changed_at: row.get::<_, At>("changed_at")?.0,
        ended_at,
        ended_by: row.get("ended_by")?,
        last_activity: latest(last_hosted, last_listed),
        last_hosted,
        excluded: matched_entry(row, "ex")?,
        protected: matched_entry(row, "pr")?,
    })
}

/// The later of the two; of the same day, the one that proves more.
fn latest(hosted: Option<Date>, listed: Option<Date>) -> Option<LastActivity> {
    let hosted = hosted.map(|day| LastActivity {
        day,
        grade: Grade::Hosted,
    });
    let listed = listed.map(|day| LastActivity {
        day,
        grade: Grade::Listed,
    });
    hosted
        .into_iter()
        .chain(listed)
        .max_by_key(|activity| (activity.day, activity.grade))
}

fn matched_entry(row: &Row<'_>, prefix: &str) -> rusqlite::Result<Option<MatchedEntry>> {
    let column = |name: &str| format!("{prefix}_{name}");
    let Some(rule) = row.get::<_, Option<String>>(column("rule").as_str())? else {
        return Ok(None);
    };
    let expires: Option<Word<Date>> = row.get(column("expires").as_str())?;
    Ok(Some(MatchedEntry {
        rule,
        reason: row.get(column("reason").as_str())?,
        expires: expires.map(|day| day.0),
        since: row.get::<_, At>(column("since").as_str())?.0,
    }))
}
