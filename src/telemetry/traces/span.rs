//! A span that is sent, where traces are.

use std::sync::OnceLock;

use opentelemetry::context::FutureExt as _;
use opentelemetry::trace::{SpanKind, Status, TraceContextExt as _, Tracer as _};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::SdkTracer;

use super::{Attribute, Kind, Value};

/// What makes spans, from when traces are sent on.
static TRACER: OnceLock<SdkTracer> = OnceLock::new();

/// From now on spans are made by `tracer`; the first one holds for the process.
pub(super) fn begin(tracer: SdkTracer) {
    let _ = TRACER.set(tracer);
}

/// A span, or none where no traces are sent. It ends with [`Span::end`], or when it goes.
#[derive(Debug)]
pub struct Span(Option<Context>);

impl Span {
    /// The first span of a trace.
    pub(in crate::telemetry) fn root(name: &str, kind: Kind, attributes: &[Attribute<'_>]) -> Self {
        Self::start(&Context::new(), name, kind, attributes)
    }

    /// A part of what is done now, where that is in a trace; otherwise the first span of one.
    pub(in crate::telemetry) fn within_current(
        name: &str,
        kind: Kind,
        attributes: &[Attribute<'_>],
    ) -> Self {
        Self::start(&Context::current(), name, kind, attributes)
    }

    fn start(parent: &Context, name: &str, kind: Kind, attributes: &[Attribute<'_>]) -> Self {
        let Some(tracer) = TRACER.get() else {
            return Self(None);
        };
        let span = tracer
            .span_builder(name.to_owned())
            .with_kind(match kind {
                Kind::Internal => SpanKind::Internal,
                Kind::Client => SpanKind::Client,
                Kind::Server => SpanKind::Server,
            })
            .with_attributes(attributes.iter().map(pair))
            .start_with_context(tracer, parent);
        Self(Some(parent.with_span(span)))
    }

    /// The span of what is done now: for work that goes on elsewhere.
    pub fn current() -> Self {
        Self(Context::map_current(|current| {
            current.has_active_span().then(|| current.clone())
        }))
    }

    pub(in crate::telemetry) fn is_some(&self) -> bool {
        self.0.is_some()
    }

    /// Does `work` within this span.
    pub async fn run<T>(&self, work: impl Future<Output = T>) -> T {
        match &self.0 {
            Some(context) => work.with_context(context.clone()).await,
            None => work.await,
        }
    }

    pub(in crate::telemetry) fn tell(&self, attribute: Attribute<'_>) {
        if let Some(context) = &self.0 {
            context.span().set_attribute(pair(&attribute));
        }
    }

    pub(in crate::telemetry) fn fail(&self) {
        if let Some(context) = &self.0 {
            context.span().set_status(Status::error(""));
        }
    }

    /// Ends it now, whatever still goes on within.
    pub fn end(self) {
        if let Some(context) = &self.0 {
            context.span().end();
        }
    }
}

fn pair((name, value): &Attribute<'_>) -> KeyValue {
    match value {
        Value::Text(text) => KeyValue::new(*name, (*text).to_owned()),
        Value::Number(number) => KeyValue::new(*name, *number),
    }
}
