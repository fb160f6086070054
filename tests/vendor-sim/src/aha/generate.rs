//! From a row's number to the whole user, and from an id back to its row, so that no table of
//! 200,000 users is kept.

use crate::aha::cast::Cast;
use crate::aha::options::Population;
use crate::aha::user::{AdministratorRoles, PRODUCTS, ProductRole, User};
use crate::people::{NamePair, PAIRS, TIME_ZONES};
use crate::random::{Ppm, below, draw, pick};

/// Seconds of a day.
pub(crate) const DAY: i64 = 86_400;

/// Ids of users who came before the change to 64-bit ids, and of those who came after.
const SHORT_IDS: u64 = 16_000_000;
const LONG_IDS: u64 = 6_776_881_149_000_000_000;
/// Between the ids of two rows.
const SHORT_STEP: u64 = 3;
const LONG_STEP: u64 = 1_000_003;

/// What a draw is for.
#[derive(Clone, Copy)]
enum For {
    Disabled = 1,
    Paid,
    Habit,
    IdleDays,
    Age,
    Hour,
    Zone,
    Role,
    Products,
    Grouped,
    Group,
    Develop,
    SignOn,
    LongId,
}

/// When somebody uses the product.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Habit {
    /// On every day, at an hour of their own.
    Daily,
    /// So many days before the start for the last time; negative lies ahead.
    Ago(i64),
    Never,
}

/// The account as it was generated.
#[derive(Debug, Clone)]
pub(crate) struct Generator {
    seed: u64,
    users: u32,
    /// The day of the start, in days since 1970.
    anchor_day: i64,
    population: Population,
}

impl Generator {
    pub(crate) const fn new(seed: u64, users: u32, population: Population, start: i64) -> Self {
        Self {
            seed,
            users,
            anchor_day: start.div_euclid(DAY),
            population,
        }
    }

    /// How many rows were generated.
    pub(crate) const fn users(&self) -> u32 {
        self.users
    }

    fn draw(&self, row: u32, purpose: For) -> u64 {
        draw(self.seed, u64::from(row), purpose as u64)
    }

    fn holds(&self, row: u32, purpose: For, share: f64) -> bool {
        Ppm::of(share).holds(self.draw(row, purpose))
    }

    /// A row's id.
    pub(crate) fn id(&self, row: u32) -> String {
        let long = match Cast::at(row, self.users) {
            Some(Cast::ShortId) => false,
            Some(Cast::LongId) => true,
            _ => !self.draw(row, For::LongId).is_multiple_of(3),
        };
        let number = u64::from(row);
        let id = if long {
            LONG_IDS + number * LONG_STEP
        } else {
            SHORT_IDS + number * SHORT_STEP
        };
        id.to_string()
    }

    /// The row that an id was made from.
    pub(crate) fn row_of(&self, id: &str) -> Option<u32> {
        let number: u64 = id.parse().ok()?;
        let row = if number >= LONG_IDS {
            (number - LONG_IDS) / LONG_STEP
        } else {
            number.checked_sub(SHORT_IDS)? / SHORT_STEP
        };
        let row = u32::try_from(row).ok()?;
        (self.id(row) == id).then_some(row)
    }

    /// A generated row as of `now` (seconds); none beyond the generated ones.
    pub(crate) fn user(&self, row: u32, now: i64) -> Option<User> {
        (row < self.users).then(|| self.describe(row, now))
    }

    /// A row that an administrator adds: a member without any right, who never signed in.
    pub(crate) fn blank(&self, row: u32, now: i64) -> User {
        User {
            row,
            id: self.id(row),
            name: Some(self.name(row)),
            email: self.email(row),
            timezone: "UTC",
            created: now,
            updated: now,
            accessed: None,
            product_roles: Vec::new(),
            custom_role: false,
            enabled: true,
            paid_seat: false,
            develop_seat: false,
            administrator: AdministratorRoles::default(),
            group: None,
            single_sign_on: false,
        }
    }

    fn describe(&self, row: u32, now: i64) -> User {
        let cast = Cast::at(row, self.users);
        let created = self.created(row, cast);
        let paid_seat = match cast {
            Some(Cast::OtherTwin | Cast::DisabledFree | Cast::Reviewer) => false,
            Some(_) => true,
            None => self.holds(row, For::Paid, self.population.paid),
        };
        let enabled = match cast {
            Some(Cast::Disabled | Cast::DisabledFree) => false,
            Some(_) => true,
            None => !self.holds(row, For::Disabled, self.population.disabled),
        };
        let accessed = self.accessed(row, cast, now);
        User {
            row,
            id: self.id(row),
            name: (cast != Some(Cast::NoName)).then(|| self.name(row)),
            email: self.email(row),
            timezone: pick(self.draw(row, For::Zone), &TIME_ZONES).unwrap_or("UTC"),
            created,
            updated: accessed.unwrap_or(created).min(now).max(created),
            accessed,
            product_roles: self.product_roles(row, paid_seat),
            custom_role: cast == Some(Cast::CustomRole),
            enabled,
            paid_seat,
            develop_seat: paid_seat && self.holds(row, For::Develop, 0.2),
            administrator: administrator(cast),
            group: self.group(row, cast, paid_seat),
            single_sign_on: match cast {
                Some(Cast::SingleSignOn) => true,
                Some(_) => false,
                None => self.holds(row, For::SignOn, 0.5),
            },
        }
    }

    fn created(&self, row: u32, cast: Option<Cast>) -> i64 {
        let days = match cast {
            Some(Cast::NewAccount) => 10,
            Some(Cast::NeverSignedIn) => 730,
            Some(_) => 900,
            None => 30 + below(self.draw(row, For::Age), 2_500).cast_signed(),
        };
        (self.anchor_day - days) * DAY + 10 * 3600
    }

    fn habit(&self, row: u32, cast: Option<Cast>) -> Habit {
        match cast {
            Some(Cast::AccountOwner | Cast::TokenOwner | Cast::Member) => Habit::Daily,
            Some(Cast::LongIdle) => Habit::Ago(400),
            Some(Cast::NearlyIdle) => Habit::Ago(59),
            Some(Cast::NeverSignedIn | Cast::NewAccount) => Habit::Never,
            Some(Cast::FutureAccess) => Habit::Ago(-10),
            Some(_) => Habit::Ago(90),
            None => {
                let drawn = self.draw(row, For::Habit);
                let (daily, never) = (self.population.regular, self.population.never_signed_in);
                if Ppm::of(daily).holds(drawn) {
                    Habit::Daily
                } else if Ppm::of(daily + never).holds(drawn) {
                    Habit::Never
                } else {
                    Habit::Ago(1 + below(self.draw(row, For::IdleDays), 365).cast_signed())
                }
            }
        }
    }

    /// The last access as of `now`.
    fn accessed(&self, row: u32, cast: Option<Cast>, now: i64) -> Option<i64> {
        let time = 7 * 3600 + below(self.draw(row, For::Hour), 11 * 3600).cast_signed();
        match self.habit(row, cast) {
            Habit::Never => None,
            Habit::Ago(days) => Some((self.anchor_day - days) * DAY + time),
            Habit::Daily => {
                let today = now.div_euclid(DAY) * DAY + time;
                Some(if today <= now { today } else { today - DAY })
            }
        }
    }

    fn product_roles(&self, row: u32, paid: bool) -> Vec<ProductRole> {
        let words: &[&str] = if paid {
            &["product_owner", "contributor", "developer"]
        } else {
            &["reviewer", "viewer"]
        };
        let word = pick(self.draw(row, For::Role), words).unwrap_or("viewer");
        let many = below(self.draw(row, For::Products), PRODUCTS.len() as u64);
        PRODUCTS
            .iter()
            .take(usize::try_from(many).unwrap_or_default())
            .filter_map(|(product, _)| ProductRole::by_word(word, product))
            .collect()
    }

    fn group(&self, row: u32, cast: Option<Cast>, paid: bool) -> Option<u32> {
        let groups = self.population.groups;
        if !paid || groups == 0 {
            return None;
        }
        match cast {
            Some(Cast::Grouped) => Some(0),
            Some(Cast::Ungrouped) if self.population.grouped < 1.0 => None,
            _ => self
                .holds(row, For::Grouped, self.population.grouped)
                .then(|| {
                    let drawn = below(self.draw(row, For::Group), u64::from(groups));
                    u32::try_from(drawn).unwrap_or_default()
                }),
        }
    }

    fn name_pair(&self, row: u32) -> NamePair {
        // An odd factor permutes the pairs.
        let shift = self.seed.wrapping_mul(7_919);
        NamePair::nth((u64::from(row).wrapping_mul(20_011).wrapping_add(shift)) % PAIRS)
    }

    fn name(&self, row: u32) -> String {
        let pair = self.name_pair(row);
        format!("{} {}", pair.first, pair.last)
    }

    fn email(&self, row: u32) -> String {
        if Cast::at(row, self.users) == Some(Cast::OtherTwin) {
            return capitals(&self.email(Cast::Twin.row()));
        }
        let mailbox = self.name_pair(row).mailbox();
        match u64::from(row) / PAIRS {
            0 => format!("{mailbox}@example.com"),
            again => format!("{mailbox}{}@example.com", again + 1),
        }
    }
}

fn administrator(cast: Option<Cast>) -> AdministratorRoles {
    let (account, billing, configuration) = match cast {
        Some(Cast::AccountOwner) => (true, true, true),
        Some(Cast::TokenOwner | Cast::SecondAdmin) => (true, false, true),
        Some(Cast::BillingAdmin) => (false, true, false),
        _ => (false, false, false),
    };
    AdministratorRoles {
        administer_account: account,
        administer_billing: billing,
        administer_configuration: configuration,
    }
}

/// `Jill.chill@example.com`, as people write it into forms.
fn capitals(email: &str) -> String {
    let mut letters = email.chars();
    letters
        .next()
        .map(|first| first.to_ascii_uppercase())
        .into_iter()
        .chain(letters)
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn ids_lead_back_to_their_rows_and_addresses_are_unique_but_for_the_twins() {
        let generator = Generator::new(5, 70_000, Population::default(), 1_772_000_000);
        let mut emails = BTreeSet::new();
        let mut lengths = BTreeSet::new();
        for row in 0..70_000 {
            let id = generator.id(row);
            lengths.insert(id.len());
            assert_eq!(generator.row_of(&id), Some(row));
            emails.insert(generator.email(row));
        }
        assert_eq!(emails.len(), 70_000);
        assert_eq!(lengths, BTreeSet::from([8, 19]));
        let lower: BTreeSet<String> = emails.iter().map(|email| email.to_lowercase()).collect();
        assert_eq!(lower.len(), 69_999);
        for other in [
            "",
            "x",
            "1",
            "16000001",
            "6776881149000000001",
            "99999999999999999999",
        ] {
            assert_eq!(generator.row_of(other), None, "{other}");
        }
    }
}
