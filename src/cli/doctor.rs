//! `seatsync doctor`: what an operator should look at, with remedies.

use std::fmt::Write as _;
use std::path::Path;
use std::process::ExitCode;

use super::client::Client;
use super::exit::{Failure, WARNED};
use super::output::Output;
use crate::doctor::{Health, Severity};

/// Shows what the checks find. Ends with 0 where there is nothing, with 5 where there are only warnings,
/// with 1 where there is an error.
pub(super) fn run(runtime: &Path, output: &mut Output) -> Result<ExitCode, Failure> {
    let health: Health = Client::new(runtime)?.get("/v1/doctor", &())?;
    output.show(&health, lines)?;
    Ok(match health.worst() {
        None => ExitCode::SUCCESS,
        Some(Severity::Warning) => ExitCode::from(WARNED),
        Some(Severity::Error) => ExitCode::FAILURE,
    })
}

fn lines(health: &Health) -> String {
    let mut text = String::new();
    for finding in &health.findings {
        let of = finding.profile.as_ref();
        let of = of.map_or_else(String::new, |profile| format!("{profile}: "));
        let _ = writeln!(
            text,
            "{}[{}]: {of}{}: {}\n    {}\n    {}\n",
            finding.severity.as_str(),
            finding.check,
            finding.about,
            finding.value,
            finding.message,
            finding.remedy
        );
    }
    let errors = health
        .findings
        .iter()
        .filter(|finding| finding.severity == Severity::Error)
        .count();
    let _ = writeln!(
        text,
        "{} checks: {errors} errors, {} warnings",
        health.checks.len(),
        health.findings.len() - errors
    );
    text
}
