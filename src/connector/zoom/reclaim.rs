//! Taking a licence back and giving it back. A base seat goes by the user's `type`, an add-on by a switch
//! in the user's settings: both can be undone. Deleting a Basic user cannot.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use reqwest::Method;
use serde_json::{Value, json};

use super::ZoomConnector;
use super::client::{Fact, fact};
use super::identifiers::base_seat;
use super::listed::not_whole;
use super::products;
use super::refusals;
use super::scopes::{
    DELETE_USER, LIST_MEETINGS, LIST_WEBINARS, Operation, READ_USER, UPDATE_SETTINGS, UPDATE_USER,
    USER_SETTINGS,
};
use super::suites::Suite;
use super::wire::{Feature, ListedPage, Settings, User};
use crate::connector::error::ConnectorError;
use crate::connector::facts::{ActivityKind, Grade, Role, UserStatus};
use crate::connector::http::api::Call;
use crate::connector::limits::Label;
use crate::connector::write::{
    Consequence, FreshSeat, Hindrance, Holding, PriorState, SeatRef, WriteOptions, Written,
};
use crate::profile::identifier::Identifier;
use crate::profile::identifier::ProfileType;

const BASIC: i64 = 1;
const LICENSED: i64 = 2;

/// What a seat is, by how it is taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// The user's `type`.
    Licensed,
    /// A user who holds no bought seat.
    Basic,
    /// A switch of this name in the user's settings.
    Switch(&'static str),
}

/// How a seat is taken back; `None` for what is not.
fn kind_of(identifier: &Identifier) -> Option<Kind> {
    match identifier.as_str().split('.').nth(1)? {
        "licensed" => Some(Kind::Licensed),
        "basic" => Some(Kind::Basic),
        "webinar" => Some(Kind::Switch("webinar")),
        "large_meeting" => Some(Kind::Switch("large_meeting")),
        _ => None,
    }
}

/// A user as the call for one user tells it.
struct UserNow {
    kind: Option<i64>,
    email: String,
    status: UserStatus,
    role: Role,
    bundled: bool,
}

/// What a user's settings tell.
struct SettingsNow {
    held: Vec<Identifier>,
    /// Seats that end with the licence, counted by profiles of this type or not.
    depending: Vec<Identifier>,
    feature: Value,
}

impl ZoomConnector {
    pub(super) async fn fresh_seat(
        &self,
        seat: &SeatRef,
        counting: &[ActivityKind],
        since: Date,
        options: &WriteOptions,
    ) -> Result<FreshSeat, ConnectorError> {
        let user_id = seat.external_user_id.as_str();
        let Some(kind) = kind_of(&seat.identifier) else {
            return Ok(FreshSeat::unreclaimable(
                "seats of this product are not taken back",
            ));
        };
        if kind == Kind::Basic && !options.delete_basic_users {
            return Ok(FreshSeat::unreclaimable(
                "Basic users are deleted only with `delete_basic_users: true` under `reclaim_subscriptions`",
            ));
        }
        let Some(user) = self.user_now(user_id).await? else {
            return Ok(FreshSeat::gone());
        };
        let settings = self.settings_now(user_id).await?;
        let mut fresh = FreshSeat {
            holding: holding_of(kind, &seat.identifier, &user, &settings),
            email: Some(user.email.clone()),
            status: Some(user.status),
            role: Some(user.role),
            takes_along: Vec::new(),
            hindrances: hindrances_of(&user),
            consequences: Vec::new(),
            used_on: None,
            prior: prior_of(kind, &user, &settings),
        };
        match kind {
            Kind::Licensed => fresh.takes_along = settings.depending,
            Kind::Basic => fresh.consequences.push(Consequence::DeletesUser),
            Kind::Switch(_) => {}
        }
        if self.account_id.is_none() && self.is_consenter(user_id).await? {
            fresh.hindrances.push(Hindrance::OwnAccount);
        }
        if fresh.holding == Holding::Held {
            fresh
                .hindrances
                .extend(self.sessions_now(user_id, kind).await?);
            fresh.used_on = self.used_since(user_id, counting, since).await?;
        }
        Ok(fresh)
    }

    pub(super) async fn holding_now(&self, seat: &SeatRef) -> Result<Holding, ConnectorError> {
        let user_id = seat.external_user_id.as_str();
        let Some(kind) = kind_of(&seat.identifier) else {
            return Ok(Holding::NotHeld);
        };
        let Some(user) = self.user_now(user_id).await? else {
            return Ok(Holding::UserGone);
        };
        let settings = match kind {
            Kind::Switch(_) => self.settings_now(user_id).await?,
            Kind::Licensed | Kind::Basic => SettingsNow {
                held: Vec::new(),
                depending: Vec::new(),
                feature: Value::Null,
            },
        };
        Ok(holding_of(kind, &seat.identifier, &user, &settings))
    }

    pub(super) async fn take_back(
        &self,
        seat: &SeatRef,
        options: &WriteOptions,
    ) -> Result<Written, ConnectorError> {
        let user = seat.external_user_id.as_str();
        let changed = match kind_of(&seat.identifier) {
            Some(Kind::Licensed) => self.set_type(user, BASIC).await,
            Some(Kind::Switch(name)) => self.set_feature(user, &json!({ name: false })).await,
            Some(Kind::Basic) if options.delete_basic_users => self.delete(user).await,
            Some(Kind::Basic) | None => Err(ConnectorError::Unsupported {
                what: format!("taking back a seat of {}", seat.identifier),
            }),
        };
        match changed {
            Ok(trace_id) => Ok(Written::Done { trace_id }),
            Err(error) => refusals::taken(error),
        }
    }

    pub(super) async fn give_back(
        &self,
        seat: &SeatRef,
        prior: &PriorState,
    ) -> Result<Written, ConnectorError> {
        let user = seat.external_user_id.as_str();
        let changed = match kind_of(&seat.identifier) {
            Some(Kind::Licensed) => {
                let kind = prior.0["type"].as_i64().unwrap_or(LICENSED);
                self.set_type(user, kind).await
            }
            Some(Kind::Switch(name)) => match &prior.0["feature"] {
                Value::Object(feature) if feature.contains_key(name) => {
                    self.set_feature(user, &prior.0["feature"]).await
                }
                _ => Err(ConnectorError::Unsupported {
                    what: format!(
                        "giving back a seat of {} of which nothing was recorded",
                        seat.identifier
                    ),
                }),
            },
            Some(Kind::Basic) | None => Err(ConnectorError::Unsupported {
                what: format!("giving back a seat of {}", seat.identifier),
            }),
        };
        match changed {
            Ok(trace_id) => Ok(Written::Done { trace_id }),
            Err(error) => refusals::refused(error),
        }
    }

    async fn set_type(&self, user: &str, kind: i64) -> Result<Option<String>, ConnectorError> {
        let call = Call {
            step: "change a user's licence",
            label: Label::Light,
            path: &["users", user],
            query: &[],
        };
        let body = json!({ "type": kind });
        self.change(UPDATE_USER, &call, Method::PATCH, Some(&body))
            .await
    }

    async fn set_feature(
        &self,
        user: &str,
        feature: &Value,
    ) -> Result<Option<String>, ConnectorError> {
        let call = Call {
            step: "change a user's add-on",
            label: Label::Medium,
            path: &["users", user, "settings"],
            query: &[],
        };
        let body = json!({ "feature": feature });
        self.change(UPDATE_SETTINGS, &call, Method::PATCH, Some(&body))
            .await
    }

    async fn delete(&self, user: &str) -> Result<Option<String>, ConnectorError> {
        let call = Call {
            step: "delete a Basic user",
            label: Label::Medium,
            path: &["users", user],
            query: &[("action", "delete")],
        };
        self.change(DELETE_USER, &call, Method::DELETE, None).await
    }

    /// The trace id of the answer.
    async fn change(
        &self,
        operation: Operation,
        call: &Call<'_>,
        method: Method,
        body: Option<&Value>,
    ) -> Result<Option<String>, ConnectorError> {
        let changed = self.api.change(call, method, body).await;
        changed.map_err(|error| super::with_scopes(operation, error))
    }

    /// `None` for one whom Zoom does not know.
    async fn user_now(&self, user_id: &str) -> Result<Option<UserNow>, ConnectorError> {
        let call = Call {
            step: "read a user",
            label: Label::Light,
            path: &["users", user_id],
            query: &[],
        };
        let read = self
            .get(READ_USER, &call, |body| {
                let user: User<'_> = serde_json::from_slice(body)?;
                super::seats_own(&user, user_id)?;
                Ok(UserNow {
                    kind: user.kind.0,
                    email: user.email.0.clone().into_owned(),
                    status: match user.status.given() {
                        Some("active") => UserStatus::Active,
                        Some("inactive") => UserStatus::Inactive,
                        _ => UserStatus::Pending,
                    },
                    role: super::users::role_of(&user),
                    bundled: Suite::of(&user).is_some(),
                })
            })
            .await;
        match read {
            Ok(user) => Ok(Some(user)),
            Err(error) if fact(&error) == Some(Fact::UserGone) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn settings_now(&self, user_id: &str) -> Result<SettingsNow, ConnectorError> {
        let call = Call {
            step: "read a user's licences",
            label: Label::Medium,
            path: &["users", user_id, "settings"],
            query: &[],
        };
        self.get(USER_SETTINGS, &call, |body| {
            let settings: Settings<'_> = serde_json::from_slice(body)?;
            let raw: Value = serde_json::from_slice(body)?;
            let held = products::seats(&settings.feature, self.profile_type, None);
            Ok(SettingsNow {
                depending: depending(&settings.feature, &held),
                held,
                feature: switches(&settings.feature, &raw["feature"]),
            })
        })
        .await
    }

    /// Meetings and webinars that go on now or are to come.
    async fn sessions_now(&self, user: &str, kind: Kind) -> Result<Vec<Hindrance>, ConnectorError> {
        let mut found = Vec::new();
        if kind != Kind::Switch("webinar") {
            let live = self.days(LIST_MEETINGS, user, "meetings", "live").await?;
            if !live.is_empty() {
                found.push(Hindrance::LiveSession);
            }
            let upcoming = self
                .days(LIST_MEETINGS, user, "meetings", "upcoming")
                .await?;
            found.extend(upcoming.into_iter().min().map(Hindrance::UpcomingMeeting));
        }
        if kind != Kind::Switch("large_meeting") {
            let upcoming = self
                .days(LIST_WEBINARS, user, "webinars", "upcoming")
                .await?;
            found.extend(upcoming.into_iter().min().map(Hindrance::UpcomingWebinar));
        }
        Ok(found)
    }

    /// The days of one part of a user's calendar: its first page, since one session is enough.
    async fn days(
        &self,
        operation: Operation,
        user: &str,
        word: &str,
        part: &str,
    ) -> Result<Vec<Date>, ConnectorError> {
        let step = format!("look for {part} {word} of a user");
        let call = Call {
            step: &step,
            label: Label::Medium,
            path: &["users", user, word],
            query: &[("type", part), ("page_size", "30")],
        };
        let today = self.api.clock.now();
        let read = self
            .get(operation, &call, |body| {
                let page: ListedPage<'_> = serde_json::from_slice(body)?;
                let rows = page.meetings.iter();
                let days: Vec<Date> = rows.map(|row| day_of(&row.start_time.0, today)).collect();
                // More pages may follow, but none does after an empty one.
                let lacking = page.total_records.count().filter(|_| days.is_empty());
                Ok((days, lacking.unwrap_or(0)))
            })
            .await;
        match read {
            Ok((days, 0)) => Ok(days),
            Ok((_, total)) => Err(not_whole(&step, &format!("none came of {total} rows"))),
            Err(error)
                if matches!(
                    fact(&error),
                    Some(Fact::MayNotHost | Fact::NoWebinarPlan | Fact::UserGone)
                ) =>
            {
                Ok(Vec::new())
            }
            Err(error) => Err(error),
        }
    }

    /// The latest use that the host's own report and the lists of the user tell by now.
    async fn used_since(
        &self,
        user: &str,
        counting: &[ActivityKind],
        since: Date,
    ) -> Result<Option<(Date, ActivityKind, Grade)>, ConnectorError> {
        let reported = self.reported_of_host(user, counting, since).await?;
        let page = self.listed_activity(user, since).await?;
        let listed = page
            .activities
            .into_iter()
            .filter(|activity| counting.contains(&activity.kind))
            .map(|activity| (activity.day, activity.kind, activity.grade))
            .max();
        Ok(reported.max(listed))
    }
}

/// The add-ons in `held`, and of products that the profile does not count those that only a licensed user
/// can host with.
fn depending(feature: &Feature<'_>, held: &[Identifier]) -> Vec<Identifier> {
    let all = products::seats(feature, ProfileType::ZoomWorkplace, None);
    let hosting = |identifier: &Identifier| {
        ["zoom.zoom_events", "zoom.zoom_webinars_plus"]
            .iter()
            .any(|product| identifier.as_str().starts_with(product))
    };
    let uncounted = all
        .into_iter()
        .filter(|one| hosting(one) && !held.contains(one));
    held.iter().cloned().chain(uncounted).collect()
}

fn holding_of(
    kind: Kind,
    identifier: &Identifier,
    user: &UserNow,
    settings: &SettingsNow,
) -> Holding {
    let held = match kind {
        Kind::Licensed => user.kind == Some(LICENSED),
        Kind::Basic => base_seat(user.kind).identifier == *identifier,
        Kind::Switch(_) => settings.held.contains(identifier),
    };
    if held {
        Holding::Held
    } else {
        Holding::NotHeld
    }
}

fn hindrances_of(user: &UserNow) -> Vec<Hindrance> {
    let mut found = Vec::new();
    if user.role != Role::Member {
        found.push(Hindrance::Administrator(user.role));
    }
    if user.bundled {
        found.push(Hindrance::Bundled);
    }
    if user.status == UserStatus::Pending {
        found.push(Hindrance::Pending);
    }
    found
}

fn prior_of(kind: Kind, user: &UserNow, settings: &SettingsNow) -> PriorState {
    PriorState(match kind {
        Kind::Licensed | Kind::Basic => json!({ "type": user.kind }),
        Kind::Switch(name) => {
            let capacity = format!("{name}_capacity");
            let mut feature = serde_json::Map::new();
            for key in [name, capacity.as_str()] {
                if let Some(value) = settings.feature.get(key) {
                    feature.insert(key.to_owned(), value.clone());
                }
            }
            json!({ "feature": feature })
        }
    })
}

/// The switches that may be given back, as Zoom told them.
fn switches(feature: &Feature<'_>, raw: &Value) -> Value {
    let mut kept = serde_json::Map::new();
    let sized = [
        (
            "webinar",
            feature.webinar.0,
            feature.webinar_capacity.count(),
        ),
        (
            "large_meeting",
            feature.large_meeting.0,
            feature.large_meeting_capacity.count(),
        ),
    ];
    for (name, held, capacity) in sized {
        if held {
            kept.insert(
                name.to_owned(),
                raw.get(name).cloned().unwrap_or(Value::Bool(true)),
            );
            if let Some(capacity) = capacity {
                kept.insert(format!("{name}_capacity"), Value::from(capacity));
            }
        }
    }
    Value::Object(kept)
}

/// A session without a start that can be read is one of today: it errs on the side of being there.
fn day_of(start: &str, now: Timestamp) -> Date {
    start
        .parse::<Timestamp>()
        .unwrap_or(now)
        .to_zoned(TimeZone::UTC)
        .date()
}
