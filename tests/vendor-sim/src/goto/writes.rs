//! The Admin API's writing side.

use serde::{Deserialize, Serialize};

use crate::goto::admin;
use crate::goto::errors::ApiError;
use crate::goto::licenses::Plan;
use crate::goto::service::{Call, State, key};
use crate::http::Reply;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct NewUsers {
    #[serde(default)]
    users: Vec<NewUser>,
    #[serde(flatten)]
    one: Option<NewUser>,
    #[serde(default)]
    license_keys: Vec<serde_json::Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct NewUser {
    email: String,
    #[serde(default)]
    first_name: String,
    #[serde(default)]
    last_name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct UserChange {
    license_keys: Option<Vec<serde_json::Value>>,
    admin_roles: Option<Vec<String>>,
}

#[derive(Serialize)]
struct Added {
    key: u128,
    email: String,
}

fn body<T: serde::de::DeserializeOwned>(call: &Call<'_>) -> Result<T, ApiError> {
    serde_json::from_slice(&call.request.body).map_err(|error| ApiError::invalid(error.to_string()))
}

/// Keys of licences, as numbers or text.
fn plans(keys: &[serde_json::Value]) -> Result<Vec<Plan>, ApiError> {
    let plan = |key: &serde_json::Value| {
        let text = key.as_str().map_or_else(|| key.to_string(), str::to_owned);
        let plan = text.parse().ok().and_then(Plan::by_key);
        plan.ok_or_else(|| ApiError::not_found("the licence"))
    };
    keys.iter().map(plan).collect()
}

/// `POST /accounts/{accountKey}/users`
pub(crate) fn add_users(state: &mut State, call: &Call<'_>) -> Result<Reply, ApiError> {
    state.is_main(call.part(0))?;
    let new: NewUsers = body(call)?;
    let plans = plans(&new.license_keys)?;
    let mut added = Vec::new();
    for user in new.users.into_iter().chain(new.one) {
        let names = (user.first_name.as_str(), user.last_name.as_str());
        let row = state.world.add(&user.email, names, false, call.seconds());
        for plan in &plans {
            state.world.give(row, *plan, call.seconds());
        }
        if let Some(person) = state.world.person(row) {
            added.push(Added {
                key: person.key,
                email: person.email.clone(),
            });
        }
    }
    Ok(Reply::json(201, &added))
}

fn user(state: &State, text: &str) -> Result<u32, ApiError> {
    let found = state.world.find(key(text)?);
    found.ok_or_else(|| ApiError::not_found("the user"))
}

/// `PUT /accounts/{accountKey}/users/{userKey}`; a list of licences replaces the one before.
pub(crate) fn update_user(state: &mut State, call: &Call<'_>) -> Result<Reply, ApiError> {
    state.is_main(call.part(0))?;
    let row = user(state, call.part(1))?;
    let change: UserChange = body(call)?;
    if let Some(keys) = change.license_keys {
        let wanted = plans(&keys)?;
        let held = state
            .world
            .person(row)
            .map(|person| person.plans.clone())
            .unwrap_or_default();
        for plan in &wanted {
            state.world.give(row, *plan, call.seconds());
        }
        for plan in held.into_iter().filter(|held| !wanted.contains(held)) {
            state.world.take(row, plan, call.seconds(), call.now);
        }
    }
    if let (Some(roles), Some(person)) = (change.admin_roles, state.world.person_mut(row)) {
        person.roles = roles;
    }
    let person = state.world.person(row);
    let person = person.ok_or_else(|| ApiError::not_found("the user"))?;
    let shown = admin::row(person, state.switches.suspended_word, call.now);
    Ok(Reply::json(200, &shown))
}

/// `DELETE /accounts/{accountKey}/users/{userKey}`
pub(crate) fn delete_user(state: &mut State, call: &Call<'_>) -> Result<Reply, ApiError> {
    state.is_main(call.part(0))?;
    let row = user(state, call.part(1))?;
    state.world.remove(row);
    Ok(Reply::empty(204))
}

fn license(text: &str) -> Result<Plan, ApiError> {
    Plan::by_key(key(text)?).ok_or_else(|| ApiError::not_found("the licence"))
}

/// `PUT` or `POST /accounts/{accountKey}/licenses/{licenseKey}/users/{userKey}`
pub(crate) fn assign(state: &mut State, call: &Call<'_>) -> Result<Reply, ApiError> {
    state.is_main(call.part(0))?;
    let plan = license(call.part(1))?;
    let row = user(state, call.part(2))?;
    let holders = state.world.everybody();
    let holders = holders.filter(|(_, person)| person.holds(plan)).count();
    let bought = state.bought.get(&plan);
    if bought.is_some_and(|bought| *bought <= holders as u64) {
        return Err(ApiError::gateway(
            409,
            "license.no.seats",
            "No seat of the license is available",
        ));
    }
    state.world.give(row, plan, call.seconds());
    Ok(Reply::empty(204))
}

/// `DELETE /accounts/{accountKey}/licenses/{licenseKey}/users/{userKey}`
pub(crate) fn remove(state: &mut State, call: &Call<'_>) -> Result<Reply, ApiError> {
    state.is_main(call.part(0))?;
    let plan = license(call.part(1))?;
    let row = user(state, call.part(2))?;
    if plan.externally_managed() {
        return Err(ApiError::gateway(
            403,
            "license.externally.managed",
            "The license is managed externally",
        ));
    }
    let held = state
        .world
        .person(row)
        .is_some_and(|person| person.holds(plan));
    if !held {
        return match state.switches.second_removal_status {
            404 => Err(ApiError::not_found("the assignment")),
            status => Ok(Reply::empty(status)),
        };
    }
    let until = call.now + i64::from(state.switches.consistency_delay_ms);
    state.world.take(row, plan, call.seconds(), until);
    Ok(Reply::empty(204))
}
