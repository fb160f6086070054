//! What a simulated Aha! account is like: its size and mix of people, and a switch for every
//! behaviour that Aha! does not document.

use serde::{Deserialize, Serialize};

use crate::clock::SimClock;
use crate::consent::Consent;

/// How to start a simulated account.
#[derive(Debug, Clone)]
pub struct AhaSimOptions {
    /// Users, deactivated ones included.
    pub users: u32,
    /// The same seed and the same clock give the same bytes.
    pub seed: u64,
    /// The account's own part of its address, as in `https://example.aha.io`.
    pub domain: String,
    /// Whether rate limits are enforced. The headers are sent either way.
    pub limits: bool,
    /// The vendor's clock. Its time at the start is what "signed in 70 days ago" counts from.
    pub clock: SimClock,
    /// The port on 127.0.0.1; 0 takes a free one.
    pub port: u16,
    /// The mix of people.
    pub population: Population,
    /// Undocumented or varying behaviour.
    pub switches: Switches,
}

impl Default for AhaSimOptions {
    fn default() -> Self {
        Self {
            users: 300,
            seed: 1,
            domain: "example".to_owned(),
            limits: true,
            clock: SimClock::system(),
            port: 0,
            population: Population::default(),
            switches: Switches::default(),
        }
    }
}

/// Shares of the people, each between 0 and 1, and what was bought.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Population {
    /// Of all users: deactivated ones.
    pub disabled: f64,
    /// Of all users: those whose rights need a paid seat.
    pub paid: f64,
    /// Of all users: those who sign in on every day.
    pub regular: f64,
    /// Of all users: those who never signed in.
    pub never_signed_in: f64,
    /// Of the users with a paid seat: those in a seat group.
    pub grouped: f64,
    /// Seat groups.
    pub groups: u32,
    /// Paid seats bought; without it, what is used at the start and a twentieth more.
    pub seats: Option<u64>,
}

impl Default for Population {
    fn default() -> Self {
        Self {
            disabled: 0.05,
            paid: 0.75,
            regular: 0.40,
            never_signed_in: 0.03,
            grouped: 0.60,
            groups: 3,
            seats: None,
        }
    }
}

/// Behaviour that Aha! does not document, or that differs between accounts. The defaults are the
/// documented or the most likely case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each switch is one independent, undocumented yes or no"
)]
pub struct Switches {
    /// What a `per_page` beyond 200 does.
    pub over_max_per_page: OverMax,
    /// The body of a 401: an empty one of `text/html`, or JSON.
    pub unauthorized: Unauthorized,
    /// What somebody without the administrator's rights sees of the users.
    pub non_admin: NonAdmin,
    /// What enabling a user does when no paid seat is free.
    pub enable_without_seat: WithoutSeat,
    /// Whether the tokens of a user who is disabled die.
    pub disabled_users_tokens_die: bool,
    /// Whether disabling the last administrator or the account's owner is refused.
    pub last_admin_refused: bool,
    /// Whether a request without `User-Agent` is refused.
    pub user_agent_required: bool,
    /// Whether audits without time bounds take too long: 504.
    pub audits_need_bounds: bool,
    /// Whether the account is suspended, and how that is told.
    pub suspended: Suspended,
    /// Milliseconds after which a write shows in the lists.
    pub write_delay_millis: i64,
    /// Whether the token's owner administers every seat group, or only the first so many.
    pub groups_administered: Option<u32>,
    /// Other accounts that the token's owner belongs to, by their domains.
    pub other_accounts: Vec<String>,
    /// What happens at the authorization page.
    pub consent: Consent,
}

impl Default for Switches {
    fn default() -> Self {
        Self {
            over_max_per_page: OverMax::Clamp,
            unauthorized: Unauthorized::Html,
            non_admin: NonAdmin::Refused,
            enable_without_seat: WithoutSeat::Charge,
            disabled_users_tokens_die: true,
            last_admin_refused: true,
            user_agent_required: false,
            audits_need_bounds: false,
            suspended: Suspended::No,
            write_delay_millis: 0,
            groups_administered: None,
            other_accounts: Vec::new(),
            consent: Consent::Ask,
        }
    }
}

/// What a page size beyond the maximum does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OverMax {
    /// The maximum is taken.
    Clamp,
    /// 400.
    Refuse,
}

/// The body of a 401.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unauthorized {
    /// Empty, of type `text/html`.
    Html,
    /// An error envelope.
    Json,
}

/// What somebody without the administrator's rights sees of the users.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NonAdmin {
    /// 403.
    Refused,
    /// A list of nobody but themselves.
    CallerOnly,
}

/// What enabling a user does when no paid seat is free.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WithoutSeat {
    /// One more seat is bought, and paid for at once.
    Charge,
    /// 422.
    Refuse,
}

/// Whether the account is suspended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Suspended {
    /// It is not.
    No,
    /// 403 everywhere.
    Forbidden,
    /// 402 everywhere.
    PaymentRequired,
}
