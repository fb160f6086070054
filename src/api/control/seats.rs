//! Seats: who holds them, what they are of, what is known of one user.

use axum::Json;
use axum::extract::{Query, State};

use super::Control;
use super::answer::{Refusal, profile_name};
use super::model::{ExplainQuery, Explanation, Listing, SubscriptionQuery};
use super::page::{self, PageSize};
use crate::profile::name::Name;
use crate::store::candidate::CandidateFilter;
use crate::store::subscription::{Subscription, SubscriptionFilter};
use crate::subflow::explain;

/// `GET /v1/subscriptions`.
pub(super) async fn list(
    State(control): State<Control>,
    Query(query): Query<SubscriptionQuery>,
) -> Result<Json<Listing<Subscription>>, Refusal> {
    let size = PageSize::of(query.limit, page::USUAL);
    let after = page::number_after(query.after.as_deref())?;
    let filter = SubscriptionFilter {
        profile: known_profile(&control, query.profile.as_deref()).await?,
        identifier: query.identifier,
        user: query.user,
        excluded: query.excluded,
        presence: query.presence,
    };
    let rows = control
        .store
        .subscriptions(filter, after, size.with_one_ahead())
        .await?;
    let (rows, next) = size.cut(rows, |row| row.id.to_string());
    Ok(Json(Listing { rows, next }))
}

/// `GET /v1/explain`.
pub(super) async fn explain(
    State(control): State<Control>,
    Query(query): Query<ExplainQuery>,
) -> Result<Json<Explanation>, Refusal> {
    let name = profile_name(&query.profile)?;
    let recorded = control
        .store
        .desired_profile(&name)
        .await?
        .ok_or_else(|| Refusal::no_profile(&query.profile))?;
    let facts = control
        .store
        .user_facts(recorded.id, &name, &query.user)
        .await?;
    let facts = facts.ok_or_else(|| {
        Refusal::not_found(format!(
            "no seat of `{}` is recorded in `{name}`: `seatsync subscriptions list --profile {name}` lists those that are",
            query.user
        ))
    })?;
    let user = facts
        .seats
        .first()
        .map(|seat| seat.seat.external_user_id.clone());
    let verdicts = explain::verdicts(
        &control.store,
        &recorded,
        &user.unwrap_or_default(),
        control.settings.guards,
        control.clock.now(),
    )
    .await?;
    let filter = CandidateFilter {
        profile: Some(name),
        user: Some(query.user),
        ..CandidateFilter::default()
    };
    let candidates = control
        .store
        .candidates(filter, None, page::LARGEST)
        .await?;
    Ok(Json(Explanation {
        facts,
        verdicts,
        candidates,
    }))
}

/// The profile that a listing is narrowed to; refused when there is none of that name.
pub(super) async fn known_profile(
    control: &Control,
    name: Option<&str>,
) -> Result<Option<Name>, Refusal> {
    let Some(text) = name else {
        return Ok(None);
    };
    let name = profile_name(text)?;
    match control.store.desired_profile(&name).await? {
        Some(_) => Ok(Some(name)),
        None => Err(Refusal::no_profile(text)),
    }
}
