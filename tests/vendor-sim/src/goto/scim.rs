//! The SCIM API: the organization's people, in one unpaged list.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::goto::cast::Cast;
use crate::goto::endpoint::Family;
use crate::goto::errors::ApiError;
use crate::goto::service::{Call, State};
use crate::goto::world::{ACCOUNT, Person};
use crate::http::Reply;

/// `GET /identity/v1/Users`
pub(crate) fn users(state: &State, call: &Call<'_>) -> Reply {
    let wanted = call.request.param("filter").and_then(|filter| {
        let (name, value) = filter.split_once(" eq ")?;
        (name == "userName").then(|| value.trim_matches('"').to_lowercase())
    });
    let people = state.world.everybody().map(|(_, person)| person);
    let resources: Vec<Value> = people
        .filter(|person| {
            wanted
                .as_ref()
                .is_none_or(|wanted| person.email.to_lowercase() == *wanted)
        })
        .map(|person| resource(state, person, &person.key.to_string()))
        .collect();
    let total = resources.len();
    Reply::json(200, &json!({"resources": resources, "totalResults": total}))
}

/// `GET /identity/v1/Users/me`
pub(crate) fn me(state: &State) -> Reply {
    let Some(admin) = state.world.person(Cast::Admin.row()) else {
        return ApiError::bad_token(Family::Identity).reply();
    };
    let mut body = resource(state, admin, "me");
    body["urn:scim:schemas:extension:getgo:1.0"] = json!({"accounts": [{
        "value": ACCOUNT.to_string(),
        "display": "Example Ltd",
        "entitlements": ["acctadmin", "gotoconnect", "jive"],
    }]});
    Reply::json(200, &body)
}

fn resource(state: &State, person: &Person, place: &str) -> Value {
    let created = Timestamp::from_second(person.created).unwrap_or_default();
    json!({
        "id": person.key.to_string(),
        "userName": person.email,
        "displayName": person.name(),
        "name": {"givenName": person.first, "familyName": person.last},
        "locale": "en_US",
        "timezone": "Europe/London",
        "meta": {
            "created": created.strftime("%Y-%m-%dT%H:%M:%S.000+0000").to_string(),
            "location": format!("{}/identity/v1/Users/{place}", state.base_url),
        },
    })
}
