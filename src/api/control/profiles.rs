//! Profiles: how they stand, and the decisions they ask for.

use axum::Json;
use axum::extract::{Path, State};

use super::answer::{Refusal, profile_name};
use super::model::{ProfileStatus, Status};
use super::{Control, folder};
use crate::metrics::Snapshot;
use crate::profile::model::ProfileState;
use crate::store::condition::{Condition, ConditionStatus};
use crate::store::document::RecordedProfile;

/// `GET /v1/status`.
pub(super) async fn status(State(control): State<Control>) -> Result<Json<Status>, Refusal> {
    let outcome = control.reconcile.last();
    let mut conditions = control.store.all_conditions().await?;
    let profiles = control.store.desired_profiles().await?;
    let profiles = profiles
        .into_iter()
        .map(|profile| {
            let conditions = conditions.remove(&profile.name).unwrap_or_default();
            stands(&profile, conditions)
        })
        .collect();
    Ok(Json(Status {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        started_at: control.started_at,
        now: control.clock.now(),
        writes: control.settings.writes,
        folder: folder::status(&control, outcome.as_deref()).await?,
        profiles,
    }))
}

/// `GET /v1/status/{profile}`.
pub(super) async fn status_of(
    State(control): State<Control>,
    Path(profile): Path<String>,
) -> Result<Json<ProfileStatus>, Refusal> {
    let name = profile_name(&profile)?;
    let recorded = control
        .store
        .desired_profile(&name)
        .await?
        .ok_or_else(|| Refusal::no_profile(&profile))?;
    let conditions = control.store.conditions(&name).await?;
    Ok(Json(stands(&recorded, conditions)))
}

fn stands(recorded: &RecordedProfile, conditions: Vec<Condition>) -> ProfileStatus {
    let profile = &recorded.desired.profile;
    let state = match (recorded.orphaned_at, profile.suspend, profile.state) {
        (Some(_), _, _) => "orphaned",
        (None, true, _) => "suspended",
        (None, false, ProfileState::Draft) => "draft",
        (None, false, ProfileState::Published) => "published",
    };
    ProfileStatus {
        name: recorded.name.to_string(),
        display_name: profile.display_name.clone(),
        profile_type: profile.profile_type.to_string(),
        state: state.to_owned(),
        connection: recorded.desired.connection.name.clone(),
        account: recorded.bound_account.clone(),
        conditions,
        subflows: Vec::new(),
    }
}

/// What the store knows, as numbers.
pub(super) async fn snapshot(control: &Control) -> Result<Snapshot, Refusal> {
    let outcome = control.reconcile.last();
    let conditions = control.store.all_conditions().await?;
    let conditions = conditions.into_iter().flat_map(|(profile, conditions)| {
        conditions.into_iter().map(move |condition| {
            let holds = condition.status == ConditionStatus::True;
            (profile.to_string(), condition.kind.to_string(), holds)
        })
    });
    Ok(Snapshot {
        findings: outcome
            .as_ref()
            .map_or(0, |outcome| outcome.findings.len() as u64),
        folder_held: outcome.is_some_and(|outcome| outcome.held().is_some()),
        conditions: conditions.collect(),
        ..Snapshot::default()
    })
}
