//! Whether traces of what the daemon does are sent, and what is said about it.

use super::Surroundings;
use crate::connector::http::tls;
use crate::telemetry::traces::{self, Receiver, Sending};

/// Begins to send traces where the environment asks for it. Where that cannot be done it is said, and the
/// daemon does without.
pub(super) fn begin(surroundings: &Surroundings) -> Option<Sending> {
    let receiver = Receiver::asked_for(|name| surroundings.get(name)).transpose()?;
    let begun = receiver.and_then(|receiver| {
        let sending = traces::begin(&receiver, tls)?;
        tracing::info!("traces are sent to `{}`", receiver.host());
        Ok(sending)
    });
    begun
        .inspect_err(|error| tracing::warn!("no traces are sent: {error}"))
        .ok()
}
