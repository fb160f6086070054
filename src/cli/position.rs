//! `seatsync position`: rights owned, used, needed and left, and what they cost.

use std::fmt::Write as _;
use std::path::Path;
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use rust_decimal::Decimal;

use super::client::{Client, page_size};
use super::exit::Failure;
use super::output::{Output, table, word_of};
use super::status::short;
use crate::api::control::model::{Listing, PositionAnswer, PositionQuery, PositionRunQuery};
use crate::position::facts::{Grouping, Purchase};
use crate::position::result::{
    Amounts, Holders, MetricResult, Money, Numbers, ProductResult, RightsRow, VendorCounts,
};
use crate::store::position::PositionRun;

/// Arguments of `position`.
#[derive(Debug, Args)]
pub(super) struct PositionArgs {
    /// Only of this publisher.
    #[arg(long)]
    publisher: Option<String>,
    /// Only of this product.
    #[arg(long)]
    product: Option<String>,
    /// By what seats and rights are told apart.
    #[arg(long, value_enum)]
    group: Option<Group>,
    /// With the models of each product, and the rows behind each number.
    #[arg(long)]
    explain: bool,
    /// Compute it now.
    #[arg(long, conflicts_with_all = ["history", "id"])]
    run: bool,
    /// The position of this number instead of the latest.
    #[arg(long, value_name = "NUMBER")]
    id: Option<i64>,
    /// When positions were computed.
    #[arg(long, conflicts_with_all = ["publisher", "product", "group", "explain", "id"])]
    history: bool,
    /// With `--history`: continue after this number, which the page before printed.
    #[arg(long, value_name = "NUMBER", requires = "history")]
    after: Option<i64>,
    /// With `--history`: at most so many.
    #[arg(long, default_value_t = 50, value_parser = page_size(), allow_negative_numbers = true)]
    limit: u32,
}

/// The groupings that can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
enum Group {
    Department,
    CostCenter,
    Company,
    Country,
}

/// Shows the position.
pub(super) fn run(
    args: PositionArgs,
    runtime: &Path,
    output: &mut Output,
) -> Result<ExitCode, Failure> {
    let client = Client::new(runtime)?;
    if args.history {
        history(&client, &args, output)?;
        return Ok(ExitCode::SUCCESS);
    }
    if args.run {
        let _: PositionRun = client.post("/v1/position", &())?;
    }
    let query = PositionQuery {
        publisher: args.publisher,
        product: args.product,
        group: match args.group {
            None => Grouping::None,
            Some(Group::Department) => Grouping::Department,
            Some(Group::CostCenter) => Grouping::CostCenter,
            Some(Group::Company) => Grouping::Company,
            Some(Group::Country) => Grouping::Country,
        },
        id: args.id,
    };
    let answer: PositionAnswer = client.get("/v1/position", &query)?;
    output.show(&answer, |answer| {
        let mut text = products(answer);
        if args.explain {
            for product in &answer.products {
                explain(&mut text, product);
            }
        }
        left_out(&mut text, &answer.run);
        text
    })?;
    Ok(ExitCode::SUCCESS)
}

fn history(client: &Client, args: &PositionArgs, output: &mut Output) -> Result<(), Failure> {
    let query = PositionRunQuery {
        before: args.after,
        limit: Some(args.limit),
    };
    let runs: Listing<PositionRun> = client.get("/v1/position/runs", &query)?;
    output.show(&runs, |runs| {
        let mut text = table(
            ["NUMBER", "COMPUTED", "DAY", "TRIGGER", "LATEST"],
            runs.rows.iter().map(|run| {
                [
                    run.id.to_string(),
                    short(run.calculated_at),
                    run.day.to_string(),
                    word_of(&run.trigger),
                    if run.latest { "yes" } else { "" }.to_owned(),
                ]
            }),
        );
        if let Some(next) = &runs.next {
            let _ = writeln!(text, "more: --after {next}");
        }
        text
    })
}

fn products(answer: &PositionAnswer) -> String {
    table(
        [
            "PRODUCT",
            "GROUP",
            "STATUS",
            "OWNED",
            "BOUGHT",
            "DRIFT",
            "USED",
            "AVAILABLE",
            "NEEDED",
            "SPEND",
            "TRUE-UP",
            "OVER-LICENSED",
            "POTENTIAL SAVINGS",
            "REALISED SAVINGS",
        ],
        answer.products.iter().map(|result| {
            let numbers = &result.numbers;
            let group = match (&result.group, answer.group) {
                (Some(group), _) => group.clone(),
                (None, Grouping::None) => String::new(),
                (None, _) => "(none)".to_owned(),
            };
            [
                result.product.product.clone(),
                group,
                result.status.as_str().to_owned(),
                owned(numbers),
                bought(result.vendor),
                drift(result.vendor),
                numbers.rights_used.to_string(),
                numbers.rights_available.to_string(),
                numbers.rights_needed.to_string(),
                amounts(numbers, |amounts| amounts.total_spend),
                true_up(numbers),
                amounts(numbers, |amounts| amounts.over_licensed_amount),
                amounts(numbers, |amounts| amounts.potential_savings),
                amounts(numbers, |amounts| amounts.realised_savings),
            ]
        }),
    )
}

fn owned(numbers: &Numbers) -> String {
    if numbers.unlimited {
        "unlimited".to_owned()
    } else {
        numbers.rights_owned.to_string()
    }
}

/// What the vendor says was bought.
fn bought(vendor: Option<VendorCounts>) -> String {
    let bought = vendor.and_then(|vendor| vendor.bought);
    bought.map_or_else(|| "-".to_owned(), |bought| bought.to_string())
}

/// How far that is from what the entitlements say.
fn drift(vendor: Option<VendorCounts>) -> String {
    match vendor.and_then(|vendor| vendor.drift) {
        None => "-".to_owned(),
        Some(0) => "0".to_owned(),
        Some(drift) => format!("{drift:+}"),
    }
}

/// An amount in each currency that has some of it.
fn amounts(numbers: &Numbers, one: impl Fn(&Amounts) -> Decimal) -> String {
    let all = numbers.amounts.iter();
    let some: Vec<String> = all
        .map(|(currency, amounts)| (one(amounts), currency))
        .filter(|(amount, _)| !amount.is_zero())
        .map(|(amount, currency)| currency.amount(amount))
        .collect();
    if some.is_empty() {
        "-".to_owned()
    } else {
        some.join(" + ")
    }
}

fn true_up(numbers: &Numbers) -> String {
    let cost = amounts(numbers, |amounts| amounts.true_up_cost);
    match numbers.needed_without_price {
        0 => cost,
        unknown => format!("{cost}, {unknown} without a price"),
    }
}

fn explain(text: &mut String, result: &ProductResult) {
    let product = &result.product;
    let group = result.group.as_ref();
    let group = group.map_or_else(String::new, |group| format!(", {group}"));
    let _ = writeln!(
        text,
        "\n{} by {}{group}",
        product.product, product.publisher
    );
    for row in &result.rights {
        rights(text, row);
    }
    for model in &result.models {
        let _ = writeln!(
            text,
            "  model {}: {}",
            model.software_model,
            model.status.as_str()
        );
        for one in &model.remediation {
            let cost = one.true_up_cost.map_or_else(String::new, |cost| {
                format!(" for {} a year", cost.currency.amount(cost.amount))
            });
            let _ = writeln!(
                text,
                "    option {}: {} rights{cost}",
                one.option.as_str(),
                one.actionable_rights
            );
        }
        for purchase in &model.purchases {
            vendor(text, purchase);
        }
        for metric in &model.metrics {
            rows(text, metric);
        }
    }
}

fn vendor(text: &mut String, purchase: &Purchase) {
    let bought = match purchase.bought {
        Some(bought) => format!("{bought} bought"),
        None => "not said how many were bought".to_owned(),
    };
    let _ = writeln!(
        text,
        "    vendor: {bought}, {} assigned of {} in {}, as of {}",
        purchase.assigned,
        purchase.identifier,
        purchase.profile,
        short(purchase.read_at)
    );
}

fn rows(text: &mut String, metric: &MetricResult) {
    for row in &metric.rights {
        rights(text, row);
    }
    for row in &metric.seats {
        let _ = writeln!(
            text,
            "    used: {} seats of {} in {} (`seatsync subscriptions list --profile {} --identifier {}`)",
            row.seats, row.identifier, row.profile, row.profile, row.identifier
        );
    }
    for row in &metric.savings {
        let each = row.each.map_or_else(
            || "nothing known".to_owned(),
            |Money { amount, currency }| format!("{} a year each", currency.exact(amount)),
        );
        let _ = writeln!(
            text,
            "    {} savings: {} candidates of {} in {}, {each}",
            word_of(&row.kind),
            row.candidates,
            row.identifier,
            row.profile
        );
    }
}

fn rights(text: &mut String, row: &RightsRow) {
    let quantity = if row.unlimited {
        "unlimited".to_owned()
    } else {
        row.quantity.to_string()
    };
    let cost = row.yearly.map_or_else(
        || "no cost known".to_owned(),
        |year| {
            let total = year.currency.amount(year.total);
            let unit = year.currency.exact(year.unit);
            format!("{total} a year, {unit} each")
        },
    );
    let counted = match row.state.as_str() {
        "in_use" => String::new(),
        other => format!("not counted, {other}: "),
    };
    let _ = writeln!(
        text,
        "    owned: {counted}{quantity} by entitlement {}, {cost}",
        row.entitlement
    );
}

/// Which seats are in no line above, and why.
fn left_out(text: &mut String, run: &PositionRun) {
    let ignored = run.ignored;
    let _ = writeln!(
        text,
        "\nPosition {} of {}. Not counted: {} excluded, {} of deactivated users, {} free, {} not under management.",
        run.id,
        run.day,
        ignored.excluded,
        ignored.inactive,
        ignored.free,
        ignored.not_under_management
    );
    let held = run.holders;
    if held != Holders::default() {
        let _ = writeln!(
            text,
            "Of the seats counted, {} are of people, {} of people who left, {} of programs, {} of several people; {} are ties and {} of nobody known: `seatsync users list` names them.",
            held.people, held.left, held.service, held.shared, held.ties, held.unresolved
        );
    }
    let unrecognized: u64 = run.unrecognized.values().sum();
    if unrecognized > 0 {
        let _ = writeln!(
            text,
            "{unrecognized} seats are of no software model: `seatsync identifiers list --unrecognized` names them; write a SoftwareModel for each."
        );
    }
}
