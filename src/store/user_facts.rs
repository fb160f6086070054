//! Everything that is known of one user in one profile: what `explain` shows and what rules decide
//! from.

use jiff::Timestamp;
use jiff::civil::Date;
use rusqlite::params;
use serde::{Deserialize, Serialize};

use super::activity::{CoverageSpan, coverage_spans};
use super::column::{At, Count, Day, Word};
use super::document::ProfileId;
use super::staging::Purpose;
use super::subscription::{Presence, Subscription, SubscriptionFilter};
use super::walk::Walk;
use super::{Store, StoreError};
use crate::connector::facts::{ActivityKind, Grade};
use crate::profile::folding::folded_address;
use crate::profile::name::Name;

/// An entry that means the user or meant them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserEntryFact {
    /// `exclusion` or `protection`.
    pub purpose: String,
    /// The entry as written.
    pub pattern: String,
    /// Where it is written.
    pub rule: String,
    /// Why, in the team's words.
    pub reason: String,
    /// The last day it holds.
    pub expires: Option<Date>,
    /// Since when it means this user.
    pub since: Timestamp,
    /// When it stopped to.
    pub lifted_at: Option<Timestamp>,
}

/// A user's activity of one kind and grade.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserActivity {
    /// What.
    pub kind: ActivityKind,
    /// How much it proves.
    pub grade: Grade,
    /// The first day we know of.
    pub first_day: Date,
    /// The last day we know of.
    pub last_day: Date,
    /// Days with any.
    pub days: u64,
    /// How often in all.
    pub count: u64,
}

/// Everything that is known of one user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserFacts {
    /// Of which profile.
    pub profile: Name,
    /// As asked for.
    pub user: String,
    /// Every seat, ended ones included.
    pub seats: Vec<Subscription>,
    /// Every entry that means the user or meant them.
    pub entries: Vec<UserEntryFact>,
    /// What the user did, by kind and grade.
    pub activity: Vec<UserActivity>,
    /// When the user's add-ons were last asked for.
    pub add_ons_checked_at: Option<Timestamp>,
    /// Which days of the account are known.
    pub coverage: Vec<CoverageSpan>,
    /// The last complete walk.
    pub last_complete_walk: Option<Walk>,
    /// The last walk, when it did not count.
    pub walk_not_in_force: Option<Walk>,
}

impl Store {
    /// Everything that is known of a user, by the vendor's id or by e-mail address in any case.
    /// `None` when no seat of that user is recorded.
    pub async fn user_facts(
        &self,
        id: ProfileId,
        profile: &Name,
        user: &str,
    ) -> Result<Option<UserFacts>, StoreError> {
        let filter = SubscriptionFilter {
            profile: Some(profile.clone()),
            user: Some(user.to_owned()),
            presence: Presence::Any,
            ..SubscriptionFilter::default()
        };
        let seats = self.subscriptions(filter, None, 1_000).await?;
        let Some(first) = seats.first() else {
            return Ok(None);
        };
        let external_user_id = first.seat.external_user_id.clone();
        let email = folded_address(&first.seat.email);
        let last_complete_walk = self.last_complete_walk(id).await?;
        let last = self.last_walk(id).await?;
        let profile = profile.clone();
        let user = user.to_owned();
        self.database
            .read("read user", move |t| {
                let mut statement = t.prepare_cached(
                    "SELECT purpose, pattern, rule, reason, expires, since, lifted_at
                     FROM user_matches WHERE profile_id = ?1 AND external_user_id = ?2
                     ORDER BY purpose, pattern",
                )?;
                let entries = statement
                    .query_map(params![id.0, external_user_id], |row| {
                        Ok(UserEntryFact {
                            purpose: row.get(0)?,
                            pattern: row.get(1)?,
                            rule: row.get(2)?,
                            reason: row.get(3)?,
                            expires: row.get::<_, Option<Word<_>>>(4)?.map(|day| day.0),
                            since: row.get::<_, At>(5)?.0,
                            lifted_at: row.get::<_, Option<At>>(6)?.map(|at| at.0),
                        })
                    })?
                    .collect::<Result<_, _>>()?;
                let mut statement = t.prepare_cached(
                    "SELECT kind, grade, min(day), max(day), count(DISTINCT day), sum(count)
                     FROM activities
                     WHERE profile_id = ?1 AND user_key IN ('id:' || ?2, 'email:' || ?3)
                     GROUP BY kind, grade ORDER BY kind, grade",
                )?;
                let activity = statement
                    .query_map(params![id.0, external_user_id, email], |row| {
                        Ok(UserActivity {
                            kind: row.get::<_, Word<_>>(0)?.0,
                            grade: row.get::<_, Word<_>>(1)?.0,
                            first_day: row.get::<_, Day>(2)?.0,
                            last_day: row.get::<_, Day>(3)?.0,
                            days: row.get::<_, Count>(4)?.0,
                            count: row.get::<_, Count>(5)?.0,
                        })
                    })?
                    .collect::<Result<_, _>>()?;
                let checked: Option<At> = t
                    .prepare_cached(
                        "SELECT max(checked_at) FROM user_checks
                         WHERE profile_id = ?1 AND what = 'add_ons' AND external_user_id = ?2",
                    )?
                    .query_row(params![id.0, external_user_id], |row| row.get(0))?;
                Ok(Some(UserFacts {
                    profile,
                    user,
                    seats,
                    entries,
                    activity,
                    add_ons_checked_at: checked.map(|at| at.0),
                    coverage: coverage_spans(t, id)?,
                    walk_not_in_force: last
                        .filter(|last| last_complete_walk.as_ref().is_none_or(|w| w.id < last.id)),
                    last_complete_walk,
                }))
            })
            .await
    }
}

impl std::fmt::Display for Purpose {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}
