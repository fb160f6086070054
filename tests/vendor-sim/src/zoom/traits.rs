//! The cheap part of a generated user: what they are and how they behave, as plain numbers. Reports
//! over a whole account look only at this; names and addresses are built by
//! [`generate`](super::generate) for the rows that are sent.

use crate::random::{Ppm, below, draw};
use crate::zoom::cast::Cast;
use crate::zoom::options::{LARGE_MEETING_CAPACITIES, Population};
use crate::zoom::user::{Status, User};

/// What the hash of a row is drawn for; each purpose gives independent numbers.
#[derive(Debug, Clone, Copy)]
pub(crate) enum For {
    Id = 1,
    Kind,
    Webinar,
    LargeMeeting,
    Events,
    Phone,
    Bundle,
    Age,
    Hosting,
    Lapse,
    Weekdays,
    Style,
    WebinarHabit,
    SignIn,
    Role,
    Group,
    Domain,
    Letters,
    Department,
    Job,
    Place,
    Client,
    Number,
    Sessions,
    SessionShape,
    SessionId,
    Schedule,
    Attribute,
    Extras,
    Workplace,
    Products,
}

/// The shares of the [`Population`] in whole numbers.
#[derive(Debug, Clone)]
pub(crate) struct Shares {
    hosts: Ppm,
    licensed: Ppm,
    webinar: Ppm,
    large_meeting: Ppm,
    events: Ppm,
    phone: Ppm,
    bundle: Ppm,
    never_signed_in: Ppm,
    new_accounts: Ppm,
    workplace: Ppm,
}

impl From<&Population> for Shares {
    fn from(population: &Population) -> Self {
        Self {
            hosts: Ppm::of(population.hosts),
            licensed: Ppm::of(population.licensed),
            webinar: Ppm::of(population.webinar),
            large_meeting: Ppm::of(population.large_meeting),
            events: Ppm::of(population.events),
            phone: Ppm::of(population.phone),
            bundle: Ppm::of(population.bundle),
            never_signed_in: Ppm::of(population.never_signed_in),
            new_accounts: Ppm::of(population.new_accounts),
            workplace: Ppm::of(population.workplace),
        }
    }
}

/// Which group of rows an index falls into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kin {
    Person,
    Room,
    Inactive,
    Pending,
    Former,
}

/// What a user is and does. Days are counted from 1970-01-01 in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact about a person that is independent of the others"
)]
pub(crate) struct Traits {
    pub(crate) index: u32,
    pub(crate) status: Status,
    pub(crate) room: bool,
    pub(crate) kind: u64,
    pub(crate) role: Role,
    pub(crate) webinar: Option<u32>,
    pub(crate) large_meeting: Option<u32>,
    pub(crate) events: Option<u32>,
    pub(crate) upcoming_event: bool,
    pub(crate) phone: bool,
    pub(crate) queue_manager: bool,
    pub(crate) bundle: Option<BundleKind>,
    /// Has products and add-ons of Zoom Workplace assigned one by one.
    pub(crate) workplace: bool,
    pub(crate) created_day: i64,
    pub(crate) hosting: Hosting,
    /// Working days with Monday in the lowest bit.
    pub(crate) weekdays: u8,
    pub(crate) instant_only: bool,
    pub(crate) solo: bool,
    pub(crate) webinars: Webinars,
    pub(crate) sign_in: SignIn,
    /// Has a scheduled meeting that never takes place.
    pub(crate) stale_schedule: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Owner,
    Admin,
    Member,
    /// One of the account's own roles.
    Custom(u8),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BundleKind {
    ZoomOne(u64),
    United,
}

/// When a user hosts meetings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hosting {
    /// On their working days, for as long as the simulation runs.
    Regular,
    /// The same until that day, on which they hosted for the last time.
    Until(i64),
    /// The same until the first day, and once more on the second.
    UntilThenOn(i64, i64),
    Never,
}

/// When a user hosts webinars.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Webinars {
    /// Every `period` days, until the given day if one is set.
    Every {
        period: i64,
        phase: i64,
        until: Option<i64>,
    },
    Never,
}

/// When a user signs in: on a first day, then every `period` days, with further sign-ins on the
/// two days after each. The further ones fall within Zoom's three-day buffer and so do not move
/// the last-login time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SignIn {
    Every {
        period: i64,
        phase: i64,
        until: Option<i64>,
    },
    Never,
}

/// Draws the traits of rows.
#[derive(Debug, Clone)]
pub(crate) struct Drawer {
    pub(crate) seed: u64,
    /// The day the simulation starts.
    pub(crate) anchor_day: i64,
    pub(crate) people: u32,
    pub(crate) shares: Shares,
}

impl Drawer {
    pub(crate) fn draw(&self, index: u32, purpose: For) -> u64 {
        draw(self.seed, u64::from(index), purpose as u64)
    }

    fn days(&self, index: u32, purpose: For, from: i64, to: i64) -> i64 {
        let span = u64::try_from(to - from + 1).unwrap_or(1);
        from + i64::try_from(below(self.draw(index, purpose), span)).unwrap_or_default()
    }

    /// The traits of a row.
    pub(crate) fn traits(&self, index: u32, kin: Kin) -> Traits {
        let mut traits = self.ordinary(index, kin);
        match kin {
            Kin::Person => {
                if let Some(member) = Cast::at(index, self.people) {
                    self.play(member, &mut traits);
                }
            }
            Kin::Room => {
                traits.room = true;
                traits.kind = User::LICENSED;
                self.never_hosts(&mut traits);
            }
            Kin::Inactive => {
                traits.status = Status::Inactive;
                traits.kind = User::BASIC;
                self.strip(&mut traits);
                self.ends_on(&mut traits, self.days(index, For::Lapse, -300, -40));
            }
            Kin::Pending => {
                traits.status = Status::Pending;
                self.strip(&mut traits);
                self.never_hosts(&mut traits);
                traits.sign_in = SignIn::Never;
            }
            Kin::Former => {
                traits.status = Status::Gone;
                traits.created_day = traits.created_day.min(self.anchor_day - 200);
                self.strip(&mut traits);
                self.ends_on(&mut traits, self.days(index, For::Lapse, -25, -3));
            }
        }
        traits
    }

    fn ordinary(&self, index: u32, kin: Kin) -> Traits {
        let draw = |purpose| self.draw(index, purpose);
        let shares = &self.shares;
        let age = if shares.new_accounts.holds(draw(For::Age)) && kin == Kin::Person {
            self.days(index, For::Age, 1, 29)
        } else {
            self.days(index, For::Age, 90, 3000)
        };
        let created_day = self.anchor_day - age;
        let licensed = shares.licensed.holds(draw(For::Kind));
        let events = (licensed && shares.events.holds(draw(For::Events))).then_some(500);
        // The two exclude each other (1204, 1205).
        let webinar = (licensed && events.is_none() && shares.webinar.holds(draw(For::Webinar)))
            .then(|| {
                if draw(For::Webinar).is_multiple_of(5) {
                    1000
                } else {
                    500
                }
            });
        let large_meeting =
            (licensed && shares.large_meeting.holds(draw(For::LargeMeeting))).then(|| {
                LARGE_MEETING_CAPACITIES[usize::from(draw(For::LargeMeeting).is_multiple_of(4))]
            });
        let bundle = (licensed && shares.bundle.holds(draw(For::Bundle))).then(|| {
            if draw(For::Bundle).is_multiple_of(3) {
                BundleKind::United
            } else {
                BundleKind::ZoomOne(16)
            }
        });
        let hosting = self.hosting(index, created_day);
        let style = below(draw(For::Style), 100);
        Traits {
            index,
            status: Status::Active,
            room: false,
            kind: if licensed {
                User::LICENSED
            } else {
                User::BASIC
            },
            role: self.role(index, kin),
            webinar,
            large_meeting,
            events,
            upcoming_event: events.is_some() && draw(For::Events).is_multiple_of(2),
            phone: licensed && shares.phone.holds(draw(For::Phone)),
            queue_manager: shares.phone.holds(draw(For::Phone)) && style == 99,
            bundle,
            workplace: shares.workplace.holds(draw(For::Workplace)),
            created_day,
            hosting,
            weekdays: weekdays(draw(For::Weekdays)),
            instant_only: style < 10,
            solo: (10..14).contains(&style),
            webinars: self.webinars(index, webinar.is_some()),
            sign_in: self.sign_in(index, hosting),
            stale_schedule: hosting != Hosting::Regular && (14..17).contains(&style),
        }
    }

    fn role(&self, index: u32, kin: Kin) -> Role {
        if kin != Kin::Person {
            return Role::Member;
        }
        match below(self.draw(index, For::Role), 1000) {
            0..=2 => Role::Admin,
            3..=6 => Role::Custom(0),
            7..=9 => Role::Custom(1),
            _ => Role::Member,
        }
    }

    fn hosting(&self, index: u32, created_day: i64) -> Hosting {
        if self.shares.hosts.holds(self.draw(index, For::Hosting)) {
            return Hosting::Regular;
        }
        let lapse = self.draw(index, For::Lapse);
        let last = self.anchor_day
            - if lapse.is_multiple_of(10) {
                self.days(index, For::Lapse, 31, 60)
            } else {
                self.days(index, For::Lapse, 61, 400)
            };
        if last <= created_day {
            return Hosting::Never;
        }
        match below(self.draw(index, For::Schedule), 100) {
            0..=44 => Hosting::Never,
            45..=49 => {
                let next = self.anchor_day + self.days(index, For::Schedule, 2, 25);
                Hosting::UntilThenOn(last, next)
            }
            _ => Hosting::Until(last),
        }
    }

    fn webinars(&self, index: u32, holder: bool) -> Webinars {
        if !holder {
            return Webinars::Never;
        }
        let habit = self.draw(index, For::WebinarHabit);
        let until = match below(habit, 10) {
            0..=5 => None,
            6..=7 => Some(self.anchor_day - self.days(index, For::WebinarHabit, 61, 300)),
            _ => return Webinars::Never,
        };
        let period = self.days(index, For::WebinarHabit, 7, 28);
        Webinars::Every {
            period,
            phase: i64::try_from(habit % 1000).unwrap_or_default() % period,
            until,
        }
    }

    fn sign_in(&self, index: u32, hosting: Hosting) -> SignIn {
        let habit = self.draw(index, For::SignIn);
        if hosting != Hosting::Regular && self.shares.never_signed_in.holds(habit) {
            return SignIn::Never;
        }
        let (period, until) = match hosting {
            Hosting::Regular => (4, None),
            _ if habit.is_multiple_of(5) => (4, None),
            _ if !habit.is_multiple_of(3) => (self.days(index, For::SignIn, 5, 14), None),
            Hosting::Until(day) | Hosting::UntilThenOn(day, _) => (6, Some(day + 5)),
            Hosting::Never => (
                9,
                Some(self.anchor_day - self.days(index, For::SignIn, 70, 700)),
            ),
        };
        SignIn::Every {
            period,
            phase: i64::try_from(habit % 1000).unwrap_or_default() % period,
            until,
        }
    }

    fn strip(&self, traits: &mut Traits) {
        traits.webinar = None;
        traits.large_meeting = None;
        traits.events = None;
        traits.upcoming_event = false;
        traits.phone = false;
        traits.queue_manager = false;
        traits.bundle = None;
        traits.workplace = false;
        traits.webinars = self.webinars(traits.index, false);
    }

    fn never_hosts(&self, traits: &mut Traits) {
        traits.hosting = Hosting::Never;
        traits.webinars = self.webinars(traits.index, false);
        traits.stale_schedule = false;
    }

    /// Hosted for the last time so many days after the start (before it, when negative).
    fn ends_on(&self, traits: &mut Traits, days_after_start: i64) {
        let day = self.anchor_day + days_after_start;
        traits.created_day = traits.created_day.min(day - 30);
        traits.hosting = Hosting::Until(day);
        traits.sign_in = SignIn::Every {
            period: 6,
            phase: day.rem_euclid(6),
            until: Some(day),
        };
        traits.stale_schedule = false;
    }
}

/// Two to five working days a week.
fn weekdays(random: u64) -> u8 {
    const PATTERNS: [u8; 8] = [
        0b001_1111, 0b001_1111, 0b000_1111, 0b001_0111, 0b000_0101, 0b001_0010, 0b000_1010,
        0b010_0110,
    ];
    PATTERNS[usize::try_from(below(random, 8)).unwrap_or_default()]
}
