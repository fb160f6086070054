//! The part of the HTTP control surface that is about the account itself: undocumented behaviour,
//! rate limits, apps and tokens.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::control::{Refused, encode, parse};
use crate::http::Request;
use crate::zoom::endpoint::Label;
use crate::zoom::options::Plan;
use crate::zoom::service::State;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LimitsChange {
    enforced: Option<bool>,
    plan: Option<Plan>,
    used_today: Option<UsedToday>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UsedToday {
    label: Label,
    calls: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AppChange {
    scopes: Option<Vec<String>>,
    redirect_uris: Option<Vec<String>>,
    active: Option<bool>,
    /// An empty one makes it a public client.
    client_secret: Option<String>,
}

/// Answers requests to `/_sim/switches`, `/_sim/limits`, `/_sim/apps` and `/_sim/tokens`.
pub(crate) fn route(
    state: &mut State,
    request: &Request,
    parts: &[&str],
) -> Result<Value, Refused> {
    match (request.method.as_str(), parts) {
        ("GET", ["switches"]) => encode(&state.switches),
        ("PATCH", ["switches"]) => {
            let mut switches = encode(&state.switches)?;
            if let Value::Object(change) = parse::<Value>(request)? {
                for (name, value) in change {
                    switches[name] = value;
                }
            }
            state.switches = serde_json::from_value(switches)
                .map_err(|error| Refused::bad(error.to_string()))?;
            encode(&state.switches)
        }
        ("GET", ["limits"]) => Ok(limits(state)),
        ("PATCH", ["limits"]) => {
            let change: LimitsChange = parse(request)?;
            state.limited = change.enforced.unwrap_or(state.limited);
            state.plan = change.plan.unwrap_or(state.plan);
            if let Some(used) = change.used_today {
                let now = state.clock.millis();
                state
                    .limits
                    .set_daily(used.label, state.plan, used.calls, now);
            }
            Ok(limits(state))
        }
        ("GET", ["apps"]) => encode(&state.oauth.apps),
        ("PATCH", ["apps", client_id]) => change_app(state, client_id, parse(request)?),
        ("DELETE", ["tokens"]) => {
            let now = state.clock.seconds();
            let all = request.param("refresh") == Some("true");
            state.oauth.expire(now, all);
            Ok(json!({}))
        }
        (method, _) => Err(Refused::unknown(&format!("{method} {}", request.path))),
    }
}

fn limits(state: &State) -> Value {
    json!({"enforced": state.limited, "plan": state.plan})
}

fn change_app(state: &mut State, client_id: &str, change: AppChange) -> Result<Value, Refused> {
    let known = state.oauth.change_app(client_id, |app| {
        if let Some(scopes) = change.scopes {
            app.scopes = scopes;
        }
        if let Some(uris) = change.redirect_uris {
            app.redirect_uris = uris;
        }
        if let Some(secret) = change.client_secret {
            app.client_secret = Some(secret).filter(|secret| !secret.is_empty());
        }
        app.active = change.active.unwrap_or(app.active);
    });
    if known {
        encode(&state.oauth.apps)
    } else {
        Err(Refused::unknown(client_id))
    }
}
