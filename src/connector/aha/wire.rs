//! Aha!'s answers, as far as we read them. Fields that are not here are skipped without being kept.
//!
//! What decides about a seat must be there and of its type: a list whose users have no `enabled`
//! any more is no list of people without seats.

use serde::Deserialize;

use crate::connector::lenient::{Flag, Number, OneOrMany, Text};

/// `GET /me`.
#[derive(Debug, Deserialize)]
pub(super) struct Me<'a> {
    #[serde(borrow)]
    pub(super) user: OwnUser<'a>,
}

/// Whose key it is.
#[derive(Debug, Deserialize)]
pub(super) struct OwnUser<'a> {
    #[serde(borrow)]
    pub(super) id: Text<'a>,
    #[serde(borrow, default)]
    pub(super) email: Text<'a>,
    #[serde(borrow, default)]
    pub(super) accounts: OneOrMany<OwnAccount<'a>>,
}

/// An account that the user belongs to.
#[derive(Debug, Deserialize)]
pub(super) struct OwnAccount<'a> {
    #[serde(borrow)]
    pub(super) account: AccountName<'a>,
}

/// Its name in addresses, and whether it is in use.
#[derive(Debug, Deserialize)]
pub(super) struct AccountName<'a> {
    #[serde(borrow)]
    pub(super) domain: Text<'a>,
    pub(super) enabled: bool,
}

/// A page of `GET /users`.
#[derive(Debug, Deserialize)]
pub(super) struct UsersPage<'a> {
    #[serde(borrow)]
    pub(super) users: Vec<User<'a>>,
    #[serde(default)]
    pub(super) pagination: Pagination,
}

/// Where a page stands.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Pagination {
    pub(super) total_records: Number,
    pub(super) total_pages: Number,
    pub(super) current_page: Number,
}

/// A row of the list.
#[derive(Debug, Deserialize)]
pub(super) struct User<'a> {
    #[serde(borrow)]
    pub(super) id: Text<'a>,
    #[serde(borrow, default)]
    pub(super) name: Text<'a>,
    #[serde(borrow, default)]
    pub(super) email: Text<'a>,
    #[serde(borrow, default)]
    pub(super) created_at: Text<'a>,
    /// Empty for a user who was never there; its absence would be another thing.
    #[serde(borrow)]
    pub(super) accessed_at: Text<'a>,
    pub(super) enabled: bool,
    pub(super) paid_seat: bool,
    pub(super) administrator: bool,
    #[serde(default)]
    pub(super) administrator_roles: AdministratorRoles,
    #[serde(default)]
    pub(super) paid_seat_group: Option<serde::de::IgnoredAny>,
}

/// What an administrator may.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(default)]
pub(super) struct AdministratorRoles {
    #[serde(rename = "administer_account")]
    pub(super) account: Flag,
    #[serde(rename = "administer_billing")]
    pub(super) billing: Flag,
    #[serde(rename = "administer_configuration")]
    pub(super) configuration: Flag,
}

/// `GET /users/{id}`.
#[derive(Debug, Deserialize)]
pub(super) struct OneUser {
    pub(super) user: Rights,
}

/// The same, for its seat.
#[derive(Debug, Deserialize)]
pub(super) struct OneSeat<'a> {
    #[serde(borrow)]
    pub(super) user: User<'a>,
}

/// What a user may.
#[derive(Debug, Deserialize)]
pub(super) struct Rights {
    pub(super) administrator: bool,
    #[serde(default)]
    pub(super) administrator_roles: AdministratorRoles,
}

/// `GET /paid_seat_groups`.
#[derive(Debug, Deserialize)]
pub(super) struct SeatGroups {
    pub(super) paid_seat_groups: Vec<SeatGroup>,
}

/// A group, as far as it tells what was bought.
#[derive(Debug, Deserialize)]
pub(super) struct SeatGroup {
    #[serde(default)]
    pub(super) capacity: Number,
}
