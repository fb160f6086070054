//! The walk over all users, deactivated ones too, by page numbers.

use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use serde::de::Error as _;
use tokio::sync::mpsc::Sender;

use super::AhaConnector;
use super::account::KeyOwner;
use super::identifiers::seat_of;
use super::paging::Reading;
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
    reading: Mutex<Reading>,
}

impl AllUsers<'_> {
    fn reading(&self) -> Reading {
        self.reading
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn set_reading(&self, reading: Reading) {
        *self.reading.lock().unwrap_or_else(PoisonError::into_inner) = reading;
    }
}

impl UserList for AllUsers<'_> {
    const SHIFTS: bool = true;

    fn is_proved(&self) -> bool {
        self.reading().is_unbroken()
    }

    fn name(&self) -> String {
        "users".to_owned()
    }

    async fn page(&self, at: Option<&str>) -> Result<Fetched, ConnectorError> {
        // A walk that starts again counts again.
        let (reading, before) = match at {
            None => (Reading::new(self.aha.page_size), SeatTally::default()),
            Some(_) => (self.reading(), self.aha.tally()),
        };
        let window = reading.window();
        let (number, size) = (window.number.to_string(), window.size.to_string());
        let call = Call {
            step: "list users",
            label: Label::Light,
            path: &["users"],
            query: &[("page", &number), ("per_page", &size)],
        };
        let read = |body: &[u8]| read_page(body, reading.clone(), &self.owner.id);
        let page = self.aha.api.get(&call, read).await?;
        self.set_reading(page.reading);
        self.aha.set_tally(before.and(page.tally));
        Ok(page.fetched)
    }
}

impl AhaConnector {
    pub(super) async fn walk_all_users(
        &self,
        pages: Sender<SeatPage>,
    ) -> Result<WalkReport, ConnectorError> {
        let owner = self.owner().await?;
        let lists = [AllUsers {
            aha: self,
            owner,
            reading: Mutex::new(Reading::new(self.page_size)),
        }];
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

/// A page that was read.
struct ReadPage {
    fetched: Fetched,
    tally: SeatTally,
    /// How the list is read on after it.
    reading: Reading,
}

fn read_page(body: &[u8], mut reading: Reading, owner_id: &str) -> serde_json::Result<ReadPage> {
    let page: UsersPage<'_> = serde_json::from_slice(body)?;
    let mut tally = SeatTally::default();
    let asked = reading.window().number;
    let current = page.pagination.current_page.count();
    if let Some(current) = current.filter(|current| *current != asked) {
        let reason = format!("page {current} came where page {asked} was asked for");
        return Ok(ReadPage {
            fetched: Fetched::Broken(reason),
            tally,
            reading,
        });
    }
    let ids = page.users.iter().map(|user| user.id.0.to_string());
    let total = page.pagination.total_records.count();
    let turned = reading.turn(ids.collect(), total, page.pagination.total_pages.count());
    if !page.users.is_empty() && !turned.new.contains(&true) {
        return Ok(ReadPage {
            fetched: Fetched::Broken("a page came twice".to_owned()),
            tally,
            reading,
        });
    }
    let next = reading.window();
    let mut fetched = UserPage {
        total,
        next: if turned.is_last {
            String::new()
        } else {
            format!("page {} of {} users each", next.number, next.size)
        },
        ..UserPage::default()
    };
    let users = page.users.iter().zip(turned.new);
    for user in users.filter_map(|(user, is_new)| is_new.then_some(user)) {
        fetched.users += 1;
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
    Ok(ReadPage {
        fetched: Fetched::Page(fetched),
        tally,
        reading,
    })
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
