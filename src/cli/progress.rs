//! Following a job until it ends: a line of progress on a terminal, quiet otherwise.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::client::Client;
use super::exit::Failure;
use super::output::Output;
use crate::api::control::model::JobProgress;
use crate::store::job::{Job, JobState};

/// How long the daemon may keep one question open, in seconds.
const ASK_FOR_SECONDS: u32 = 2;

/// Waits until `job` ends or is put off. The daemon answers when something changed, so this does not poll.
pub(super) fn follow(client: &Client, job: &Job, output: &Output) -> Result<Job, Failure> {
    let line = line(output, job);
    let path = format!("/v1/jobs/{}", job.id);
    loop {
        let now: JobProgress = client.get(&path, &[("wait", ASK_FOR_SECONDS)])?;
        if let Some(doing) = now.progress {
            line.set_message(doing);
        }
        // A job that waits with a failure was put off: it may wait for hours.
        let put_off = now.job.state == JobState::Pending && now.job.failure.is_some();
        if put_off || !matches!(now.job.state, JobState::Pending | JobState::InProgress) {
            line.finish_and_clear();
            return Ok(now.job);
        }
    }
}

fn line(output: &Output, job: &Job) -> ProgressBar {
    if !output.is_for_people() || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let line = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{spinner} {prefix} {msg} ({elapsed})") {
        line.set_style(style);
    }
    line.set_prefix(format!("{} of {}", job.subflow.as_str(), job.profile));
    line.enable_steady_tick(Duration::from_millis(120));
    line
}
