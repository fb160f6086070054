//! The control surface over HTTP, below `/_sim`: what [`control`](super::control) offers in the
//! same process, for programs that run the simulator as a process of its own. Bodies are JSON; a
//! mistake is answered with 400 and `{"error"}`.
//!
//! | request | does |
//! |---|---|
//! | `GET /_sim/account` | URLs, the OAuth application, numbers of people, seats, switches |
//! | `GET`, `POST /_sim/clock` | tells the time; `{"advance": "36h"}`, `{"set": "2026-11-20T15:00:00Z"}`, `{"release": true}` |
//! | `GET`, `POST`, `DELETE /_sim/faults` | the [`Fault`] rules; POST takes one or a list |
//! | `GET`, `PATCH /_sim/switches` | undocumented behaviour, see [`Switches`](super::Switches) |
//! | `PATCH /_sim/limits` | `{"enforced"}` |
//! | `POST /_sim/shifts` | changes of the list between two pages, see [`Shift`] |
//! | `POST`, `DELETE /_sim/keys` | makes an API key of `{"user"}`; ends `{"token"}` |
//! | `GET`, `POST /_sim/people` | the cast by name; adds somebody |
//! | `GET`, `PATCH`, `DELETE /_sim/people/{id or address}` | one person, see [`PersonChange`] |
//! | `POST /_sim/people/{…}/sign_ins` | lets them sign in (`{"at"}`) |
//! | `GET /_sim/truth` | everybody as they truly are |
//! | `POST /_sim/seed` | other people: `{"users", "seed", "population"}` |
//! | `GET`, `DELETE /_sim/log` | the requests so far |

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::aha::cast::Cast;
use crate::aha::control::{Person, PersonChange};
use crate::aha::faults::Fault;
use crate::aha::options::Population;
use crate::aha::service::State;
use crate::aha::users::Shift;
use crate::control::{OneOrMany, Refused, clock, encode, parse, set_clock};
use crate::http::{Reply, Request, decode};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LimitsChange {
    enforced: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyOf {
    user: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyText {
    token: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SignIn {
    at: Timestamp,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Regenerate {
    users: u32,
    seed: u64,
    #[serde(default)]
    population: Population,
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
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    match (request.method.as_str(), parts.as_slice()) {
        ("GET", [] | ["account"]) => account(state),
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
        ("PATCH", ["switches"]) => change_switches(state, request),
        ("PATCH", ["limits"]) => {
            state.limited = parse::<LimitsChange>(request)?.enforced;
            Ok(json!({"enforced": state.limited}))
        }
        ("POST", ["shifts"]) => {
            let shifts: OneOrMany<Shift> = parse(request)?;
            shifts.each(|shift| state.shifts.push(shift));
            encode(&state.shifts)
        }
        ("POST", ["keys"]) => make_key(state, &parse::<KeyOf>(request)?.user),
        ("DELETE", ["keys"]) => {
            let revoked = state.tokens.revoke(&parse::<KeyText>(request)?.token);
            Ok(json!({"revoked": revoked}))
        }
        ("GET", ["log"]) => encode(&state.log.entries()),
        ("DELETE", ["log"]) => {
            state.log.clear();
            Ok(json!([]))
        }
        (_, ["people" | "truth", ..] | ["seed"]) => people(state, request, &parts),
        _ => Err(no_route(request)),
    }
}

fn people(state: &mut State, request: &Request, parts: &[&str]) -> Result<Value, Refused> {
    let key = parts.get(1).map(|part| decode(part, false));
    let unknown = |key: &str| Refused::unknown(key);
    match (request.method.as_str(), parts, key.as_deref()) {
        ("GET", ["people"], _) => cast(state),
        ("POST", ["people"], _) => encode(&state.add_person(parse(request)?)),
        ("GET", ["people", _], Some(key)) => {
            encode(&state.person(key).ok_or_else(|| unknown(key))?)
        }
        ("PATCH", ["people", _], Some(key)) => {
            let change: PersonChange = parse(request)?;
            let changed = state.change_person(key, change);
            encode(&changed.ok_or_else(|| unknown(key))?)
        }
        ("DELETE", ["people", _], Some(key)) => {
            let removed = state.remove_person(key);
            removed.then(|| json!({})).ok_or_else(|| unknown(key))
        }
        ("POST", ["people", _, "sign_ins"], Some(key)) => {
            let known = state.sign_in(key, parse::<SignIn>(request)?.at);
            known.then(|| json!({})).ok_or_else(|| unknown(key))
        }
        ("GET", ["truth"], _) => {
            let now = state.clock.millis();
            let people = state.world.users(now).map(|user| Person::from(&user));
            encode(&people.collect::<Vec<_>>())
        }
        ("POST", ["seed"], _) => {
            let wanted: Regenerate = parse(request)?;
            state.reseed(wanted.users, wanted.seed, wanted.population);
            account(state)
        }
        _ => Err(no_route(request)),
    }
}

fn no_route(request: &Request) -> Refused {
    Refused::unknown(&format!("{} {}", request.method, request.path))
}

fn account(state: &State) -> Result<Value, Refused> {
    Ok(json!({
        "domain": state.domain,
        "seed": state.seed,
        "limits": state.limited,
        "api_url": format!("{}/api/v1", state.base_url),
        "token_url": format!("{}/oauth/token", state.base_url),
        "app": encode(&state.tokens.app)?,
        "token_owner": encode(&state.cast(Cast::TokenOwner))?,
        "users": state.world.len(),
        "seats": encode(&state.seat_count())?,
        "switches": encode(&state.switches)?,
    }))
}

fn change_switches(state: &mut State, request: &Request) -> Result<Value, Refused> {
    let mut switches = encode(&state.switches)?;
    if let Value::Object(change) = parse::<Value>(request)? {
        for (name, value) in change {
            switches[name] = value;
        }
    }
    state.switches =
        serde_json::from_value(switches).map_err(|error| Refused::bad(error.to_string()))?;
    encode(&state.switches)
}

fn make_key(state: &mut State, user: &str) -> Result<Value, Refused> {
    let found = state.world.find(user, state.clock.millis());
    let user = found.ok_or_else(|| Refused::unknown(user))?;
    Ok(json!({"token": state.tokens.issue(user.row)}))
}

fn cast(state: &State) -> Result<Value, Refused> {
    let mut cast = json!({});
    for member in Cast::ALL {
        if let (Some(person), Value::String(name)) = (state.cast(*member), encode(member)?) {
            cast[name] = encode(&person)?;
        }
    }
    Ok(cast)
}
