//! How each of the cast differs from an ordinary user.

use crate::zoom::cast::Cast;
use crate::zoom::traits::{BundleKind, Drawer, Hosting, Role, SignIn, Traits, Webinars};
use crate::zoom::user::User;

impl Drawer {
    /// Makes a user play their part.
    pub(crate) fn play(&self, member: Cast, traits: &mut Traits) {
        self.plain(traits);
        match member {
            Cast::Owner => self.hosts_as(traits, Role::Owner),
            Cast::Admin => traits.role = Role::Admin,
            Cast::SecondAdmin => self.hosts_as(traits, Role::Admin),
            Cast::ZoomOne => traits.bundle = Some(BundleKind::ZoomOne(16)),
            Cast::United => traits.bundle = Some(BundleKind::United),
            Cast::UnknownBundle => {
                traits.bundle = Some(BundleKind::ZoomOne(576_460_752_303_423_488));
            }
            Cast::EventsUpcoming => {
                traits.events = Some(500);
                traits.upcoming_event = true;
            }
            Cast::Events => traits.events = Some(500),
            Cast::WebinarHost => {
                traits.webinar = Some(500);
                traits.hosting = Hosting::Never;
                traits.webinars = Webinars::Every {
                    period: 7,
                    phase: (self.anchor_day - 3).rem_euclid(7),
                    until: None,
                };
            }
            Cast::WebinarIdle => traits.webinar = Some(500),
            Cast::WebinarUnused => {
                traits.webinar = Some(1000);
                self.hosts_as(traits, Role::Member);
            }
            Cast::LargeMeeting => traits.large_meeting = Some(500),
            Cast::Phone => traits.phone = true,
            Cast::QueueManager => {
                traits.phone = true;
                traits.queue_manager = true;
            }
            // The domain is decided where addresses are made.
            Cast::ManagedDomain | Cast::Idle => {}
            Cast::NoMeetings | Cast::NoLicence => {
                traits.kind = if member == Cast::NoMeetings { 4 } else { 99 };
                traits.hosting = Hosting::Never;
            }
            Cast::NeverSignedIn => {
                traits.hosting = Hosting::Never;
                traits.sign_in = SignIn::Never;
            }
            Cast::InstantOnly => {
                self.hosts_as(traits, Role::Member);
                traits.instant_only = true;
            }
            Cast::SoloOnly => {
                self.hosts_as(traits, Role::Member);
                traits.solo = true;
            }
            Cast::SignsInOnly => {
                traits.hosting = Hosting::Never;
                traits.sign_in = daily(self.anchor_day);
            }
            Cast::Booked => {
                traits.hosting = Hosting::UntilThenOn(self.anchor_day - 100, self.anchor_day + 5);
            }
            Cast::CustomRole => traits.role = Role::Custom(0),
            Cast::NewAccount => {
                traits.created_day = self.anchor_day - 10;
                traits.hosting = Hosting::Never;
                traits.sign_in = daily(self.anchor_day);
            }
            Cast::StaleSchedule => traits.stale_schedule = true,
            Cast::LongIdle => traits.hosting = Hosting::Until(self.anchor_day - 200),
            Cast::NearlyIdle => traits.hosting = Hosting::Until(self.anchor_day - 59),
            Cast::NeverHosted => traits.hosting = Hosting::Never,
            Cast::Regular => {
                self.hosts_as(traits, Role::Member);
                traits.weekdays = 0b001_1111;
            }
            Cast::BasicIdle => traits.kind = User::BASIC,
            Cast::BasicRegular => {
                traits.kind = User::BASIC;
                self.hosts_as(traits, Role::Member);
            }
        }
    }

    /// A licensed member of two years who hosted and signed in last 90 days before the start.
    fn plain(&self, traits: &mut Traits) {
        let last = self.anchor_day - 90;
        *traits = Traits {
            kind: User::LICENSED,
            role: Role::Member,
            room: false,
            webinar: None,
            large_meeting: None,
            events: None,
            upcoming_event: false,
            phone: false,
            queue_manager: false,
            bundle: None,
            workplace: false,
            created_day: self.anchor_day - 730,
            hosting: Hosting::Until(last),
            weekdays: 0b000_0110,
            instant_only: false,
            solo: false,
            webinars: Webinars::Never,
            sign_in: SignIn::Every {
                period: 6,
                phase: last.rem_euclid(6),
                until: Some(last),
            },
            stale_schedule: false,
            ..*traits
        };
    }

    fn hosts_as(&self, traits: &mut Traits, role: Role) {
        traits.role = role;
        traits.hosting = Hosting::Regular;
        traits.sign_in = daily(self.anchor_day);
    }
}

fn daily(anchor_day: i64) -> SignIn {
    SignIn::Every {
        period: 4,
        phase: anchor_day.rem_euclid(4),
        until: None,
    }
}
