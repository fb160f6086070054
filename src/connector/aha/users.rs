//! The walk over all users, deactivated ones too, by page numbers.

use jiff::Timestamp;
use serde::de::Error as _;
use tokio::sync::mpsc::Sender;

use super::AhaConnector;
use super::account::KeyOwner;
use super::identifiers::seat_of;
use super::wire::{User, UsersPage};
use crate::connector::error::ConnectorError;
use crate::connector::facts::{Completeness, Role, Seat, SeatPage, UserStatus, WalkReport};
use crate::connector::http::api::Call;
use crate::connector::limits::Label;
use crate::connector::walk::{Fetched, UserList, UserPage, walk_users};

/// What one walk saw of paid seats, and of the rights it was made with.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct SeatTally {
    /// Seats that count.
    pub(super) used: u64,
    /// Of those, the ones of users in no seat group.
    pub(super) ungrouped: u64,
    /// The key's owner is listed as somebody who administers nothing.
    pub(super) owner_without_rights: bool,
}

impl SeatTally {
    fn and(self, page: Self) -> Self {
        Self {
            used: self.used + page.used,
            ungrouped: self.ungrouped + page.ungrouped,
            owner_without_rights: self.owner_without_rights || page.owner_without_rights,
        }
    }
}

/// The list of all users.
struct AllUsers<'a> {
    aha: &'a AhaConnector,
    owner: &'a KeyOwner,
}

impl UserList for AllUsers<'_> {
    const SHIFTS: bool = true;

    fn name(&self) -> String {
        "users".to_owned()
    }

    async fn page(&self, at: Option<&str>) -> Result<Fetched, ConnectorError> {
        let number = at.unwrap_or("1");
        let call = Call {
            step: "list users",
            label: Label::Light,
            path: &["users"],
            query: &[("page", number), ("per_page", &self.aha.page_size)],
        };
        let read = |body: &[u8]| read_page(body, number, &self.owner.id);
        let (fetched, tally) = self.aha.api.get(&call, read).await?;
        // A walk that starts again counts again.
        let before = if at.is_none() {
            SeatTally::default()
        } else {
            self.aha.tally()
        };
        self.aha.set_tally(before.and(tally));
        Ok(fetched)
    }
}

impl AhaConnector {
    pub(super) async fn walk_all_users(
        &self,
        pages: Sender<SeatPage>,
    ) -> Result<WalkReport, ConnectorError> {
        let owner = self.owner().await?;
        let lists = [AllUsers { aha: self, owner }];
        let scratch = self.api.http.options().scratch.as_ref();
        let mut report = walk_users(&lists, scratch, &pages).await?;
        if self.tally().owner_without_rights {
            // Aha! may shorten such a list instead of refusing it, and its total with it.
            report.completeness = Completeness::Incomplete(format!(
                "`{}`, whose key this is, administers nothing at Aha!, so the list may leave out others: give that user the rights of an administrator",
                owner.email
            ));
        }
        Ok(report)
    }
}

fn read_page(body: &[u8], asked: &str, owner_id: &str) -> serde_json::Result<(Fetched, SeatTally)> {
    let page: UsersPage<'_> = serde_json::from_slice(body)?;
    let current = page.pagination.current_page.count();
    if let Some(current) = current.filter(|current| current.to_string() != asked) {
        let reason = format!("page {current} came where page {asked} was asked for");
        return Ok((Fetched::Broken(reason), SeatTally::default()));
    }
    let mut fetched = UserPage {
        users: page.users.len() as u64,
        total: page.pagination.total_records.count(),
        next: next_page(asked, page.pagination.total_pages.count()),
        ..UserPage::default()
    };
    let mut tally = SeatTally::default();
    for user in &page.users {
        let is_owner = user.id.0 == owner_id;
        tally.owner_without_rights |= is_owner && role(user, false) == Role::Member;
        match seat(user, is_owner)? {
            Some(seat) => {
                let ungrouped = seat.paid && user.paid_seat_group.is_none();
                tally.used += u64::from(seat.paid);
                tally.ungrouped += u64::from(ungrouped);
                fetched.seats.push(seat);
            }
            None => fetched.seatless.push(user.id.0.clone().into_owned()),
        }
    }
    Ok((Fetched::Page(fetched), tally))
}

/// Empty on the last page, and where the vendor does not tell how many there are.
fn next_page(asked: &str, pages: Option<u64>) -> String {
    let asked: u64 = asked.parse().unwrap_or(u64::MAX);
    if pages.is_some_and(|pages| asked < pages) {
        (asked + 1).to_string()
    } else {
        String::new()
    }
}

fn seat(user: &User<'_>, is_owner: bool) -> serde_json::Result<Option<Seat>> {
    let id = user.id.given();
    let id = id.ok_or_else(|| serde_json::Error::custom("a user has no `id`"))?;
    let accessed = match user.accessed_at.given() {
        None => None,
        // Taken for "never", it would make an idle user of somebody who was there.
        Some(text) => Some(text.parse::<Timestamp>().map_err(|error| {
            serde_json::Error::custom(format!("`accessed_at` of user `{id}`: {error}"))
        })?),
    };
    let Some((identifier, paid)) = seat_of(user.enabled, user.paid_seat) else {
        return Ok(None);
    };
    let email = user.email.0.clone().into_owned();
    Ok(Some(Seat {
        external_user_id: id.to_owned(),
        identifier,
        display_name: user.name.given().unwrap_or(&email).to_owned(),
        email,
        department: None,
        status: UserStatus::Active,
        role: role(user, is_owner),
        user_created_at: user.created_at.0.parse().ok(),
        last_login_at: accessed,
        bundled: false,
        paid,
        may_have_add_ons: false,
    }))
}

/// Aha! does not tell who owns the account. The key's owner counts as an administrator whatever the
/// flags say: without that user there is no connection.
pub(super) fn role(user: &User<'_>, is_owner: bool) -> Role {
    let roles = user.administrator_roles;
    let any = roles.account.0 || roles.billing.0 || roles.configuration.0;
    if user.administrator || any || is_owner {
        Role::Admin
    } else {
        Role::Member
    }
}

#[cfg(test)]
mod tests;
