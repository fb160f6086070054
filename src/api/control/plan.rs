//! What the next reclaim of a profile would do, seat by seat and guard by guard.

use axum::Json;
use axum::extract::{Path, State};

use super::Control;
use super::answer::{Refusal, profile_name};
use crate::job;
use crate::reclamation::plan::Plan;
use crate::store::document::RecordedProfile;
use crate::subflow::plan::Planned;

/// `GET /v1/profiles/{profile}/plan`.
pub(super) async fn of_profile(
    State(control): State<Control>,
    Path(profile): Path<String>,
) -> Result<Json<Plan>, Refusal> {
    Ok(Json(made(&control, &profile).await?.1.plan))
}

/// `GET /v1/plans`.
pub(super) async fn all(State(control): State<Control>) -> Result<Json<Vec<Plan>>, Refusal> {
    let recorded = control.store.desired_profiles().await?;
    Ok(Json(of_profiles(&control, &recorded).await?))
}

/// The plan of each profile that runs.
pub(super) async fn of_profiles(
    control: &Control,
    profiles: &[RecordedProfile],
) -> Result<Vec<Plan>, Refusal> {
    let mut plans = Vec::new();
    for profile in profiles
        .iter()
        .filter(|profile| job::bar(profile).is_none())
    {
        plans.push(control.runner.plan(profile).await?.plan);
    }
    Ok(plans)
}

/// The plan of a profile, made now by the code that the reclaim runs.
pub(super) async fn made(
    control: &Control,
    profile: &str,
) -> Result<(RecordedProfile, Planned), Refusal> {
    let name = profile_name(profile)?;
    let recorded = control.store.desired_profile(&name).await?;
    let recorded = recorded.ok_or_else(|| Refusal::no_profile(profile))?;
    let planned = control.runner.plan(&recorded).await?;
    Ok((recorded, planned))
}
