//! Taking a licence away from a user and giving it back. Only ever one licence by its own call: a list
//! of licences written over another would take what was given meanwhile.
//!
//! What ServiceNow takes back is GoToMeeting, GoToWebinar and GoToConnect; the last one only where the
//! profile says so, since a phone's settings are lost a week later.

use jiff::civil::Date;
use jiff::{SignedDuration, ToSpan as _};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::GoToConnector;
use super::client::unknown;
use super::connect::CallSource;
use super::licenses::License;
use super::time::{day_of, start_of};
use super::users::{role_of, status_of};
use super::wire::{ScheduledWebinar, ScheduledWebinars, User};
use crate::connector::error::ConnectorError;
use crate::connector::facts::{
    Activity, ActivityKind, ActivityPage, ActivityUser, Grade, Role, UserStatus,
};
use crate::connector::http::api::Call;
use crate::connector::limits::Label;
use crate::connector::write::{
    Consequence, FreshSeat, Hindrance, Holding, PriorState, Refusal, RefusalKind, SeatRef,
    Settling, WriteOptions, Written,
};
use crate::profile::identifier::{Identifier, Vendor};

/// Calls of these last days are read anew before a write; earlier ones are recorded.
const FRESH_CALL_DAYS: i64 = 4;
/// How far ahead webinars are looked for.
const WEBINARS_AHEAD_DAYS: i64 = 365;

/// A change was seen to show within a minute.
pub(super) const SETTLING: Settling = Settling {
    tries: 6,
    wait: SignedDuration::from_secs(12),
};

/// A user as the call for one user tells it.
struct UserNow {
    email: String,
    status: UserStatus,
    role: Role,
    licenses: Vec<String>,
}

impl GoToConnector {
    pub(super) async fn fresh_seat(
        &self,
        seat: &SeatRef,
        counting: &[ActivityKind],
        since: Date,
        options: &WriteOptions,
    ) -> Result<FreshSeat, ConnectorError> {
        if let Some(why) = unreclaimable(&seat.identifier, *options) {
            return Ok(FreshSeat::unreclaimable(why));
        }
        let Some(user) = self.user_now(&seat.external_user_id).await? else {
            return Ok(FreshSeat::gone());
        };
        let (giving, others) = self.licenses_of(&user, &seat.identifier).await?;
        let mut fresh = FreshSeat {
            holding: holding_of(&giving),
            email: Some(user.email.clone()),
            status: Some(user.status),
            role: Some(user.role),
            takes_along: Vec::new(),
            hindrances: self.hindrances_of(&user, &giving).await?,
            consequences: Vec::new(),
            used_on: None,
            prior: PriorState(json!({
                "licenses": giving.iter().map(|license| &license.key).collect::<Vec<_>>(),
            })),
        };
        if others == 0 {
            fresh.consequences.push(Consequence::SuspendsUser);
        }
        if is(&seat.identifier, "connect") {
            fresh
                .consequences
                .push(Consequence::PhoneSettingsKeptSevenDays);
        }
        if fresh.holding == Holding::Held {
            if counting.contains(&ActivityKind::Call)
                && let CallSource::ByName(names) = self.call_source().await?
                && !names.single_out(&seat.external_user_id)
            {
                fresh.hindrances.push(Hindrance::Indistinguishable);
            }
            if is(&seat.identifier, "g2w") {
                fresh.takes_along = self.meetings_beside(&user).await?;
                let ahead = self.webinar_ahead(&seat.external_user_id).await?;
                fresh
                    .hindrances
                    .extend(ahead.map(Hindrance::UpcomingWebinar));
            }
            fresh.used_on = self
                .used_since(&seat.external_user_id, counting, since)
                .await?;
        }
        Ok(fresh)
    }

    pub(super) async fn holding_now(&self, seat: &SeatRef) -> Result<Holding, ConnectorError> {
        let Some(user) = self.user_now(&seat.external_user_id).await? else {
            return Ok(Holding::UserGone);
        };
        let (giving, _) = self.licenses_of(&user, &seat.identifier).await?;
        Ok(holding_of(&giving))
    }

    /// Takes each licence that gives the seat; there is hardly ever more than one.
    pub(super) async fn take_licenses(
        &self,
        seat: &SeatRef,
        prior: &PriorState,
        options: &WriteOptions,
    ) -> Result<Written, ConnectorError> {
        let suppress = if options.suppress_email {
            "true"
        } else {
            "false"
        };
        let mut written = Written::AlreadySo { trace_id: None };
        for license in licenses_in(prior) {
            let query = [("suppressEmail", suppress)];
            let step = "take a licence away";
            written = match self
                .change_license(step, Method::DELETE, license, seat, &query)
                .await
            {
                // Somebody else was faster, or the first attempt had worked.
                Err(error) if unknown(&error) => Written::AlreadySo {
                    trace_id: error.context().and_then(|context| context.trace_id.clone()),
                },
                Err(error) => return refused(error),
                Ok(trace_id) => Written::Done { trace_id },
            };
        }
        Ok(written)
    }

    /// Inferred: GoTo documents only the taking away of one licence, and this is its mirror.
    pub(super) async fn give_licenses(
        &self,
        seat: &SeatRef,
        prior: &PriorState,
    ) -> Result<Written, ConnectorError> {
        let mut written = Written::AlreadySo { trace_id: None };
        for license in licenses_in(prior) {
            let step = "give a licence back";
            written = match self
                .change_license(step, Method::PUT, license, seat, &[])
                .await
            {
                Err(error) => return refused(error),
                Ok(trace_id) => Written::Done { trace_id },
            };
        }
        Ok(written)
    }

    async fn change_license(
        &self,
        step: &str,
        method: Method,
        license: &str,
        seat: &SeatRef,
        query: &[(&str, &str)],
    ) -> Result<Option<String>, ConnectorError> {
        let account = self.account_key().await?;
        let user = seat.external_user_id.as_str();
        let call = Call {
            step,
            label: Label::Light,
            path: &[
                "admin", "rest", "v1", "accounts", account, "licenses", license, "users", user,
            ],
            query,
        };
        self.apis.admin.change(&call, method, None).await
    }

    /// `None` for one whom GoTo does not know.
    async fn user_now(&self, key: &str) -> Result<Option<UserNow>, ConnectorError> {
        let account = self.account_key().await?;
        let call = Call {
            step: "read a user",
            label: Label::Light,
            path: &["admin", "rest", "v1", "accounts", account, "users", key],
            query: &[],
        };
        let read = self
            .apis
            .admin
            .get(&call, |body| {
                use serde::de::Error as _;
                let user: User<'_> = serde_json::from_slice(body)?;
                if user.key.given() != Some(key) {
                    return Err(serde_json::Error::custom("it is not the user's own `key`"));
                }
                let licenses = user.license_keys.iter().filter_map(|key| key.given());
                Ok(UserNow {
                    email: user.email.0.to_string(),
                    status: status_of(&user.status.0, &mut Vec::new()),
                    role: role_of(&user),
                    licenses: licenses.map(str::to_owned).collect(),
                })
            })
            .await;
        match read {
            Ok(user) => Ok(Some(user)),
            Err(error) if unknown(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The user's licences that give the seat, and how many others there are.
    async fn licenses_of(
        &self,
        user: &UserNow,
        identifier: &Identifier,
    ) -> Result<(Vec<&License>, usize), ConnectorError> {
        let licenses = self.licenses().await?;
        let held: Vec<&License> = user
            .licenses
            .iter()
            .filter_map(|key| licenses.at(licenses.place(key)?))
            .collect();
        let all = user.licenses.len();
        let giving: Vec<&License> = held
            .into_iter()
            .filter(|license| license.products.identifiers.contains(identifier))
            .collect();
        let others = all - giving.len();
        Ok((giving, others))
    }

    /// GoToMeeting, where a licence of its own gives it: GoTo does not say whether that stays when a
    /// licence of GoToWebinar, which is one of GoToMeeting too, goes.
    async fn meetings_beside(&self, user: &UserNow) -> Result<Vec<Identifier>, ConnectorError> {
        let meetings = Identifier::from_vendor_word(Vendor::GoTo, "g2m", None);
        let (giving, _) = self.licenses_of(user, &meetings).await?;
        Ok(if giving.is_empty() {
            Vec::new()
        } else {
            vec![meetings]
        })
    }

    async fn hindrances_of(
        &self,
        user: &UserNow,
        giving: &[&License],
    ) -> Result<Vec<Hindrance>, ConnectorError> {
        let mut found = Vec::new();
        if user.role != Role::Member {
            found.push(Hindrance::Administrator(user.role));
        }
        if self.login().await?.email == user.email.to_lowercase() {
            found.push(Hindrance::OwnAccount);
        }
        if user.status == UserStatus::Pending {
            found.push(Hindrance::Pending);
        }
        if giving.iter().any(|license| license.externally_managed) {
            found.push(Hindrance::ExternallyManaged);
        }
        if giving
            .iter()
            .any(|license| license.bundle || license.contained)
        {
            found.push(Hindrance::Bundled);
        }
        Ok(found)
    }

    /// The day of the first webinar ahead: without its organizer it could not be held. In which order
    /// GoTo lists them is not documented, so all pages are read, up to one that tells of today.
    async fn webinar_ahead(&self, organizer: &str) -> Result<Option<Date>, ConnectorError> {
        let today = self.today();
        let mut first: Option<Date> = None;
        let mut page = 0;
        loop {
            let told = match self.webinars_page(organizer, today, page).await {
                Err(error) if unknown(&error) => return Ok(first),
                told => told?,
            };
            first = first.into_iter().chain(told.first).min();
            page += 1;
            if first == Some(today) || page >= told.pages {
                return Ok(first);
            }
        }
    }

    async fn webinars_page(
        &self,
        organizer: &str,
        today: Date,
        page: u64,
    ) -> Result<WebinarsAhead, ConnectorError> {
        let from = start_of(today);
        let to = start_of(today.saturating_add(WEBINARS_AHEAD_DAYS.days()));
        let page = page.to_string();
        let call = Call {
            step: "look for webinars ahead",
            label: Label::Light,
            path: &["G2W", "rest", "v2", "organizers", organizer, "webinars"],
            query: &[
                ("fromTime", &from),
                ("toTime", &to),
                ("page", &page),
                ("size", "200"),
            ],
        };
        let read = |body: &[u8]| read_webinars(body, today);
        self.apis.webinar.get(&call, read).await
    }

    async fn used_since(
        &self,
        user: &str,
        counting: &[ActivityKind],
        since: Date,
    ) -> Result<Option<(Date, ActivityKind, Grade)>, ConnectorError> {
        let mut activities = if counting.contains(&ActivityKind::Call) {
            self.calls_lately(since).await?
        } else {
            self.activity_of_organizer(user, since).await?.activities
        };
        activities.retain(|activity| {
            counting.contains(&activity.kind)
                && activity.day >= since
                && matches!(&activity.user, ActivityUser::Id(id) if id == user)
        });
        let facts = activities.into_iter();
        Ok(facts
            .map(|activity| (activity.day, activity.kind, activity.grade))
            .max())
    }

    async fn calls_lately(&self, since: Date) -> Result<Vec<Activity>, ConnectorError> {
        let today = self.today();
        let first = since.max(today.saturating_sub((FRESH_CALL_DAYS - 1).days()));
        let mut calls = Vec::new();
        for day in first.series(1.day()).take_while(|day| *day <= today) {
            let (pages, mut received) = mpsc::channel::<ActivityPage>(4);
            let collect = async {
                let mut found = Vec::new();
                while let Some(page) = received.recv().await {
                    found.extend(page.activities);
                }
                found
            };
            let read = async {
                let read = self.calls_of_day(day, &pages).await;
                drop(pages);
                read
            };
            let (read, found) = tokio::join!(read, collect);
            read?;
            calls.extend(found);
        }
        Ok(calls)
    }
}

/// What one page tells of webinars that are planned.
struct WebinarsAhead {
    /// The first day that is not over.
    first: Option<Date>,
    /// How many pages there are.
    pages: u64,
}

/// A webinar without a time that can be read is one of today: it errs on the side of being ahead.
fn read_webinars(body: &[u8], today: Date) -> serde_json::Result<WebinarsAhead> {
    let page: ScheduledWebinars<'_> = serde_json::from_slice(body)?;
    let day_ahead = |webinar: &ScheduledWebinar<'_>| {
        let times = webinar.times.iter();
        let days = times.map(|time| day_of(&time.end_time.0).unwrap_or(today));
        let ahead = days.filter(|day| *day >= today).min();
        ahead.or_else(|| webinar.times.is_empty().then_some(today))
    };
    Ok(WebinarsAhead {
        first: page.embedded.webinars.iter().filter_map(day_ahead).min(),
        pages: page.page.total_pages.count().unwrap_or(0),
    })
}

/// Why seats of a product are not taken back, where they are not.
fn unreclaimable(identifier: &Identifier, options: WriteOptions) -> Option<&'static str> {
    if is(identifier, "g2m") || is(identifier, "g2w") {
        None
    } else if is(identifier, "connect") {
        (!options.goto_connect).then_some(
            "licences of GoToConnect are taken back only with `goto_connect: true` under `reclaim_subscriptions`",
        )
    } else {
        Some("licences of this product are not taken back")
    }
}

fn is(identifier: &Identifier, word: &str) -> bool {
    identifier.as_str().strip_prefix("goto.") == Some(word)
}

fn holding_of(giving: &[&License]) -> Holding {
    if giving.is_empty() {
        Holding::NotHeld
    } else {
        Holding::Held
    }
}

fn licenses_in(prior: &PriorState) -> impl Iterator<Item = &str> {
    let licenses = prior.0["licenses"].as_array();
    licenses.into_iter().flatten().filter_map(Value::as_str)
}

/// What a refused change came to.
fn refused(error: ConnectorError) -> Result<Written, ConnectorError> {
    let ConnectorError::Rejected { context, message } = error else {
        return Err(error);
    };
    let code = context.code.as_deref().unwrap_or_default();
    let (kind, remedy) = match context.status {
        Some(404) => (
            RefusalKind::UserGone,
            "the user or the licence is not in this account any more",
        ),
        Some(403) if code.contains("externally") => (
            RefusalKind::Protected,
            "another system manages the licence: take it away there",
        ),
        Some(403) => (
            RefusalKind::NotAllowed,
            "let the login manage users and seats",
        ),
        Some(409) => (
            RefusalKind::NoRoom,
            "no seat of that licence is free: buy one or free one first",
        ),
        _ => (
            RefusalKind::Other,
            "look at the user in GoTo's admin centre, then resume the candidate",
        ),
    };
    Ok(Written::Refused(Refusal {
        kind,
        message: format!("{message}: {remedy}"),
        context,
    }))
}
