//! `seatsync status [PROFILE]`: conditions, last results, next runs.

use std::fmt::Write;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use jiff::Timestamp;

use super::client::Client;
use super::connections;
use super::exclusions;
use super::exit::Failure;
use super::findings;
use super::jobs;
use super::output::{Output, table, word_of};
use crate::api::control::model::{FolderStatus, ProfileStatus, Status, SubflowStatus};
use crate::profile::name::Name;
use crate::store::condition::{Condition, ConditionKind, ConditionStatus};
use crate::store::job::JobState;

/// Arguments of `status`.
#[derive(Debug, Args)]
pub(super) struct StatusArgs {
    /// Only this profile, with everything that is known of it.
    profile: Option<Name>,
}

/// How long the daemon may take to answer: a large state is read within seconds.
const PATIENCE: Duration = Duration::from_secs(30);

/// Shows how the daemon and its profiles stand.
pub(super) fn run(
    args: &StatusArgs,
    runtime: &Path,
    output: &mut Output,
) -> Result<ExitCode, Failure> {
    let client = Client::new(runtime)?.with_patience(PATIENCE);
    if let Some(name) = &args.profile {
        let profile: ProfileStatus = client.get(&format!("/v1/status/{name}"), &())?;
        output.show(&profile, one_profile)?;
    } else {
        let status: Status = client.get("/v1/status", &())?;
        output.show(&status, everything)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn everything(status: &Status) -> String {
    let mut text = format!(
        "seatsync {} since {}, vendor writes {}\n",
        status.version,
        short(status.started_at),
        match &status.writes_stopped {
            Some(stopped) => format!("STOPPED: {stopped}"),
            None if status.writes => "allowed".to_owned(),
            None => "off".to_owned(),
        }
    );
    if !status.sandbox.message.is_empty() {
        let _ = writeln!(text, "{}", status.sandbox.message);
    }
    text.push_str(&folder(&status.folder));
    if status.profiles.is_empty() {
        let _ = writeln!(text, "\nno profile is recorded");
        return text;
    }
    text.push('\n');
    text.push_str(&table(
        [
            "PROFILE", "TYPE", "STATE", "READY", "COMPLETE", "LAST RUN", "NEXT",
        ],
        status.profiles.iter().map(row),
    ));
    for profile in &status.profiles {
        for condition in profile.conditions.iter().filter(|c| is_trouble(c)) {
            let _ = writeln!(
                text,
                "\n{}: {} ({}): {}",
                profile.name, condition.kind, condition.reason, condition.message
            );
        }
    }
    text.push_str(&connections::warnings(&status.connections));
    text.push_str(&exclusions::warnings(&status.exclusions));
    text.push_str(&exclusions::warnings(&status.directories));
    text
}

/// The folder and what is wrong in it.
pub(super) fn folder(folder: &FolderStatus) -> String {
    let mut text = format!("profiles in {}", folder.path);
    match (&folder.applied, &folder.attempted) {
        (Some(applied), attempted) => {
            let label = applied.label.as_deref().unwrap_or("no git commit");
            let digest = short_digest(&applied.digest);
            let broken = folder.findings.iter().any(|f| f.severity == "error");
            let _ = write!(
                text,
                ", revision {digest} ({label}) in force{}",
                if broken { " as far as it loads" } else { "" }
            );
            if let Some(attempted) = attempted
                && attempted.digest != applied.digest
            {
                let digest = short_digest(&attempted.digest);
                let _ = write!(text, ", {digest} read but not wholly applied");
            }
            text.push('\n');
        }
        (None, _) => text.push_str(", nothing applied yet\n"),
    }
    if let Some(reason) = &folder.held {
        let _ = writeln!(text, "HELD: {reason}");
    }
    text.push_str(&findings::lines(&folder.findings));
    text
}

fn row(profile: &ProfileStatus) -> [String; 7] {
    let last = profile
        .subflows
        .iter()
        .filter_map(|subflow| subflow.last_result.as_ref())
        .max_by_key(|job| job.started_at);
    let next = profile.subflows.iter().filter_map(|s| s.next_due).min();
    let running = profile.subflows.iter().find_map(|s| s.progress.clone());
    [
        profile.name.clone(),
        profile.profile_type.clone(),
        profile.state.clone(),
        condition_word(profile, ConditionKind::Ready),
        condition_word(profile, ConditionKind::Complete),
        running.unwrap_or_else(|| {
            last.map_or_else(
                || "-".to_owned(),
                |job| {
                    let at = job.ended_at.or(job.started_at).unwrap_or(job.due_at);
                    format!("{} {}", word_of(&job.state), short(at))
                },
            )
        }),
        next.map_or_else(|| "-".to_owned(), short),
    ]
}

fn condition_word(profile: &ProfileStatus, kind: ConditionKind) -> String {
    profile
        .conditions
        .iter()
        .find(|condition| condition.kind == kind)
        .map_or_else(|| "-".to_owned(), |condition| word_of(&condition.status))
}

fn is_trouble(condition: &Condition) -> bool {
    let good = match condition.kind {
        ConditionKind::Stalled | ConditionKind::Held | ConditionKind::Reconciling => {
            ConditionStatus::False
        }
        ConditionKind::Ready | ConditionKind::Validated(_) | ConditionKind::Complete => {
            ConditionStatus::True
        }
    };
    condition.status != good && condition.status != ConditionStatus::Unknown
}

fn one_profile(profile: &ProfileStatus) -> String {
    let mut text = format!(
        "{} ({}), type {}, {}\nconnection {}, vendor account {}\n\n",
        profile.name,
        profile.display_name,
        profile.profile_type,
        profile.state,
        profile.connection,
        profile.account.as_deref().unwrap_or("not seen yet"),
    );
    text.push_str(&table(
        ["CONDITION", "STATUS", "REASON", "SINCE", "MESSAGE"],
        profile.conditions.iter().map(|condition| {
            [
                condition.kind.to_string(),
                word_of(&condition.status),
                condition.reason.clone(),
                short(condition.at),
                condition.message.clone(),
            ]
        }),
    ));
    text.push('\n');
    text.push_str(&table(
        ["SUBFLOW", "SCHEDULE", "NEXT", "LAST", "COUNTS", "NOTE"],
        profile.subflows.iter().map(|subflow| {
            [
                subflow.subflow.clone(),
                if subflow.enabled {
                    subflow.schedule.clone()
                } else {
                    "off".to_owned()
                },
                subflow.next_due.map_or_else(|| "-".to_owned(), short),
                subflow
                    .last_result
                    .as_ref()
                    .map_or_else(|| "-".to_owned(), |job| word_of(&job.state)),
                subflow
                    .last_result
                    .as_ref()
                    .map_or_else(String::new, |job| jobs::counts(&job.counts)),
                now(subflow),
            ]
        }),
    ));
    text
}

/// What a subflow does at present, or what else is to be said of it.
fn now(subflow: &SubflowStatus) -> String {
    if let Some(progress) = &subflow.progress {
        return progress.clone();
    }
    match &subflow.last {
        Some(job) if job.state == JobState::InProgress => "runs".to_owned(),
        Some(job) if job.state == JobState::Pending && job.failure.is_some() => {
            format!("put off until {}", short(job.not_before))
        }
        Some(job) if job.state == JobState::Pending => "waits for its turn".to_owned(),
        _ => subflow.note.clone().unwrap_or_default(),
    }
}

fn short_digest(digest: &str) -> &str {
    let hex = digest.strip_prefix("sha256:").unwrap_or(digest);
    hex.get(..12).unwrap_or(hex)
}

/// A time to the second, as RFC 3339.
pub(super) fn short(time: Timestamp) -> String {
    Timestamp::from_second(time.as_second())
        .unwrap_or(time)
        .to_string()
}
