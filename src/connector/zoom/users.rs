//! The walk over all users: active, deactivated and invited ones, page by page.

use serde::de::Error as _;
use tokio::sync::mpsc::Sender;

use super::ZoomConnector;
use super::client::{Fact, fact};
use super::identifiers::base_seat;
use super::scopes::LIST_USERS;
use super::suites::Suite;
use super::wire::{User, UsersPage};
use crate::connector::error::ConnectorError;
use crate::connector::facts::{Role, Seat, SeatPage, UserStatus, WalkReport};
use crate::connector::http::api::Call;
use crate::connector::limits::Label;
use crate::connector::walk::{Fetched, UserList, UserPage, walk_users};
use crate::profile::identifier::ProfileType;

/// Zoom lists each of these by itself.
const STATUSES: [UserStatus; 3] = [
    UserStatus::Active,
    UserStatus::Inactive,
    UserStatus::Pending,
];

/// The users of one status.
struct UsersOfStatus<'a> {
    zoom: &'a ZoomConnector,
    status: UserStatus,
}

impl UserList for UsersOfStatus<'_> {
    // A page token leads on from the last row, not from the start of the list.
    const SHIFTS: bool = false;

    fn name(&self) -> String {
        format!("{} users", self.status.as_str())
    }

    async fn page(&self, token: Option<&str>) -> Result<Fetched, ConnectorError> {
        match self.zoom.users_page(self.status, token).await {
            Ok(page) => Ok(Fetched::Page(page)),
            Err(error) if token.is_some() && fact(&error) == Some(Fact::PageTokenExpired) => Ok(
                Fetched::Broken("the page token expired on the way".to_owned()),
            ),
            Err(error) => Err(error),
        }
    }
}

impl ZoomConnector {
    pub(super) async fn walk_all_users(
        &self,
        pages: Sender<SeatPage>,
    ) -> Result<WalkReport, ConnectorError> {
        let lists = STATUSES.map(|status| UsersOfStatus { zoom: self, status });
        let scratch = self.api.http.options().scratch.as_ref();
        walk_users(&lists, scratch, &pages).await
    }

    async fn users_page(
        &self,
        status: UserStatus,
        token: Option<&str>,
    ) -> Result<UserPage, ConnectorError> {
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
        self.get(LIST_USERS, &call, |body| {
            read_page(body, status, self.profile_type)
        })
        .await
    }
}

fn read_page(
    body: &[u8],
    status: UserStatus,
    profile_type: ProfileType,
) -> serde_json::Result<UserPage> {
    let page: UsersPage<'_> = serde_json::from_slice(body)?;
    let mut seats = Vec::with_capacity(page.users.len());
    let mut unrecognized = Vec::new();
    for user in &page.users {
        seats.push(seat(user, status, profile_type, &mut unrecognized)?);
    }
    Ok(UserPage {
        users: seats.len() as u64,
        seats,
        seatless: Vec::new(),
        unrecognized,
        total: page.total_records.count(),
        next: page.next_page_token.0.into_owned(),
    })
}

fn seat(
    user: &User<'_>,
    status: UserStatus,
    profile_type: ProfileType,
    unrecognized: &mut Vec<String>,
) -> serde_json::Result<Seat> {
    let base = base_seat(user.kind.0);
    if !base.recognized {
        unrecognized.push(base.identifier.to_string());
    }
    let workplace = profile_type == ProfileType::ZoomWorkplace;
    let suite = Suite::of(user);
    // A suite is one subscription, in place of the base seat.
    let identifier = match suite.as_ref().filter(|_| workplace && base.paid) {
        Some(suite) => suite.identifier(),
        None => base.identifier,
    };
    let email = &*user.email.0;
    let external_user_id = match (user.id.given(), status) {
        (Some(id), _) => id.to_owned(),
        (None, UserStatus::Pending) if !email.is_empty() => {
            format!("pending:{}", email.to_lowercase())
        }
        (None, _) => return Err(serde_json::Error::custom("a user has no `id`")),
    };
    Ok(Seat {
        // Phone and the like need no licence for meetings.
        may_have_add_ons: (workplace || base.may_have_add_ons)
            && status == UserStatus::Active
            && user.id.given().is_some(),
        external_user_id,
        identifier,
        email: email.to_owned(),
        display_name: display_name(user),
        department: user.dept.given().map(str::to_owned),
        status,
        role: role_of(user),
        user_created_at: user.created_at.0.parse().ok(),
        last_login_at: user.last_login_time.0.parse().ok(),
        bundled: suite.is_some(),
        paid: base.paid,
    })
}

/// Zoom numbers its own roles; a team's own have other ids.
pub(super) fn role_of(user: &User<'_>) -> Role {
    match &*user.role_id.0 {
        "0" => Role::Owner,
        "1" => Role::Admin,
        _ => Role::Member,
    }
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

#[cfg(test)]
mod tests;
