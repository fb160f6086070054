//! `seatsync plan`: what reconciling would change, by the daemon's own answer or, offline, by
//! comparing two folders.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use serde::Serialize;

use super::client::Client;
use super::exclusions;
use super::exit::Failure;
use super::findings;
use super::output::Output;
use super::seat_plan;
use super::snapshot_plan::{self, Asked};
use crate::api::control::model::PlanAnswer;
use crate::profile::compare::{self, DocumentChange};
use crate::reclamation::plan::Plan;
use crate::settings;
use crate::yaml::diagnostic::Diagnostic;
use crate::yaml::excerpt;
use crate::yaml::render::{self, Looked};

/// The folder that is compared where none is named.
const PROFILES: &str = "/etc/seatsync/profiles.d";

/// Arguments of `plan`.
#[derive(Debug, Args)]
pub(super) struct PlanArgs {
    /// Files and folders to compare with `--base` [default: /etc/seatsync/profiles.d], or the folder to
    /// answer for with `--snapshot` [default: what was in force].
    #[arg(value_name = "PATH", requires = "offline")]
    paths: Vec<PathBuf>,

    /// Compare with this folder, the target branch's checkout, and name what each change loosens;
    /// needs no daemon.
    #[arg(long, value_name = "DIR", group = "offline")]
    base: Option<PathBuf>,

    /// Answer from this snapshot, as the daemon would have when it was made, with the files of PATH in
    /// force where that is given; needs no daemon.
    #[arg(long, value_name = "FILE", group = "offline")]
    snapshot: Option<PathBuf>,

    /// The daemon's settings, which say what connections are allowed
    /// [default: /etc/seatsync/seatsync.yaml, where there is one].
    #[arg(long, value_name = "FILE", requires = "base")]
    config: Option<PathBuf>,

    /// What the next reclaim of each profile would do, seat by seat and guard by guard; with a name,
    /// only of that profile.
    #[arg(
        long,
        value_name = "PROFILE",
        num_args = 0..=1,
        default_missing_value = "",
        conflicts_with = "base"
    )]
    seats: Option<String>,

    /// Exit with 2 when there are changes.
    #[arg(long)]
    detailed_exitcode: bool,
}

/// Shows the difference of desired and recorded state, as the daemon sees it, or of two folders.
pub(super) fn run(
    args: &PlanArgs,
    runtime: &Path,
    output: &mut Output,
) -> Result<ExitCode, Failure> {
    if let Some(base) = &args.base {
        return offline(args, base, output);
    }
    if let Some(snapshot) = &args.snapshot {
        let asked = Asked {
            snapshot,
            paths: &args.paths,
            profile: args.seats.as_deref().filter(|name| !name.is_empty()),
            detailed_exitcode: args.detailed_exitcode,
        };
        return snapshot_plan::run(&asked, output);
    }
    if let Some(profile) = &args.seats {
        return seats(args, profile, runtime, output);
    }
    let plan: PlanAnswer = Client::new(runtime)?.get("/v1/plan", &())?;
    output.show(&plan, |plan| {
        let mut text = findings::lines(&plan.findings);
        if let Some(reason) = &plan.held {
            let _ = writeln!(text, "HELD, nothing of this is applied: {reason}");
        }
        let _ = writeln!(text, "{}\nplan {}", plan.text.trim_end(), plan.digest);
        text.push_str(&exclusions::warnings(&plan.exclusions));
        text.push_str(&seat_plan::summary(&plan.seats));
        text
    })?;
    Ok(if args.detailed_exitcode && plan.changes {
        ExitCode::from(2)
    } else {
        ExitCode::SUCCESS
    })
}

/// Shows what the next reclaims would do.
fn seats(
    args: &PlanArgs,
    profile: &str,
    runtime: &Path,
    output: &mut Output,
) -> Result<ExitCode, Failure> {
    let client = Client::new(runtime)?;
    let plans: Vec<Plan> = if profile.is_empty() {
        client.get("/v1/plans", &())?
    } else {
        vec![client.get(&format!("/v1/profiles/{profile}/plan"), &())?]
    };
    output.show(&plans, |plans| {
        let texts: Vec<String> = plans.iter().map(seat_plan::whole).collect();
        texts.join("\n")
    })?;
    let writes = plans.iter().any(|plan| plan.going().next().is_some());
    Ok(if args.detailed_exitcode && writes {
        ExitCode::from(2)
    } else {
        ExitCode::SUCCESS
    })
}

/// What `--base` prints for programs.
#[derive(Debug, Serialize)]
struct Offline {
    digest: String,
    changes: Vec<DocumentChange>,
    findings: serde_json::Value,
}

/// Compares two folders. Findings in the new one fail it: what does not load cannot be compared.
fn offline(args: &PlanArgs, base: &Path, output: &mut Output) -> Result<ExitCode, Failure> {
    if !base.is_dir() {
        let message = format!("`--base {}` is not a folder", base.display());
        return Err(Failure::Usage(message));
    }
    let settings = settings::load(args.config.as_deref()).map_err(|mistakes| {
        let lines: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
        Failure::failed(lines.join("\n"))
    })?;
    let in_force = [PathBuf::from(PROFILES)];
    let paths = if args.paths.is_empty() {
        &in_force
    } else {
        args.paths.as_slice()
    };
    let mut compared = compare::folders(&[base.to_owned()], paths, &settings);
    excerpt::fill(&mut compared.findings);
    let looked = Looked {
        files: compared.files,
        documents: compared.documents,
    };
    let failed = compared.findings.iter().any(Diagnostic::is_error);
    let changed = !compared.changes.is_empty();
    let plan = Offline {
        digest: compared.digest,
        findings: render::json(&compared.findings, looked)["findings"].take(),
        changes: compared.changes,
    };
    if output.is_for_people() && !compared.findings.is_empty() {
        // Rendered with colours, and tamed before that.
        output.text(&render::text(&compared.findings, looked))?;
    }
    output.show(&plan, |plan| {
        let changes = compare::text(&plan.changes);
        format!("{changes}digest {}\n", plan.digest)
    })?;
    Ok(if failed {
        ExitCode::FAILURE
    } else if args.detailed_exitcode && changed {
        ExitCode::from(2)
    } else {
        ExitCode::SUCCESS
    })
}
