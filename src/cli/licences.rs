//! `seatsync models list`, `seatsync entitlements list` and `seatsync identifiers list`.

use std::path::Path;
use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::client::Client;
use super::exit::Failure;
use super::output::{Output, table};
use crate::api::control::model::{
    EntitlementRow, IdentifierQuery, IdentifierRow, Listing, ModelRow,
};
use crate::profile::licence::{IdentifierMatch, Licensed};
use crate::profile::name::Name;

/// Arguments of `identifiers`.
#[derive(Debug, Args)]
pub(super) struct IdentifiersArgs {
    #[command(subcommand)]
    command: IdentifiersCommand,
}

#[derive(Debug, Subcommand)]
enum IdentifiersCommand {
    /// Identifiers with the number of their seats, and the software model each belongs to.
    List {
        /// Only of this profile.
        #[arg(long)]
        profile: Option<Name>,
        /// Only those that no software model has.
        #[arg(long)]
        unrecognized: bool,
    },
}

/// Arguments of `models`.
#[derive(Debug, Args)]
pub(super) struct ModelsArgs {
    #[command(subcommand)]
    command: ModelsCommand,
}

#[derive(Debug, Subcommand)]
enum ModelsCommand {
    /// The team's own models, then the built-in ones.
    List,
}

/// Arguments of `entitlements`.
#[derive(Debug, Args)]
pub(super) struct EntitlementsArgs {
    #[command(subcommand)]
    command: EntitlementsCommand,
}

#[derive(Debug, Subcommand)]
enum EntitlementsCommand {
    /// Entitlements, how they stand today, and what they cost in a year.
    List,
}

/// Lists identifiers.
pub(super) fn identifiers(
    args: IdentifiersArgs,
    runtime: &Path,
    output: &mut Output,
) -> Result<ExitCode, Failure> {
    let IdentifiersCommand::List {
        profile,
        unrecognized,
    } = args.command;
    let query = IdentifierQuery {
        profile: profile.as_ref().map(Name::to_string),
        unrecognized,
    };
    let rows: Listing<IdentifierRow> = Client::new(runtime)?.get("/v1/identifiers", &query)?;
    output.show(&rows, |rows| {
        table(
            [
                "PROFILE",
                "IDENTIFIER",
                "MODEL",
                "SEATS",
                "PAID",
                "EXCLUDED",
                "WITH ACTIVITY",
                "BOUGHT",
            ],
            rows.rows.iter().map(|row| {
                let count = &row.count;
                let model = row.software_model.as_ref();
                [
                    count.profile.to_string(),
                    count.identifier.clone(),
                    model.map_or_else(|| "(unrecognized)".to_owned(), Name::to_string),
                    count.seats.to_string(),
                    count.paid.to_string(),
                    count.excluded.to_string(),
                    count.with_activity.to_string(),
                    count
                        .bought
                        .map_or_else(|| "-".to_owned(), |n| n.to_string()),
                ]
            }),
        )
    })?;
    Ok(ExitCode::SUCCESS)
}

/// Lists software models.
pub(super) fn models(
    args: &ModelsArgs,
    runtime: &Path,
    output: &mut Output,
) -> Result<ExitCode, Failure> {
    let ModelsCommand::List = args.command;
    let rows: Listing<ModelRow> = Client::new(runtime)?.get("/v1/models", &())?;
    output.show(&rows, |rows| {
        table(
            [
                "MODEL",
                "PUBLISHER",
                "PRODUCT",
                "IDENTIFIERS",
                "NEEDS RIGHTS",
                "SEATS",
                "ORIGIN",
            ],
            rows.rows.iter().map(|row| {
                let model = &row.model;
                let identifiers: Vec<String> = model.identifiers.iter().map(meant).collect();
                [
                    model.name.to_string(),
                    model.publisher.clone(),
                    model.product.clone(),
                    identifiers.join(" "),
                    if model.under_management { "yes" } else { "no" }.to_owned(),
                    row.seats.to_string(),
                    row.origin.as_str().to_owned(),
                ]
            }),
        )
    })?;
    Ok(ExitCode::SUCCESS)
}

fn meant(one: &IdentifierMatch) -> String {
    match one {
        IdentifierMatch::Is(identifier) => identifier.to_string(),
        IdentifierMatch::StartsWith(start) => format!("{start}*"),
        IdentifierMatch::Anything(vendor) => format!("{vendor}.*"),
    }
}

/// Lists entitlements.
pub(super) fn entitlements(
    args: &EntitlementsArgs,
    runtime: &Path,
    output: &mut Output,
) -> Result<ExitCode, Failure> {
    let EntitlementsCommand::List = args.command;
    let rows: Listing<EntitlementRow> = Client::new(runtime)?.get("/v1/entitlements", &())?;
    output.show(&rows, |rows| {
        table(
            [
                "ENTITLEMENT",
                "FOR",
                "RIGHTS",
                "STATE",
                "START",
                "END",
                "UNIT COST",
                "PER YEAR",
            ],
            rows.rows.iter().map(entitlement),
        )
    })?;
    Ok(ExitCode::SUCCESS)
}

fn entitlement(row: &EntitlementRow) -> [String; 8] {
    let bought = &row.entitlement;
    let none = || "-".to_owned();
    [
        bought.name.to_string(),
        match &bought.licensed {
            Licensed::SoftwareModel(name) => name.to_string(),
            Licensed::Product(product) => format!("{} {}", product.publisher, product.product),
        },
        if bought.unlimited {
            "unlimited".to_owned()
        } else {
            bought.quantity.to_string()
        },
        row.state.as_str().to_owned(),
        bought.start.to_string(),
        bought.end.map_or_else(none, |end| end.to_string()),
        bought.cost.map_or_else(none, |cost| {
            format!(
                "{} {} {}",
                cost.unit_cost,
                cost.currency,
                cost.period.as_str()
            )
        }),
        row.yearly
            .map_or_else(none, |year| format!("{} {}", year.total, year.currency)),
    ]
}
