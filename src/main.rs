//! The seatsync binary: arguments in, exit code out.

use std::process::ExitCode;

fn main() -> ExitCode {
    seatsync::cli::entry(std::env::args_os())
}
