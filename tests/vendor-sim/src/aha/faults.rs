//! What can go wrong at Aha! beside what goes wrong at any vendor: its refusals, and the shapes its
//! answers may come in.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::aha::endpoint::Endpoint;
use crate::aha::errors;
use crate::aha::limits::TooMany;
use crate::aha::options::Unauthorized;
use crate::fault::{self, Spoil, rows_of};
use crate::http::{Reply, Request};

/// A rule for requests to Aha!
pub type Fault = fault::Fault<Endpoint, Action>;

/// Which requests to Aha! a rule picks.
pub type When = fault::When<Endpoint>;

/// What happens to a request.
pub type Action = fault::Action<Refusal, TooMany, Shape>;

/// The rules in force.
pub(crate) type Faults = fault::Faults<Endpoint, Action>;

/// Refusals that a rule may ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// 401 with an empty body of `text/html`.
    Unauthorized,
    /// 401 in JSON.
    UnauthorizedJson,
    /// 403: not an administrator.
    Forbidden,
    /// 402: the account is suspended.
    PaymentRequired,
    /// 404.
    NotFound,
    /// 422 with a list of errors.
    Invalid,
    /// 400 with one error in an object, and in a header.
    BadRequest,
}

/// Shapes of answers that differ from the documented one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// Ids as numbers, as other objects give them.
    NumericIds,
    /// Members nobody knows, everywhere.
    UnknownFields,
    /// No `pagination`.
    NoPagination,
    /// Totals as text.
    TotalsAsText,
    /// Times without milliseconds and with an offset.
    TimesWithOffset,
}

/// What a fault needs to know of the request it hits.
pub(crate) struct Scene<'a> {
    pub(crate) request: &'a Request,
    pub(crate) now: i64,
}

impl Spoil<Refusal, TooMany, Shape> for Scene<'_> {
    fn refuse(&self, refusal: &Refusal) -> Reply {
        match refusal {
            Refusal::Unauthorized => errors::unauthorized(Unauthorized::Html),
            Refusal::UnauthorizedJson => errors::unauthorized(Unauthorized::Json),
            Refusal::Forbidden => errors::forbidden(),
            Refusal::PaymentRequired => errors::payment_required(),
            Refusal::NotFound => errors::not_found(),
            Refusal::Invalid => errors::invalid(&["Something is invalid"]),
            Refusal::BadRequest => errors::bad_request("Something is missing"),
        }
    }

    fn too_many(&self, kind: &TooMany) -> Reply {
        kind.reply(self.now)
    }

    /// Pages have numbers here: the answer claims to be the page before.
    fn repeat_token(&self, body: &mut Value) {
        let asked = self
            .request
            .param("page")
            .and_then(|page| page.parse().ok());
        let before = asked.unwrap_or(1_u64).saturating_sub(1).max(1);
        body["pagination"]["current_page"] = json!(before);
    }

    fn cut_walk(&self, body: &mut Value) {
        let current = body["pagination"]["current_page"].take();
        body["pagination"]["total_pages"] = current.clone();
        body["pagination"]["current_page"] = current;
    }

    fn reshape(&self, shape: &Shape, body: &mut Value) {
        match shape {
            Shape::NoPagination => {
                if let Some(body) = body.as_object_mut() {
                    body.remove("pagination");
                }
            }
            Shape::TotalsAsText => {
                if let Some(pagination) = body["pagination"].as_object_mut() {
                    pagination
                        .values_mut()
                        .for_each(|total| *total = json!(total.to_string()));
                }
            }
            Shape::NumericIds => each_record(body, |record| {
                let id = record.get("id").and_then(Value::as_str);
                if let Some(id) = id.and_then(|id| id.parse::<u64>().ok()) {
                    record.insert("id".to_owned(), json!(id));
                }
            }),
            Shape::UnknownFields => each_record(body, |record| {
                let member = json!({"since": 2027, "flags": [true, null]});
                record.insert("x_new_member".to_owned(), member);
            }),
            Shape::TimesWithOffset => each_record(body, |record| {
                for name in ["created_at", "updated_at", "accessed_at"] {
                    if let Some(Value::String(time)) = record.get_mut(name) {
                        *time = time.replace(".000Z", "+00:00");
                    }
                }
            }),
        }
    }
}

/// Calls `edit` with each row of the answer, and with the user of an answer that has one.
fn each_record(body: &mut Value, edit: impl Fn(&mut Map<String, Value>)) {
    if let Some(user) = body.get_mut("user").and_then(Value::as_object_mut) {
        edit(user);
    } else if let Some(rows) = rows_of(body) {
        rows.iter_mut()
            .filter_map(Value::as_object_mut)
            .for_each(edit);
    }
}
