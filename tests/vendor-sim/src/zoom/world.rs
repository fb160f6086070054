//! The account's users: the generated ones, and over them an overlay of what was changed since.
//! Each change keeps its time, so that a read which lags behind sees the state before it.

use std::collections::BTreeMap;
use std::ops::{Range, RangeInclusive};
use std::sync::Arc;

use crate::zoom::activity::{REACH, Session, day_of};
use crate::zoom::generate::{DAY, Generator};
use crate::zoom::traits::Traits;
use crate::zoom::user::{Status, User};

/// A state of a user from `at` on, in milliseconds since 1970.
#[derive(Debug, Clone)]
pub(crate) struct Version {
    pub(crate) at: i64,
    pub(crate) user: User,
}

/// The account's users.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) generator: Generator,
    overlay: BTreeMap<u32, Vec<Version>>,
    /// Addresses given by edits, in lower case.
    emails: BTreeMap<String, u32>,
    /// Sessions reported by the control surface, on top of the generated ones.
    hosted: BTreeMap<u32, Vec<Session>>,
    /// Logins reported by the control surface.
    logins: BTreeMap<u32, i64>,
    next_index: u32,
}

impl World {
    pub(crate) fn new(generator: Generator) -> Self {
        Self {
            next_index: generator.layout.former.end,
            generator,
            overlay: BTreeMap::new(),
            emails: BTreeMap::new(),
            hosted: BTreeMap::new(),
            logins: BTreeMap::new(),
        }
    }

    /// A user as of `at` (milliseconds), also when they are gone.
    pub(crate) fn user_at(&self, index: u32, at: i64) -> Option<User> {
        let edited = self
            .overlay
            .get(&index)
            .and_then(|versions| versions.iter().rev().find(|version| version.at <= at))
            .map(|version| version.user.clone());
        let mut user = edited.or_else(|| self.generator.user(index))?;
        user.last_login = self.last_login(index, at.div_euclid(1000));
        Some(user)
    }

    fn last_login(&self, index: u32, now: i64) -> Option<i64> {
        let reported = self.logins.get(&index).copied().filter(|at| *at <= now);
        let generated = self
            .generator
            .traits(index)
            .and_then(|traits| self.generator.last_login(&traits, now));
        match (generated, reported) {
            // The three-day buffer.
            (Some(known), Some(newer)) if newer <= known + 3 * 86_400 => Some(known),
            (known, newer) => newer.or(known),
        }
    }

    /// The states a user went through, the generated one excluded.
    pub(crate) fn versions(&self, index: u32) -> &[Version] {
        self.overlay.get(&index).map_or(&[], Vec::as_slice)
    }

    /// Every user who was changed or added.
    pub(crate) fn edited(&self) -> impl Iterator<Item = u32> + '_ {
        self.overlay.keys().copied()
    }

    /// Changes a user from `at` (milliseconds) on.
    pub(crate) fn edit(&mut self, index: u32, at: i64, change: impl FnOnce(&mut User)) {
        let Some(mut user) = self.user_at(index, i64::MAX) else {
            return;
        };
        let before = user.email.to_lowercase();
        change(&mut user);
        let after = user.email.to_lowercase();
        if before != after {
            self.emails.insert(after, index);
        }
        self.overlay
            .entry(index)
            .or_default()
            .push(Version { at, user });
    }

    /// Adds a user; `describe` gets a plain Basic member with the new row's id.
    pub(crate) fn add(&mut self, at: i64, describe: impl FnOnce(&mut User)) -> u32 {
        let index = self.next_index;
        self.next_index += 1;
        let mut user = self.generator.blank(index, at.div_euclid(1000));
        describe(&mut user);
        self.emails.insert(user.email.to_lowercase(), index);
        self.overlay.insert(index, vec![Version { at, user }]);
        index
    }

    /// Notes that a user hosted, or is going to host, something.
    pub(crate) fn host(&mut self, index: u32, session: Session) {
        let sessions = self.hosted.entry(index).or_default();
        sessions.push(session);
        sessions.sort_by_key(|session| session.start);
    }

    /// Notes a sign-in.
    pub(crate) fn sign_in(&mut self, index: u32, at: i64) {
        self.logins.insert(index, at);
    }

    /// The row of an id or an address, as of `at`; for an address, one in use goes first.
    pub(crate) fn find(&self, key: &str, at: i64) -> Option<User> {
        let named = |index: u32| {
            self.user_at(index, at)
                .filter(|user| user.id == key || user.email.eq_ignore_ascii_case(key))
        };
        if key.contains('@') {
            let edited = self.emails.get(&key.to_lowercase()).copied();
            let generated = self.generator.index_of_email(key);
            let found = [edited, generated].into_iter().flatten().filter_map(named);
            return found.min_by_key(|user| user.status);
        }
        self.generator.index_of_id(key).and_then(named)
    }

    /// The row of an employee's number.
    pub(crate) fn find_employee(&self, number: &str, at: i64) -> Option<User> {
        let row = number.strip_prefix('E')?.parse::<u32>().ok()?;
        let index = row.checked_sub(100_000)? / 7;
        self.user_at(index, at)
            .filter(|user| user.employee_id.as_deref() == Some(number))
    }

    /// The traits of a row that may host, whether generated or added.
    pub(crate) fn traits(&self, index: u32) -> Option<Traits> {
        self.generator.traits(index)
    }

    /// Calls `each` with every session that a user holds on the days given. A user who is not
    /// active, or has lost what it takes, holds none from then on.
    pub(crate) fn sessions(
        &self,
        index: u32,
        days: RangeInclusive<i64>,
        mut each: impl FnMut(Session),
    ) {
        let versions = self.versions(index);
        let mut allowed = |session: Session| {
            let effective = versions
                .iter()
                .rev()
                .find(|version| version.at <= session.start * 1000);
            let holds = effective.is_none_or(|version| {
                let user = &version.user;
                user.status == Status::Active
                    && user.may_host()
                    && (!session.is_webinar() || user.features.webinar.is_some())
            });
            if holds {
                each(session);
            }
        };
        for session in self.hosted.get(&index).into_iter().flatten() {
            if days.contains(&day_of(session.start)) {
                allowed(session.clone());
            }
        }
        if let Some(traits) = self.traits(index) {
            self.generator.sessions(&traits, days, allowed);
        }
    }

    /// The latest meeting and webinar of a user that ended by `now` (seconds).
    pub(crate) fn last_sessions(&self, index: u32, now: i64) -> (Option<Session>, Option<Session>) {
        let traits = self.traits(index);
        if self.versions(index).is_empty() && !self.hosted.contains_key(&index) {
            return traits.map_or((None, None), |traits| {
                self.generator.last_sessions(&traits, now)
            });
        }
        let (mut meeting, mut webinar): (Option<Session>, Option<Session>) = (None, None);
        let today = day_of(now);
        self.sessions(index, today - REACH..=today, |session| {
            let latest = if session.is_webinar() {
                &mut webinar
            } else {
                &mut meeting
            };
            let newer = latest
                .as_ref()
                .is_none_or(|known| known.end() < session.end());
            if session.end() <= now && newer {
                *latest = Some(session);
            }
        });
        (meeting, webinar)
    }

    /// Calls `each` with the sign-ins and sign-outs of a user on a day.
    pub(crate) fn sign_ins(&self, index: u32, day: i64, mut each: impl FnMut(i64, &'static str)) {
        let blocked = self
            .versions(index)
            .iter()
            .rev()
            .find(|version| version.at <= day * DAY * 1000)
            .is_some_and(|version| version.user.status != Status::Active);
        if blocked {
            return;
        }
        if let Some(traits) = self.traits(index) {
            self.generator.sign_ins(&traits, day, |time| {
                each(time, "Sign in");
                // Many leave the client signed in.
                if time % 3 == 0 {
                    each(time + 14_400, "Sign out");
                }
            });
        }
        if let Some(at) = self.logins.get(&index).filter(|at| day_of(**at) == day) {
            each(*at, "Sign in");
        }
    }

    /// Everybody of one status as of `at`, in a fixed order.
    pub(crate) fn roster(&self, status: Status, rooms: bool, at: i64) -> Roster {
        let layout = &self.generator.layout;
        let base = match status {
            Status::Active if rooms => layout.people.start..layout.rooms.end,
            Status::Active => layout.people.clone(),
            Status::Inactive => layout.inactive.clone(),
            Status::Pending => layout.pending.clone(),
            Status::Gone => layout.former.clone(),
        };
        let mut left = Vec::new();
        let mut joined = Vec::new();
        for (index, versions) in &self.overlay {
            let effective = versions.iter().rev().find(|version| version.at <= at);
            let Some(version) = effective else { continue };
            let belongs = version.user.status == status && (rooms || !version.user.room);
            match (base.contains(index), belongs) {
                (true, false) => left.push(*index),
                (false, true) => joined.push(*index),
                _ => {}
            }
        }
        Roster::new(&[base], &left, &joined)
    }

    /// Everybody whom a report may name: all who are or were in the account and ever accepted.
    pub(crate) fn hosts(&self) -> Roster {
        let layout = &self.generator.layout;
        let base = [0..layout.inactive.end, layout.former.clone()];
        let added: Vec<u32> = self
            .overlay
            .keys()
            .copied()
            .filter(|index| *index >= layout.former.end || layout.pending.contains(index))
            .collect();
        Roster::new(&base, &[], &added)
    }
}

/// An ordered set of rows with cheap access by position.
#[derive(Debug, Clone, Default)]
pub(crate) struct Roster {
    /// Each run of rows with the position of its first.
    runs: Arc<[(u32, Range<u32>)]>,
    length: u32,
}

impl Roster {
    fn new(base: &[Range<u32>], left: &[u32], joined: &[u32]) -> Self {
        let mut runs = Vec::new();
        let mut length = 0;
        let mut push = |run: Range<u32>| {
            if !run.is_empty() {
                runs.push((length, run.clone()));
                length += run.end - run.start;
            }
        };
        for range in base {
            let mut start = range.start;
            for gone in left.iter().filter(|index| range.contains(index)) {
                push(start..*gone);
                start = gone + 1;
            }
            push(start..range.end);
        }
        for index in joined {
            push(*index..index + 1);
        }
        Self {
            runs: runs.into(),
            length,
        }
    }

    /// The rows given, in their order.
    pub(crate) fn of(rows: impl Iterator<Item = u32>) -> Self {
        let mut runs: Vec<(u32, Range<u32>)> = Vec::new();
        let mut length = 0;
        for row in rows {
            match runs.last_mut() {
                Some((_, run)) if run.end == row => run.end += 1,
                _ => runs.push((length, row..row + 1)),
            }
            length += 1;
        }
        Self {
            runs: runs.into(),
            length,
        }
    }

    pub(crate) const fn len(&self) -> u32 {
        self.length
    }

    /// The row at a position.
    pub(crate) fn nth(&self, position: u32) -> Option<u32> {
        if position >= self.length {
            return None;
        }
        let after = self.runs.partition_point(|(first, _)| *first <= position);
        let (first, run) = self.runs.get(after.checked_sub(1)?)?;
        Some(run.start + (position - first))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_roster_counts_around_those_who_left_and_joined() {
        let roster = Roster::new(&[0..5, 8..10], &[0, 3, 9], &[20, 21]);
        let rows: Vec<u32> = (0..roster.len()).filter_map(|at| roster.nth(at)).collect();
        assert_eq!(rows, [1, 2, 4, 8, 20, 21]);
        assert_eq!(roster.nth(6), None);
        assert_eq!(Roster::default().nth(0), None);
    }
}
