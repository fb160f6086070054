//! A fixed cast at the start of every account of some size: one person for each situation that a
//! client has to handle, so that a test can name whom it means and needs no search.

use serde::{Deserialize, Serialize};

/// From how many active users on the whole cast is present; below that only the owner and the
/// first administrator are.
pub const CAST_NEEDS_USERS: u32 = 60;

macro_rules! cast {
    ($($variant:ident: $doc:literal,)*) => {
        /// One of the cast.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Cast {
            $(#[doc = $doc] $variant,)*
        }

        impl Cast {
            /// The whole cast, in the order of their rows.
            pub const ALL: &[Self] = &[$(Self::$variant),*];
        }
    };
}

cast! {
    Owner: "The account's owner; Licensed, hosts.",
    Admin: "An administrator; Licensed, idle.",
    SecondAdmin: "Another administrator; Licensed, hosts.",
    ZoomOne: "Licensed through a Zoom One bundle, idle.",
    United: "Licensed through Zoom United, idle.",
    UnknownBundle: "Idle, with a `zoom_one_type` beyond what a double can hold.",
    EventsUpcoming: "Licensed with Zoom Events and a published event to come, idle otherwise.",
    Events: "Licensed with Zoom Events and nothing to come, idle.",
    WebinarHost: "Licensed with Webinar 500, hosts webinars and no meetings.",
    WebinarIdle: "Licensed with Webinar 500, hosts neither.",
    WebinarUnused: "Licensed with Webinar 1000, hosts meetings but never a webinar.",
    LargeMeeting: "Licensed with Large Meeting 500, idle.",
    Phone: "Licensed with a phone number, idle.",
    QueueManager: "Licensed, idle, and a call-queue manager whom Zoom does not let go.",
    ManagedDomain: "Licensed, idle, of a managed domain.",
    NoMeetings: "Type 4: without Meetings Basic.",
    NoLicence: "Type 99: no licence at all.",
    NeverSignedIn: "Licensed and never signed in.",
    InstantOnly: "Licensed, hosts often, instant meetings only: no list call shows it.",
    SoloOnly: "Licensed, hosts often, always alone.",
    SignsInOnly: "Licensed, signs in every day, never hosted.",
    Booked: "Licensed, idle for more than 60 days, with a meeting within the next week.",
    CustomRole: "Licensed, idle, with a role of the account's own.",
    NewAccount: "Licensed, idle, and the account is ten days old.",
    StaleSchedule: "Licensed and idle, with a meeting scheduled last week that never took place.",
    Idle: "Licensed, hosted last 90 days before the start, nothing else.",
    LongIdle: "Licensed, hosted last 200 days before the start, nothing else.",
    NearlyIdle: "Licensed, hosted last 59 days before the start, nothing else.",
    NeverHosted: "Licensed, signed in long ago, never hosted.",
    Regular: "Licensed, hosts on every working day.",
    BasicIdle: "Basic, idle.",
    BasicRegular: "Basic, hosts often.",
}

impl Cast {
    /// Their row.
    pub const fn index(self) -> u32 {
        self as u32
    }

    /// Who of the cast has this row, in an account with `people` active users.
    pub(crate) fn at(index: u32, people: u32) -> Option<Self> {
        let present = if people >= CAST_NEEDS_USERS {
            Self::ALL
        } else {
            &[Self::Owner, Self::Admin]
        };
        present.get(usize::try_from(index).ok()?).copied()
    }
}
