//! Traces of the spans of [`super::spans`], for a receiver that speaks OTLP. What is asked for is told by the
//! environment's variables, whose names and meanings are OpenTelemetry's
//! (<https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/>). Making and sending
//! them is in the program only with the feature `opentelemetry`.

#[cfg(feature = "opentelemetry")]
mod sending;
#[cfg(feature = "opentelemetry")]
mod span;
#[cfg(not(feature = "opentelemetry"))]
mod unsent;

use std::time::Duration;

#[cfg(feature = "opentelemetry")]
pub use sending::{Sending, begin};
#[cfg(feature = "opentelemetry")]
pub use span::Span;
#[cfg(not(feature = "opentelemetry"))]
pub use unsent::{Sending, Span, begin};
use url::Url;

const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
const TRACES_ENDPOINT: &str = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";
/// What a receiver listens on for traces below the address of [`ENDPOINT`], by the protocol.
const PATH: &str = "v1/traces";
const PROTOCOLS: [&str; 2] = [
    "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL",
    "OTEL_EXPORTER_OTLP_PROTOCOL",
];
/// The only protocol that is spoken.
const PROTOCOL: &str = "http/protobuf";
const TIMEOUTS: [&str; 2] = [
    "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT",
    "OTEL_EXPORTER_OTLP_TIMEOUT",
];
/// Where no variable says otherwise: OpenTelemetry's own.
const TIMEOUT: Duration = Duration::from_secs(10);
const SAMPLERS: [&str; 6] = [
    "always_on",
    "always_off",
    "traceidratio",
    "parentbased_always_on",
    "parentbased_always_off",
    "parentbased_traceidratio",
];

/// What a span is of.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    /// Work of ours.
    Internal,
    /// A request to somebody.
    Client,
    /// A request of somebody.
    Server,
}

/// Name and value of what a span tells.
pub(super) type Attribute<'a> = (&'static str, Value<'a>);

/// What an attribute tells.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(
    not(feature = "opentelemetry"),
    expect(dead_code, reason = "nobody is told")
)]
pub(super) enum Value<'a> {
    Text(&'a str),
    Number(i64),
}

pub(super) fn text<'a>(name: &'static str, value: &'a str) -> Attribute<'a> {
    (name, Value::Text(value))
}

pub(super) fn number(name: &'static str, value: i64) -> Attribute<'static> {
    (name, Value::Number(value))
}

/// Where traces go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receiver {
    /// The variable that names it.
    pub variable: &'static str,
    /// What traces are posted to.
    pub url: Url,
    /// How long it may take to answer.
    pub timeout: Duration,
}

/// Why traces that are asked for are not sent. What a variable holds is repeated only where it can be no secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TracesError {
    /// The program cannot.
    #[error(
        "`{variable}` asks for traces, and this seatsync was built without them: unset it, or build one with `cargo build --release --features opentelemetry`"
    )]
    NotBuilt {
        /// What asks.
        variable: &'static str,
    },
    /// The receiver's address is none.
    #[error(
        "`{variable}` is no address: write `http://` or `https://`, a host and a port, for instance `http://localhost:4318`"
    )]
    NotAnAddress {
        /// What says so.
        variable: &'static str,
    },
    /// It holds a user name or a password.
    #[error("`{variable}` holds a user name or password: put it into `OTEL_EXPORTER_OTLP_HEADERS`")]
    Credentials {
        /// What does.
        variable: &'static str,
    },
    /// A word that means something else, or nothing.
    #[error("`{variable}` is `{word}`, which is not supported: unset it, or write {instead}")]
    Word {
        /// What says so.
        variable: &'static str,
        /// What it says.
        word: String,
        /// What it may say.
        instead: String,
    },
    /// A number is none, or out of range.
    #[error("`{variable}` is not {what}")]
    Number {
        /// What says so.
        variable: &'static str,
        /// What it should be.
        what: &'static str,
    },
    /// The means to send them are not there.
    #[error("{0}")]
    Client(String),
}

impl Receiver {
    /// The receiver that the environment names, whose variables `get` gives. `None` where it names none, or
    /// wants no traces.
    pub fn asked_for<'a>(
        get: impl Fn(&'static str) -> Option<&'a str>,
    ) -> Result<Option<Self>, TracesError> {
        // An empty variable is one that is not set, by the specification.
        let get = |variable| get(variable).map(str::trim).filter(|text| !text.is_empty());
        let is_off = get("OTEL_SDK_DISABLED").is_some_and(|text| text.eq_ignore_ascii_case("true"));
        let exporter = get("OTEL_TRACES_EXPORTER");
        if is_off || exporter == Some("none") {
            return Ok(None);
        }
        let first = |variables: [&'static str; 2]| {
            variables
                .into_iter()
                .find_map(|variable| Some((variable, get(variable)?)))
        };
        let Some((variable, address)) = first([TRACES_ENDPOINT, ENDPOINT]) else {
            return Ok(None);
        };
        must_be("OTEL_TRACES_EXPORTER", exporter, &["otlp"])?;
        if let Some((variable, protocol)) = first(PROTOCOLS) {
            must_be(variable, Some(protocol), &[PROTOCOL])?;
        }
        let sampler = get("OTEL_TRACES_SAMPLER");
        must_be("OTEL_TRACES_SAMPLER", sampler, &SAMPLERS)?;
        if sampler.is_some_and(|name| name.ends_with("ratio")) {
            ratio("OTEL_TRACES_SAMPLER_ARG", get("OTEL_TRACES_SAMPLER_ARG"))?;
        }
        Ok(Some(Self {
            variable,
            url: url(variable, address)?,
            timeout: first(TIMEOUTS)
                .map_or(Ok(TIMEOUT), |(variable, text)| milliseconds(variable, text))?,
        }))
    }

    /// Host and port, for messages.
    pub fn host(&self) -> String {
        let host = self.url.host_str().unwrap_or_default();
        match self.url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        }
    }
}

/// What traces are posted to. The variable for traces alone has the whole address, the other its beginning.
fn url(variable: &'static str, address: &str) -> Result<Url, TracesError> {
    let mut url = Url::parse(address)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https"))
        .ok_or(TracesError::NotAnAddress { variable })?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(TracesError::Credentials { variable });
    }
    if variable == ENDPOINT {
        let path = format!("{}/{PATH}", url.path().trim_end_matches('/'));
        url.set_path(&path);
    }
    Ok(url)
}

fn must_be(variable: &'static str, word: Option<&str>, known: &[&str]) -> Result<(), TracesError> {
    match word {
        Some(word) if !known.contains(&word) => {
            let known: Vec<String> = known.iter().map(|word| format!("`{word}`")).collect();
            Err(TracesError::Word {
                variable,
                word: word.to_owned(),
                instead: known.join(" or "),
            })
        }
        _ => Ok(()),
    }
}

fn milliseconds(variable: &'static str, text: &str) -> Result<Duration, TracesError> {
    let what = "a time in milliseconds of at least 1";
    let millis = text.parse().ok().filter(|millis| *millis > 0);
    millis
        .map(Duration::from_millis)
        .ok_or(TracesError::Number { variable, what })
}

fn ratio(variable: &'static str, text: Option<&str>) -> Result<(), TracesError> {
    let what = "a number from 0 to 1";
    text.and_then(|text| text.parse::<f64>().ok())
        .filter(|ratio| (0.0..=1.0).contains(ratio))
        .map(drop)
        .ok_or(TracesError::Number { variable, what })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked_for(variables: &[(&str, &'static str)]) -> Result<Option<Receiver>, TracesError> {
        Receiver::asked_for(|name| {
            let mut found = variables.iter().filter(|(variable, _)| *variable == name);
            found.next().map(|(_, value)| *value)
        })
    }

    fn url_of(variables: &[(&str, &'static str)]) -> String {
        asked_for(variables).unwrap().unwrap().url.into()
    }

    #[test]
    fn nothing_is_asked_for_without_an_address_or_where_it_is_switched_off() {
        let address = (ENDPOINT, "http://localhost:4318");
        for variables in [
            vec![],
            vec![(ENDPOINT, " ")],
            vec![("OTEL_SERVICE_NAME", "seats"), (PROTOCOLS[0], "grpc")],
            vec![address, ("OTEL_SDK_DISABLED", "TRUE")],
            vec![address, ("OTEL_TRACES_EXPORTER", "none")],
        ] {
            assert_eq!(asked_for(&variables), Ok(None), "{variables:?}");
        }
    }

    #[test]
    fn the_address_for_traces_alone_is_taken_as_it_is_and_the_common_one_is_added_to() {
        let common = (ENDPOINT, "https://collector.example/otlp/");
        assert_eq!(
            url_of(&[common]),
            "https://collector.example/otlp/v1/traces"
        );
        assert_eq!(
            url_of(&[(ENDPOINT, "http://localhost:4318")]),
            "http://localhost:4318/v1/traces"
        );
        assert_eq!(
            url_of(&[common, (TRACES_ENDPOINT, "http://localhost:4318/in")]),
            "http://localhost:4318/in"
        );
    }

    #[test]
    fn the_answer_may_take_as_long_as_the_variables_say() {
        let address = (ENDPOINT, "http://localhost:4318");
        let timeout = |variables: &[_]| asked_for(variables).unwrap().unwrap().timeout;
        assert_eq!(timeout(&[address]), TIMEOUT);
        let common = (TIMEOUTS[1], "2000");
        assert_eq!(timeout(&[address, common]), Duration::from_secs(2));
        let own = (TIMEOUTS[0], "300");
        assert_eq!(timeout(&[address, common, own]), Duration::from_millis(300));
    }

    #[test]
    fn what_cannot_be_done_names_its_variable_and_no_secret() {
        let address = (ENDPOINT, "http://localhost:4318");
        let told = |variables: &[_]| asked_for(variables).unwrap_err().to_string();
        for (variables, variable) in [
            (vec![(ENDPOINT, "localhost:4318")], ENDPOINT),
            (vec![(TRACES_ENDPOINT, "http://")], TRACES_ENDPOINT),
            (vec![(ENDPOINT, "https://me:hunter2@host")], ENDPOINT),
            (vec![address, (PROTOCOLS[1], "grpc")], PROTOCOLS[1]),
            (vec![address, (TIMEOUTS[1], "10s")], TIMEOUTS[1]),
            (vec![address, (TIMEOUTS[1], "0")], TIMEOUTS[1]),
            (
                vec![address, ("OTEL_TRACES_EXPORTER", "zipkin")],
                "OTEL_TRACES_EXPORTER",
            ),
            (
                vec![address, ("OTEL_TRACES_SAMPLER", "xray")],
                "OTEL_TRACES_SAMPLER",
            ),
            (
                vec![
                    address,
                    ("OTEL_TRACES_SAMPLER", "traceidratio"),
                    ("OTEL_TRACES_SAMPLER_ARG", "2"),
                ],
                "OTEL_TRACES_SAMPLER_ARG",
            ),
        ] {
            let told = told(&variables);
            assert!(told.contains(&format!("`{variable}`")), "{told}");
            assert!(!told.contains("hunter2"), "{told}");
        }
    }
}
