//! Jobs: what is due and what ran, asking for one, waiting for one.

use axum::Json;
use axum::extract::{Path, Query, State};
use jiff::SignedDuration;
use serde::Deserialize;

use super::Control;
use super::answer::{Refusal, profile_name};
use super::model::{JobProgress, JobQuery, JobRequest, Listing};
use super::page::PageSize;
use super::seats::known_profile;
use crate::clock::sleep;
use crate::job::RequestError;
use crate::profile::model::SubflowKind;
use crate::store::job::{Job, JobFilter, JobState};

/// Rows of one page, when the asker does not say.
const PAGE: u32 = 50;
/// The longest that a question is kept open.
const LONGEST_WAIT: u32 = 60;

impl From<RequestError> for Refusal {
    fn from(error: RequestError) -> Self {
        match error {
            RequestError::UnknownProfile(name) => Self::no_profile(name.as_str()),
            RequestError::Refused(_) => Self::conflict(error.to_string()),
            RequestError::Store(error) => error.into(),
        }
    }
}

/// `GET /v1/jobs`.
pub(super) async fn list(
    State(control): State<Control>,
    Query(query): Query<JobQuery>,
) -> Result<Json<Listing<Job>>, Refusal> {
    let size = PageSize::of(query.limit, PAGE);
    let filter = JobFilter {
        profile: known_profile(&control, query.profile.as_deref()).await?,
        subflow: query.subflow.as_deref().map(subflow).transpose()?,
        state: None,
        ended: query.ended.then_some(true),
        before: query.before,
    };
    let rows = control
        .store
        .job_results(filter, size.with_one_ahead())
        .await?;
    let (rows, next) = size.cut(rows, |job| job.id.clone());
    Ok(Json(Listing { rows, next }))
}

/// `POST /v1/jobs`.
pub(super) async fn request(
    State(control): State<Control>,
    Json(request): Json<JobRequest>,
) -> Result<Json<Job>, Refusal> {
    let profile = profile_name(&request.profile)?;
    let subflow = match &request.subflow {
        Some(word) => subflow(word)?,
        None => SubflowKind::DownloadSubscriptions,
    };
    Ok(Json(control.runner.request(&profile, subflow).await?))
}

/// How long the asker wants to wait.
#[derive(Debug, Deserialize)]
pub(super) struct Wait {
    /// Seconds until an answer is given although nothing changed.
    #[serde(default)]
    wait: u32,
}

impl Wait {
    /// That, but not for ever.
    pub(super) fn duration(&self) -> SignedDuration {
        SignedDuration::from_secs(i64::from(self.wait.min(LONGEST_WAIT)))
    }
}

/// `GET /v1/jobs/{id}`.
pub(super) async fn one(
    State(control): State<Control>,
    Path(id): Path<String>,
    Query(wait): Query<Wait>,
) -> Result<Json<JobProgress>, Refusal> {
    let wait = wait.duration();
    let mut running = control.runner.progress();
    let before = running.borrow_and_update().get(&id).cloned();
    let ended = |job: &Job| !matches!(job.state, JobState::Pending | JobState::InProgress);
    let job = find(&control, &id).await?;
    if wait > SignedDuration::ZERO && !ended(&job) {
        let changed = running.wait_for(|jobs| jobs.get(&id) != before.as_ref());
        tokio::select! {
            _ = changed => {}
            () = sleep(&*control.clock, wait) => {}
        }
    }
    let progress = running.borrow().get(&id).map(ToString::to_string);
    let job = find(&control, &id).await?;
    Ok(Json(JobProgress { job, progress }))
}

async fn find(control: &Control, id: &str) -> Result<Job, Refusal> {
    let job = control.store.job(id).await?;
    job.ok_or_else(|| {
        Refusal::not_found(format!(
            "there is no job `{id}`: `seatsync jobs list` shows them"
        ))
    })
}

fn subflow(word: &str) -> Result<SubflowKind, Refusal> {
    SubflowKind::ALL
        .into_iter()
        .find(|kind| kind.as_str() == word)
        .ok_or_else(|| {
            Refusal::bad_request(format!(
                "`{word}` is not a subflow: use `{}`",
                SubflowKind::ALL.map(SubflowKind::as_str).join("`, `")
            ))
        })
}
