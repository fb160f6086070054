//! The parts of the page: which facts stand in which table.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rust_decimal::Decimal;

use super::{Facts, Head, MOST_ROWS, Section, Tile, chart};
use crate::doctor::Severity;
use crate::position::result::{Amounts, Numbers, Status};
use crate::profile::currency::Currency;
use crate::report::ReportError;

/// What the days since a seat's last activity are sorted into.
const IDLE: [&str; 6] = [
    "0-29 d", "30-59 d", "60-89 d", "90-119 d", "120 d +", "unknown",
];

type Amount = fn(&Amounts) -> Decimal;

pub(super) fn all(facts: &Facts) -> Result<Vec<Section>, ReportError> {
    let sections = [
        position(facts),
        cost(facts),
        trend(facts)?,
        idle(facts)?,
        savings(facts),
        candidates(facts),
        health(facts),
        jobs(facts),
    ];
    Ok(sections.map(shortened).into())
}

/// Without the rows that are too many. The facts of most lists are cut where they are read, with a word of
/// their own on the rest.
fn shortened(mut section: Section) -> Section {
    let all = u64::try_from(section.rows.len()).unwrap_or(u64::MAX);
    section.rows.truncate(MOST_ROWS as usize);
    section.rest = section.rest.or_else(|| {
        let here = section.rows.len();
        rest(all, here, "seatsync export position --as csv --out FILE")
    });
    section
}

/// A time to the second, as RFC 3339.
pub(super) fn seconds(at: Timestamp) -> String {
    Timestamp::from_second(at.as_second())
        .unwrap_or(at)
        .to_string()
}

/// What the numbers are of.
pub(super) fn basis(facts: &Facts) -> String {
    let Some(run) = &facts.position else {
        return "no position is computed yet: `seatsync position --run`".to_owned();
    };
    let ignored = run.ignored;
    format!(
        "position {} of {}. Not counted: {} seats excluded, {} of deactivated users, {} free, {} not under management, {} of no software model.",
        run.id,
        run.day,
        ignored.excluded,
        ignored.inactive,
        ignored.free,
        ignored.not_under_management,
        run.unrecognized.values().sum::<u64>()
    )
}

pub(super) fn tiles(facts: &Facts) -> Vec<Tile> {
    let short = facts
        .products
        .iter()
        .filter(|one| one.status != Status::Compliant)
        .count();
    let (word, class) = match facts.health.worst() {
        None => ("healthy".to_owned(), "good"),
        Some(Severity::Warning) => match facts.health.findings.len() {
            1 => ("1 warning".to_owned(), "warn"),
            many => (format!("{many} warnings"), "warn"),
        },
        Some(Severity::Error) => (format!("{} findings", facts.health.findings.len()), "bad"),
    };
    let tile = |title, value, class| Tile {
        title,
        value,
        class,
    };
    let sum = |amount: Amount| total(facts, amount);
    vec![
        tile("Spend a year", sum(|a| a.total_spend), ""),
        tile("Potential savings a year", sum(|a| a.potential_savings), ""),
        tile("Realised savings a year", sum(|a| a.realised_savings), ""),
        tile("True-up cost a year", sum(|a| a.true_up_cost), ""),
        tile(
            "Products short of rights",
            short.to_string(),
            if short == 0 { "good" } else { "bad" },
        ),
        tile(
            "Open candidates",
            facts.sums.open_candidates.to_string(),
            "",
        ),
        tile("Health", word, class),
    ]
}

fn position(facts: &Facts) -> Section {
    let rows = facts.products.iter().map(|one| {
        let numbers = &one.numbers;
        vec![
            one.product.publisher.clone(),
            one.product.product.clone(),
            words(one.status.as_str()),
            if numbers.unlimited {
                "unlimited".to_owned()
            } else {
                numbers.rights_owned.to_string()
            },
            vendor(one.vendor.and_then(|vendor| vendor.bought)),
            vendor(one.vendor.and_then(|vendor| vendor.drift)),
            numbers.rights_used.to_string(),
            numbers.rights_available.to_string(),
            numbers.rights_needed.to_string(),
            numbers
                .percent_stale
                .map_or_else(String::new, |share| format!("{share} %")),
        ]
    });
    Section {
        id: "position",
        title: "Position by publisher and product",
        about: "Owned is by the entitlements, bought by the vendor; drift is what the vendor has beyond.".to_owned(),
        caption: "Rights owned, used and needed",
        heads: heads(&[
            ("Publisher", ""),
            ("Product", ""),
            ("Status", "nb"),
            ("Owned", "n"),
            ("Bought", "n"),
            ("Drift", "n"),
            ("Used", "n"),
            ("Available", "n"),
            ("Needed", "n"),
            ("Stale", "n"),
        ]),
        rows: rows.collect(),
        empty: "No position is computed yet.",
        ..Section::default()
    }
}

fn cost(facts: &Facts) -> Section {
    let rows = facts.products.iter().map(|one| {
        let numbers = &one.numbers;
        vec![
            one.product.publisher.clone(),
            one.product.product.clone(),
            money(numbers, |a| a.total_spend),
            money(numbers, |a| a.true_up_cost),
            money(numbers, |a| a.over_licensed_amount),
            money(numbers, |a| a.potential_savings),
            money(numbers, |a| a.realised_savings),
        ]
    });
    Section {
        id: "cost",
        title: "Cost by publisher and product",
        about: "Amounts are of a year; currencies are never converted. True-up is what the needed rights would cost, over-licensed what the available ones do.".to_owned(),
        caption: "What the rights cost in a year, and what could be saved",
        heads: heads(&[
            ("Publisher", ""),
            ("Product", ""),
            ("Spend", "n"),
            ("True-up", "n"),
            ("Over-licensed", "n"),
            ("Potential savings", "n"),
            ("Realised savings", "n"),
        ]),
        rows: rows.collect(),
        empty: "No position is computed yet.",
        ..Section::default()
    }
}

/// A number of the vendor's, where there is one.
fn vendor(number: Option<impl ToString>) -> String {
    number.map_or_else(|| "-".to_owned(), |number| number.to_string())
}

fn trend(facts: &Facts) -> Result<Section, ReportError> {
    let days = &facts.sums.trend;
    let chart = match (days.first(), days.last()) {
        (Some(first), Some(last)) => {
            let about = format!(
                "From {} to {}: rights owned {} to {}, used {} to {}, stale {} to {}. The table below has every day.",
                first.day,
                last.day,
                first.owned,
                last.owned,
                first.used,
                last.used,
                first.stale,
                last.stale
            );
            Some(chart::trend(
                days,
                "Rights owned, used and stale over time",
                &about,
            )?)
        }
        _ => None,
    };
    let rows = days.iter().rev().map(|day| {
        vec![
            day.day.to_string(),
            day.owned.to_string(),
            day.used.to_string(),
            day.stale.to_string(),
        ]
    });
    Ok(Section {
        id: "trend",
        title: "Seats and use over time",
        about: "Of each day the last position, all products together. Stale are seats that are open candidates.".to_owned(),
        chart,
        key: true,
        caption: "Rights by day, at most a year back",
        heads: heads(&[("Day", "nb"), ("Owned", "n"), ("Used", "n"), ("Stale", "n")]),
        rows: rows.collect(),
        empty: "No position is kept yet.",
        ..Section::default()
    })
}

fn idle(facts: &Facts) -> Result<Section, ReportError> {
    let mut sums = [0_u64; 6];
    for row in &facts.sums.idle {
        for (sum, seats) in sums.iter_mut().zip(row.seats) {
            *sum = sum.saturating_add(seats);
        }
    }
    let bars: Vec<(&str, u64)> = IDLE.into_iter().zip(sums).collect();
    let said: Vec<String> = bars
        .iter()
        .map(|(word, seats)| format!("{word}: {seats}"))
        .collect();
    let about = format!("{}. The table below has them by product.", said.join(", "));
    let rows = facts.sums.idle.iter().map(|row| {
        let mut cells = vec![row.profile.to_string(), row.identifier.clone()];
        cells.extend(row.seats.iter().map(u64::to_string));
        cells
    });
    let rows: Vec<Vec<String>> = rows.collect();
    let chart = if rows.is_empty() {
        None
    } else {
        Some(chart::bars(
            &bars,
            "Seats by days since their last activity",
            &about,
        )?)
    };
    let mut columns = vec![("Profile", "nb"), ("Identifier", "nb")];
    columns.extend(IDLE.map(|word| (word, "n")));
    Ok(Section {
        id: "idle",
        title: "Days since last activity",
        about: "Paid seats that count, by days since their last activity. Of some products vendors report no use: their seats are unknown, which is not unused.".to_owned(),
        chart,
        caption: "Seats by days since their last activity",
        heads: heads(&columns),
        rows,
        empty: "No seat is recorded yet.",
        ..Section::default()
    })
}

fn savings(facts: &Facts) -> Section {
    let mut alike = BTreeMap::new();
    for product in &facts.products {
        for row in product
            .models
            .iter()
            .flat_map(|model| &model.metrics)
            .flat_map(|metric| &metric.savings)
        {
            let each = row.each.map_or_else(
                || "not known".to_owned(),
                |each| each.currency.exact(each.amount),
            );
            let together = row.each.map_or_else(String::new, |each| {
                let count = Decimal::from(row.candidates);
                let sum = each.amount.checked_mul(count);
                sum.map_or_else(String::new, |sum| each.currency.amount(sum))
            });
            let key = (
                product.product.clone(),
                row.kind,
                row.profile.clone(),
                row.identifier.clone(),
                each,
            );
            alike.insert(key, (row.candidates, together));
        }
    }
    let rows = alike.into_iter().map(
        |((product, kind, profile, identifier, each), (count, sum))| {
            vec![
                product.product,
                words(kind.as_str()),
                profile.to_string(),
                identifier.to_string(),
                count.to_string(),
                each,
                sum,
            ]
        },
    );
    Section {
        id: "savings",
        title: "Savings",
        about: format!(
            "Potential: {}. Realised within a year and not given back: {}.",
            total(facts, |a| a.potential_savings),
            total(facts, |a| a.realised_savings)
        ),
        caption: "Savings a year, and the candidates that they come from",
        heads: heads(&[
            ("Product", ""),
            ("Savings", "nb"),
            ("Profile", "nb"),
            ("Identifier", "nb"),
            ("Candidates", "n"),
            ("Each", "n"),
            ("Together", "n"),
        ]),
        rows: rows.collect(),
        empty: "No candidate saves anything.",
        ..Section::default()
    }
}

fn candidates(facts: &Facts) -> Section {
    let rows = facts.candidates.iter().map(|row| {
        let one = &row.candidate;
        vec![
            format!("{}\n{}", one.display_name, one.email),
            format!("{}\n{}", one.profile, one.identifier),
            words(one.state.as_str()),
            words(one.justification.as_str()),
            one.last_activity
                .map_or_else(|| "none known".to_owned(), |day| day.to_string()),
            row.saves
                .map_or_else(String::new, |saves| saves.currency.amount(saves.amount)),
            one.reason.clone(),
        ]
    });
    Section {
        id: "candidates",
        title: "Candidates",
        about: "Seats found unused whose candidates are open, those that save most first. `seatsync explain PROFILE USER` tells every fact that spoke for one.".to_owned(),
        caption: "Open candidates with their reasons",
        heads: heads(&[
            ("User", "who"),
            ("Seat", "nb"),
            ("State", "nb"),
            ("Justification", "nb"),
            ("Last activity", "nb"),
            ("Saves a year", "n"),
            ("Reason", "long"),
        ]),
        rows: rows.collect(),
        empty: "No candidate is open.",
        rest: rest(
            facts.sums.open_candidates,
            facts.candidates.len(),
            "seatsync export candidates --as csv --out FILE",
        ),
        ..Section::default()
    }
}

fn health(facts: &Facts) -> Section {
    let rows = facts
        .health
        .findings
        .iter()
        .take(MOST_ROWS as usize)
        .map(|one| {
            vec![
                one.severity.as_str().to_owned(),
                words(&one.check),
                one.profile.clone().unwrap_or_default(),
                one.about.clone(),
                one.value.clone(),
                one.message.clone(),
                one.remedy.clone(),
            ]
        });
    let rows: Vec<_> = rows.collect();
    let count = u64::try_from(facts.health.findings.len()).unwrap_or(u64::MAX);
    Section {
        id: "health",
        title: "Health",
        about: format!("Checks that were made: {}.", facts.health.checks.len()),
        caption: "What an operator should look at",
        heads: heads(&[
            ("Severity", "nb"),
            ("Check", "nb"),
            ("Profile", "nb"),
            ("About", ""),
            ("Value", ""),
            ("Means", "long"),
            ("Remedy", "long"),
        ]),
        rest: rest(count, rows.len(), "seatsync doctor --format json"),
        rows,
        empty: "Nothing was found.",
        ..Section::default()
    }
}

fn jobs(facts: &Facts) -> Section {
    let rows = facts.jobs.iter().map(|job| {
        let failure = job.failure.as_ref();
        vec![
            job.ended_at.map_or_else(String::new, seconds),
            job.profile.to_string(),
            words(job.subflow.as_str()),
            words(job.state.as_str()),
            job.counts.fetched.to_string(),
            job.counts.inserted.to_string(),
            job.counts.updated.to_string(),
            job.counts.ended.to_string(),
            failure.map_or_else(String::new, |failure| failure.message.clone()),
        ]
    });
    Section {
        id: "jobs",
        title: "Job history",
        about: "Runs that ended, the latest first.".to_owned(),
        caption: "Jobs and their results",
        heads: heads(&[
            ("Ended", "nb"),
            ("Profile", "nb"),
            ("Subflow", "nb"),
            ("State", "nb"),
            ("Fetched", "n"),
            ("New", "n"),
            ("Changed", "n"),
            ("Gone", "n"),
            ("Failure", "long"),
        ]),
        rows: rows.collect(),
        empty: "No job has ended yet.",
        rest: rest(
            facts.sums.ended_jobs,
            facts.jobs.len(),
            "seatsync export jobs --as csv --out FILE",
        ),
        ..Section::default()
    }
}

/// Of a list that does not stand here whole, how much is left out and how to have it.
fn rest(all: u64, here: usize, command: &str) -> Option<String> {
    let left_out = all.saturating_sub(u64::try_from(here).unwrap_or(u64::MAX));
    (left_out > 0)
        .then(|| format!("{left_out} more are not on this page: `{command}` writes them all."))
}

fn heads(columns: &[(&'static str, &'static str)]) -> Vec<Head> {
    let columns = columns.iter();
    columns
        .map(|(title, class)| Head { title, class })
        .collect()
}

/// A word of files and commands as words.
fn words(word: &str) -> String {
    word.replace('_', " ")
}

fn money(numbers: &Numbers, amount: Amount) -> String {
    let sums = numbers.amounts.iter();
    let sums = sums.map(|(currency, amounts)| (*currency, amount(amounts)));
    // A line for each: a cell is no wider for a second currency.
    shown(sums.collect(), "\n")
}

/// The sum over all products, each currency by itself.
fn total(facts: &Facts, amount: Amount) -> String {
    let mut sums: BTreeMap<Currency, Decimal> = BTreeMap::new();
    for (currency, amounts) in facts.products.iter().flat_map(|one| &one.numbers.amounts) {
        let sum = sums.entry(*currency).or_default();
        *sum = sum.saturating_add(amount(amounts));
    }
    shown(sums, " + ")
}

fn shown(sums: BTreeMap<Currency, Decimal>, between: &str) -> String {
    let some = sums.into_iter().filter(|(_, sum)| !sum.is_zero());
    let some: Vec<String> = some.map(|(currency, sum)| currency.amount(sum)).collect();
    if some.is_empty() {
        "-".to_owned()
    } else {
        some.join(between)
    }
}
