//! The walk over all users: active, deactivated and invited ones, page by page.

use std::collections::BTreeMap;

use serde::de::Error as _;
use tokio::sync::mpsc::Sender;

use super::ZoomConnector;
use super::client::{Fact, fact};
use super::identifiers::base_seat;
use super::scopes::LIST_USERS;
use super::walk::{End, MOST_WALKS, Seen, Step, Walk, shortfall};
use super::wire::{User, UsersPage};
use crate::connector::distinct::Distinct;
use crate::connector::error::ConnectorError;
use crate::connector::facts::{Completeness, Role, Seat, SeatPage, UserStatus, WalkReport};
use crate::connector::http::api::Call;
use crate::connector::limits::Label;

/// Zoom lists each of these by itself.
const STATUSES: [UserStatus; 3] = [
    UserStatus::Active,
    UserStatus::Inactive,
    UserStatus::Pending,
];

/// A page, taken out of Zoom's shape.
struct Page {
    seats: Vec<Seat>,
    unrecognized: Vec<String>,
    total: Option<u64>,
    next_page_token: String,
}

/// How the walks over one status went.
struct StatusReport {
    shortfall: Option<String>,
    users: u64,
    total: Option<u64>,
    walks: u32,
    unrecognized: BTreeMap<String, u64>,
}

impl ZoomConnector {
    pub(super) async fn walk_users(
        &self,
        pages: Sender<SeatPage>,
    ) -> Result<WalkReport, ConnectorError> {
        let mut report = WalkReport {
            completeness: Completeness::Complete,
            users: 0,
            vendor_total: Some(0),
            unrecognized: Vec::new(),
            walks: 1,
        };
        let mut unrecognized: BTreeMap<String, u64> = BTreeMap::new();
        for status in STATUSES {
            let found = self.walk_status(status, &pages).await?;
            report.users += found.users;
            report.vendor_total = report.vendor_total.zip(found.total).map(|(a, b)| a + b);
            report.walks = report.walks.max(found.walks);
            for (word, times) in found.unrecognized {
                *unrecognized.entry(word).or_default() += times;
            }
            if let (Some(reason), Completeness::Complete) = (found.shortfall, &report.completeness)
            {
                report.completeness = Completeness::Incomplete(format!(
                    "{} users, after {} walks: {reason}",
                    status.as_str(),
                    found.walks
                ));
            }
        }
        report.unrecognized = unrecognized.into_iter().collect();
        Ok(report)
    }

    /// Walks again while a walk does not prove itself; the receiver merges by id.
    async fn walk_status(
        &self,
        status: UserStatus,
        pages: &Sender<SeatPage>,
    ) -> Result<StatusReport, ConnectorError> {
        let scratch = || Distinct::new(self.api.http.options().scratch.clone());
        let mut merged = scratch();
        let mut walks = 0;
        loop {
            walks += 1;
            let mut this_walk = (walks > 1).then(scratch);
            let mut unrecognized = BTreeMap::new();
            let note = |page: &Page| {
                for seat in &page.seats {
                    merged.add(&seat.external_user_id);
                    if let Some(this_walk) = &mut this_walk {
                        this_walk.add(&seat.external_user_id);
                    }
                }
                for word in &page.unrecognized {
                    *unrecognized.entry(word.clone()).or_default() += 1;
                }
            };
            let end = self.walk_once(status, pages, note).await?;
            let seen = count(&mut merged, this_walk)?;
            let found = shortfall(&end, seen, walks < MOST_WALKS);
            if let Some(reason) = found.as_ref().filter(|_| walks < MOST_WALKS) {
                tracing::info!(status = status.as_str(), %reason, "walking the users again");
                continue;
            }
            let total = match end {
                End::Reached { total, .. } => total,
                End::Broken(_) => None,
            };
            return Ok(StatusReport {
                users: total.filter(|_| found.is_none()).unwrap_or(seen.merged),
                shortfall: found,
                total,
                walks,
                unrecognized,
            });
        }
    }

    /// One walk, each page handed on while the next is fetched.
    async fn walk_once(
        &self,
        status: UserStatus,
        pages: &Sender<SeatPage>,
        mut note: impl FnMut(&Page),
    ) -> Result<End, ConnectorError> {
        let mut walk = Walk::default();
        let mut page = self.users_page(status, None).await?;
        loop {
            let ids = page.seats.iter().map(|seat| seat.external_user_id.as_str());
            let step = walk.page(ids, page.total, &page.next_page_token);
            if let Step::Broken(reason) = step {
                return Ok(End::Broken(reason));
            }
            note(&page);
            let handed_on = hand_on(pages, page.seats);
            let Step::Next(token) = step else {
                handed_on.await?;
                return Ok(walk.reached());
            };
            let (handed_on, next) = tokio::join!(handed_on, self.users_page(status, Some(&token)));
            handed_on?;
            page = match next {
                Ok(page) => page,
                Err(error) if fact(&error) == Some(Fact::PageTokenExpired) => {
                    return Ok(End::Broken("the page token expired on the way".to_owned()));
                }
                Err(error) => return Err(error),
            };
        }
    }

    async fn users_page(
        &self,
        status: UserStatus,
        token: Option<&str>,
    ) -> Result<Page, ConnectorError> {
        let step = format!("list {} users", status.as_str());
        let query = [
            ("status", status.as_str()),
            ("page_size", self.page_size.as_str()),
            ("next_page_token", token.unwrap_or_default()),
        ];
        let given = if token.is_some() { 3 } else { 2 };
        let call = Call {
            step: &step,
            label: Label::Medium,
            path: &["users"],
            query: &query[..given],
        };
        self.get(LIST_USERS, &call, |body| read_page(body, status))
            .await
    }
}

fn count(merged: &mut Distinct, this_walk: Option<Distinct>) -> Result<Seen, ConnectorError> {
    let counted = merged.count().and_then(|merged| {
        let this_walk = this_walk.map_or(Ok(merged), |mut this_walk| this_walk.count())?;
        Ok(Seen { this_walk, merged })
    });
    counted.map_err(|error| ConnectorError::Misconfigured {
        message: format!("the users of this walk cannot be counted: {error}"),
    })
}

async fn hand_on(pages: &Sender<SeatPage>, seats: Vec<Seat>) -> Result<(), ConnectorError> {
    if seats.is_empty() {
        return Ok(());
    }
    let users = seats.len() as u64;
    pages
        .send(SeatPage { seats, users })
        .await
        .map_err(|_| ConnectorError::Cancelled)
}

fn read_page(body: &[u8], status: UserStatus) -> serde_json::Result<Page> {
    let page: UsersPage<'_> = serde_json::from_slice(body)?;
    let mut seats = Vec::with_capacity(page.users.len());
    let mut unrecognized = Vec::new();
    for user in &page.users {
        seats.push(seat(user, status, &mut unrecognized)?);
    }
    Ok(Page {
        seats,
        unrecognized,
        total: page.total_records.count(),
        next_page_token: page.next_page_token.0.into_owned(),
    })
}

fn seat(
    user: &User<'_>,
    status: UserStatus,
    unrecognized: &mut Vec<String>,
) -> serde_json::Result<Seat> {
    let base = base_seat(user.kind.0);
    if !base.recognized {
        unrecognized.push(base.identifier.to_string());
    }
    let email = &*user.email.0;
    let external_user_id = match (user.id.given(), status) {
        (Some(id), _) => id.to_owned(),
        (None, UserStatus::Pending) if !email.is_empty() => {
            format!("pending:{}", email.to_lowercase())
        }
        (None, _) => return Err(serde_json::Error::custom("a user has no `id`")),
    };
    Ok(Seat {
        may_have_add_ons: base.may_have_add_ons
            && status == UserStatus::Active
            && user.id.given().is_some(),
        external_user_id,
        identifier: base.identifier,
        email: email.to_owned(),
        display_name: display_name(user),
        department: user.dept.given().map(str::to_owned),
        status,
        role: match &*user.role_id.0 {
            "0" => Role::Owner,
            "1" => Role::Admin,
            _ => Role::Member,
        },
        user_created_at: user.created_at.0.parse().ok(),
        last_login_at: user.last_login_time.0.parse().ok(),
        bundled: is_bundled(user),
        paid: base.paid,
    })
}

fn display_name(user: &User<'_>) -> String {
    if let Some(name) = user.display_name.given() {
        return name.to_owned();
    }
    let name = format!("{} {}", user.first_name.0, user.last_name.0);
    match name.trim() {
        "" => user.email.0.clone().into_owned(),
        name => name.to_owned(),
    }
}

/// Zoom One and Zoom United suites, and the bundle entries of accounts with several subscriptions.
fn is_bundled(user: &User<'_>) -> bool {
    user.plan_united_type
        .given()
        .is_some_and(|plan| plan != "0")
        || user.zoom_one_type.0.is_some_and(|kind| kind > 0)
        || user
            .license_info_list
            .0
            .iter()
            .any(|license| license.license_type.0.ends_with("_BUNDLE"))
}

#[cfg(test)]
mod tests;
