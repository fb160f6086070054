//! seatsync at work, with simulated vendors on this machine and no account anywhere.
//!
//! `cargo run --example quickstart` starts the simulators, starts a real daemon as a process of its
//! own, and shows step by step what it does. It then stays up until Ctrl-C; with `-- --exit` it
//! ends at once, non-zero if anything was not as told.

mod agent;
mod host;
mod story;
mod vendors;

use std::process::ExitCode;

/// The first argument that makes this program be seatsync itself.
const BE_SEATSYNC: &str = "__seatsync";

fn main() -> ExitCode {
    let mut arguments = std::env::args_os();
    let program = arguments.next();
    let mut rest: Vec<_> = arguments.collect();
    if rest.first().is_some_and(|first| first == BE_SEATSYNC) {
        rest.remove(0);
        return seatsync::cli::entry(program.into_iter().chain(rest));
    }
    let exit_at_once = rest.iter().any(|argument| argument == "--exit");
    match story::tell(exit_at_once) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            story::say(&format!("\nsomething is wrong: {error:#}"));
            ExitCode::FAILURE
        }
    }
}
