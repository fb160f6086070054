//! The profiles folder: how it stands, looking again, what would change.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Extension, State};
use serde_json::json;

use super::answer::Refusal;
use super::model::{
    FindingStatus, FolderStatus, PlanAnswer, RelatedPlace, ReloadRequest, Reloaded, RevisionStatus,
};
use super::{Asker, Control, exclusions};
use crate::reconcile::{Outcome, ReconcileError};
use crate::settings;
use crate::store::audit::{AuditAction, NewEntry};
use crate::telemetry::Notable;
use crate::yaml::diagnostic::Diagnostic;

impl From<ReconcileError> for Refusal {
    fn from(error: ReconcileError) -> Self {
        Self::internal(error.to_string())
    }
}

/// `POST /v1/reload`. Of the settings, what concerns the usage socket is read anew too; a mistake
/// there keeps nobody from the profiles.
pub(super) async fn reload(
    State(control): State<Control>,
    Extension(Asker(by)): Extension<Asker>,
    Json(request): Json<ReloadRequest>,
) -> Result<Json<Option<Reloaded>>, Refusal> {
    if request.allow_empty {
        let entry = NewEntry::new(AuditAction::EmptyFolderAccepted, &by, json!({}));
        control.store.audit(entry, control.clock.now()).await?;
    }
    if !request.wait {
        // The pass goes on whether or not the asker stays; its outcome shows in `status`.
        tokio::spawn(async move {
            reload_settings(&control).await;
            control.reconcile.reload(request.allow_empty).await
        });
        return Ok(Json(None));
    }
    let wrong = reload_settings(&control).await;
    let outcome = control.reconcile.reload(request.allow_empty).await?;
    let mut folder = status(&control, Some(&outcome)).await?;
    folder.findings.extend(wrong.iter().map(finding));
    let changes = outcome.plan.changes.iter();
    let listed = changes
        .filter(|change| change.is_applied())
        .map(ToString::to_string)
        .collect();
    let (changes, would_change) = match outcome.held() {
        None => (listed, Vec::new()),
        Some(_) => (Vec::new(), listed),
    };
    Ok(Json(Some(Reloaded {
        folder,
        changes,
        would_change,
    })))
}

/// What is wrong with the settings; nothing where they are in force.
async fn reload_settings(control: &Control) -> Vec<Diagnostic> {
    let reloaded = control.usage_api.reload(control.config.clone()).await;
    let wrong = reloaded.err().unwrap_or_default();
    for finding in &wrong {
        tracing::error!(message_id = %Notable::SettingsWrong, "the settings are wrong, and what was in force stays: {finding}");
    }
    if let Some(waiting) = not_in_force(control).await {
        tracing::warn!("{waiting}");
    }
    wrong
}

/// What of the settings on disk only a restart takes over.
async fn not_in_force(control: &Control) -> Option<Diagnostic> {
    let (in_force, config) = (Arc::clone(&control.settings), control.config.clone());
    let looked =
        tokio::task::spawn_blocking(move || settings::not_in_force(&in_force, config.as_deref()));
    // It ends early only when the daemon does.
    looked.await.ok().flatten()
}

/// `GET /v1/plan`.
pub(super) async fn plan(State(control): State<Control>) -> Result<Json<PlanAnswer>, Refusal> {
    let preview = control.reconcile.plan().await?;
    let recorded = control.store.desired_profiles().await?;
    let plan = serde_json::to_value(&preview.plan)
        .map_err(|error| Refusal::internal(error.to_string()))?;
    Ok(Json(PlanAnswer {
        digest: preview.plan.digest(),
        changes: !preview.plan.is_empty(),
        held: preview.held,
        text: preview.plan.to_string(),
        plan,
        findings: preview.findings.iter().map(finding).collect(),
        exclusions: exclusions::warnings(&control, &recorded).await?,
        seats: super::plan::of_profiles(&control, &recorded).await?,
    }))
}

/// How the folder stands after `outcome`, or after no pass at all.
pub(super) async fn status(
    control: &Control,
    outcome: Option<&Outcome>,
) -> Result<FolderStatus, Refusal> {
    let attempted = control.store.revision_attempted().await?;
    let applied = control.store.revision_applied().await?;
    let mut findings: Vec<FindingStatus> = outcome
        .map(|outcome| outcome.findings.iter().map(finding).collect())
        .unwrap_or_default();
    findings.extend(not_in_force(control).await.as_ref().map(finding));
    Ok(FolderStatus {
        path: control.folder.display().to_string(),
        attempted: attempted.map(|revision| RevisionStatus {
            digest: revision.digest,
            label: revision.label,
            at: revision.last_attempted_at,
        }),
        applied: applied.map(|revision| RevisionStatus {
            at: revision.applied_at.unwrap_or(revision.last_attempted_at),
            digest: revision.digest,
            label: revision.label,
        }),
        held: outcome.and_then(Outcome::held).map(str::to_owned),
        findings,
    })
}

fn finding(diagnostic: &Diagnostic) -> FindingStatus {
    FindingStatus {
        file: diagnostic.file.display().to_string(),
        line: diagnostic.region.map_or(0, |region| region.line),
        column: diagnostic.region.map_or(0, |region| region.column),
        severity: diagnostic.severity.as_str().to_owned(),
        code: diagnostic.code.to_owned(),
        message: diagnostic.message.clone(),
        help: diagnostic.help.clone(),
        related: diagnostic.related.as_ref().map(|related| RelatedPlace {
            file: related.file.display().to_string(),
            line: related.region.line,
            column: related.region.column,
            message: related.message.clone(),
        }),
    }
}
