//! What can go wrong at GoTo beside what goes wrong at any vendor.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::fault::{self, Spoil, rows_of};
use crate::goto::endpoint::{Endpoint, Family};
use crate::goto::errors::ApiError;
use crate::goto::limits::TooMany;
use crate::http::{Reply, Request};

/// A rule for requests to GoTo.
pub type Fault = fault::Fault<Endpoint, Action>;

/// Which requests to GoTo a rule picks.
pub type When = fault::When<Endpoint>;

/// What happens to a request.
pub type Action = fault::Action<Refusal, TooMany, Shape>;

/// The rules in force.
pub(crate) type Faults = fault::Faults<Endpoint, Action>;

/// GoTo's refusals that a rule may ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// The token is not accepted, as the API of the request says it: 401, or 403 `InvalidToken`.
    BadToken,
    /// A scope is missing, as the API of the request says it.
    MissingScope,
    /// 403 in the product envelope: the person may not do this.
    Forbidden,
    /// 404 in the gateway's envelope.
    NotFound,
    /// 400 in the older envelope.
    Invalid,
    /// 502 with a JSON body, as of a malformed key.
    BadGateway,
}

/// Shapes of answers that differ from the usual one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// Members nobody knows, everywhere.
    UnknownFields,
    /// Keys as text where they are numbers.
    KeysAsText,
    /// The Admin API's answer to "nobody": 200 without `results`.
    NoResults,
    /// A status word that nobody knows.
    UnknownStatus,
}

/// What a fault needs to know of the request it hits.
pub(crate) struct Scene<'a> {
    pub(crate) request: &'a Request,
    pub(crate) endpoint: Option<Endpoint>,
}

impl Scene<'_> {
    fn family(&self) -> Family {
        self.endpoint.map_or(Family::Admin, Endpoint::family)
    }
}

impl Spoil<Refusal, TooMany, Shape> for Scene<'_> {
    fn refuse(&self, refusal: &Refusal) -> Reply {
        let family = self.family();
        let error = match refusal {
            Refusal::BadToken => ApiError::bad_token(family),
            Refusal::MissingScope => {
                let scopes = self.endpoint.map_or(&[][..], Endpoint::scopes);
                ApiError::missing_scope(family, scopes.first().unwrap_or(&"identity:"))
            }
            Refusal::Forbidden => {
                ApiError::product(403, "AccessDenied", "You do not have permission")
            }
            Refusal::NotFound => ApiError::not_found("the resource"),
            Refusal::Invalid => ApiError::invalid("Invalid request"),
            Refusal::BadGateway => ApiError::malformed_key(),
        };
        error.reply()
    }

    fn too_many(&self, kind: &TooMany) -> Reply {
        kind.reply()
    }

    fn repeat_token(&self, body: &mut Value) {
        if let Some(marker) = self.request.param("pageMarker") {
            body["nextPageMarker"] = json!(marker);
        }
        if let Some(offset) = self
            .request
            .param("offset")
            .and_then(|at| at.parse::<u64>().ok())
        {
            body["toIndex"] = json!(offset.saturating_sub(1));
        }
    }

    fn cut_walk(&self, body: &mut Value) {
        if body.get("nextPageMarker").is_some() {
            body["nextPageMarker"] = Value::Null;
        }
        if let Some(to) = body.get("toIndex").and_then(Value::as_u64) {
            body["total"] = json!(to + 1);
        }
        if let Some(page) = body.get_mut("page") {
            page["totalPages"] = json!(1);
        }
    }

    fn reshape(&self, shape: &Shape, body: &mut Value) {
        match shape {
            Shape::NoResults => {
                if let Some(members) = body.as_object_mut() {
                    members.remove("results");
                }
            }
            Shape::UnknownFields | Shape::KeysAsText | Shape::UnknownStatus => {
                for row in rows_of(body).into_iter().flatten() {
                    reshape_row(*shape, row);
                }
            }
        }
    }
}

fn reshape_row(shape: Shape, row: &mut Value) {
    let Some(members) = row.as_object_mut() else {
        return;
    };
    match shape {
        Shape::UnknownFields => {
            members.insert(
                "xNewMember".to_owned(),
                json!({"since": 2027, "flags": [true, null]}),
            );
        }
        Shape::KeysAsText => {
            for value in members.values_mut().filter(|value| value.is_number()) {
                *value = json!(value.to_string());
            }
        }
        Shape::UnknownStatus => {
            if let Some(status) = members.get_mut("status") {
                *status = json!("ON_LOAN");
            }
        }
        Shape::NoResults => {}
    }
}
