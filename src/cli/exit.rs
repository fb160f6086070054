//! How a command ends: exit codes and the last words on stderr.

use std::io::Write;
use std::process::ExitCode;

use super::output::printable;

/// Exit code of `doctor` where there are warnings and no errors.
pub(crate) const WARNED: u8 = 5;

/// Why a command did not do what was asked. The variants are the exit codes.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// It failed, or found something: exit code 1.
    #[error("{0:#}")]
    Failed(#[from] anyhow::Error),
    /// The command line is wrong: exit code 2.
    #[error("{0}")]
    Usage(String),
    /// The daemon is not there: exit code 3.
    #[error("{0}")]
    Unreachable(String),
    /// The daemon, or the socket's mode, does not allow it: exit code 4.
    #[error("{0}")]
    NotPermitted(String),
}

impl Failure {
    /// A failure with one sentence.
    pub(crate) fn failed(message: impl Into<String>) -> Self {
        Self::Failed(anyhow::Error::msg(message.into()))
    }

    fn code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Failed(_) => 1,
            Self::Usage(_) => 2,
            Self::Unreachable(_) => 3,
            Self::NotPermitted(_) => 4,
        })
    }
}

/// Prints the failure and gives its code. A reader that went away (`| head`) is no failure.
pub(crate) fn report(failure: &Failure) -> ExitCode {
    if let Failure::Failed(error) = failure
        && error
            .chain()
            .filter_map(|cause| cause.downcast_ref::<std::io::Error>())
            .any(|cause| cause.kind() == std::io::ErrorKind::BrokenPipe)
    {
        return ExitCode::SUCCESS;
    }
    // Nothing is left to tell it to when stderr is gone.
    let failure_text = printable(&failure.to_string());
    let _ = writeln!(anstream::stderr(), "error: {failure_text}");
    failure.code()
}

/// Prints what clap found, help and version included.
pub(crate) fn usage(error: &clap::Error) -> ExitCode {
    let _ = error.print();
    if error.use_stderr() {
        ExitCode::from(2)
    } else {
        ExitCode::SUCCESS
    }
}
