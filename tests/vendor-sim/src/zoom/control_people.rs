//! The part of the HTTP control surface that is about people: who they are, what they did, edits.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::control::{Refused, encode, parse};
use crate::http::{Request, decode};
use crate::zoom::cast::Cast;
use crate::zoom::options::{Pools, Population};
use crate::zoom::roll::{Hosted, Person, PersonChange};
use crate::zoom::service::State;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Regenerate {
    users: u32,
    seed: u64,
    #[serde(default)]
    population: Population,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SignIn {
    at: Timestamp,
}

/// Answers requests to `/_sim/people`, `/_sim/truth`, `/_sim/seed` and `/_sim/pools`.
pub(crate) fn route(
    state: &mut State,
    request: &Request,
    parts: &[&str],
) -> Result<Value, Refused> {
    let method = request.method.as_str();
    let key = parts.get(1).map(|key| decode(key, false));
    match (method, parts, key) {
        ("GET", ["people"], _) => cast(state),
        ("POST", ["people"], _) => {
            let added = state.add_person(parse::<PersonChange>(request)?);
            encode(&added.map_err(Refused::bad)?)
        }
        ("GET", ["people", _], Some(key)) => {
            let person = state.person(&key).ok_or_else(|| Refused::unknown(&key))?;
            encode(&Person::from(&person))
        }
        ("PATCH", ["people", _], Some(key)) => change(state, &key, parse(request)?),
        ("DELETE", ["people", _], Some(key)) => {
            let gone = PersonChange {
                status: Some("gone".to_owned()),
                ..PersonChange::default()
            };
            change(state, &key, gone)
        }
        ("POST", ["people", _, "sessions"], Some(key)) => {
            let hosted: Hosted = parse(request)?;
            found(state.let_host(&key, &hosted), &key)
        }
        ("POST", ["people", _, "sign_ins"], Some(key)) => {
            let sign_in: SignIn = parse(request)?;
            found(state.let_sign_in(&key, sign_in.at), &key)
        }
        ("GET", ["truth"], _) => encode(&state.truth()),
        ("GET", ["truth", _], Some(key)) => {
            let person = state.person(&key).ok_or_else(|| Refused::unknown(&key))?;
            encode(&state.truth_of(&person))
        }
        ("POST", ["seed"], _) => {
            let wanted: Regenerate = parse(request)?;
            state.reseed(wanted.users, wanted.seed, &wanted.population);
            Ok(json!({}))
        }
        ("GET", ["pools"], _) => encode(&state.seats.configured),
        ("PUT", ["pools"], _) => {
            state.seats.configured = parse::<Pools>(request)?;
            encode(&state.seats.configured)
        }
        _ => Err(Refused::unknown(&format!("{method} {}", request.path))),
    }
}

/// The cast by name.
fn cast(state: &State) -> Result<Value, Refused> {
    let people = state.world.generator.layout.people.end;
    let mut cast = json!({});
    for member in Cast::ALL {
        let index = member.index();
        let user =
            Cast::at(index, people).and_then(|_| state.world.user_at(index, state.clock.millis()));
        if let (Some(user), Value::String(name)) = (user, encode(member)?) {
            cast[name] = encode(&Person::from(&user))?;
        }
    }
    Ok(cast)
}

fn change(state: &mut State, key: &str, change: PersonChange) -> Result<Value, Refused> {
    let changed = state.change_person(key, change).map_err(Refused::bad)?;
    encode(&changed.ok_or_else(|| Refused::unknown(key))?)
}

fn found(found: bool, key: &str) -> Result<Value, Refused> {
    if found {
        Ok(json!({}))
    } else {
        Err(Refused::unknown(key))
    }
}
