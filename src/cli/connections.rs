//! `seatsync connections list`: where profiles lead, how they authorise, and who consented.

use std::path::Path;
use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::client::Client;
use super::exit::Failure;
use super::output::{Output, table};
use super::status::short;
use crate::api::control::model::{ConnectionStatus, Listing};

/// Arguments of `connections`.
#[derive(Debug, Args)]
pub(super) struct ConnectionsArgs {
    #[command(subcommand)]
    command: ConnectionsCommand,
}

#[derive(Debug, Subcommand)]
enum ConnectionsCommand {
    /// The connections that recorded profiles use.
    List,
}

/// Lists connections. Tokens and secrets are not among what the daemon tells.
pub(super) fn run(
    args: &ConnectionsArgs,
    runtime: &Path,
    output: &mut Output,
) -> Result<ExitCode, Failure> {
    let ConnectionsCommand::List = args.command;
    let connections: Listing<ConnectionStatus> =
        Client::new(runtime)?.get("/v1/connections", &())?;
    output.show(&connections, |connections| {
        let mut text = table(
            [
                "CONNECTION",
                "VENDOR",
                "GRANT",
                "AUTHORISED BY",
                "AT",
                "ENDS",
                "SHARE",
                "PROFILES",
                "URL",
            ],
            connections.rows.iter().map(row),
        );
        text.push_str(&warnings(&connections.rows));
        text
    })?;
    Ok(ExitCode::SUCCESS)
}

/// What a person should do about connections, a line each.
pub(super) fn warnings(connections: &[ConnectionStatus]) -> String {
    let warnings = connections.iter().filter_map(|c| c.warning.as_ref());
    warnings.fold(String::new(), |text, warning| text + "\n" + warning + "\n")
}

fn row(connection: &ConnectionStatus) -> [String; 9] {
    let none = || "-".to_owned();
    let consent = connection.authorization.as_ref();
    [
        connection.name.clone(),
        connection.vendor.clone(),
        connection.grant.clone(),
        consent.map_or_else(none, |consent| {
            let by = consent.principal.as_ref();
            by.unwrap_or(&consent.authorized_by).clone()
        }),
        consent.map_or_else(none, |consent| short(consent.authorized_at)),
        match consent {
            None => none(),
            Some(consent) if consent.dead.is_some() => "ended".to_owned(),
            Some(consent) => consent
                .refresh_ends_at
                .or(consent.access_ends_at)
                .map_or_else(|| "when revoked".to_owned(), short),
        },
        format!("{}%", connection.share),
        connection.profiles.join(" "),
        connection.url.clone(),
    ]
}
