//! `POST /users/features`: one licence change for up to 30 users, some of which may fail.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::http::Reply;
use crate::zoom::errors::ApiError;
use crate::zoom::products::Product;
use crate::zoom::seating::{change_bundle, change_type};
use crate::zoom::service::{Call, State};
use crate::zoom::settings::{Stock, set_events, set_large_meeting, set_webinar};
use crate::zoom::user::{Bundle, Status, User};

/// The most users of one call.
const MOST_USERS: usize = 30;

/// A change, parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Change {
    Type(u64),
    Webinar(Option<u32>),
    LargeMeeting(Option<u32>),
    Events(Option<u32>),
    Bundle(Option<Bundle>),
    Product(Product, bool),
    /// Kept as it is; the simulator has no rule for it.
    Other(String, Value),
}

/// The bulk call's own numbers of webinar capacities.
const WEBINAR_CODES: [(&str, u32); 6] = [
    ("16", 100),
    ("1", 500),
    ("64", 1000),
    ("128", 3000),
    ("256", 5000),
    ("512", 10_000),
];

/// The bulk call's own numbers of large-meeting capacities.
const LARGE_MEETING_CODES: [(&str, u32); 2] = [("128", 500), ("256", 1000)];

impl Change {
    fn read(kind: &str, value: &str) -> Option<Self> {
        let coded = |codes: &[(&str, u32)]| match value {
            "0" => Some(None),
            _ => codes
                .iter()
                .find(|(code, _)| *code == value)
                .map(|(_, size)| Some(*size)),
        };
        let on = || value.parse::<bool>().ok();
        Some(match kind {
            "user_type" => Self::Type(value.parse().ok()?),
            "webinar" => Self::Webinar(coded(&WEBINAR_CODES)?),
            "large_meeting" => Self::LargeMeeting(coded(&LARGE_MEETING_CODES)?),
            "zoom_events" => {
                let size: u32 = value.parse().ok()?;
                Self::Events((size > 0).then_some(size))
            }
            "zoom_one_type" => {
                let number: u64 = value.parse().ok()?;
                Self::Bundle((number > 0).then_some(Bundle::ZoomOne(number)))
            }
            "plan_united_type" => {
                let off = matches!(value, "0" | "none");
                Self::Bundle((!off).then(|| Bundle::United(value.to_owned().into())))
            }
            "zoom_whiteboard" => Self::Product(Product::Whiteboard, on()?),
            "zoom_clips_plus" => Self::Product(Product::ClipsPlus, on()?),
            "zoom_iq_for_sales" | "zoom_revenue_accelerator" => {
                Self::Other(kind.to_owned(), json!(on()?))
            }
            "concurrent_meeting" if matches!(value, "Basic" | "Plus" | "None") => {
                Self::Other(kind.to_owned(), json!(value))
            }
            _ => return None,
        })
    }

    fn apply(&self, user: &mut User, stock: &Stock, state: &State) -> Result<(), ApiError> {
        let holder = user.clone();
        match self {
            Self::Type(kind) => change_type(user, *kind, stock, &state.switches)?,
            Self::Webinar(size) => set_webinar(&mut user.features, *size, &holder, stock)?,
            Self::LargeMeeting(size) => {
                set_large_meeting(&mut user.features, *size, &holder, stock)?;
            }
            Self::Events(size) => set_events(&mut user.features, *size, &holder, stock)?,
            Self::Bundle(bundle) => change_bundle(user, bundle.clone(), stock)?,
            Self::Product(product, on) => user.features.products.set(*product, *on),
            Self::Other(name, value) => {
                user.features.other.retain(|(known, _)| known != name);
                user.features.other.push((name.clone(), value.clone()));
            }
        }
        Ok(())
    }
}

/// `POST /users/features`.
pub(crate) fn bulk(state: &mut State, call: &Call<'_>) -> Result<Reply, ApiError> {
    let body = call.json()?;
    let text = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default();
    let kind = text("feature_type");
    let change = Change::read(kind, text("feature_value"))
        .ok_or_else(|| ApiError::invalid_field("feature_value", "Invalid field."))?;
    if change == Change::Type(3) {
        return Err(ApiError::bad(
            300,
            "Your account can't set user type as On-prem.",
        ));
    }
    let users = body
        .get("users")
        .and_then(Value::as_array)
        .filter(|users| !users.is_empty() && users.len() <= MOST_USERS)
        .ok_or_else(|| ApiError::invalid_field("users", "The maximum number of users is 30."))?;
    let mut done = Vec::new();
    let mut failed: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for named in users {
        let key = named.get("id").or_else(|| named.get("email"));
        let key = key.and_then(Value::as_str).unwrap_or_default();
        match one(state, call, key, &change) {
            Ok(id) => done.push(id),
            Err(reason) => failed.entry(reason).or_default().push(key.to_owned()),
        }
    }
    let failed: Vec<Value> = failed
        .into_iter()
        .map(|(reason, users)| json!({"user_ids": users, "reason": reason}))
        .collect();
    Ok(Reply::json(
        201,
        &json!({"success_user_ids": done, "fail_details": failed}),
    ))
}

/// Changes one user; the reason when that fails.
fn one(state: &mut State, call: &Call<'_>, key: &str, change: &Change) -> Result<String, String> {
    let mut user = state
        .world
        .find(key, call.now)
        .filter(|user| user.exists() && user.status != Status::Pending)
        .ok_or_else(|| "User does not exist".to_owned())?;
    let stock = state.stock(call.now);
    change.apply(&mut user, &stock, state).map_err(|error| {
        let no_seat = matches!(error.code, 2033 | 2034 | 2038 | 3412)
            || error.message.starts_with("You can add max");
        if no_seat {
            "Not enough seats".to_owned()
        } else {
            error.message
        }
    })?;
    let (index, id) = (user.index, user.id.clone());
    let detail = format!("Update User {} - {change:?}", user.email);
    state.world.edit(index, call.now, |known| *known = user);
    state.audit(call.now, "Update", "user", detail);
    Ok(id)
}
