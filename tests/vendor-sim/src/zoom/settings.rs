//! `GET` and `PATCH /users/{userId}/settings`: the add-ons a user holds, inside a large body of
//! preferences.

use std::sync::LazyLock;

use serde_json::{Map, Value, json};

use crate::http::Reply;
use crate::zoom::errors::ApiError;
use crate::zoom::options::{LARGE_MEETING_CAPACITIES, Plan, Switches, WEBINAR_CAPACITIES};
use crate::zoom::pools::{Bought, Tally};
use crate::zoom::products::{Product, Products};
use crate::zoom::service::{Call, State};
use crate::zoom::user::{Features, Status, User};

/// The preferences of an account's defaults; everything but `feature`.
static PREFERENCES: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(include_str!("settings.json")).unwrap_or_default());

/// `GET /users/{userId}/settings`.
pub(crate) fn get(state: &State, call: &Call<'_>) -> Result<Reply, ApiError> {
    let key = call.subject();
    let as_of = call.now - i64::from(state.switches.lag_user_seconds) * 1000;
    let user = state
        .world
        .find(key, as_of)
        .filter(User::exists)
        .ok_or_else(|| ApiError::no_such_user(key))?;
    if let Some(option) = call.request.param("option") {
        return other_body(option).map(|body| Reply::json(200, &body));
    }
    let mut body = PREFERENCES.clone();
    if let Some(changed) = &user.preferences {
        merge(&mut body, changed);
    }
    body["feature"] = feature(&user, state.plan, &state.switches);
    if let Some(names) = call.request.param("custom_query_fields") {
        let names: Vec<&str> = names.split(',').map(str::trim).collect();
        body = only(&body, &names).unwrap_or_else(|| json!({}));
    }
    Ok(Reply::json(200, &body))
}

/// The bodies that `option` asks for instead.
fn other_body(option: &str) -> Result<Value, ApiError> {
    match option {
        "meeting_authentication" => Ok(
            json!({"allow_authentication_exception": true, "authentication_options": [],
                      "meeting_authentication": false}),
        ),
        "recording_authentication" => {
            Ok(json!({"authentication_options": [], "recording_authentication": false}))
        }
        "meeting_security" => Ok(
            json!({"meeting_security": {"encryption_type": "enhanced_encryption",
                      "waiting_room": true, "meeting_password": true, "pmi_password": true,
                      "phone_password": true, "embed_password_in_join_link": true}}),
        ),
        _ => Err(ApiError::invalid_field("option", "Invalid field.")),
    }
}

/// The `feature` object; a capacity is there only with its add-on.
fn feature(user: &User, plan: Plan, switches: &Switches) -> Value {
    let held = &user.features;
    let mut feature = Map::new();
    let mut put = |name: &str, value: Value| feature.insert(name.to_owned(), value);
    put(
        "meeting_capacity",
        json!(if plan == Plan::Business && user.licensed() {
            300
        } else {
            100
        }),
    );
    put("large_meeting", json!(held.large_meeting.is_some()));
    if let Some(capacity) = held.large_meeting {
        put("large_meeting_capacity", json!(capacity));
    }
    put("webinar", json!(held.webinar.is_some()));
    if let Some(capacity) = held.webinar {
        put("webinar_capacity", json!(capacity));
    }
    put("zoom_events", json!(held.events.is_some()));
    if let Some(capacity) = held.events {
        put("zoom_events_capacity", json!(capacity));
    }
    put("cn_meeting", json!(false));
    put("in_meeting", json!(false));
    put(
        "concurrent_meeting",
        json!(if user.licensed() { "Basic" } else { "None" }),
    );
    put_products(user, switches, &mut put);
    for (name, value) in &held.other {
        put(name, value.clone());
    }
    let named = named(held, switches);
    if !named.is_empty() {
        put("license_info_list", Value::Array(named));
    }
    Value::Object(feature)
}

/// The switches of products, on also for what comes with a bundle: nothing says which of the two.
fn put_products<T>(user: &User, switches: &Switches, put: &mut impl FnMut(&str, Value) -> T) {
    let held = &user.features;
    let brought = user.bundle.as_ref().map(Products::of).unwrap_or_default();
    for product in Product::ALL {
        let told = match product {
            Product::VisitorManagement => false,
            Product::TeamChat => switches.team_chat_told,
            _ => true,
        };
        if told {
            let on = held.products.has(*product) || brought.has(*product);
            put(product.switch(), json!(on));
        }
    }
    let name = if switches.webinars_plus_as_sessions {
        "zoom_sessions_unlimited"
    } else {
        "zoom_webinars_plus_unlimited"
    };
    put(name, json!(held.webinars_plus.is_some()));
    if let Some(capacity) = held.webinars_plus {
        put(&format!("{name}_capacities"), json!([capacity, 100]));
    }
}

/// The entries of what was assigned by itself. Visitor Management has no other mark.
fn named(held: &Features, switches: &Switches) -> Vec<Value> {
    held.products
        .iter()
        .filter(|product| switches.licences_named || *product == Product::VisitorManagement)
        .filter_map(Product::entry)
        .map(|entry| json!({"license_type": entry, "subscription_id": "SUBREF-20260115-093000"}))
        .collect()
}

/// Keeps the leaves of these names with the objects around them.
fn only(body: &Value, names: &[&str]) -> Option<Value> {
    let members = body.as_object()?;
    let kept: Map<String, Value> = members
        .iter()
        .filter_map(|(name, value)| {
            if value.is_object() {
                return only(value, names).map(|value| (name.clone(), value));
            }
            names
                .contains(&name.as_str())
                .then(|| (name.clone(), value.clone()))
        })
        .collect();
    (!kept.is_empty()).then_some(Value::Object(kept))
}

/// Overwrites members, object by object.
fn merge(body: &mut Value, change: &Value) {
    match (body, change) {
        (Value::Object(body), Value::Object(change)) => {
            for (name, value) in change {
                merge(body.entry(name.clone()).or_insert(Value::Null), value);
            }
        }
        (body, change) => *body = change.clone(),
    }
}

/// `PATCH /users/{userId}/settings`.
pub(crate) fn update(state: &mut State, call: &Call<'_>) -> Result<Reply, ApiError> {
    let key = call.subject();
    let mut change = call.json()?;
    let user = state
        .world
        .find(key, call.now)
        .filter(User::exists)
        .ok_or_else(|| ApiError::no_such_user(key))?;
    let ignored = user.status == Status::Pending && state.switches.pending_changes_ignored;
    let wanted = change
        .as_object_mut()
        .and_then(|change| change.remove("feature"));
    let mut features = user.features.clone();
    if let Some(Value::Object(wanted)) = &wanted {
        let assigned = state.seats.assigned(&state.world, call.now);
        let bought = state.seats.bought(&state.world);
        let stock = Stock { assigned, bought };
        apply(&mut features, wanted, &user, &stock)?;
    }
    if ignored {
        return Ok(Reply::empty(204));
    }
    let detail = describe(&user, &features);
    state.world.edit(user.index, call.now, |user| {
        user.features = features;
        if change.as_object().is_some_and(|change| !change.is_empty()) {
            let preferences = user.preferences.get_or_insert_with(|| json!({}));
            merge(preferences, &change);
        }
    });
    state.audit(call.now, "Update", "user_settings", detail);
    Ok(Reply::empty(204))
}

fn describe(user: &User, after: &Features) -> String {
    let before = &user.features;
    let mut changes = Vec::new();
    for (name, from, to) in [
        ("Webinar", before.webinar, after.webinar),
        ("Large Meeting", before.large_meeting, after.large_meeting),
        ("Zoom Events", before.events, after.events),
    ] {
        if from != to {
            let text = |held: Option<u32>| held.map_or_else(|| "Off".to_owned(), |n| n.to_string());
            changes.push(format!("{name}: from {} to {}", text(from), text(to)));
        }
    }
    format!(
        "Update User Settings {} - {}",
        user.email,
        changes.join(", ")
    )
}

/// What is bought and assigned before a change.
pub(crate) struct Stock {
    pub(crate) assigned: Tally,
    pub(crate) bought: Bought,
}

impl Stock {
    /// Refuses when no seat of a size is free, naming how many there are.
    fn require(
        sizes: &[u32],
        size: u32,
        bought: &[i64],
        assigned: &[i64],
        name: &str,
    ) -> Result<(), ApiError> {
        let free = sizes
            .iter()
            .position(|known| *known == size)
            .map_or(0, |at| bought[at] - assigned[at]);
        if free > 0 {
            return Ok(());
        }
        Err(ApiError::bad(
            200,
            format!("You can add max 0 {name} {size} users."),
        ))
    }

    pub(crate) fn require_webinar(&self, size: u32) -> Result<(), ApiError> {
        let (bought, assigned) = (&self.bought.webinar, &self.assigned.webinar);
        Self::require(&WEBINAR_CAPACITIES, size, bought, assigned, "Webinar")
    }

    pub(crate) fn require_large_meeting(&self, size: u32) -> Result<(), ApiError> {
        let (bought, assigned) = (&self.bought.large_meeting, &self.assigned.large_meeting);
        Self::require(&LARGE_MEETING_CAPACITIES, size, bought, assigned, "Large")
    }

    pub(crate) fn require_events(&self) -> Result<(), ApiError> {
        if self.bought.events > self.assigned.events {
            Ok(())
        } else {
            let bought = self.bought.events;
            Err(ApiError::bad(
                200,
                format!("You can add max {bought} Zoom Events users."),
            ))
        }
    }
}

/// Changes `features` as the members of `wanted` say, by Zoom's rules.
pub(crate) fn apply(
    features: &mut Features,
    wanted: &Map<String, Value>,
    user: &User,
    stock: &Stock,
) -> Result<(), ApiError> {
    let flag = |name: &str| wanted.get(name).and_then(Value::as_bool);
    let size = |name: &str| {
        let size = wanted.get(name)?.as_u64()?;
        u32::try_from(size).ok()
    };
    if let Some(on) =
        flag("webinar").or_else(|| features.webinar.and(size("webinar_capacity")).map(|_| true))
    {
        let asked = size("webinar_capacity").or(features.webinar).unwrap_or(500);
        set_webinar(features, on.then_some(asked), user, stock)?;
    }
    if let Some(on) = flag("large_meeting") {
        let asked = size("large_meeting_capacity")
            .or(features.large_meeting)
            .unwrap_or(500);
        set_large_meeting(features, on.then_some(asked), user, stock)?;
    }
    if let Some(on) = flag("zoom_events") {
        let asked = size("zoom_events_capacity")
            .or(features.events)
            .unwrap_or(500);
        set_events(features, on.then_some(asked), user, stock)?;
    }
    if let Some(on) = flag("zoom_webinars_plus_unlimited") {
        features.webinars_plus = on.then_some(features.webinars_plus.unwrap_or(500));
    }
    for (name, value) in wanted {
        let product = Product::ALL
            .iter()
            .find(|product| product.switch() == name.as_str());
        if let (Some(product), Some(on)) = (product, value.as_bool()) {
            features.products.set(*product, on);
        } else if !RULED.contains(&name.as_str()) {
            features.other.retain(|(known, _)| known != name);
            features.other.push((name.clone(), value.clone()));
        }
    }
    Ok(())
}

/// Members of `feature` that have rules of their own.
const RULED: [&str; 7] = [
    "webinar",
    "webinar_capacity",
    "large_meeting",
    "large_meeting_capacity",
    "zoom_events",
    "zoom_events_capacity",
    "zoom_webinars_plus_unlimited",
];

pub(crate) fn set_webinar(
    features: &mut Features,
    wanted: Option<u32>,
    user: &User,
    stock: &Stock,
) -> Result<(), ApiError> {
    if let Some(size) = wanted.filter(|_| wanted != features.webinar) {
        if !user.licensed() {
            return Err(ApiError::bad(
                1122,
                "Webinar feature can only be enabled for Licensed or On-prem users.",
            ));
        }
        if features.events.is_some() {
            return Err(ApiError::bad(
                1204,
                "You can't enable the Webinar feature because you already have the Zoom Events \
                 feature.",
            ));
        }
        stock.require_webinar(size)?;
    }
    features.webinar = wanted;
    Ok(())
}

pub(crate) fn set_large_meeting(
    features: &mut Features,
    wanted: Option<u32>,
    user: &User,
    stock: &Stock,
) -> Result<(), ApiError> {
    if let Some(size) = wanted.filter(|_| wanted != features.large_meeting) {
        if !user.licensed() {
            return Err(ApiError::bad(
                1108,
                "Only Licensed or On-prem users can enable the large meeting feature.",
            ));
        }
        stock.require_large_meeting(size)?;
    }
    features.large_meeting = wanted;
    Ok(())
}

pub(crate) fn set_events(
    features: &mut Features,
    wanted: Option<u32>,
    user: &User,
    stock: &Stock,
) -> Result<(), ApiError> {
    if wanted.is_some() && features.events.is_none() {
        if !user.licensed() {
            return Err(ApiError::bad(
                1206,
                "You can only enable the Zoom Events feature for Licensed or On-prem users.",
            ));
        }
        if features.webinar.is_some() {
            return Err(ApiError::bad(
                1205,
                "You can't enable the Zoom Events feature because you already have the Webinar \
                 feature.",
            ));
        }
        stock.require_events()?;
    }
    if wanted.is_none() && features.upcoming_event {
        return Err(ApiError::bad(
            300,
            "You cannot remove the Zoom Events feature for this user because the user has an \
             upcoming Zoom Events scheduled.",
        ));
    }
    features.events = wanted;
    Ok(())
}
