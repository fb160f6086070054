//! Sends traces: spans wait in a queue of bounded length for a thread of OpenTelemetry's, which posts them in
//! batches. Whatever becomes of that, whoever makes a span never waits.

use std::error::Error;
use std::iter::successors;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry::{Key, KeyValue};
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{Protocol, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SdkTracerProvider, SpanData, SpanExporter};
use tokio::runtime::Handle;

use super::{Receiver, TracesError, span};

/// How long the stop of the daemon waits for the last spans to be taken.
const LAST_WITHIN: Duration = Duration::from_secs(3);
/// The most that is read of an answer: an empty message, or a sentence on what was refused.
const LARGEST_ANSWER: usize = 64 << 10;
const SERVICE_NAME: Key = Key::from_static_str("service.name");

/// Traces on their way.
#[derive(Debug)]
pub struct Sending {
    provider: SdkTracerProvider,
    way: Arc<Way>,
}

/// How it stands with the way to the receiver.
#[derive(Debug, Default)]
struct Way {
    /// What was last in it.
    trouble: Mutex<String>,
    /// Spans that did not arrive since the last that did.
    lost: AtomicU64,
}

/// Begins to send traces to `receiver`. To be called within a runtime, and after the process gave up what
/// it does not need: there is another thread from here on. `tls` is how others are called.
pub fn begin(
    receiver: &Receiver,
    tls: impl FnOnce() -> Result<rustls::ClientConfig, String>,
) -> Result<Sending, TracesError> {
    let way = Arc::<Way>::default();
    let client = Client {
        http: http_client(receiver, tls().map_err(TracesError::Client)?)?,
        runtime: Handle::current(),
        way: Arc::clone(&way),
    };
    let exporter = opentelemetry_otlp::SpanExporter::builder()
        .with_http()
        .with_endpoint(receiver.url.as_str())
        .with_protocol(Protocol::HttpBinary)
        .with_timeout(receiver.timeout)
        .with_http_client(client)
        .build()
        // It repeats the address, which may hold a token.
        .map_err(|_| TracesError::NotAnAddress {
            variable: receiver.variable,
        })?;
    let provider = SdkTracerProvider::builder()
        .with_resource(resource())
        .with_batch_exporter(Told {
            exporter,
            receiver: receiver.clone(),
            way: Arc::clone(&way),
        })
        .build();
    span::begin(provider.tracer("seatsync"));
    Ok(Sending { provider, way })
}

impl Way {
    fn trouble(&self) -> MutexGuard<'_, String> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sending {
    /// Sends what waits, within a few seconds.
    pub async fn end(self) {
        let Self { provider, way } = self;
        let work = move || provider.shutdown_with_timeout(LAST_WITHIN);
        let ended = tokio::task::spawn_blocking(work).await;
        // What was lost before is told already.
        if !matches!(ended, Ok(Ok(()))) && way.lost.load(Ordering::Relaxed) == 0 {
            tracing::warn!(
                "the last spans of traces are lost: their receiver did not take them within {} s",
                LAST_WITHIN.as_secs()
            );
        }
    }
}

/// What the traces are of, by the environment's variables; `seatsync` where they do not name it.
fn resource() -> Resource {
    let version = KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
    let found = Resource::builder().with_attribute(version);
    let is_named = |found: &Resource| {
        let name = found.get_ref(&SERVICE_NAME).map(ToString::to_string);
        name.is_some_and(|name| !name.starts_with("unknown_service"))
    };
    if is_named(&Resource::builder().build()) {
        found.build()
    } else {
        found.with_service_name("seatsync").build()
    }
}

fn http_client(
    receiver: &Receiver,
    tls: rustls::ClientConfig,
) -> Result<reqwest::Client, TracesError> {
    reqwest::Client::builder()
        .user_agent(concat!("seatsync/", env!("CARGO_PKG_VERSION")))
        .tls_backend_preconfigured(tls)
        .timeout(receiver.timeout)
        // Who asks for traces says where to: headers that let them in are for that address alone.
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .map_err(|error| TracesError::Client(innermost(&error)))
}

/// The innermost cause says what happened, and no address.
fn innermost(error: &(dyn Error + 'static)) -> String {
    let causes = successors(Some(error), |error| (*error).source());
    causes.last().unwrap_or(error).to_string()
}

/// Posts by the runtime's threads for the one of the SDK, which has no runtime.
#[derive(Debug)]
struct Client {
    http: reqwest::Client,
    runtime: Handle,
    way: Arc<Way>,
}

#[async_trait]
impl HttpClient for Client {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let posted = self.runtime.spawn(post(self.http.clone(), request));
        let outcome = posted.await.map_err(HttpError::from).flatten();
        let trouble = match &outcome {
            Ok(answer) if answer.status().is_success() => return outcome,
            Ok(answer) => format!("it answers {}", answer.status()),
            Err(error) => innermost(&**error),
        };
        *self.way.trouble() = trouble;
        outcome
    }
}

async fn post(
    http: reqwest::Client,
    request: Request<Bytes>,
) -> Result<Response<Bytes>, HttpError> {
    let mut answer = http
        .execute(reqwest::Request::try_from(request)?)
        .await
        .map_err(reqwest::Error::without_url)?;
    let (status, headers) = (answer.status(), std::mem::take(answer.headers_mut()));
    let mut body = Vec::new();
    while let Some(piece) = answer.chunk().await.map_err(reqwest::Error::without_url)? {
        body.extend_from_slice(&piece);
        if body.len() > LARGEST_ANSWER {
            return Err("its answer is too large".into());
        }
    }
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    Ok(response)
}

/// An exporter that says when spans begin to be lost and when they no longer are, and nothing in between.
#[derive(Debug)]
struct Told<E> {
    exporter: E,
    receiver: Receiver,
    way: Arc<Way>,
}

impl<E: SpanExporter> SpanExporter for Told<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = u64::try_from(batch.len()).unwrap_or(u64::MAX);
        let sent = self.exporter.export(batch).await;
        let Receiver { variable, .. } = self.receiver;
        let host = self.receiver.host();
        if sent.is_ok() {
            let lost = self.way.lost.swap(0, Ordering::Relaxed);
            if lost > 0 {
                tracing::info!(lost, "traces arrive at `{host}` again");
            }
        } else if self.way.lost.fetch_add(spans, Ordering::Relaxed) == 0 {
            tracing::warn!(
                "traces do not arrive at `{host}`, and are lost until they do: {}: check `{variable}`, `OTEL_EXPORTER_OTLP_HEADERS` and the receiver",
                self.way.trouble()
            );
        }
        sent
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}
