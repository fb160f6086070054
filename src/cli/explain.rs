//! `seatsync explain PROFILE USER`: every fact that is known of a user's seats, with its source.

use std::path::Path;
use std::process::ExitCode;

use clap::Args;

use super::client::Client;
use super::exit::Failure;
use super::output::{Output, table};
use crate::api::control::model::{ExplainQuery, Explanation};

/// Arguments of `explain`.
#[derive(Debug, Args)]
pub(super) struct ExplainArgs {
    /// Which profile.
    profile: String,
    /// Whom, by e-mail address or the vendor's id.
    user: String,
    /// Only the seat of this identifier.
    #[arg(long, value_name = "ID")]
    identifier: Option<String>,
}

/// Shows the facts.
pub(super) fn run(
    args: ExplainArgs,
    runtime: &Path,
    output: &mut Output,
) -> Result<ExitCode, Failure> {
    let query = ExplainQuery {
        profile: args.profile,
        user: args.user,
        identifier: args.identifier,
    };
    let explanation: Explanation = Client::new(runtime)?.get("/v1/explain", &query)?;
    output.show(&explanation, |explanation| {
        let seats = explanation.seats.iter().map(|seat| {
            let facts = table(
                ["FACT", "VALUE", "SOURCE"],
                seat.facts
                    .iter()
                    .map(|fact| [fact.name.clone(), fact.value.clone(), fact.source.clone()]),
            );
            let Explanation { profile, user, .. } = explanation;
            format!("{user} in {profile}: {}\n{facts}", seat.identifier)
        });
        seats.collect::<Vec<String>>().join("\n")
    })?;
    Ok(ExitCode::SUCCESS)
}
