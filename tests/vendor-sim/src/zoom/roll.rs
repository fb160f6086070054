//! The truth about people, and edits to them, for the control surface: what an administrator at
//! Zoom would do, and what happened whatever the reports say.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::random::{draw, mix};
use crate::zoom::activity::Session;
use crate::zoom::products::Product;
use crate::zoom::service::State;
use crate::zoom::traits::For;
use crate::zoom::user::{Bundle, Status, User};

/// A user, as they truly are now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Person {
    /// The id; pending users have one too, which the API does not show.
    pub id: String,
    /// The address as the list of users writes it.
    pub email: String,
    /// `active`, `inactive`, `pending` or `gone`.
    pub status: String,
    /// Zoom's `type`.
    #[serde(rename = "type")]
    pub kind: u64,
    /// "0" owner, "1" admin, "2" member, else a custom role.
    pub role_id: String,
    /// Whether it is a Zoom Room.
    pub room: bool,
    /// The capacity of the webinar add-on.
    pub webinar: Option<u32>,
    /// The capacity of the large-meeting add-on.
    pub large_meeting: Option<u32>,
    /// The capacity of Zoom Events.
    pub events: Option<u32>,
    /// The capacity of Webinars Plus.
    pub webinars_plus: Option<u32>,
    /// Products and add-ons of Zoom Workplace that were assigned one by one.
    pub products: Vec<Product>,
    /// The number of a Zoom One bundle.
    pub zoom_one_type: Option<u64>,
    /// The kind of a Zoom United bundle.
    pub plan_united_type: Option<String>,
    /// When the account was made.
    pub created: Timestamp,
}

/// When somebody truly did something for the last time, up to now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Truth {
    /// The id.
    pub id: String,
    /// The address as the list of users writes it.
    pub email: String,
    /// The start of the last meeting that has ended.
    pub last_meeting: Option<Timestamp>,
    /// The start of the last webinar that has ended.
    pub last_webinar: Option<Timestamp>,
    /// The start of the next meeting or webinar in the calendar that will take place, within the
    /// next 30 days.
    pub next_event: Option<Timestamp>,
}

/// A change to a person; what is not set stays. For a new person the rest is a Basic member's.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PersonChange {
    /// The address.
    pub email: Option<String>,
    /// The first name.
    pub first_name: Option<String>,
    /// The last name.
    pub last_name: Option<String>,
    /// The department.
    pub dept: Option<String>,
    /// `active`, `inactive`, `pending` or `gone`.
    pub status: Option<String>,
    /// Zoom's `type`.
    #[serde(rename = "type")]
    pub kind: Option<u64>,
    /// "0" owner, "1" admin, "2" member, else a custom role.
    pub role_id: Option<String>,
    /// The webinar add-on; 0 takes it.
    pub webinar: Option<u32>,
    /// The large-meeting add-on; 0 takes it.
    pub large_meeting: Option<u32>,
    /// Zoom Events; 0 takes it.
    pub events: Option<u32>,
    /// Whether a published event is still to come.
    pub upcoming_event: Option<bool>,
    /// The phone licence.
    pub phone: Option<bool>,
    /// Webinars Plus; 0 takes it.
    pub webinars_plus: Option<u32>,
    /// Products and add-ons of Zoom Workplace: these and no others.
    pub products: Option<Vec<Product>>,
    /// A Zoom One bundle; 0 takes it.
    pub zoom_one_type: Option<u64>,
    /// A call-queue manager, whom DELETE refuses.
    pub queue_manager: Option<bool>,
    /// When the account was made.
    pub created: Option<Timestamp>,
}

/// Something a person hosts, past or to come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hosted {
    /// What it is.
    #[serde(default)]
    pub kind: HostedKind,
    /// When it begins.
    pub start: Timestamp,
    /// How long it is.
    #[serde(default = "half_an_hour")]
    pub minutes: u32,
    /// Unique participants, the host included.
    #[serde(default = "two")]
    pub participants: u32,
}

/// What a person hosts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HostedKind {
    /// In the calendar beforehand.
    #[default]
    Scheduled,
    /// Started on the spot; no list call shows it.
    Instant,
    /// A webinar; needs the add-on.
    Webinar,
}

const fn half_an_hour() -> u32 {
    30
}

const fn two() -> u32 {
    2
}

impl Hosted {
    /// A scheduled meeting of half an hour with one guest.
    pub const fn meeting(start: Timestamp) -> Self {
        Self {
            kind: HostedKind::Scheduled,
            start,
            minutes: 30,
            participants: 2,
        }
    }

    /// A webinar of an hour with nine guests.
    pub const fn webinar(start: Timestamp) -> Self {
        Self {
            kind: HostedKind::Webinar,
            start,
            minutes: 60,
            participants: 10,
        }
    }
}

impl From<&User> for Person {
    fn from(user: &User) -> Self {
        Self {
            id: user.id.clone(),
            email: user.email.clone(),
            status: user.status.as_str().to_owned(),
            kind: user.kind,
            role_id: user.role_id.clone().into_owned(),
            room: user.room,
            webinar: user.features.webinar,
            large_meeting: user.features.large_meeting,
            events: user.features.events,
            webinars_plus: user.features.webinars_plus,
            products: user.features.products.iter().collect(),
            zoom_one_type: match user.bundle {
                Some(Bundle::ZoomOne(number)) => Some(number),
                _ => None,
            },
            plan_united_type: match &user.bundle {
                Some(Bundle::United(kind)) => Some(kind.clone().into_owned()),
                _ => None,
            },
            created: moment(user.created),
        }
    }
}

impl PersonChange {
    fn status(&self) -> Result<Option<Status>, String> {
        match self.status.as_deref() {
            None => Ok(None),
            Some("active") => Ok(Some(Status::Active)),
            Some("inactive") => Ok(Some(Status::Inactive)),
            Some("pending") => Ok(Some(Status::Pending)),
            Some("gone") => Ok(Some(Status::Gone)),
            Some(other) => Err(format!("`{other}` is not a status")),
        }
    }

    fn apply(self, user: &mut User, status: Option<Status>) {
        let capacity = |wanted: Option<u32>, held: &mut Option<u32>| {
            if let Some(size) = wanted {
                *held = (size > 0).then_some(size);
            }
        };
        capacity(self.webinar, &mut user.features.webinar);
        capacity(self.large_meeting, &mut user.features.large_meeting);
        capacity(self.events, &mut user.features.events);
        user.features.upcoming_event = self.upcoming_event.unwrap_or(user.features.upcoming_event);
        capacity(self.webinars_plus, &mut user.features.webinars_plus);
        if let Some(products) = self.products {
            user.features.products = products.into_iter().collect();
        }
        if let Some(phone) = self.phone {
            user.features.products.set(Product::Phone, phone);
        }
        user.queue_manager = self.queue_manager.unwrap_or(user.queue_manager);
        user.status = status.unwrap_or(user.status);
        user.kind = self.kind.unwrap_or(user.kind);
        if let Some(email) = self.email {
            user.email = email;
        }
        if let Some(name) = self.first_name {
            user.first_name = name.into();
        }
        if let Some(name) = self.last_name {
            user.last_name = name.into();
        }
        if let Some(dept) = self.dept {
            user.dept = Some(dept.into());
        }
        if let Some(role) = self.role_id {
            user.role_id = role.into();
        }
        if let Some(number) = self.zoom_one_type {
            user.bundle = (number > 0).then_some(Bundle::ZoomOne(number));
        }
        if let Some(created) = self.created {
            user.created = created.as_second();
        }
    }
}

fn moment(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap_or_default()
}

impl State {
    /// A person by id or address, also one who is gone.
    pub(crate) fn person(&self, key: &str) -> Option<User> {
        self.world.find(key, self.clock.millis())
    }

    /// Changes a person as an administrator at Zoom would, without any rule.
    pub(crate) fn change_person(
        &mut self,
        key: &str,
        change: PersonChange,
    ) -> Result<Option<Person>, String> {
        let status = change.status()?;
        let Some(user) = self.person(key) else {
            return Ok(None);
        };
        let now = self.clock.millis();
        self.world
            .edit(user.index, now, |user| change.apply(user, status));
        Ok(self
            .world
            .user_at(user.index, now)
            .as_ref()
            .map(Person::from))
    }

    /// Adds a person.
    pub(crate) fn add_person(&mut self, change: PersonChange) -> Result<Option<Person>, String> {
        let status = change.status()?;
        let now = self.clock.millis();
        let index = self.world.add(now, |user| change.apply(user, status));
        Ok(self.world.user_at(index, now).as_ref().map(Person::from))
    }

    /// Lets a person host something; whether there is such a person.
    pub(crate) fn let_host(&mut self, key: &str, hosted: &Hosted) -> bool {
        let Some(user) = self.person(key) else {
            return false;
        };
        let start = hosted.start.as_second();
        let key = draw(
            u64::from(user.index),
            start.unsigned_abs(),
            For::SessionId as u64,
        );
        let session = Session {
            kind: match hosted.kind {
                HostedKind::Scheduled => Session::SCHEDULED,
                HostedKind::Instant => Session::INSTANT,
                HostedKind::Webinar => Session::WEBINAR,
            },
            number: 90_000_000_000 + mix(key) % 9_000_000_000,
            key,
            start,
            minutes: hosted.minutes,
            participants: hosted.participants,
            topic: mix(key),
        };
        self.world.host(user.index, session);
        true
    }

    /// Notes a sign-in; whether there is such a person.
    pub(crate) fn let_sign_in(&mut self, key: &str, at: Timestamp) -> bool {
        let user = self.person(key);
        if let Some(user) = &user {
            self.world.sign_in(user.index, at.as_second());
        }
        user.is_some()
    }

    /// The truth about one row.
    pub(crate) fn truth_of(&self, user: &User) -> Truth {
        const DAYS_AHEAD: i64 = 30;
        let now = self.clock.seconds();
        let (meeting, webinar) = self.world.last_sessions(user.index, now);
        let today = crate::zoom::activity::day_of(now);
        let mut next: Option<i64> = None;
        self.world
            .sessions(user.index, today..=today + DAYS_AHEAD, |session| {
                if session.listed() && session.start > now {
                    next = Some(next.map_or(session.start, |known| known.min(session.start)));
                }
            });
        let start = |session: Option<Session>| session.map(|session| moment(session.start));
        Truth {
            id: user.id.clone(),
            email: user.email.clone(),
            last_meeting: start(meeting),
            last_webinar: start(webinar),
            next_event: next.map(moment),
        }
    }

    /// The truth about everybody who is active, rooms aside.
    pub(crate) fn truth(&self) -> Vec<Truth> {
        let now = self.clock.millis();
        let roster = self.world.roster(Status::Active, false, now);
        (0..roster.len())
            .filter_map(|at| self.world.user_at(roster.nth(at)?, now))
            .map(|user| self.truth_of(&user))
            .collect()
    }
}
