//! Giving back seats that were taken back.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{Extension, State};

use super::answer::Refusal;
use super::model::{Restored, UndoAnswer, UndoRequest};
use super::{Asker, Control, candidates};
use crate::profile::name::Name;
use crate::reclamation::candidate::Candidate;
use crate::store::write::Write;
use crate::subflow::restore::to_undo;
use crate::telemetry::spans;

/// `POST /v1/undo`.
pub(super) async fn undo(
    State(control): State<Control>,
    Extension(Asker(by)): Extension<Asker>,
    Json(request): Json<UndoRequest>,
) -> Result<Json<UndoAnswer>, Refusal> {
    let numbers = match (request.candidate, &request.job) {
        (Some(candidate), None) => vec![candidate],
        (None, Some(job)) => candidates_of(&control, job).await?,
        _ => {
            return Err(Refusal::bad_request(
                "name one candidate, or one job with `--run`",
            ));
        }
    };
    let mut of_profiles: BTreeMap<Name, Vec<(Candidate, Write)>> = BTreeMap::new();
    let mut restored = Vec::new();
    for number in numbers {
        let candidate = candidates::of_seat(&control, number).await?;
        let writes = control.store.writes_of(number).await?;
        match to_undo(&candidate, &writes) {
            Some(write) => of_profiles
                .entry(candidate.profile.clone())
                .or_default()
                .push((candidate, write)),
            None => restored.push(answer(
                &candidate,
                false,
                "nothing was taken back for it, or it was given back already".to_owned(),
            )),
        }
    }
    for (name, candidates) in of_profiles {
        let profile = control.store.desired_profile(&name).await?;
        let profile = profile.ok_or_else(|| Refusal::no_profile(name.as_str()))?;
        let restore = control.runner.restore(&profile, candidates, &by);
        let became = spans::asked("undo", name.as_str(), Box::pin(restore)).await;
        let became = became.map_err(|error| Refusal::conflict(error.to_string()))?;
        for (candidate, restoration) in became {
            tracing::info!(profile = %name, candidate = candidate.id, ok = restoration.ok, %by, "a seat was to be given back: {}", restoration.message);
            restored.push(answer(&candidate, restoration.ok, restoration.message));
        }
    }
    control.store.announce_audit().await?;
    Ok(Json(UndoAnswer { restored }))
}

async fn candidates_of(control: &Control, job: &str) -> Result<Vec<i64>, Refusal> {
    let writes = control.store.reclaims_of_job(job).await?;
    if writes.is_empty() {
        return Err(Refusal::not_found(format!(
            "job `{job}` took no seat back: `seatsync jobs list --subflow reclaim_subscriptions` shows those that did"
        )));
    }
    Ok(writes.into_iter().map(|write| write.candidate).collect())
}

fn answer(candidate: &Candidate, ok: bool, message: String) -> Restored {
    Restored {
        candidate: candidate.id,
        email: candidate.email.clone(),
        identifier: candidate.identifier.to_string(),
        ok,
        message,
    }
}
