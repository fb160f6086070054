//! Logs, to the journal where systemd gave us one and to stderr otherwise; and traces, for who wants them.

mod notable;
pub mod spans;
mod text;
pub mod traces;

use std::io::IsTerminal;

pub use notable::Notable;
use tracing_journald::{Priority, PriorityMappings};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// Where log lines go, and how they are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sink {
    /// The journal, with fields; text on standard error where it cannot be reached.
    Journal,
    /// Standard error, as lines for people.
    Text,
    /// Standard error, as one JSON object per line.
    Json,
}

impl Sink {
    /// What suits standard error: the journal where `journal_stream` (`$JOURNAL_STREAM`) says that it leads
    /// there, text on a terminal, JSON elsewhere.
    pub fn of_this_process(journal_stream: Option<&str>) -> Self {
        if journal_stream.is_some_and(is_standard_error) {
            Self::Journal
        } else if std::io::stderr().is_terminal() {
            Self::Text
        } else {
            Self::Json
        }
    }
}

/// Whether standard error is the file that `stream` names as `DEVICE:INODE`. Who started us may have
/// led it elsewhere, and left the variable as it was.
fn is_standard_error(stream: &str) -> bool {
    rustix::fs::fstat(std::io::stderr())
        .is_ok_and(|file| stream == format!("{}:{}", file.st_dev, file.st_ino))
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
        let journal = journal
            // Our fields are the journal's own: `PROFILE=`, `JOB=`, `TRACE_ID=`, `MESSAGE_ID=`.
            .with_field_prefix(None)
            .with_priority_mappings(PriorityMappings {
                info: Priority::Informational,
                debug: Priority::Debug,
                ..PriorityMappings::new()
            });
        let _ = registry.with(journal).try_init();
        return Ok(());
    }
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false);
    let _ = if sink == Sink::Json {
        let lines = lines.json().flatten_event(true).with_span_list(false);
        registry.with(lines).try_init()
    } else {
        registry.with(lines.fmt_fields(text::Fields)).try_init()
    };
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_that_standard_error_is_not_is_no_journal() {
        assert_ne!(Sink::of_this_process(Some("8:1")), Sink::Journal);
        assert_ne!(Sink::of_this_process(Some("")), Sink::Journal);
        let stderr = rustix::fs::fstat(std::io::stderr()).unwrap();
        let stream = format!("{}:{}", stderr.st_dev, stderr.st_ino);
        assert_eq!(Sink::of_this_process(Some(&stream)), Sink::Journal);
    }
}
