//! `seatsync rules list`: which rule decides for which seats or installed software, and what it says.

use std::path::Path;
use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::client::Client;
use super::exit::Failure;
use super::installed;
use super::output::{Output, table, word_of};
use crate::api::control::model::{ExclusionQuery, RuleRow, RulesAnswer};
use crate::connector::facts::ActivityKind;
use crate::profile::name::Name;

/// Arguments of `rules`.
#[derive(Debug, Args)]
pub(super) struct RulesArgs {
    #[command(subcommand)]
    command: RulesCommand,
}

#[derive(Debug, Subcommand)]
enum RulesCommand {
    /// The rule in force for each identifier and each product of installed software, defaults applied.
    List {
        /// Only of this profile, which no installed software is of.
        #[arg(long)]
        profile: Option<Name>,
    },
}

/// Lists rules.
pub(super) fn run(
    args: &RulesArgs,
    runtime: &Path,
    output: &mut Output,
) -> Result<ExitCode, Failure> {
    let RulesCommand::List { profile } = &args.command;
    let query = ExclusionQuery {
        profile: profile.as_ref().map(Name::to_string),
        users: false,
    };
    let answer: RulesAnswer = Client::new(runtime)?.get("/v1/rules", &query)?;
    output.show(&answer, |answer| {
        let mut text = table(
            [
                "PROFILE",
                "IDENTIFIER",
                "USE",
                "UNUSED AFTER",
                "MODE",
                "ASKS USER",
                "RULE",
            ],
            answer.rows.iter().map(row),
        );
        if !answer.installed.is_empty() {
            text.push('\n');
            text.push_str(&installed::rules(&answer.installed));
        }
        text
    })?;
    Ok(ExitCode::SUCCESS)
}

fn row(row: &RuleRow) -> [String; 7] {
    let kinds: Vec<&str> = row
        .counts
        .iter()
        .map(|kind: &ActivityKind| kind.as_str())
        .collect();
    let rule = &row.rule;
    let after = match (row.tells_disuse, rule.create_candidates) {
        (false, _) => "never: not all of its use is reported".to_owned(),
        (true, false) => "never: `create_candidates` is off".to_owned(),
        (true, true) => rule.last_activity_threshold.to_string(),
    };
    let asks = if rule.asks_user() {
        format!("{} days", rule.days_before_auto_reclamation)
    } else {
        "no".to_owned()
    };
    [
        row.profile.to_string(),
        row.identifier.to_string(),
        if kinds.is_empty() {
            "nothing that is reported".to_owned()
        } else {
            kinds.join(", ")
        },
        after,
        word_of(&rule.mode),
        asks,
        rule.origin.clone(),
    ]
}
