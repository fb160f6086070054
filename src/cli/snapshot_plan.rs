//! `seatsync plan --snapshot`: the daemon's answer, where no daemon is.

use std::fmt::Write as _;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use serde::Serialize;

use super::exit::Failure;
use super::output::Output;
use super::seat_plan;
use crate::reclamation::plan::Plan;
use crate::snapshot::{self, Answer};
use crate::yaml::diagnostic::Diagnostic;
use crate::yaml::excerpt;
use crate::yaml::render::{self, Looked};

/// What is asked of a snapshot.
pub(super) struct Asked<'a> {
    /// The file.
    pub(super) snapshot: &'a Path,
    /// The folder whose files are to be in force; none for what was.
    pub(super) paths: &'a [PathBuf],
    /// Only of this profile.
    pub(super) profile: Option<&'a str>,
    /// Exit with 2 where something would be written.
    pub(super) detailed_exitcode: bool,
}

/// What is printed for programs.
#[derive(Debug, Serialize)]
struct SnapshotPlan {
    made_at: jiff::Timestamp,
    program: String,
    users: &'static str,
    changed: Vec<String>,
    findings: serde_json::Value,
    plans: Vec<Plan>,
}

/// Shows what the daemon would do as of the snapshot. What is wrong with the files fails it.
pub(super) fn run(asked: &Asked<'_>, output: &mut Output) -> Result<ExitCode, Failure> {
    let folder = match asked.paths {
        [] => None,
        [folder] if folder.is_dir() => Some(folder.clone()),
        [path] => {
            let message = format!("`{}` is not a folder: name the whole one", path.display());
            return Err(Failure::Usage(message));
        }
        _ => {
            let message = "`--snapshot` answers for one folder: name that alone";
            return Err(Failure::Usage(message.to_owned()));
        }
    };
    let mut answer = answer(asked.snapshot, folder)?;
    if let Some(profile) = asked.profile {
        answer.plans.retain(|plan| plan.profile.as_str() == profile);
        if answer.plans.is_empty() {
            return Err(Failure::failed(format!(
                "no profile `{profile}` runs as of this snapshot: leave the name out to see which do"
            )));
        }
    }
    excerpt::fill(&mut answer.findings);
    let failed = answer.findings.iter().any(Diagnostic::is_error);
    let writes = answer
        .plans
        .iter()
        .any(|plan| plan.going().next().is_some());
    show(answer, output)?;
    Ok(if failed {
        ExitCode::FAILURE
    } else if asked.detailed_exitcode && writes {
        ExitCode::from(2)
    } else {
        ExitCode::SUCCESS
    })
}

fn answer(file: &Path, folder: Option<PathBuf>) -> Result<Answer, Failure> {
    let named = || format!("snapshot `{}`", file.display());
    let snapshot = BufReader::new(File::open(file).with_context(named)?);
    let state = tempfile::tempdir().context("make a scratch folder")?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("start")?;
    let answer = runtime.block_on(snapshot::answer(snapshot, folder, state.path()));
    Ok(answer.with_context(named)?)
}

fn show(answer: Answer, output: &mut Output) -> Result<(), Failure> {
    let looked = Looked {
        files: answer.files,
        documents: 0,
    };
    if output.is_for_people() && !answer.findings.is_empty() {
        // Rendered with colours, and tamed before that.
        output.text(&render::text(&answer.findings, looked))?;
    }
    let plan = SnapshotPlan {
        made_at: answer.made_at,
        program: answer.program,
        users: if answer.users_are_hidden {
            "hashed"
        } else {
            "clear"
        },
        changed: answer.changed.iter().map(ToString::to_string).collect(),
        findings: render::json(&answer.findings, looked)["findings"].take(),
        plans: answer.plans,
    };
    output.show(&plan, |plan| {
        let mut text = format!(
            "as of {:.0}, from seatsync {}\n",
            plan.made_at, plan.program
        );
        if !plan.changed.is_empty() {
            let _ = writeln!(text, "changed by the files: {}", plan.changed.join(", "));
        }
        for one in &plan.plans {
            let _ = write!(text, "\n{}", seat_plan::whole(one));
        }
        if plan.plans.is_empty() {
            text.push_str("no profile runs\n");
        }
        text
    })
}
