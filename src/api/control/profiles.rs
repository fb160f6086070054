//! Profiles: how they stand, and the decisions they ask for.

use axum::Json;
use axum::extract::{Extension, Path, State};

use super::answer::{Refusal, profile_name};
use super::model::{
    Decided, ProcessVerdict, ProfileStatus, ReleaseRequest, SandboxStatus, Status, SubflowStatus,
    Validation,
};
use super::{Asker, Control, connections, exclusions, folder, users};
use crate::connector::facts::Process;
use crate::job::{self, ValidateError};
use crate::metrics::Snapshot;
use crate::profile::model::{DesiredProfile, ProfileState, SubflowKind};
use crate::reclamation::actor::Actor;
use crate::schedule::planner;
use crate::store::condition::{Condition, ConditionKind, ConditionStatus};
use crate::store::document::RecordedProfile;
use crate::store::job::{JobFilter, JobState};
use crate::telemetry::spans;

/// Jobs of a subflow among which its last real one is looked for.
const RECENT: u32 = 100;

/// `GET /v1/status`.
pub(super) async fn status(State(control): State<Control>) -> Result<Json<Status>, Refusal> {
    let outcome = control.reconcile.last();
    let mut conditions = control.store.all_conditions().await?;
    let mut profiles = Vec::new();
    let recorded = control.store.desired_profiles().await?;
    for recorded in &recorded {
        let conditions = conditions.remove(&recorded.name).unwrap_or_default();
        profiles.push(stands(&control, recorded, conditions).await?);
    }
    Ok(Json(Status {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        started_at: control.started_at,
        now: control.clock.now(),
        writes: control.settings.writes,
        writes_stopped: control.runner.permit().stopped(),
        sandbox: SandboxStatus::from(&control.sandbox),
        folder: folder::status(&control, outcome.as_deref()).await?,
        profiles,
        connections: connections::stand(&control, &recorded),
        exclusions: exclusions::warnings(&control, &recorded).await?,
        directories: users::warnings(&control).await?,
    }))
}

/// `GET /v1/status/{profile}`.
pub(super) async fn status_of(
    State(control): State<Control>,
    Path(profile): Path<String>,
) -> Result<Json<ProfileStatus>, Refusal> {
    let recorded = find(&control, &profile).await?;
    let conditions = control.store.conditions(&recorded.name).await?;
    Ok(Json(stands(&control, &recorded, conditions).await?))
}

/// `POST /v1/profiles/{profile}/validate`.
pub(super) async fn validate(
    State(control): State<Control>,
    Path(profile): Path<String>,
) -> Result<Json<Validation>, Refusal> {
    let recorded = find(&control, &profile).await?;
    let validate = control.runner.validate(&recorded.name);
    let validated = spans::asked("validate", recorded.name.as_str(), Box::pin(validate)).await;
    let validation = validated.map_err(|error| match error {
        ValidateError::Request(error) => error.into(),
        ValidateError::Validation(error) => Refusal::conflict(error.to_string()),
    })?;
    let subflows = &recorded.desired.profile.subflows;
    let verdicts = validation.verdicts.into_iter().map(|verdict| {
        let required = match verdict.process {
            Process::Download => true,
            Process::Activity => subflows.pull_user_activity.enabled,
            Process::Reclaim => subflows.reclaim_subscriptions.enabled,
        };
        ProcessVerdict { verdict, required }
    });
    Ok(Json(Validation {
        profile: recorded.name.to_string(),
        account: validation.account.id,
        verdicts: verdicts.collect(),
    }))
}

/// `POST /v1/profiles/{profile}/release`.
pub(super) async fn release(
    State(control): State<Control>,
    Extension(Asker(by)): Extension<Asker>,
    Path(profile): Path<String>,
    Json(request): Json<ReleaseRequest>,
) -> Result<Json<Decided>, Refusal> {
    let recorded = find(&control, &profile).await?;
    let now = control.clock.now();
    if let Some(digest) = request.plan {
        return release_plan(&control, &recorded, digest, by).await;
    }
    let walk = control.store.release_walk(recorded.id, &by, now).await?;
    let Some(walk) = walk else {
        let message = match held(&control, &recorded, "").await? {
            Some(held) => format!("no download of `{profile}` waits to be released: {held}"),
            None => format!(
                "nothing of `{profile}` is held: `seatsync status {profile}` shows why it does not run"
            ),
        };
        return Err(Refusal::conflict(message));
    };
    control.store.announce_audit().await?;
    tracing::info!(%profile, users = walk.users, %by, "a held download was released");
    Ok(Json(Decided {
        message: format!(
            "the next download of `{profile}` is measured against {} users; run it now with `seatsync jobs run {profile}`",
            walk.users
        ),
    }))
}

/// Releases exactly the plan that the profile has now, and starts the reclaim.
async fn release_plan(
    control: &Control,
    recorded: &RecordedProfile,
    digest: String,
    by: Actor,
) -> Result<Json<Decided>, Refusal> {
    let profile = &recorded.name;
    let plan = control.runner.plan(recorded).await?.plan;
    if plan.digest != digest {
        return Err(Refusal::conflict(format!(
            "the plan of `{profile}` is another one now, {}: look at it with `seatsync plan --seats {profile}`",
            plan.digest
        )));
    }
    let mut held = plan.held_by().peekable();
    if held.peek().is_none() {
        return Err(Refusal::conflict(format!(
            "the plan of `{profile}` is not held: the next reclaim carries it out"
        )));
    }
    if let Some(report) = held.find(|report| !report.guard.is_releasable()) {
        return Err(Refusal::conflict(format!(
            "the plan of `{profile}` is held by `{}`, which nobody releases: {}",
            report.guard.as_str(),
            report.value
        )));
    }
    let now = control.clock.now();
    control
        .store
        .release_plan(recorded.id, digest.clone(), by.clone(), now)
        .await?;
    control.store.announce_audit().await?;
    tracing::info!(%profile, plan = digest, %by, "a plan was released");
    let follows = match control.runner.carry_out_decision(profile).await {
        Ok(()) => "its reclaim starts as soon as none of its jobs runs".to_owned(),
        Err(error) => format!("its reclaim does not start: {error}"),
    };
    Ok(Json(Decided {
        message: format!("exactly this plan of `{profile}` is released; {follows}"),
    }))
}

/// `POST /v1/profiles/{profile}/rebind`.
pub(super) async fn rebind(
    State(control): State<Control>,
    Extension(Asker(by)): Extension<Asker>,
    Path(profile): Path<String>,
) -> Result<Json<Decided>, Refusal> {
    let recorded = find(&control, &profile).await?;
    let held = held(&control, &recorded, job::OTHER_ACCOUNT).await?;
    if recorded.bound_account.is_some() && held.is_none() {
        return Err(Refusal::conflict(format!(
            "`{profile}` reaches the vendor account that it is bound to: there is nothing to rebind"
        )));
    }
    let bound = control.runner.rebind(&recorded, &by).await?;
    control.store.announce_audit().await?;
    let message = match &bound {
        Some(account) => format!(
            "`{profile}` is no longer bound to vendor account `{account}`; its next download binds it to the one that its connection leads to"
        ),
        None => format!("`{profile}` is bound to no vendor account yet"),
    };
    let message = match job::bar(&recorded) {
        None => format!("{message}; that download starts now"),
        Some(reason) => format!("{message}; {reason}"),
    };
    tracing::info!(%profile, was = bound, %by, "the vendor account was released");
    Ok(Json(Decided { message }))
}

/// What a profile is held for as a whole, with the remedy; `None` when it is not.
/// With a `reason`, only for that.
async fn held(
    control: &Control,
    profile: &RecordedProfile,
    reason: &str,
) -> Result<Option<String>, Refusal> {
    let conditions = control.store.conditions(&profile.name).await?;
    let held = conditions.into_iter().find(|condition| {
        condition.kind == ConditionKind::Held
            && condition.status == ConditionStatus::True
            && (reason.is_empty() || condition.reason == reason)
    });
    Ok(held.map(|condition| condition.message))
}

async fn find(control: &Control, profile: &str) -> Result<RecordedProfile, Refusal> {
    let name = profile_name(profile)?;
    let recorded = control.store.desired_profile(&name).await?;
    recorded.ok_or_else(|| Refusal::no_profile(profile))
}

async fn stands(
    control: &Control,
    recorded: &RecordedProfile,
    conditions: Vec<Condition>,
) -> Result<ProfileStatus, Refusal> {
    let profile = &recorded.desired.profile;
    let state = match (recorded.orphaned_at, profile.suspend, profile.state) {
        (Some(_), _, _) => "orphaned",
        (None, true, _) => "suspended",
        (None, false, ProfileState::Draft) => "draft",
        (None, false, ProfileState::Published) => "published",
    };
    let mut subflows = Vec::new();
    for subflow in SubflowKind::ALL {
        subflows.push(subflow_stands(control, recorded, subflow).await?);
    }
    Ok(ProfileStatus {
        name: recorded.name.to_string(),
        display_name: profile.display_name.clone(),
        profile_type: profile.profile_type.to_string(),
        state: state.to_owned(),
        connection: recorded.desired.connection.name.clone(),
        account: recorded.bound_account.clone(),
        conditions,
        subflows,
    })
}

async fn subflow_stands(
    control: &Control,
    recorded: &RecordedProfile,
    subflow: SubflowKind,
) -> Result<SubflowStatus, Refusal> {
    let desired = &recorded.desired;
    let filter = JobFilter {
        profile: Some(recorded.name.clone()),
        subflow: Some(subflow),
        ..JobFilter::default()
    };
    // A run that was refused says nothing about how the subflow stands.
    let recent = control.store.job_results(filter, RECENT).await?;
    let mut runs = recent
        .into_iter()
        .filter(|job| job.state != JobState::Refused);
    let last = runs.next();
    let last_result = last
        .clone()
        .into_iter()
        .chain(runs)
        .find(|job| job.ended_at.is_some());
    let progress = last
        .as_ref()
        .filter(|job| job.state == JobState::InProgress)
        .and_then(|job| {
            let running = control.runner.progress();
            running.borrow().get(&job.id).map(ToString::to_string)
        });
    let zone = &control.settings.time_zone;
    let orphaned = recorded.orphaned_at.is_some();
    let next_due = planner::next_runs(desired, orphaned, control.clock.now(), zone)
        .into_iter()
        .find_map(|(due, at)| (due == subflow).then_some(at));
    let enabled = is_enabled(desired, subflow);
    Ok(SubflowStatus {
        subflow: subflow.as_str().to_owned(),
        enabled,
        schedule: schedule_word(desired, subflow),
        next_due,
        progress,
        last,
        last_result,
        note: note(control, desired, subflow, enabled),
    })
}

/// What is to be said of a subflow that has no job.
fn note(
    control: &Control,
    desired: &DesiredProfile,
    subflow: SubflowKind,
    enabled: bool,
) -> Option<String> {
    match subflow {
        SubflowKind::ReclaimSubscriptions if enabled && !control.settings.writes => Some(
            "nothing is written to the vendor while `writes` is not true in seatsync.yaml"
                .to_owned(),
        ),
        SubflowKind::PullUserActivity if !enabled => job::has_no_activity_of_its_own(desired),
        _ => None,
    }
}

fn is_enabled(desired: &DesiredProfile, subflow: SubflowKind) -> bool {
    let subflows = &desired.profile.subflows;
    match subflow {
        SubflowKind::DownloadSubscriptions | SubflowKind::RefreshCandidates => true,
        SubflowKind::PullUserActivity => subflows.pull_user_activity.enabled,
        SubflowKind::ReclaimSubscriptions => subflows.reclaim_subscriptions.enabled,
    }
}

/// When it starts, for people: its cron expression, or what it follows.
fn schedule_word(desired: &DesiredProfile, subflow: SubflowKind) -> String {
    let after = match subflow {
        SubflowKind::DownloadSubscriptions => "daily",
        SubflowKind::PullUserActivity => "after download_subscriptions",
        SubflowKind::RefreshCandidates if !is_enabled(desired, SubflowKind::PullUserActivity) => {
            "after download_subscriptions"
        }
        SubflowKind::RefreshCandidates => "after pull_user_activity",
        SubflowKind::ReclaimSubscriptions => "after refresh_candidates",
    };
    match planner::schedule_of(desired, subflow) {
        Ok(Some(schedule)) => schedule.to_string(),
        Ok(None) | Err(_) => after.to_owned(),
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
    let seats = control.store.identifiers(None).await?.into_iter();
    let tally = control.store.tally(&control.usage).await?;
    Ok(Snapshot {
        findings: outcome
            .as_ref()
            .map_or(0, |outcome| outcome.findings.len() as u64),
        folder_held: outcome.is_some_and(|outcome| outcome.held().is_some()),
        conditions: conditions.collect(),
        seats: seats
            .map(|count| (count.profile.to_string(), count.identifier, count.seats))
            .collect(),
        last_success: last_success(control).await?,
        authorizations: authorizations(control),
        usage_commits: control.usage.commits(),
        jobs: tally.jobs,
        candidates: tally.candidates,
        guards: tally.guards,
        store_bytes: tally.bytes,
        started_at: control.started_at.as_duration().as_secs_f64(),
    })
}

/// (connection, whether it is in force, Unix time of its end where that is known) of each consent.
fn authorizations(control: &Control) -> Vec<(String, bool, Option<f64>)> {
    let now = control.clock.now();
    let seconds = |at: jiff::Timestamp| at.as_duration().as_secs_f64();
    control
        .grants
        .all_facts()
        .into_iter()
        .map(|(connection, facts)| {
            let ended = facts.refresh_ends_at.is_some_and(|ends_at| ends_at <= now);
            let in_force = facts.dead.is_none() && !ended;
            (connection, in_force, facts.refresh_ends_at.map(seconds))
        })
        .collect()
}

/// (profile, subflow, Unix time) of the last job of each subflow that did everything.
async fn last_success(control: &Control) -> Result<Vec<(String, String, f64)>, Refusal> {
    let mut found = Vec::new();
    for recorded in control.store.desired_profiles().await? {
        for subflow in [
            SubflowKind::DownloadSubscriptions,
            SubflowKind::PullUserActivity,
        ] {
            let filter = JobFilter {
                profile: Some(recorded.name.clone()),
                subflow: Some(subflow),
                state: Some(JobState::Completed),
                ..JobFilter::default()
            };
            let last = control.store.job_results(filter, 1).await?.pop();
            if let Some(at) = last.and_then(|job| job.ended_at) {
                let seconds = at.as_duration().as_secs_f64();
                found.push((
                    recorded.name.to_string(),
                    subflow.as_str().to_owned(),
                    seconds,
                ));
            }
        }
    }
    Ok(found)
}
