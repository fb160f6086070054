//! People whose part is known, so that a test can ask for "somebody who stopped 70 days ago".

use serde::{Deserialize, Serialize};

use crate::goto::activity::Habit;
use crate::goto::licenses::Plan;

/// A part in the account; the first people of every account play them, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cast {
    /// Super user, and the person the client's tokens belong to.
    Admin,
    /// Holds GoToWebinar and GoToConnect, uses both; has a key of 26 digits.
    WebinarOrganizer,
    /// Starts webinars that others made.
    CoHost,
    /// Holds GoToMeeting; last hosted 70 days before the start.
    Idle,
    /// Holds GoToMeeting; never hosted.
    NeverHosted,
    /// Holds GoToWebinar; webinars are scheduled and never held.
    SchedulesOnly,
    /// Holds GoToTraining and uses it.
    Trainer,
    /// Holds Remote Support and uses it.
    Supporter,
    /// Holds GoToConnect and calls; somebody else has the same name.
    Namesake,
    /// That somebody: holds GoToConnect and never calls.
    OtherNamesake,
    /// Holds GoToConnect and calls.
    Caller,
    /// Holds GoToConnect; last called 70 days before the start.
    SilentCaller,
    /// Holds a licence that another system manages.
    Managed,
    /// Invited to GoToWebinar, not yet here.
    Invited,
    /// Suspended, without any licence.
    Suspended,
    /// Holds a product that nobody has heard of.
    UnknownProduct,
    /// Holds a bundle of GoToMeeting and GoToConnect.
    Bundled,
    /// Holds OpenVoice.
    OpenVoice,
    /// May manage users and seats; holds GoToMeeting.
    SeatManager,
    /// Holds a licence that has ended.
    Ended,
    /// Holds GoToMeeting by two licences and uses it.
    Twice,
}

/// What one member of the cast is made of.
pub(crate) struct Part {
    pub(crate) first: &'static str,
    pub(crate) last: &'static str,
    pub(crate) plans: &'static [Plan],
    pub(crate) habit: fn(i64) -> Habit,
    pub(crate) roles: &'static [&'static str],
}

impl Cast {
    /// The whole cast, in the order of its rows.
    pub const ALL: [Self; 21] = [
        Self::Admin,
        Self::WebinarOrganizer,
        Self::CoHost,
        Self::Idle,
        Self::NeverHosted,
        Self::SchedulesOnly,
        Self::Trainer,
        Self::Supporter,
        Self::Namesake,
        Self::OtherNamesake,
        Self::Caller,
        Self::SilentCaller,
        Self::Managed,
        Self::Invited,
        Self::Suspended,
        Self::UnknownProduct,
        Self::Bundled,
        Self::OpenVoice,
        Self::SeatManager,
        Self::Ended,
        Self::Twice,
    ];

    /// Its row.
    pub(crate) const fn row(self) -> u32 {
        self as u32
    }

    /// Every member's part is written out here, and nowhere else.
    pub(crate) const fn part(self) -> Part {
        const fn busy(_: i64) -> Habit {
            Habit::Busy
        }
        const fn never(_: i64) -> Habit {
            Habit::Never
        }
        const fn schedules(_: i64) -> Habit {
            Habit::SchedulesOnly
        }
        const fn stopped(start: i64) -> Habit {
            Habit::Stopped { on: start - 70 }
        }
        let (first, last, plans, habit): (_, _, &'static [Plan], fn(i64) -> Habit) = match self {
            Self::Admin => ("Ada", "Admin", &[Plan::Meeting], busy),
            Self::WebinarOrganizer => ("Wendy", "Webinar", &[Plan::Webinar, Plan::Connect], busy),
            Self::CoHost => ("Cody", "Cohost", &[Plan::Webinar], never),
            Self::Idle => ("Ida", "Idle", &[Plan::Meeting], stopped),
            Self::NeverHosted => ("Ned", "Never", &[Plan::Meeting], never),
            Self::SchedulesOnly => ("Sid", "Scheduler", &[Plan::Webinar], schedules),
            Self::Trainer => ("Tina", "Trainer", &[Plan::Training], busy),
            Self::Supporter => ("Rex", "Remote", &[Plan::RemoteSupport], busy),
            Self::Namesake => ("Sam", "Same", &[Plan::Connect], busy),
            Self::OtherNamesake => ("Sam", "Same", &[Plan::Connect], never),
            Self::Caller => ("Carla", "Caller", &[Plan::Connect], busy),
            Self::SilentCaller => ("Silas", "Silent", &[Plan::Connect], stopped),
            Self::Managed => ("Mona", "Managed", &[Plan::Managed], stopped),
            Self::Invited => ("Ingo", "Invited", &[Plan::Webinar], never),
            Self::Suspended => ("Sue", "Suspended", &[], never),
            Self::UnknownProduct => ("Una", "Unknown", &[Plan::Unheard], never),
            Self::Bundled => ("Bob", "Bundled", &[Plan::Bundle], busy),
            Self::OpenVoice => ("Olga", "Openvoice", &[Plan::OpenVoice], never),
            Self::SeatManager => ("Mara", "Manager", &[Plan::Meeting], busy),
            Self::Ended => ("Ed", "Ended", &[Plan::Ended], never),
            Self::Twice => ("Tom", "Twice", &[Plan::Meeting, Plan::Webinar], busy),
        };
        let roles: &'static [&'static str] = match self {
            Self::Admin => &["SUPER_USER"],
            Self::SeatManager => &["MANAGE_USERS", "MANAGE_SEATS"],
            _ => &[],
        };
        Part {
            first,
            last,
            plans,
            habit,
            roles,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_follow_the_order_of_the_list() {
        for (row, member) in (0..).zip(Cast::ALL) {
            assert_eq!(member.row(), row);
        }
    }
}
