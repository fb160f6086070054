//! The audit log: what was decided and written, and whether the chain is whole.

use axum::Json;
use axum::extract::{Extension, Query, State};

use super::answer::{Refusal, profile_name};
use super::model::{AuditQuery, ForgetRequest, Listing, VerifyQuery};
use super::page::{self, PageSize};
use super::{Asker, Control};
use crate::store::audit::verify::Verified;
use crate::store::audit::{AuditEntry, AuditFilter, Head, UnknownAction};
use crate::store::forget::Forgotten;
use crate::usage::Reference;

/// `GET /v1/audit`.
pub(super) async fn list(
    State(control): State<Control>,
    Query(query): Query<AuditQuery>,
) -> Result<Json<Listing<AuditEntry>>, Refusal> {
    let size = PageSize::of(query.limit, page::USUAL);
    let after = page::number_after(query.after.as_deref())?;
    let action = query.action.as_deref().map(str::parse).transpose();
    let filter = AuditFilter {
        // What was decided of a profile that is gone is still to be read.
        profile: query.profile.as_deref().map(profile_name).transpose()?,
        candidate: query.candidate,
        user: query.user,
        action: action
            .map_err(|unknown: UnknownAction| Refusal::bad_request(unknown.to_string()))?,
        since: query.since,
    };
    let rows = control
        .store
        .audit_entries(filter, after, size.with_one_ahead())
        .await?;
    let (rows, next) = size.cut(rows, |row| row.seq.to_string());
    Ok(Json(Listing { rows, next }))
}

/// `GET /v1/audit/verify`.
pub(super) async fn verify(
    State(control): State<Control>,
    Query(query): Query<VerifyQuery>,
) -> Result<Json<Verified>, Refusal> {
    let known = query.head.as_deref().map(head).transpose()?;
    Ok(Json(control.store.verify_audit(known).await?))
}

/// `POST /v1/forget`.
pub(super) async fn forget(
    State(control): State<Control>,
    Extension(Asker(by)): Extension<Asker>,
    Json(request): Json<ForgetRequest>,
) -> Result<Json<Forgotten>, Refusal> {
    let profile = match &request.profile {
        None => None,
        Some(text) => {
            let recorded = control.store.desired_profile(&profile_name(text)?).await?;
            Some(recorded.ok_or_else(|| Refusal::no_profile(text))?.id)
        }
    };
    let user = request.user.trim();
    if user.is_empty() {
        return Err(Refusal::bad_request(
            "name a user by address, the vendor's id or the id in usage records",
        ));
    }
    let now = control.clock.now();
    // Usage records belong to no profile.
    let reporter = Reference::parse(user).filter(|_| profile.is_none());
    let records = match reporter {
        Some(reporter) => control.usage.naming(reporter).await?,
        None => 0,
    };
    let mut forgotten = control
        .store
        .forget_user(user, profile, records, &by, now)
        .await?;
    if forgotten.held > 0 {
        return Err(Refusal::conflict(format!(
            "this user still has seats or open candidates ({} in all), which the next download would tell again: remove the user at the vendor, run the download and the candidates, then forget",
            forgotten.held
        )));
    }
    if let Some(reporter) = reporter {
        forgotten.usage_records = control.usage.forget_user(reporter).await?;
    }
    Ok(Json(forgotten))
}

/// `SEQ:HASH`, as the journal has it.
fn head(text: &str) -> Result<Head, Refusal> {
    let parsed = text.split_once(':').and_then(|(seq, hash)| {
        Some(Head {
            seq: seq.parse().ok()?,
            hash: hash.to_lowercase(),
        })
    });
    parsed.ok_or_else(|| {
        Refusal::bad_request(format!(
            "`{text}` is no head: write `SEQ:HASH`, as `audit head` in the journal has them"
        ))
    })
}
