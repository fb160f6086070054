//! Logs: to the journal where systemd gave us one, to stderr otherwise.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// Where log lines go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sink {
    /// The journal, with fields.
    Journal,
    /// Standard error: text on a terminal, JSON lines otherwise.
    Stderr,
}

/// Libraries that say at `info` what only their authors want to know; `level` may raise them again.
const QUIETER: &str = "tokio_cron_scheduler=warn";

/// Starts logging at `level` (a `tracing` filter such as `info` or `seatsync=debug`). A second
/// call changes nothing: the first one holds for the process.
pub fn start(sink: Sink, level: &str) {
    let filter = EnvFilter::try_new(format!("{QUIETER},{level}"))
        .unwrap_or_else(|_| EnvFilter::new(format!("{QUIETER},info")));
    let registry = tracing_subscriber::registry().with(filter);
    if sink == Sink::Journal
        && let Ok(journal) = tracing_journald::layer()
    {
        let _ = registry.with(journal).try_init();
        return;
    }
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_target(false);
    let _ = if std::io::stderr().is_terminal() {
        registry.with(lines).try_init()
    } else {
        registry.with(lines.json().flatten_event(true)).try_init()
    };
}
