//! Logs: to the journal where systemd gave us one, to stderr otherwise.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;
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

/// Libraries that say what only their authors want to know, or what the caller gets as an error and
/// tells better; `level` may raise them again by name. `notify` tells of every change that it sees:
/// of a log beside the watched folder, that would be of each of its own lines. That what it watched
/// is gone comes to us as a change.
const QUIETER: &str = "tokio_cron_scheduler=warn,rustls_platform_verifier=off,\
                       notify=error,notify_debouncer_full=warn";

/// Starts logging at `level` (a `tracing` filter such as `info` or `seatsync=debug`). A second
/// call changes nothing: the first one holds for the process. Fails when `level` is no filter.
pub fn start(sink: Sink, level: &str) -> Result<(), ParseError> {
    let filter = EnvFilter::try_new(format!("{QUIETER},{level}"))?;
    let registry = tracing_subscriber::registry().with(filter);
    if sink == Sink::Journal
        && let Ok(journal) = tracing_journald::layer()
    {
        let _ = registry.with(journal).try_init();
        return Ok(());
    }
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_target(false);
    let _ = if std::io::stderr().is_terminal() {
        registry.with(lines).try_init()
    } else {
        registry.with(lines.json().flatten_event(true)).try_init()
    };
    Ok(())
}
