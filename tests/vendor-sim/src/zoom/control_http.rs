//! The control surface over HTTP, below `/_sim`: what [`control`](super::control) offers in the
//! same process, for benchmarks and examples that run the simulator as a process of its own.
//! Bodies are JSON; a mistake is answered with 400 and `{"error"}`.
//!
//! | request | does |
//! |---|---|
//! | `GET /_sim/account` | URLs, apps with their secrets, numbers of people, population, switches |
//! | `GET`, `POST /_sim/clock` | tells the time; `{"advance": "36h"}`, `{"set": "2026-11-20T15:00:00Z"}`, `{"release": true}` |
//! | `GET`, `POST`, `DELETE /_sim/faults` | the [`Fault`] rules; POST takes one or a list |
//! | `GET`, `PATCH /_sim/switches` | undocumented behaviour, see [`Switches`](super::Switches) |
//! | `GET`, `PATCH /_sim/limits` | `{"enforced", "plan", "used_today": {"label", "calls"}}` |
//! | `GET /_sim/apps`, `PATCH /_sim/apps/{client_id}` | `{"scopes", "redirect_uris", "active", "client_secret"}` |
//! | `DELETE /_sim/tokens[?refresh=true]` | ends access tokens, and refresh tokens too |
//! | `GET`, `POST /_sim/people` | the cast by name; adds somebody |
//! | `GET`, `PATCH`, `DELETE /_sim/people/{id or address}` | one person, see [`PersonChange`](super::PersonChange) |
//! | `POST /_sim/people/{…}/sessions`, `…/sign_ins` | lets them host ([`Hosted`](super::Hosted)) or sign in (`{"at"}`) |
//! | `GET /_sim/truth[/{id or address}]` | when everybody, or one person, last hosted |
//! | `GET`, `PUT /_sim/pools` | seats bought, see [`Pools`](super::Pools) |
//! | `POST /_sim/seed` | other people: `{"users", "seed", "population"}` |
//! | `GET`, `DELETE /_sim/log` | the requests so far |
//! | `GET`, `DELETE /_sim/oracle[?share=0.25]`, `POST /_sim/oracle/protect` | what no careful client does; users nobody may write to |

use serde_json::{Value, json};

use crate::control::{OneOrMany, Refused, clock, encode, parse, set_clock};
use crate::http::{Reply, Request};
use crate::zoom::faults::Fault;
use crate::zoom::oracle::over_share;
use crate::zoom::service::State;
use crate::zoom::{control_people, control_settings};

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
        (_, ["people" | "truth", ..] | ["seed" | "pools"]) => {
            control_people::route(state, request, &parts)
        }
        (_, ["switches" | "limits" | "tokens"] | ["apps", ..]) => {
            control_settings::route(state, request, &parts)
        }
        ("GET", ["log"]) => encode(&state.log.entries()),
        ("DELETE", ["log"]) => {
            state.log.clear();
            Ok(json!([]))
        }
        ("GET", ["oracle"]) => oracle(state, request),
        ("POST", ["oracle", "protect"]) => {
            state.oracle.protect(parse::<Vec<String>>(request)?);
            Ok(json!({}))
        }
        ("DELETE", ["oracle"]) => {
            state.oracle.clear();
            Ok(json!({}))
        }
        _ => Err(Refused::unknown(&format!(
            "{} {}",
            request.method, request.path
        ))),
    }
}

fn account(state: &State) -> Value {
    let layout = &state.world.generator.layout;
    json!({
        "account_id": state.oauth.account_id,
        "plan": state.plan,
        "seed": state.seed,
        "limits": state.limited,
        "apps": state.oauth.apps,
        "api_url": format!("{}/v2", state.base_url),
        "token_url": format!("{}/oauth/token", state.base_url),
        "authorize_url": format!("{}/oauth/authorize", state.base_url),
        "users": {
            "active": layout.people.len(),
            "rooms": layout.rooms.len(),
            "inactive": layout.inactive.len(),
            "pending": layout.pending.len(),
            "former": layout.former.len(),
        },
        "population": state.population,
        "switches": state.switches,
    })
}

fn oracle(state: &State, request: &Request) -> Result<Value, Refused> {
    let share = match request.param("share") {
        None => None,
        Some(text) => Some(
            text.parse::<f64>()
                .map_err(|error| Refused::bad(error.to_string()))?,
        ),
    };
    let over = share.map(|share| over_share(state.log.entries(), state.plan, share));
    Ok(json!({"violations": state.oracle.violations(), "over_share": over.unwrap_or_default()}))
}
