//! The account's users: the generated ones, and over them an overlay of what was changed since.
//! Each change keeps its time, so that a list which lags behind a write shows the state before it.

use std::collections::BTreeMap;

use crate::aha::generate::Generator;
use crate::aha::user::User;

/// A state of a user from `at` on, in milliseconds since 1970.
#[derive(Debug, Clone)]
struct Version {
    at: i64,
    user: User,
}

/// The account's users.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) generator: Generator,
    /// The rows that the list shows, in its order.
    listed: Vec<u32>,
    overlay: BTreeMap<u32, Vec<Version>>,
    /// Sign-ins reported by the control surface, in seconds.
    sign_ins: BTreeMap<u32, i64>,
    next_row: u32,
}

/// Where in the list a new user stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// Before everybody.
    First,
    /// After everybody.
    #[default]
    Last,
}

impl World {
    pub(crate) fn new(generator: Generator) -> Self {
        let users = generator.users();
        Self {
            generator,
            listed: (0..users).collect(),
            overlay: BTreeMap::new(),
            sign_ins: BTreeMap::new(),
            next_row: users,
        }
    }

    /// How many users the list has.
    pub(crate) fn len(&self) -> usize {
        self.listed.len()
    }

    /// The rows at these places of the list.
    pub(crate) fn page(&self, first: usize, size: usize) -> &[u32] {
        let rest = self.listed.get(first..).unwrap_or_default();
        rest.get(..size).unwrap_or(rest)
    }

    /// A row of the list as of `at` (milliseconds).
    pub(crate) fn user(&self, row: u32, at: i64) -> Option<User> {
        let changed = self
            .overlay
            .get(&row)
            .and_then(|versions| versions.iter().rev().find(|version| version.at <= at))
            .map(|version| version.user.clone());
        let seconds = at.div_euclid(1000);
        let generated = self.generator.user(row, seconds);
        let accessed = generated.as_ref().and_then(|user| user.accessed);
        let mut user = changed.or(generated)?;
        if user.enabled {
            user.accessed = accessed.or(user.accessed);
        }
        let reported = self.sign_ins.get(&row).copied();
        user.accessed = reported.filter(|at| *at <= seconds).max(user.accessed);
        Some(user)
    }

    /// Everybody in the list as of `at`.
    pub(crate) fn users(&self, at: i64) -> impl Iterator<Item = User> + '_ {
        self.listed
            .iter()
            .filter_map(move |row| self.user(*row, at))
    }

    /// Who has this id, or this address in any capitals.
    pub(crate) fn find(&self, key: &str, at: i64) -> Option<User> {
        if key.contains('@') {
            return self
                .users(at)
                .find(|user| user.email.eq_ignore_ascii_case(key));
        }
        let row = self.generator.row_of(key)?;
        let listed = self.listed.contains(&row);
        listed.then(|| self.user(row, at)).flatten()
    }

    /// Changes a user from `at` (milliseconds) on.
    pub(crate) fn edit(&mut self, row: u32, at: i64, change: impl FnOnce(&mut User)) {
        let Some(mut user) = self.user(row, at) else {
            return;
        };
        change(&mut user);
        user.updated = at.div_euclid(1000);
        self.overlay
            .entry(row)
            .or_default()
            .push(Version { at, user });
    }

    /// Adds a user; `describe` gets a plain member.
    pub(crate) fn add(&mut self, at: i64, place: Place, describe: impl FnOnce(&mut User)) -> u32 {
        let row = self.next_row;
        self.next_row += 1;
        let mut user = self.generator.blank(row, at.div_euclid(1000));
        describe(&mut user);
        self.overlay.insert(row, vec![Version { at, user }]);
        match place {
            Place::First => self.listed.insert(0, row),
            Place::Last => self.listed.push(row),
        }
        row
    }

    /// Deletes a user for good; whether there was one.
    pub(crate) fn remove(&mut self, row: u32) -> bool {
        let before = self.listed.len();
        self.listed.retain(|listed| *listed != row);
        self.listed.len() < before
    }

    /// Notes a sign-in at `at` (seconds).
    pub(crate) fn sign_in(&mut self, row: u32, at: i64) {
        self.sign_ins.insert(row, at);
    }
}
