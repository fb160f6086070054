//! Taking a paid seat back is deactivating its user, as in ServiceNow's integration; activating the user
//! gives it back. Aha! documents neither a way to take the seat alone nor the number of seats bought.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use reqwest::Method;
use serde_json::json;

use super::AhaConnector;
use super::identifiers::seat_of;
use super::users::role;
use super::wire::OneSeat;
use crate::connector::error::ConnectorError;
use crate::connector::facts::{ActivityKind, Grade, Role, UserStatus};
use crate::connector::http::api::Call;
use crate::connector::limits::Label;
use crate::connector::write::{
    Consequence, FreshSeat, Hindrance, Holding, PriorState, Refusal, RefusalKind, SeatRef, Written,
};
use crate::profile::identifier::Identifier;

/// A user as the call for one user tells it.
struct UserNow {
    email: String,
    identifier: Option<Identifier>,
    enabled: bool,
    role: Role,
    accessed_on: Option<Date>,
}

impl AhaConnector {
    pub(super) async fn fresh_seat(
        &self,
        seat: &SeatRef,
        since: Date,
    ) -> Result<FreshSeat, ConnectorError> {
        if seat.identifier != super::identifiers::paid_seat() {
            return Ok(FreshSeat::unreclaimable(
                "a seat that is not paid for is not taken back",
            ));
        }
        let owner = self.owner().await?.id.clone();
        let Some(user) = self.user_now(&seat.external_user_id).await? else {
            return Ok(FreshSeat::gone());
        };
        let mut hindrances = Vec::new();
        if seat.external_user_id == owner {
            hindrances.push(Hindrance::OwnAccount);
        }
        if user.role != Role::Member {
            hindrances.push(Hindrance::Administrator(user.role));
        }
        Ok(FreshSeat {
            holding: holding_of(&user, &seat.identifier),
            email: Some(user.email.clone()),
            status: Some(if user.enabled {
                UserStatus::Active
            } else {
                UserStatus::Inactive
            }),
            role: Some(user.role),
            takes_along: Vec::new(),
            hindrances,
            consequences: vec![Consequence::DeactivatesUser, Consequence::RestoreMayCost],
            used_on: user
                .accessed_on
                .filter(|day| *day >= since)
                .map(|day| (day, ActivityKind::SignIn, Grade::Hosted)),
            prior: PriorState(json!({ "enabled": user.enabled })),
        })
    }

    pub(super) async fn holding_now(&self, seat: &SeatRef) -> Result<Holding, ConnectorError> {
        let user = self.user_now(&seat.external_user_id).await?;
        Ok(user.map_or(Holding::UserGone, |user| {
            holding_of(&user, &seat.identifier)
        }))
    }

    pub(super) async fn enable(
        &self,
        user: &str,
        enabled: bool,
    ) -> Result<Written, ConnectorError> {
        let call = Call {
            step: if enabled {
                "activate a user"
            } else {
                "deactivate a user"
            },
            label: Label::Light,
            path: &["users", user],
            query: &[],
        };
        let body = json!({ "user": { "enabled": enabled } });
        match self.api.change(&call, Method::PUT, Some(&body)).await {
            Ok(trace_id) => Ok(Written::Done { trace_id }),
            Err(error) => written(error),
        }
    }

    /// `None` for one whom Aha! does not know.
    async fn user_now(&self, id: &str) -> Result<Option<UserNow>, ConnectorError> {
        let owner = self.owner().await?.id.clone();
        let call = Call {
            step: "read a user",
            label: Label::Light,
            path: &["users", id],
            query: &[],
        };
        let read = self
            .api
            .get(&call, |body| {
                use serde::de::Error as _;
                let user = serde_json::from_slice::<OneSeat<'_>>(body)?.user;
                if user.id.given() != Some(id) {
                    return Err(serde_json::Error::custom("it is not the user's own `id`"));
                }
                let accessed = user.accessed_at.given().map(str::parse::<Timestamp>);
                let accessed = accessed.transpose().map_err(serde_json::Error::custom)?;
                Ok(UserNow {
                    email: user.email.0.clone().into_owned(),
                    identifier: seat_of(user.enabled, user.paid_seat).map(|(seat, _)| seat),
                    enabled: user.enabled,
                    role: role(&user, id == owner),
                    accessed_on: accessed.map(|at| at.to_zoned(TimeZone::UTC).date()),
                })
            })
            .await;
        match read {
            Ok(user) => Ok(Some(user)),
            Err(ConnectorError::Rejected { context, .. }) if context.status == Some(404) => {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}

fn holding_of(user: &UserNow, identifier: &Identifier) -> Holding {
    if user.identifier.as_ref() == Some(identifier) {
        Holding::Held
    } else {
        Holding::NotHeld
    }
}

/// What a refused change came to. Aha! documents none of them: 422 is what its clients met.
fn written(error: ConnectorError) -> Result<Written, ConnectorError> {
    let ConnectorError::Rejected { context, message } = error else {
        return Err(error);
    };
    let (kind, remedy) = match context.status {
        Some(404) => (
            RefusalKind::UserGone,
            "the user is not in this account any more",
        ),
        Some(422) => (
            RefusalKind::Protected,
            "look at the user in Aha!'s account settings",
        ),
        _ => (
            RefusalKind::Other,
            "look at the user in Aha!'s account settings, then resume the candidate",
        ),
    };
    Ok(Written::Refused(Refusal {
        kind,
        message: format!("{message}: {remedy}"),
        context,
    }))
}
