//! What a simulated GoTo account is like: its size and mix of people, and a switch for every
//! behaviour that GoTo does not document.

use serde::{Deserialize, Serialize};

use crate::clock::SimClock;
use crate::consent::Consent;

/// How to start a simulated account.
#[derive(Debug, Clone)]
pub struct GoToSimOptions {
    /// Users in all states, the cast included.
    pub users: u32,
    /// The same seed and the same clock give the same bytes.
    pub seed: u64,
    /// Whether the ten calls per second and API family are enforced.
    pub limits: bool,
    /// The vendor's clock. Its time at the start is what "last hosted 70 days ago" counts from.
    pub clock: SimClock,
    /// The port on 127.0.0.1; 0 takes a free one.
    pub port: u16,
    /// The mix of people.
    pub population: Population,
    /// Undocumented or varying behaviour.
    pub switches: Switches,
}

impl Default for GoToSimOptions {
    fn default() -> Self {
        Self {
            users: 300,
            seed: 1,
            limits: true,
            clock: SimClock::system(),
            port: 0,
            population: Population::default(),
            switches: Switches::default(),
        }
    }
}

/// Shares of the people, each between 0 and 1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Population {
    /// Of all users: those with a GoToMeeting licence.
    pub meeting: f64,
    /// Of all users: those with a GoToWebinar licence, which is one of GoToMeeting too.
    pub webinar: f64,
    /// Of all users: those with a GoToConnect licence.
    pub connect: f64,
    /// Of all users: those with a GoToTraining licence.
    pub training: f64,
    /// Of all users: those with a GoToAssist licence of any kind.
    pub assist: f64,
    /// Of all users: those with an OpenVoice licence.
    pub openvoice: f64,
    /// Of all users: invited ones who have not accepted.
    pub invited: f64,
    /// Of all users: suspended ones.
    pub suspended: f64,
    /// Of the others: those who use what they have, up to the simulation's start and on.
    pub busy: f64,
}

impl Default for Population {
    fn default() -> Self {
        Self {
            meeting: 0.55,
            webinar: 0.06,
            connect: 0.30,
            training: 0.02,
            assist: 0.03,
            openvoice: 0.01,
            invited: 0.01,
            suspended: 0.02,
            busy: 0.40,
        }
    }
}

/// Behaviour that GoTo does not document, or that differs between accounts. The defaults are the
/// documented or the most likely case.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each switch is one independent, undocumented yes or no"
)]
pub struct Switches {
    /// What a refresh does with the refresh token.
    pub refresh: Refresh,
    /// Days a refresh token lives.
    pub refresh_days: u32,
    /// Whether the client may use personal access tokens.
    pub personal_access_tokens: bool,
    /// The status of the switched-off token host.
    pub old_host_status: u16,
    /// Whether `/me` gives keys as text instead of numbers.
    pub me_keys_as_text: bool,
    /// Whether the person who signed in belongs to a second account too.
    pub second_account: bool,
    /// The largest `pageSize` of the Admin API; larger ones are clamped.
    pub admin_page_max: u32,
    /// Milliseconds until a removed licence is gone from the user, too.
    pub consistency_delay_ms: u32,
    /// The word for a user who lost the last licence.
    pub suspended_word: SuspendedWord,
    /// The status of a second removal of the same licence.
    pub second_removal_status: u16,
    /// Whether a `size` above 200 at GoToWebinar is clamped instead of refused.
    pub webinar_size_clamped: bool,
    /// Whether the webinar that is furthest ahead stands first in lists of what is planned.
    pub webinars_latest_first: bool,
    /// Whether a webinar's id is spelt `webinarID`.
    pub webinar_id_upper: bool,
    /// Whether times of GoToMeeting end in `+0000` instead of `Z`.
    pub meeting_times_with_offset: bool,
    /// Minutes until a call shows in the call-events report.
    pub call_events_lag_minutes: u32,
    /// Answers in a million that a gateway spoils with 502 or 504.
    pub gateway_errors_ppm: u32,
    /// What happens at the authorization page.
    pub consent: Consent,
}

impl Default for Switches {
    fn default() -> Self {
        Self {
            refresh: Refresh::Keep,
            refresh_days: 30,
            personal_access_tokens: true,
            old_host_status: 410,
            me_keys_as_text: false,
            second_account: false,
            admin_page_max: 1000,
            consistency_delay_ms: 2000,
            suspended_word: SuspendedWord::Suspended,
            second_removal_status: 404,
            webinar_size_clamped: false,
            webinars_latest_first: false,
            webinar_id_upper: false,
            meeting_times_with_offset: false,
            call_events_lag_minutes: 5,
            gateway_errors_ppm: 0,
            consent: Consent::Ask,
        }
    }
}

/// What a refresh does with the refresh token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refresh {
    /// The answer has none; the old one goes on.
    Keep,
    /// The answer has a new one; the old one goes on, too.
    Rotate,
    /// The answer has a new one; the old one is spent.
    SingleUse,
}

/// How a user without a licence is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum SuspendedWord {
    /// `SUSPENDED`
    Suspended,
    /// `INACTIVE`
    Inactive,
}

impl SuspendedWord {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Suspended => "SUSPENDED",
            Self::Inactive => "INACTIVE",
        }
    }
}
