//! What a simulated Zoom account is like: its size and mix of people, its plan, and a switch for
//! every behaviour that Zoom does not document.

use serde::{Deserialize, Serialize};

use crate::clock::SimClock;
use crate::consent::Consent;

/// How to start a simulated account.
#[derive(Debug, Clone)]
pub struct ZoomSimOptions {
    /// Users in all states: active, deactivated and pending. Rooms come on top.
    pub users: u32,
    /// The same seed and the same clock give the same bytes.
    pub seed: u64,
    /// The plan, which decides rate limits and which reports exist.
    pub plan: Plan,
    /// Whether rate limits are enforced. The headers are sent either way.
    pub limits: bool,
    /// The vendor's clock. Its time at the start is what "last hosted 70 days ago" counts from.
    pub clock: SimClock,
    /// The port on 127.0.0.1; 0 takes a free one.
    pub port: u16,
    /// The mix of people.
    pub population: Population,
    /// Seats bought.
    pub pools: Pools,
    /// Undocumented or varying behaviour.
    pub switches: Switches,
}

impl Default for ZoomSimOptions {
    fn default() -> Self {
        Self {
            users: 300,
            seed: 1,
            plan: Plan::Pro,
            limits: true,
            clock: SimClock::system(),
            port: 0,
            population: Population::default(),
            pools: Pools::default(),
            switches: Switches::default(),
        }
    }
}

/// The account's plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Plan {
    /// No reports, no dashboard.
    Free,
    /// Reports, no dashboard.
    Pro,
    /// Business, Education, Enterprise and Partners.
    Business,
}

/// Shares of the people, each between 0 and 1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Population {
    /// Of the users who may host: those who do so regularly, up to the simulation's start and on.
    pub hosts: f64,
    /// Of the active users: those with a Licensed seat; the others are Basic.
    pub licensed: f64,
    /// Of all users: deactivated ones.
    pub inactive: f64,
    /// Of all users: invited ones who have not accepted.
    pub pending: f64,
    /// Of the licensed users: those with a webinar add-on.
    pub webinar: f64,
    /// Of the licensed users: those with a large-meeting add-on.
    pub large_meeting: f64,
    /// Of the licensed users: those with Zoom Events.
    pub events: f64,
    /// Of the licensed users: those with a Zoom Phone number.
    pub phone: f64,
    /// Of the licensed users: those whose seat comes from a bundle.
    pub bundle: f64,
    /// Of the active users, Basic ones too: those with products and add-ons of Zoom Workplace
    /// assigned one by one.
    pub workplace: f64,
    /// Of the active users: those who never signed in.
    pub never_signed_in: f64,
    /// Of all users: accounts younger than 30 days at the start.
    pub new_accounts: f64,
    /// Zoom Rooms, as a fraction of all users and on top of them.
    pub rooms: f64,
    /// Of all users: former users, on top, who hosted within the last weeks and are then gone;
    /// reports still name them.
    pub former: f64,
}

impl Default for Population {
    fn default() -> Self {
        Self {
            hosts: 0.30,
            licensed: 0.60,
            inactive: 0.04,
            pending: 0.01,
            webinar: 0.03,
            large_meeting: 0.01,
            events: 0.005,
            phone: 0.05,
            bundle: 0.01,
            workplace: 0.0,
            never_signed_in: 0.02,
            new_accounts: 0.02,
            rooms: 0.01,
            former: 0.002,
        }
    }
}

/// Seats bought. What is `None` is derived from what is assigned at the start, with a spare.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Pools {
    /// Licensed seats.
    pub base: Option<u32>,
    /// The most Basic users the account may have.
    pub basic_ceiling: Option<u32>,
    /// Webinar seats of each capacity, in the order of [`WEBINAR_CAPACITIES`].
    pub webinar: Option<[u32; WEBINAR_CAPACITIES.len()]>,
    /// Large-meeting seats of 500 and of 1000.
    pub large_meeting: Option<[u32; LARGE_MEETING_CAPACITIES.len()]>,
    /// Zoom Events seats.
    pub events: Option<u32>,
}

/// The capacities of webinar add-ons.
pub const WEBINAR_CAPACITIES: [u32; 6] = [100, 500, 1000, 3000, 5000, 10_000];

/// The capacities of large-meeting add-ons.
pub const LARGE_MEETING_CAPACITIES: [u32; 2] = [500, 1000];

/// Behaviour that Zoom does not document, or that differs between accounts. The defaults are the
/// documented or the most likely case.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each switch is one independent, undocumented yes or no"
)]
pub struct Switches {
    /// The largest `page_size` of `GET /users`: 300 in the older reference, 2000 in the newer.
    pub users_page_max: u32,
    /// What a larger `page_size` than the maximum does.
    pub over_max_page_size: OverMax,
    /// Whether a walk sees the account as it was on its first page, or as it is.
    pub paging: Paging,
    /// Whether each walk comes in another order.
    pub shuffled_walks: bool,
    /// Whether pages after the first leave out `page_count` and `page_number`.
    pub counts_on_first_page_only: bool,
    /// Whether the list tells Zoom One bundles, as in accounts with several subscriptions; else only
    /// the call for one user does.
    pub bundles_listed: bool,
    /// Whether the settings name each product that was assigned by itself, as in accounts with
    /// several subscriptions.
    pub licences_named: bool,
    /// Whether Webinars Plus goes by the name of Zoom Sessions, as in Zoom's document, or by its own, as
    /// Zoom announced in April 2026.
    pub webinars_plus_as_sessions: bool,
    /// Whether the settings have a switch for Team Chat; Zoom documents none.
    pub team_chat_told: bool,
    /// Whether Zoom Rooms are rows of `GET /users`.
    pub rooms_listed: bool,
    /// Whether Licensed to Basic also takes the webinar and large-meeting add-ons.
    pub downgrade_clears_add_ons: bool,
    /// Whether a change to a pending user is acknowledged and then has no effect.
    pub pending_changes_ignored: bool,
    /// Whether minting a token kills the app's earlier ones.
    pub new_token_kills_old: bool,
    /// Whether `grant_type` and `account_id` are accepted in the query of the token URL.
    pub token_parameters_in_query: bool,
    /// Whether the API tells of an expired token with 401 or 400.
    pub expired_token_status: u16,
    /// How many hours a meeting takes to show up in the reports after its end.
    pub report_lag_hours: u32,
    /// The hour of UTC at which a report's day begins.
    pub report_day_starts_at_hour: i8,
    /// Whether a report whose `from` equals its `to` is answered, or refused with 400.
    pub single_day_reports: bool,
    /// Whether `GET /report/users` counts webinars among the meetings.
    pub report_counts_webinars: bool,
    /// Whether `GET /report/users` counts meetings nobody else came to.
    pub report_counts_solo_meetings: bool,
    /// Whether the dashboard is enabled; it exists only from Business upwards.
    pub dashboard: bool,
    /// Seconds until a write shows in `GET /users/{id}` and its settings.
    pub lag_user_seconds: u32,
    /// Seconds until a write shows in `GET /users`.
    pub lag_list_seconds: u32,
    /// Seconds until a write shows in `GET /users/summary`.
    pub lag_summary_seconds: u32,
    /// Seconds until a write shows in the plan usage.
    pub lag_usage_seconds: u32,
    /// Whether `plan_base` and `plan_zoom_rooms` are arrays, as master accounts give them.
    pub plan_objects_as_arrays: bool,
    /// Whether plan usage names the assigned seats `active_hosts` instead of `usage`.
    pub usage_as_active_hosts: bool,
    /// Whether PATCH to Basic of a Basic user is refused with 1109 instead of acknowledged.
    pub unpaid_host_refused: bool,
    /// How Zoom says that seats or Basic places have run out.
    pub seat_refusal: SeatRefusal,
    /// Whether a deactivated user is still listed with the type they had.
    pub deactivated_keeps_type: bool,
    /// Whether a deactivated user may be deleted, or DELETE is refused with 200.
    pub deactivated_may_be_deleted: bool,
    /// The app's role may not change user types (1108).
    pub caller_may_not_change_types: bool,
    /// Seconds a DELETE keeps its user locked; a second one meanwhile gets 429.
    pub delete_takes_seconds: u32,
    /// The domains whose users may not be disassociated (1107).
    pub managed_domains: Vec<String>,
    /// The fraction of every rate limit that the account's other apps use up.
    pub noisy_neighbour: f64,
    /// Seconds added to the `Date` header, for a vendor whose clock is off.
    pub date_skew_seconds: i64,
    /// What happens at the authorization page.
    pub consent: Consent,
}

/// What happens to a `page_size` above the maximum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OverMax {
    /// The maximum is taken instead.
    Clamp,
    /// 400 with code 300.
    Refuse,
}

/// Which codes say that seats or Basic places have run out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SeatRefusal {
    /// 2033 towards Basic, 2034 towards Licensed.
    ByDirection,
    /// 3412 for both; only the text tells the direction.
    Either,
}

/// What a walk through pages sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Paging {
    /// The rows that existed when its first page was asked for.
    Snapshot,
    /// Whatever is at that offset now: a removal shifts the rest forward and loses a row.
    Live,
}

impl Default for Switches {
    fn default() -> Self {
        Self {
            users_page_max: 300,
            over_max_page_size: OverMax::Clamp,
            paging: Paging::Snapshot,
            shuffled_walks: false,
            counts_on_first_page_only: false,
            bundles_listed: true,
            licences_named: false,
            webinars_plus_as_sessions: true,
            team_chat_told: false,
            rooms_listed: false,
            downgrade_clears_add_ons: true,
            pending_changes_ignored: true,
            new_token_kills_old: false,
            token_parameters_in_query: false,
            expired_token_status: 401,
            report_lag_hours: 0,
            report_day_starts_at_hour: 0,
            single_day_reports: true,
            report_counts_webinars: false,
            report_counts_solo_meetings: true,
            dashboard: true,
            lag_user_seconds: 0,
            lag_list_seconds: 0,
            lag_summary_seconds: 0,
            lag_usage_seconds: 0,
            plan_objects_as_arrays: false,
            usage_as_active_hosts: false,
            unpaid_host_refused: false,
            seat_refusal: SeatRefusal::ByDirection,
            deactivated_keeps_type: false,
            deactivated_may_be_deleted: true,
            caller_may_not_change_types: false,
            delete_takes_seconds: 0,
            managed_domains: vec!["corp.example.com".to_owned()],
            noisy_neighbour: 0.0,
            date_skew_seconds: 0,
            consent: Consent::Ask,
        }
    }
}
