//! The control surface over HTTP, below `/_sim`: what [`control`](super::control) offers in the
//! same process, for benchmarks and examples that run the simulator as a process of its own.
//! Bodies are JSON; a mistake is answered with 400 and `{"error"}`.
//!
//! | request | does |
//! |---|---|
//! | `GET /_sim/account` | URLs, the client with its secrets, number of people, switches |
//! | `GET`, `POST /_sim/clock` | tells the time; `{"advance": "36h"}`, `{"set": "2026-11-20T15:00:00Z"}`, `{"release": true}` |
//! | `GET`, `POST`, `DELETE /_sim/faults` | the [`Fault`] rules; POST takes one or a list |
//! | `GET`, `PATCH /_sim/switches` | undocumented behaviour, see [`Switches`](super::Switches) |
//! | `PATCH /_sim/limits` | `{"enforced": true}` |
//! | `GET`, `PATCH /_sim/client` | the OAuth client: `{"scopes", "redirect_uris", "client_secret"}` |
//! | `DELETE /_sim/tokens[?refresh=true]` | ends access tokens, and refresh tokens too |
//! | `GET /_sim/people[/{address}]` | people as they truly are |
//! | `POST /_sim/people/{address}/sessions` | lets them do something: `{"kind": "meeting", "at": …}` |
//! | `GET /_sim/truth/{address}` | when they last did what |
//! | `GET`, `DELETE /_sim/log` | the requests so far |

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::control::{OneOrMany, Refused, clock, encode, parse, set_clock};
use crate::goto::activity::{Kind, Recorded, Session};
use crate::goto::control::person;
use crate::goto::endpoint::CONNECT_HOST;
use crate::goto::faults::Fault;
use crate::goto::service::State;
use crate::goto::world::ACCOUNT;
use crate::http::{Reply, Request, decode};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LimitsChange {
    enforced: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ClientChange {
    scopes: Option<Vec<String>>,
    redirect_uris: Option<Vec<String>>,
    /// An empty one makes it a public client.
    client_secret: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewSession {
    kind: Kind,
    at: Timestamp,
}

/// Answers a control request.
pub(crate) fn answer(state: &mut State, request: &Request) -> Reply {
    match route(state, request) {
        Ok(body) => Reply::json(200, &body),
        Err(refused) => Reply::json(refused.status, &json!({"error": refused.error})),
    }
}

fn route(state: &mut State, request: &Request) -> Result<Value, Refused> {
    let path = request.path.strip_prefix("/_sim").unwrap_or_default();
    let parts: Vec<String> = path
        .split('/')
        .filter(|part| !part.is_empty())
        .map(|part| decode(part, false))
        .collect();
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    match (request.method.as_str(), parts.as_slice()) {
        ("GET", [] | ["account"]) => Ok(account(state)),
        ("GET", ["clock"]) => Ok(clock(&state.clock)),
        ("POST", ["clock"]) => set_clock(&state.clock, &parse(request)?),
        ("GET", ["faults"]) => encode(&state.faults.rules()),
        ("POST", ["faults"]) => {
            let faults: OneOrMany<Fault> = parse(request)?;
            faults.each(|fault| state.faults.add(fault));
            encode(&state.faults.rules())
        }
        ("DELETE", ["faults"]) => {
            state.faults.clear();
            Ok(json!([]))
        }
        ("GET", ["switches"]) => encode(&state.switches),
        ("PATCH", ["switches"]) => {
            let mut switches = encode(&state.switches)?;
            for (name, value) in parse::<Map<String, Value>>(request)? {
                switches[name] = value;
            }
            state.switches = serde_json::from_value(switches)
                .map_err(|error| Refused::bad(error.to_string()))?;
            encode(&state.switches)
        }
        ("PATCH", ["limits"]) => {
            state.limited = parse::<LimitsChange>(request)?.enforced;
            Ok(json!({"enforced": state.limited}))
        }
        ("GET", ["client"]) => encode(&state.oauth.client),
        ("PATCH", ["client"]) => {
            let change: ClientChange = parse(request)?;
            let client = &mut state.oauth.client;
            client.scopes = change.scopes.unwrap_or_else(|| client.scopes.clone());
            if let Some(uris) = change.redirect_uris {
                client.redirect_uris = uris;
            }
            if let Some(secret) = change.client_secret {
                client.client_secret = Some(secret).filter(|secret| !secret.is_empty());
            }
            encode(&state.oauth.client)
        }
        ("DELETE", ["tokens"]) => {
            let now = state.clock.seconds();
            state
                .oauth
                .expire(now, request.param("refresh") == Some("true"));
            Ok(json!({}))
        }
        ("GET", ["people"]) => {
            let rows = state.world.order().iter();
            let people: Vec<_> = rows.filter_map(|row| person(state, *row)).collect();
            encode(&people)
        }
        ("GET", ["people", email]) => {
            let found = state
                .world
                .by_email(email)
                .and_then(|row| person(state, row));
            encode(&found.ok_or_else(|| Refused::unknown(email))?)
        }
        ("POST", ["people", email, "sessions"]) => record(state, email, &parse(request)?),
        ("GET", ["truth", email]) => truth(state, email),
        ("GET", ["log"]) => encode(&state.log.entries()),
        ("DELETE", ["log"]) => {
            state.log.clear();
            Ok(json!([]))
        }
        (method, _) => Err(Refused::unknown(&format!("{method} {}", request.path))),
    }
}

fn account(state: &State) -> Value {
    let base = &state.base_url;
    json!({
        "account_key": ACCOUNT.to_string(),
        "client": state.oauth.client,
        "api_url": base,
        "connect_url": format!("{base}{CONNECT_HOST}"),
        "token_url": format!("{base}/oauth/token"),
        "authorize_url": format!("{base}/oauth/authorize"),
        "users": state.world.order().len(),
        "limits": state.limited,
        "switches": state.switches,
    })
}

fn record(state: &mut State, email: &str, new: &NewSession) -> Result<Value, Refused> {
    let row = state.world.by_email(email);
    let person = row.and_then(|row| state.world.person_mut(row));
    let person = person.ok_or_else(|| Refused::unknown(email))?;
    let start = new.at.as_second();
    let number = 900_000 + person.recorded.len() as u64;
    person.recorded.push(Recorded {
        kind: new.kind,
        session: Session {
            start,
            end: start + 600,
            number,
            outbound: true,
            missed: false,
        },
    });
    Ok(json!({}))
}

fn truth(state: &State, email: &str) -> Result<Value, Refused> {
    let row = state.world.by_email(email);
    let row = row.ok_or_else(|| Refused::unknown(email))?;
    let now = state.clock.seconds();
    let mut told = Map::new();
    for kind in Kind::ALL {
        let latest = state.world.latest(row, kind, now);
        let at = latest.and_then(|session| Timestamp::from_second(session.start).ok());
        let name = encode(&kind)?.as_str().unwrap_or_default().to_owned();
        told.insert(name, encode(&at)?);
    }
    Ok(Value::Object(told))
}
