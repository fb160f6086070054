//! Every span that a trace may have, so that what a receiver of traces gets to know is decided in one place:
//! words of ours, names of profiles and connections, numbers. No address of a call, no token, nothing of a
//! user, nothing that a vendor said: the rule of the labels of metrics.
//!
//! Names of attributes are those of OpenTelemetry's semantic conventions where it has one. These are no spans
//! of `tracing`, for what is logged knows nothing of them; where nobody asked for traces they are nothing.

use std::time::Duration;

pub use super::traces::Span;
use super::traces::{Attribute, Kind, number, text};

/// The root of a trace: one run of a job, from its claim to its recorded end.
pub fn job(profile: &str, subflow: &str, job: &str, trigger: &str) -> Span {
    Span::root(
        subflow,
        Kind::Internal,
        &[
            text("seatsync.profile", profile),
            text("seatsync.subflow", subflow),
            text("seatsync.job", job),
            text("seatsync.trigger", trigger),
        ],
    )
}

/// The root of a trace: one run of what judges installed software.
pub fn installed_run(run: &str, trigger: &str) -> Span {
    Span::root(
        "judge installed software",
        Kind::Internal,
        &[text("seatsync.job", run), text("seatsync.trigger", trigger)],
    )
}

/// Does what a person asked for of a profile that is no job of its own and calls the vendor, as a trace.
pub async fn asked<T, E>(
    what: &'static str,
    profile: &str,
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    let span = Span::root(what, Kind::Internal, &[text("seatsync.profile", profile)]);
    finish(span, work).await
}

/// How the job ended within whose span this is said. `step` is where it failed or what it lacks, in our
/// words; `failed` where its end is trouble.
pub fn job_ended(outcome: &str, step: Option<&str>, failed: bool) {
    let span = Span::current();
    span.tell(text("seatsync.outcome", outcome));
    if let Some(step) = step {
        span.tell(text("seatsync.step", step));
    }
    if failed {
        span.fail();
    }
}

/// One request to a vendor, as its span tells it.
#[derive(Debug, Clone, Copy)]
pub struct VendorCall<'a> {
    /// The connection's name.
    pub connection: &'a str,
    /// The step in our words.
    pub step: &'a str,
    /// HTTP method.
    pub method: &'a str,
    /// 1, and more for each repetition of the same call.
    pub attempt: u32,
    /// How long it waited for the account's rate budget before.
    pub waited: Duration,
}

impl VendorCall<'_> {
    /// From the request to the end of its answer; the wait before is an attribute and no part of it.
    pub fn span(&self) -> Span {
        let waited = i64::try_from(self.waited.as_millis()).unwrap_or(i64::MAX);
        Span::within_current(
            self.step,
            Kind::Client,
            &[
                text("http.request.method", self.method),
                text("seatsync.connection", self.connection),
                text("seatsync.step", self.step),
                number("seatsync.attempt", self.attempt.into()),
                number("seatsync.budget_wait_ms", waited),
            ],
        )
    }
}

/// Ends the span of a vendor call: its HTTP status where there was an answer, and the kind of trouble.
pub fn vendor_answered(span: Span, status: Option<u16>, trouble: Option<&str>) {
    span.tell_status(status);
    if let Some(trouble) = trouble {
        span.tell(text("error.type", trouble));
        span.fail();
    }
    span.end();
}

/// Does a write of the store, the wait for its turn included, in a span where it is part of a trace: what
/// the daemon writes for itself would be traces of one span, without end.
pub async fn store_write<T, E>(
    step: &'static str,
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    if !Span::current().is_some() {
        return work.await;
    }
    let span = Span::within_current(step, Kind::Internal, &[text("seatsync.step", step)]);
    finish(span, work).await
}

async fn finish<T, E>(span: Span, work: impl Future<Output = Result<T, E>>) -> Result<T, E> {
    let done = span.run(work).await;
    if done.is_err() {
        span.fail();
    }
    span.end();
    done
}

/// The root of a trace: one request of an agent, from its head to its answer.
pub fn usage_request() -> Span {
    Span::root("createOrUpdate", Kind::Server, &[])
}

/// Ends the span of an agent's request: how it was answered, and how many items it brought where they
/// were looked at.
pub fn usage_answered(span: Span, status: u16, items: Option<usize>) {
    span.tell_status(Some(status));
    if let Some(items) = items.and_then(|items| i64::try_from(items).ok()) {
        span.tell(number("seatsync.items", items));
    }
    // What the client did wrong is no trouble of ours, by the conventions.
    if status >= 500 {
        span.fail();
    }
    span.end();
}

impl Span {
    fn tell_status(&self, status: Option<u16>) {
        let status: Option<Attribute<'_>> =
            status.map(|status| number("http.response.status_code", status.into()));
        if let Some(status) = status {
            self.tell(status);
        }
    }
}
