//! The account: its people and who holds which licence.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::goto::activity::{Habit, Kind, Recorded, signed};
use crate::goto::cast::Cast;
use crate::goto::licenses::Plan;
use crate::goto::options::Population;
use crate::people::NamePair;
use crate::random::{Ppm, below, draw};

/// The account's key, beyond what a double holds exactly.
pub(crate) const ACCOUNT: u128 = 4_266_846_632_996_939_781;
/// The key of the second account, where there is one.
pub(crate) const SECOND_ACCOUNT: u128 = 4_266_846_632_996_955_007;
/// A key beyond 64 bits, as one was seen.
const LONG_KEY: u128 = 78_888_886_011_013_972_886_849_029;
const FIRST_KEY: u128 = 4_266_846_632_996_900_001;
/// An odd factor permutes the names.
const NAME_STRIDE: u64 = 12_345;

/// How a user stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    Active,
    Invited,
    Suspended,
}

/// Licences as they were, until the change has spread.
#[derive(Debug, Clone)]
pub(crate) struct Former {
    pub(crate) plans: Vec<Plan>,
    pub(crate) status: Status,
    /// Milliseconds since 1970.
    pub(crate) until: i64,
}

/// Somebody of the account.
#[derive(Debug, Clone)]
pub(crate) struct Person {
    pub(crate) key: u128,
    pub(crate) first: Cow<'static, str>,
    pub(crate) last: Cow<'static, str>,
    pub(crate) email: String,
    pub(crate) status: Status,
    pub(crate) roles: Vec<String>,
    pub(crate) plans: Vec<Plan>,
    pub(crate) former: Option<Former>,
    pub(crate) habit: Habit,
    /// What they ever could do; history outlives a licence.
    pub(crate) kinds: Vec<Kind>,
    pub(crate) recorded: Vec<Recorded>,
    /// Seconds since 1970.
    pub(crate) created: i64,
    pub(crate) deleted: bool,
    /// Counts up when lines are lost for good.
    pub(crate) lines: u32,
    /// When the phone licence was taken, in seconds since 1970.
    pub(crate) lines_lost: Option<i64>,
}

impl Person {
    pub(crate) fn name(&self) -> String {
        format!("{} {}", self.first, self.last)
    }

    pub(crate) fn has_line(&self) -> bool {
        !self.deleted
            && self.status != Status::Invited
            && self.plans.iter().any(|plan| plan.has_lines())
    }

    /// Plans and status as lists of users tell them at `now`, in milliseconds since 1970.
    pub(crate) fn shown(&self, now: i64) -> (&[Plan], Status) {
        match &self.former {
            Some(former) if former.until > now => (&former.plans, former.status),
            _ => (&self.plans, self.status),
        }
    }

    pub(crate) fn holds(&self, plan: Plan) -> bool {
        self.plans.contains(&plan)
    }
}

/// Everybody.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) seed: u64,
    people: Vec<Person>,
    rows: BTreeMap<u128, u32>,
    /// Rows in the order of the list; those who are gone are not in it.
    order: Vec<u32>,
}

impl World {
    /// Makes an account of `users` people, as of `start`, in seconds since 1970.
    pub(crate) fn new(seed: u64, users: u32, population: &Population, start: i64) -> Self {
        let mut world = Self {
            seed,
            people: Vec::new(),
            rows: BTreeMap::new(),
            order: Vec::new(),
        };
        for member in Cast::ALL.into_iter().take(users as usize) {
            world.push(Self::member(member, start));
        }
        let cast = u32::try_from(Cast::ALL.len()).unwrap_or(u32::MAX);
        for row in cast..users {
            world.push(world.somebody(row, population, start));
        }
        world
    }

    fn member(member: Cast, start: i64) -> Person {
        let part = member.part();
        let mut person = blank(member.row(), part.first.into(), part.last.into());
        // The namesake's address is another one.
        let mailbox = if member == Cast::OtherNamesake {
            "sam.same2".to_owned()
        } else {
            format!("{}.{}", part.first, part.last).to_lowercase()
        };
        person.email = format!("{mailbox}@example.com");
        person.plans = part.plans.to_vec();
        person.kinds = kinds_of(&person.plans);
        person.habit = (part.habit)(start.div_euclid(86_400));
        person.roles = part.roles.iter().map(|role| (*role).to_owned()).collect();
        person.created = start - 400 * 86_400;
        person.status = match member {
            Cast::Invited => Status::Invited,
            Cast::Suspended => Status::Suspended,
            _ => Status::Active,
        };
        if member == Cast::WebinarOrganizer {
            person.key = LONG_KEY;
        }
        person
    }

    fn somebody(&self, row: u32, population: &Population, start: i64) -> Person {
        let random = |purpose| draw(self.seed, u64::from(row), purpose);
        let share = |purpose, share| Ppm::of(share).holds(random(purpose));
        let pair = NamePair::nth(u64::from(row).wrapping_mul(NAME_STRIDE));
        let mut person = blank(row, pair.first.into(), pair.last.into());
        person.email = format!("{}.{row}@example.com", pair.mailbox());
        let assist = [Plan::RemoteSupport, Plan::SeeIt, Plan::ServiceDesk];
        let which = usize::try_from(below(random(7), 3)).unwrap_or_default();
        let chosen = [
            (share(1, population.meeting), Plan::Meeting),
            (share(2, population.webinar), Plan::Webinar),
            (share(3, population.connect), Plan::Connect),
            (share(4, population.training), Plan::Training),
            (share(5, population.assist), assist[which]),
            (share(6, population.openvoice), Plan::OpenVoice),
        ];
        person.plans = chosen
            .into_iter()
            .filter_map(|(held, plan)| held.then_some(plan))
            .collect();
        person.kinds = kinds_of(&person.plans);
        person.created = start - (30 + signed(below(random(8), 2000))) * 86_400;
        let today = start.div_euclid(86_400);
        person.habit = if share(9, population.busy) {
            Habit::Busy
        } else if share(10, 0.5) {
            Habit::Stopped {
                on: today - 20 - signed(below(random(11), 150)),
            }
        } else {
            Habit::Never
        };
        if share(12, population.invited) {
            person.status = Status::Invited;
            person.habit = Habit::Never;
        } else if share(13, population.suspended) {
            person.status = Status::Suspended;
            person.plans.clear();
            person.habit = Habit::Never;
        }
        person
    }

    fn push(&mut self, person: Person) {
        let row = u32::try_from(self.people.len()).unwrap_or(u32::MAX);
        self.rows.insert(person.key, row);
        self.order.push(row);
        self.people.push(person);
    }

    /// A person by row.
    pub(crate) fn person(&self, row: u32) -> Option<&Person> {
        self.people.get(row as usize)
    }

    /// The same, to be changed.
    pub(crate) fn person_mut(&mut self, row: u32) -> Option<&mut Person> {
        self.people.get_mut(row as usize)
    }

    /// The row behind a key, of those who are in the account.
    pub(crate) fn find(&self, key: u128) -> Option<u32> {
        let row = *self.rows.get(&key)?;
        self.person(row).filter(|person| !person.deleted)?;
        Some(row)
    }

    /// The row of an address, whoever is gone included.
    pub(crate) fn by_email(&self, email: &str) -> Option<u32> {
        let at = self
            .people
            .iter()
            .position(|person| person.email.eq_ignore_ascii_case(email))?;
        u32::try_from(at).ok()
    }

    /// The rows in the order of the list.
    pub(crate) fn order(&self) -> &[u32] {
        &self.order
    }

    /// Everybody in the order of the list.
    pub(crate) fn everybody(&self) -> impl Iterator<Item = (u32, &Person)> {
        self.order
            .iter()
            .filter_map(|row| Some((*row, self.person(*row)?)))
    }

    /// Adds somebody at the end or, for a row that shifts those after it, at the front. An address
    /// that was here before comes back with its key.
    pub(crate) fn add(&mut self, email: &str, names: (&str, &str), front: bool, now: i64) -> u32 {
        if let Some(row) = self.by_email(email) {
            let gone = self.person(row).is_some_and(|person| person.deleted);
            if let Some(person) = self.person_mut(row).filter(|_| gone) {
                person.deleted = false;
                person.status = Status::Active;
                self.order.push(row);
            }
            return row;
        }
        let row = u32::try_from(self.people.len()).unwrap_or(u32::MAX);
        let (first, last) = names;
        let mut person = blank(row, first.to_owned().into(), last.to_owned().into());
        email.clone_into(&mut person.email);
        person.created = now;
        self.push(person);
        if front {
            self.order.rotate_right(1);
        }
        row
    }

    /// Takes somebody out of the account.
    pub(crate) fn remove(&mut self, row: u32) {
        if let Some(person) = self.person_mut(row) {
            person.deleted = true;
            person.plans.clear();
        }
        self.order.retain(|known| *known != row);
    }

    /// Gives somebody a licence.
    pub(crate) fn give(&mut self, row: u32, plan: Plan, now: i64) {
        if let Some(person) = self.person_mut(row).filter(|person| !person.holds(plan)) {
            let lost = person.lines_lost.take().filter(|_| plan.has_lines());
            if lost.is_some_and(|at| now - at > 7 * 86_400) {
                person.lines += 1;
            }
            person.plans.push(plan);
            person.former = None;
            for kind in kinds_of(&[plan]) {
                if !person.kinds.contains(&kind) {
                    person.kinds.push(kind);
                }
            }
            if person.status == Status::Suspended {
                person.status = Status::Active;
            }
        }
    }

    /// Takes a licence away; lists of users go on to show it until `until`, in milliseconds.
    pub(crate) fn take(&mut self, row: u32, plan: Plan, now: i64, until: i64) {
        if let Some(person) = self.person_mut(row) {
            person.former = Some(Former {
                plans: person.plans.clone(),
                status: person.status,
                until,
            });
            person.plans.retain(|held| *held != plan);
            if plan.has_lines() {
                person.lines_lost = Some(now);
            }
            if person.plans.is_empty() && person.status == Status::Active {
                person.status = Status::Suspended;
            }
        }
    }
}

fn blank(row: u32, first: Cow<'static, str>, last: Cow<'static, str>) -> Person {
    Person {
        key: FIRST_KEY + u128::from(row) * 7,
        first,
        last,
        email: String::new(),
        status: Status::Active,
        roles: Vec::new(),
        plans: Vec::new(),
        former: None,
        habit: Habit::Never,
        kinds: Vec::new(),
        recorded: Vec::new(),
        created: 0,
        deleted: false,
        lines: 0,
        lines_lost: None,
    }
}

fn kinds_of(plans: &[Plan]) -> Vec<Kind> {
    let mut kinds = Vec::new();
    for plan in plans {
        for product in plan.products() {
            let kind = match *product {
                "G2M" => Kind::Meeting,
                "G2W" => Kind::Webinar,
                "G2T" => Kind::Training,
                "JIVE" => Kind::Call,
                "G2ARS" => Kind::Support,
                _ => continue,
            };
            if !kinds.contains(&kind) {
                kinds.push(kind);
            }
        }
    }
    kinds
}
