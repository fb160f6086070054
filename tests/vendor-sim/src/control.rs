//! What the control surfaces of all vendors have in common: bodies in and out, and the clock.

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::clock::SimClock;
use crate::http::Request;

/// What was wrong with a control request.
pub(crate) struct Refused {
    pub(crate) status: u16,
    pub(crate) error: String,
}

impl Refused {
    pub(crate) fn bad(error: impl Into<String>) -> Self {
        Self {
            status: 400,
            error: error.into(),
        }
    }

    pub(crate) fn unknown(what: &str) -> Self {
        Self {
            status: 404,
            error: format!("there is no `{what}`"),
        }
    }
}

/// A wish for another time.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ClockChange {
    /// Such as `36h` or `P2D`.
    advance: Option<SignedDuration>,
    set: Option<Timestamp>,
    #[serde(default)]
    release: bool,
}

/// One value or a list of them.
#[derive(Deserialize)]
#[serde(untagged)]
pub(crate) enum OneOrMany<T> {
    Many(Vec<T>),
    One(Box<T>),
}

impl<T> OneOrMany<T> {
    /// Does it for each.
    pub(crate) fn each(self, act: impl FnMut(T)) {
        match self {
            Self::One(one) => std::iter::once(*one).for_each(act),
            Self::Many(many) => many.into_iter().for_each(act),
        }
    }
}

/// The body as what is wanted.
pub(crate) fn parse<T: DeserializeOwned>(request: &Request) -> Result<T, Refused> {
    serde_json::from_slice(&request.body).map_err(|error| Refused::bad(error.to_string()))
}

/// A value as JSON.
pub(crate) fn encode(value: &impl serde::Serialize) -> Result<Value, Refused> {
    serde_json::to_value(value).map_err(|error| Refused {
        status: 500,
        error: error.to_string(),
    })
}

/// The time, as the control surface tells it.
pub(crate) fn clock(clock: &SimClock) -> Value {
    json!({"now": clock.now(), "manual": clock.is_manual()})
}

/// Moves the time as asked.
pub(crate) fn set_clock(sim: &SimClock, change: &ClockChange) -> Result<Value, Refused> {
    if change.advance.is_none() && change.set.is_none() && !change.release {
        return Err(Refused::bad("give `advance`, `set` or `release`"));
    }
    if let Some(at) = change.set {
        sim.set(at);
    }
    if let Some(by) = change.advance {
        sim.advance(by);
    }
    if change.release {
        sim.release();
    }
    Ok(clock(sim))
}
