//! `seatsync validate PROFILE`: calls the vendor now, per process.

use std::path::Path;
use std::process::ExitCode;

use clap::Args;

use super::client::Client;
use super::exit::Failure;
use super::output::{Output, table};
use crate::api::control::model::Validation;
use crate::profile::name::Name;

/// Arguments of `validate`.
#[derive(Debug, Args)]
pub(super) struct ValidateArgs {
    /// Which profile.
    profile: Name,
}

/// Shows the verdict of every process, with the scopes that it needs and has.
pub(super) fn run(
    args: &ValidateArgs,
    runtime: &Path,
    output: &mut Output,
) -> Result<ExitCode, Failure> {
    let path = format!("/v1/profiles/{}/validate", args.profile);
    let validation: Validation = Client::new(runtime)?.post(&path, &serde_json::json!({}))?;
    output.show(&validation, summary)?;
    let able = validation
        .verdicts
        .iter()
        .all(|process| process.verdict.ok || !process.required);
    Ok(if able {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// The verdicts, and below them each right that they rest on, on a line of its own.
fn summary(validation: &Validation) -> String {
    let verdicts = || validation.verdicts.iter().map(|process| &process.verdict);
    let judged = table(
        ["PROCESS", "OK", "MESSAGE"],
        verdicts().map(|verdict| {
            [
                verdict.process.as_str().to_owned(),
                if verdict.ok { "yes" } else { "no" }.to_owned(),
                verdict.message.clone(),
            ]
        }),
    );
    let rights = table(
        ["PROCESS", "SCOPE OR RIGHT NEEDED", "HELD"],
        verdicts().flat_map(|verdict| {
            verdict.scopes_needed.iter().map(|needed| {
                [
                    verdict.process.as_str().to_owned(),
                    needed.replace('|', " or "),
                    verdict.held_for(needed).unwrap_or("no").to_owned(),
                ]
            })
        }),
    );
    format!("{judged}\n{rights}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::control::model::ProcessVerdict;
    use crate::connector::facts::{Process, Verdict};

    #[test]
    fn each_right_has_a_line_that_says_whether_it_is_held() {
        let verdict = Verdict {
            process: Process::Reclaim,
            ok: false,
            message: "scope a:b:admin is not granted".to_owned(),
            scopes_needed: vec!["a:b:admin|a:admin".to_owned(), "c:".to_owned()],
            scopes_held: vec!["c:".to_owned()],
        };
        let shown = summary(&Validation {
            profile: "zoom".to_owned(),
            account: "1".to_owned(),
            verdicts: vec![ProcessVerdict {
                verdict,
                required: true,
            }],
        });
        let lines: Vec<Vec<&str>> = shown
            .lines()
            .map(|line| line.split_whitespace().collect())
            .collect();
        assert_eq!(
            lines[4..],
            [
                vec!["reclaim", "a:b:admin", "or", "a:admin", "no"],
                vec!["reclaim", "c:", "c:"]
            ],
            "{shown}"
        );
    }
}
