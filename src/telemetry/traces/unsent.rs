//! In place of traces, in a program that was built without: spans are nothing, and who asks for them is told.
#![expect(
    clippy::unused_self,
    reason = "what is nothing answers as what is something does"
)]

use std::future::Ready;

use super::{Attribute, Kind, Receiver, TracesError};

/// No span.
#[derive(Debug)]
pub struct Span;

impl Span {
    pub(in crate::telemetry) fn root(_: &str, _: Kind, _: &[Attribute<'_>]) -> Self {
        Self
    }

    pub(in crate::telemetry) fn within_current(_: &str, _: Kind, _: &[Attribute<'_>]) -> Self {
        Self
    }

    /// No span.
    pub fn current() -> Self {
        Self
    }

    pub(in crate::telemetry) fn is_some(&self) -> bool {
        false
    }

    /// Does `work`.
    pub fn run<W: Future>(&self, work: W) -> W {
        work
    }

    pub(in crate::telemetry) fn tell(&self, _: Attribute<'_>) {}

    pub(in crate::telemetry) fn fail(&self) {}

    /// Nothing.
    pub fn end(self) {}
}

/// Traces on their way; there are none.
#[derive(Debug)]
pub enum Sending {}

/// Says that it cannot be done.
pub fn begin(
    receiver: &Receiver,
    _tls: impl FnOnce() -> Result<rustls::ClientConfig, String>,
) -> Result<Sending, TracesError> {
    Err(TracesError::NotBuilt {
        variable: receiver.variable,
    })
}

impl Sending {
    /// Never called: there is nothing to end.
    pub fn end(self) -> Ready<()> {
        match self {}
    }
}
