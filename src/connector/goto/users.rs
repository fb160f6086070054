//! The walk over all users, proved by the licences: a list of users that misses somebody who holds
//! a licence is not whole, whatever its total says.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use jiff::SignedDuration;
use serde::de::Error as _;
use tokio::sync::mpsc::Sender;

use super::GoToConnector;
use super::licenses::{Holders, License, Licenses};
use super::paging::next_offset;
use super::wire::{User, UsersPage};
use crate::clock;
use crate::connector::error::ConnectorError;
use crate::connector::facts::{Completeness, Role, Seat, SeatPage, UserStatus, WalkReport};
use crate::connector::http::api::Call;
use crate::connector::limits::Label;
use crate::connector::walk::{Fetched, UserList, UserPage, walk_users};

/// How often users and licences are compared before they count as contradicting each other.
const MOST_COMPARISONS: u32 = 3;

/// A change shows in the licences before it shows in the users; seconds were seen.
const SPREADING: SignedDuration = SignedDuration::from_secs(10);

/// All users of an account, read beside its licences.
struct Users<'a> {
    goto: &'a GoToConnector,
    account: &'a str,
    licenses: &'a Licenses,
    told: Mutex<Told>,
}

/// What the pages of the latest walk told.
#[derive(Default)]
struct Told {
    /// By the places of the licences.
    holders: Vec<Holders>,
    /// Those of the invited who are among the users.
    invited: HashSet<String>,
    /// A licence that somebody holds and the list of licences does not have.
    unknown: Option<String>,
}

impl UserList for Users<'_> {
    const SHIFTS: bool = true;

    fn name(&self) -> String {
        "users".to_owned()
    }

    /// The licences name their holders.
    fn is_proved(&self) -> bool {
        self.contradiction(self.licenses).is_none()
    }

    async fn page(&self, at: Option<&str>) -> Result<Fetched, ConnectorError> {
        if at.is_none() {
            *self.told() = Told {
                holders: vec![Holders::default(); self.licenses.len()],
                ..Told::default()
            };
        }
        let call = Call {
            step: "list users",
            label: Label::Light,
            path: &["admin", "rest", "v1", "accounts", self.account, "users"],
            query: &[
                ("offset", at.unwrap_or("0")),
                ("pageSize", &self.goto.page_size),
            ],
        };
        let page = self
            .goto
            .apis
            .admin
            .get(&call, |body| self.read(body))
            .await?;
        Ok(Fetched::Page(page))
    }
}

impl Users<'_> {
    fn told(&self) -> std::sync::MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read(&self, body: &[u8]) -> serde_json::Result<UserPage> {
        let page: UsersPage<'_> = serde_json::from_slice(body)?;
        let mut found = UserPage {
            users: page.results.len() as u64,
            total: page.total.count(),
            next: next_offset(
                page.to_index.count(),
                page.total.count(),
                page.results.len(),
            ),
            ..UserPage::default()
        };
        let mut told = self.told();
        for user in &page.results {
            let id = id_of(user)?;
            let seats = self.seats(user, &id, &mut told, &mut found.unrecognized);
            if seats.is_empty() {
                found.seatless.push(id);
            }
            found.seats.extend(seats);
        }
        Ok(found)
    }

    /// One seat per product, however many licences give it.
    fn seats(
        &self,
        user: &User<'_>,
        id: &str,
        told: &mut Told,
        unrecognized: &mut Vec<String>,
    ) -> Vec<Seat> {
        let keys = user.license_keys.iter().filter_map(|key| key.given());
        let mut places: Vec<usize> = Vec::new();
        for key in keys {
            match self.licenses.place(key) {
                Some(place) if !places.contains(&place) => places.push(place),
                Some(_) => {}
                None => told.unknown = Some(key.to_owned()),
            }
        }
        let invited_to = self.licenses.invited.get(id);
        if let Some(invited_to) = invited_to {
            told.invited.insert(id.to_owned());
            for place in invited_to {
                if !places.contains(place) {
                    places.push(*place);
                }
            }
        }
        for place in &places {
            let invited = invited_to.is_some_and(|invited_to| invited_to.contains(place));
            if let Some(holders) = told.holders.get_mut(*place).filter(|_| !invited) {
                holders.add(self.licenses.hash(id));
            }
        }
        let status = status_of(&user.status.0, unrecognized);
        let blank = |seat: Seat| Seat {
            email: user.email.0.to_string(),
            display_name: display_name(user),
            department: user.group_name.given().map(str::to_owned),
            status: if invited_to.is_some() {
                UserStatus::Pending
            } else {
                status
            },
            role: role_of(user),
            ..seat
        };
        let held = places.iter().filter_map(|place| self.licenses.at(*place));
        let seats = seats_of(id, held, unrecognized);
        seats.into_iter().map(blank).collect()
    }

    /// Seats of those who are invited and not among the users yet.
    fn pending(&self) -> Vec<Seat> {
        let told = self.told();
        let absent = self.licenses.invited.iter();
        let absent = absent.filter(|(key, _)| !told.invited.contains(*key));
        absent
            .flat_map(|(key, places)| {
                let held = places.iter().filter_map(|place| self.licenses.at(*place));
                seats_of(key, held, &mut Vec::new())
            })
            .collect()
    }

    /// Where the two lists contradict each other, if they do.
    fn contradiction(&self, licenses: &Licenses) -> Option<String> {
        let told = self.told();
        if let Some(unknown) = &told.unknown {
            return Some(format!(
                "somebody holds licence `{unknown}`, which the list of licences does not have"
            ));
        }
        licenses.contradiction(&told.holders)
    }
}

impl GoToConnector {
    /// Walks until users and licences agree. Pages of all walks go to the receiver, which merges
    /// them by id.
    pub(super) async fn walk_all_users(
        &self,
        pages: Sender<SeatPage>,
    ) -> Result<WalkReport, ConnectorError> {
        let account = self.account_key().await?;
        let scratch = self.apis.admin.http.options().scratch.as_ref();
        let mut walks = 0;
        let mut comparisons = 0;
        loop {
            comparisons += 1;
            let licenses = self.read_licenses().await?;
            let users = Users {
                goto: self,
                account,
                licenses: &licenses,
                told: Mutex::default(),
            };
            let mut report = walk_users(std::slice::from_ref(&users), scratch, &pages).await?;
            walks += report.walks;
            report.walks = walks;
            if report.completeness != Completeness::Complete {
                return Ok(report);
            }
            let Some(contradiction) = users.contradiction(&licenses) else {
                hand_on(&pages, users.pending()).await?;
                return Ok(report);
            };
            if comparisons == MOST_COMPARISONS {
                report.completeness = Completeness::Incomplete(contradiction);
                return Ok(report);
            }
            tracing::info!(%contradiction, "reading licences and users again");
            clock::sleep(&*self.apis.admin.clock, SPREADING).await;
        }
    }
}

async fn hand_on(pages: &Sender<SeatPage>, seats: Vec<Seat>) -> Result<(), ConnectorError> {
    if seats.is_empty() {
        return Ok(());
    }
    let users = seats.len() as u64;
    let page = SeatPage { seats, users };
    pages
        .send(page)
        .await
        .map_err(|_| ConnectorError::Cancelled)
}

/// The key, or the address of somebody invited who has none yet.
fn id_of(user: &User<'_>) -> serde_json::Result<String> {
    match (user.key.given(), user.email.given()) {
        (Some(key), _) => Ok(key.to_owned()),
        (None, Some(email)) => Ok(format!("pending:{}", email.to_lowercase())),
        (None, None) => Err(serde_json::Error::custom("a user has no `key`")),
    }
}

fn seats_of<'a>(
    id: &str,
    held: impl Iterator<Item = &'a License> + Clone,
    unrecognized: &mut Vec<String>,
) -> Vec<Seat> {
    // A contained licence counts with the one that contains it.
    let contains = held
        .clone()
        .any(|license| license.bundle && !license.contained);
    let mut seats: Vec<Seat> = Vec::new();
    for license in held.filter(|license| !license.contained || !contains) {
        unrecognized.extend(license.products.unrecognized.iter().cloned());
        let fixed = license.bundle || license.contained || license.externally_managed;
        for identifier in &license.products.identifiers {
            let known = seats.iter_mut().find(|seat| seat.identifier == *identifier);
            if let Some(seat) = known {
                seat.bundled |= fixed;
                seat.paid |= license.enabled;
                continue;
            }
            seats.push(Seat {
                external_user_id: id.to_owned(),
                identifier: identifier.clone(),
                email: String::new(),
                display_name: String::new(),
                department: None,
                status: UserStatus::Pending,
                role: Role::Member,
                user_created_at: None,
                last_login_at: None,
                bundled: fixed,
                paid: license.enabled,
                may_have_add_ons: false,
            });
        }
    }
    seats
}

fn display_name(user: &User<'_>) -> String {
    let name = format!("{} {}", user.first_name.0, user.last_name.0);
    match name.trim() {
        "" => user.email.0.to_string(),
        name => name.to_owned(),
    }
}

/// GoTo's status words differ by API and in case. Who is called by an unknown word can sign in, as
/// far as we know.
pub(super) fn status_of(word: &str, unrecognized: &mut Vec<String>) -> UserStatus {
    match word.to_ascii_lowercase().as_str() {
        "active" | "" => UserStatus::Active,
        "inactive" | "suspended" => UserStatus::Inactive,
        "invited" | "invite sent" | "pending" => UserStatus::Pending,
        _ => {
            unrecognized.push(format!("status {word}"));
            UserStatus::Active
        }
    }
}

/// A super user may do everything; any other administrator's role is one.
pub(super) fn role_of(user: &User<'_>) -> Role {
    let is = |wanted: &str| user.admin_roles.iter().any(|role| role.0 == wanted);
    if is("SUPER_USER") {
        Role::Owner
    } else if user.admin.0 || !user.admin_roles.is_empty() {
        Role::Admin
    } else {
        Role::Member
    }
}
