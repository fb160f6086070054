//! What the commands print of installed software: candidates on configuration items, why software is or is
//! not one, the rules, and the runs that look for it.

use std::process::ExitCode;

use clap::Args;
use jiff::Timestamp;

use super::client::Client;
use super::exit::Failure;
use super::output::{Output, table, word_of};
use super::status::short;
use crate::api::control::model::{
    InstalledQuery, InstalledRuleRow, InstalledRunQuery, ItemExplanation, ItemQuery, Listing,
};
use crate::profile::name::Name;
use crate::reclamation::installed::candidate::InstalledCandidate;
use crate::reclamation::installed::rule::Threshold;
use crate::store::installed_run::InstalledRun;
use crate::store::job::{Counts, JobState};
use crate::subflow::installed_decide::InstalledDecided;
use crate::usage::Reference;

/// How long the daemon may keep one question open, in seconds.
const ASK_FOR_SECONDS: u32 = 2;

/// Turns a command to candidates on configuration items.
#[derive(Debug, Args)]
pub(super) struct InstalledFlags {
    /// Software on configuration items instead of seats.
    #[arg(long, conflicts_with_all = ["profile", "identifier", "user"])]
    installed: bool,
    /// With `--installed`: only on this configuration item (32 hex).
    #[arg(long, value_name = "ID", requires = "installed")]
    configuration_item: Option<String>,
    /// With `--installed`: only of this `SoftwareModel`.
    #[arg(long, value_name = "NAME", requires = "installed")]
    software_model: Option<Name>,
}

impl InstalledFlags {
    /// Whether it is about them.
    pub(super) fn given(&self) -> bool {
        self.installed
    }

    /// What they narrow to.
    pub(super) fn query(&self) -> InstalledQuery {
        InstalledQuery {
            configuration_item: self.configuration_item.clone(),
            software_model: self.software_model.as_ref().map(Name::to_string),
            ..InstalledQuery::default()
        }
    }
}

/// Lists candidates.
pub(super) fn list(
    client: &Client,
    query: &InstalledQuery,
    output: &mut Output,
) -> Result<ExitCode, Failure> {
    let page: Listing<InstalledCandidate> = client.get("/v1/installed/candidates", query)?;
    output.show(&page, |page| {
        let mut text = table(
            [
                "ID",
                "CONFIGURATION ITEM",
                "SOFTWARE MODEL",
                "STATE",
                "SAVES",
                "WHY",
            ],
            page.rows.iter().map(|candidate| {
                [
                    candidate.id.to_string(),
                    candidate.configuration_item.to_string(),
                    candidate.software_model.to_string(),
                    candidate.state.to_string(),
                    saves(candidate),
                    candidate.reason.clone(),
                ]
            }),
        );
        if let Some(next) = &page.next {
            let more = format!("more: add `--after {next}`\n");
            text.push_str(&more);
        }
        text
    })?;
    Ok(ExitCode::SUCCESS)
}

/// Everything of one candidate.
pub(super) fn facts(candidate: &InstalledCandidate) -> String {
    let or_none = |at: Option<Timestamp>| at.map_or_else(|| "-".to_owned(), short);
    let evidence = &candidate.evidence;
    let rows = [
        ("candidate", candidate.id.to_string()),
        (
            "configuration item",
            candidate.configuration_item.to_string(),
        ),
        ("software model", candidate.software_model.to_string()),
        ("product", candidate.product.clone()),
        ("norm product", candidate.norm_product.to_string()),
        ("state", candidate.state.to_string()),
        ("why", candidate.reason.clone()),
        ("justification", candidate.justification.as_str().to_owned()),
        ("rule", format!("ReclamationRule {}", candidate.rule)),
        ("found by", evidence.told()),
        ("last used", or_none(evidence.last_used_time)),
        ("there since", short(evidence.known_since)),
        ("saves", saves(candidate)),
        (
            "assignment group",
            candidate.assignment_group.clone().unwrap_or_default(),
        ),
        ("opened", short(candidate.opened_at)),
        ("changed", short(candidate.changed_at)),
        ("closed", or_none(candidate.closed_at)),
        (
            "pressed by",
            candidate.pressed_by.clone().unwrap_or_default(),
        ),
        ("answer by", or_none(candidate.answer_by)),
        ("kept until", or_none(candidate.kept_until)),
    ];
    table(
        ["FACT", "VALUE"],
        rows.map(|(name, value)| [name.to_owned(), value]),
    )
}

/// What became of decisions.
pub(super) fn decided(decided: &[InstalledDecided]) -> String {
    table(
        [
            "CANDIDATE",
            "CONFIGURATION ITEM",
            "SOFTWARE MODEL",
            "STATE",
            "RESULT",
        ],
        decided.iter().map(|one| {
            let of = |read: fn(&InstalledCandidate) -> String| {
                one.candidate.as_ref().map(read).unwrap_or_default()
            };
            [
                one.id.to_string(),
                of(|candidate| candidate.configuration_item.to_string()),
                of(|candidate| candidate.software_model.to_string()),
                of(|candidate| candidate.state.to_string()),
                one.refused.as_ref().map_or_else(
                    || of(|candidate| candidate.reason.clone()),
                    |why| format!("not done: {why}"),
                ),
            ]
        }),
    )
}

/// The rules, a row for each product.
pub(super) fn rules(rows: &[InstalledRuleRow]) -> String {
    table(
        [
            "SOFTWARE MODEL",
            "PRODUCT",
            "UNUSED IS",
            "NO RECORDS",
            "ASKS USER",
            "RULE",
        ],
        rows.iter().map(|row| {
            let rule = &row.selected.rule;
            [
                row.selected.software_model.to_string(),
                row.selected.product.clone(),
                if rule.create_candidates {
                    unused(rule.threshold)
                } else {
                    "never: `create_candidates` is off".to_owned()
                },
                if rule.include_no_activity {
                    "are no use"
                } else {
                    "prove nothing"
                }
                .to_owned(),
                if rule.asks_user() {
                    format!("{} days", rule.days_before_auto_reclamation)
                } else {
                    "no".to_owned()
                },
                rule.origin(),
            ]
        }),
    )
}

fn unused(threshold: Threshold) -> String {
    match threshold {
        Threshold::TotalUsage {
            months,
            total_hours_used,
        } => format!("at most {total_hours_used} h in {months} months"),
        Threshold::LastUsedDate { last_used_before } => {
            format!("not used for {last_used_before}")
        }
    }
}

/// Explains the software on an item.
pub(super) fn explain(
    client: &Client,
    item: &str,
    software_model: Option<Name>,
    output: &mut Output,
) -> Result<ExitCode, Failure> {
    let item = Reference::parse(item).ok_or_else(|| {
        Failure::Usage(format!(
            "`{item}` is no configuration item: write its 32 hexadecimal digits"
        ))
    })?;
    let path = format!("/v1/installed/items/{item}/explain");
    let explanation: ItemExplanation = client.get(&path, &ItemQuery { software_model })?;
    output.show(&explanation, explained)?;
    Ok(ExitCode::SUCCESS)
}

fn explained(explanation: &ItemExplanation) -> String {
    let item = &explanation.explained;
    let months = match (item.months_reported.first(), item.months_reported.last()) {
        (Some(first), Some(last)) => format!(
            "{} months reported, {first} to {last}",
            item.months_reported.len()
        ),
        _ => "no month reported".to_owned(),
    };
    let mut text = format!("configuration item {}: {months}\n", item.configuration_item);
    if item.verdicts.is_empty() {
        text.push_str("no rule decides for software that was reported of it: `seatsync rules list` shows the rules\n");
    }
    for verdict in &item.verdicts {
        let conclusion = match verdict.fails {
            None => "unused: a candidate".to_owned(),
            Some(check) => format!("no candidate: `{}` does not hold", check.as_str()),
        };
        let heading = format!(
            "\n{} ({}): {conclusion}, by ReclamationRule {}\n",
            verdict.software_model, verdict.product, verdict.rule
        );
        text.push_str(&heading);
        text.push_str(&table(
            ["PREDICATE", "HOLDS", "VALUE", "SOURCE"],
            verdict.predicates.iter().map(|one| {
                [
                    one.check.as_str().to_owned(),
                    if one.holds { "yes" } else { "no" }.to_owned(),
                    one.value.clone(),
                    one.source.clone(),
                ]
            }),
        ));
        let candidates = explanation.candidates.iter();
        for candidate in candidates.filter(|one| one.norm_product == verdict.norm_product) {
            let named = format!(
                "candidate {}: {}, {}\n",
                candidate.id, candidate.state, candidate.reason
            );
            text.push_str(&named);
        }
    }
    text
}

/// Asks for a run, and unless told otherwise waits for its end.
pub(super) fn run_now(
    client: &Client,
    no_wait: bool,
    output: &mut Output,
) -> Result<ExitCode, Failure> {
    let mut run: InstalledRun = client.post("/v1/installed/runs", &())?;
    let path = format!("/v1/installed/runs/{}", run.id);
    let ended = |run: &InstalledRun| !matches!(run.state, JobState::Pending | JobState::InProgress);
    while !no_wait && !ended(&run) {
        run = client.get(&path, &[("wait", ASK_FOR_SECONDS)])?;
    }
    output.show(&run, |run| rows(std::slice::from_ref(run)))?;
    Ok(match run.state {
        JobState::Completed | JobState::Pending | JobState::InProgress => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    })
}

/// Lists runs.
pub(super) fn runs(
    client: &Client,
    ended: bool,
    limit: u32,
    output: &mut Output,
) -> Result<ExitCode, Failure> {
    let query = InstalledRunQuery {
        ended,
        before: None,
        limit: Some(limit),
    };
    let runs: Listing<InstalledRun> = client.get("/v1/installed/runs", &query)?;
    output.show(&runs, |runs| rows(&runs.rows))?;
    Ok(ExitCode::SUCCESS)
}

fn rows(runs: &[InstalledRun]) -> String {
    table(
        ["RUN", "TRIGGER", "STATE", "STARTED", "RESULT"],
        runs.iter().map(|run| {
            [
                run.id.clone(),
                word_of(&run.trigger),
                word_of(&run.state),
                run.started_at.map_or_else(|| "-".to_owned(), short),
                run.failure
                    .as_ref()
                    .map_or_else(|| result(&run.counts), |failure| failure.message.clone()),
            ]
        }),
    )
}

/// What a run did, in words.
fn result(counts: &Counts) -> String {
    let words = [
        (counts.fetched, "looked at"),
        (counts.inserted, "found unused"),
        (counts.updated, "went on"),
        (counts.ended, "closed"),
    ];
    let words = words.iter().filter(|(count, _)| *count > 0);
    let words: Vec<String> = words
        .map(|(count, word)| format!("{count} {word}"))
        .collect();
    words.join(", ")
}

fn saves(candidate: &InstalledCandidate) -> String {
    candidate
        .savings
        .as_ref()
        .map_or_else(String::new, |savings| {
            format!("{} {} {}", savings.amount, savings.currency, savings.period)
        })
}
