//! Installed software: which was found unused, why, and the runs that look for it.

use axum::Json;
use axum::extract::{Path, Query, State};
use jiff::SignedDuration;

use super::Control;
use super::answer::Refusal;
use super::jobs::Wait;
use super::model::{InstalledQuery, InstalledRunQuery, ItemExplanation, ItemQuery, Listing};
use super::page::{self, PageSize};
use crate::clock::sleep;
use crate::job::InstalledRequestError;
use crate::profile::name::Name;
use crate::reclamation::installed::candidate::InstalledCandidate;
use crate::store::installed::InstalledFilter;
use crate::store::installed_run::InstalledRun;
use crate::store::job::JobState;
use crate::subflow::installed_explain::item_explained;
use crate::usage::Reference;

impl From<InstalledRequestError> for Refusal {
    fn from(error: InstalledRequestError) -> Self {
        match error {
            InstalledRequestError::Refused(_) => Self::conflict(error.to_string()),
            InstalledRequestError::Store(error) => error.into(),
        }
    }
}

/// `GET /v1/installed/candidates`.
pub(super) async fn list(
    State(control): State<Control>,
    Query(query): Query<InstalledQuery>,
) -> Result<Json<Listing<InstalledCandidate>>, Refusal> {
    let size = PageSize::of(query.limit, page::USUAL);
    let after = page::number_after(query.after.as_deref())?;
    let rows = control
        .store
        .installed_candidates(filter_of(&query)?, after, size.with_one_ahead())
        .await?;
    let (rows, next) = size.cut(rows, |row| row.id.to_string());
    Ok(Json(Listing { rows, next }))
}

/// `GET /v1/installed/items/{item}/explain`.
pub(super) async fn explain(
    State(control): State<Control>,
    Path(item): Path<String>,
    Query(query): Query<ItemQuery>,
) -> Result<Json<ItemExplanation>, Refusal> {
    let item = item_of(&item)?;
    let named = query.software_model.clone();
    let explained = item_explained(
        control.installed.context(),
        item,
        |_, selected| {
            let model = &selected.software_model;
            named.as_ref().is_none_or(|named| named == model)
        },
        named.is_some(),
    )
    .await?;
    let explained = explained.ok_or_else(|| {
        Refusal::not_found(format!(
            "nothing was reported of configuration item `{item}`: `seatsync usage summary --months 12 --by-device` lists those that report"
        ))
    })?;
    if let (Some(model), []) = (&named, explained.verdicts.as_slice()) {
        return Err(Refusal::not_found(format!(
            "no rule decides for SoftwareModel `{model}`: `seatsync rules list` shows those that do"
        )));
    }
    let filter = InstalledFilter {
        configuration_item: Some(item),
        software_model: named,
        ..InstalledFilter::default()
    };
    let candidates = control
        .store
        .installed_candidates(filter, None, page::LARGEST)
        .await?;
    Ok(Json(ItemExplanation {
        explained,
        candidates,
    }))
}

/// `GET /v1/installed/runs`.
pub(super) async fn runs(
    State(control): State<Control>,
    Query(query): Query<InstalledRunQuery>,
) -> Result<Json<Listing<InstalledRun>>, Refusal> {
    let size = PageSize::of(query.limit, page::USUAL);
    let rows = control
        .store
        .installed_runs(query.ended, query.before, size.with_one_ahead())
        .await?;
    let (rows, next) = size.cut(rows, |run| run.id.clone());
    Ok(Json(Listing { rows, next }))
}

/// `POST /v1/installed/runs`.
pub(super) async fn request(State(control): State<Control>) -> Result<Json<InstalledRun>, Refusal> {
    Ok(Json(control.installed.request().await?))
}

/// `GET /v1/installed/runs/{id}?wait=SECONDS`: answers when it ended or the seconds are over.
pub(super) async fn run(
    State(control): State<Control>,
    Path(id): Path<String>,
    Query(wait): Query<Wait>,
) -> Result<Json<InstalledRun>, Refusal> {
    let mut ended = control.installed.ended();
    ended.mark_unchanged();
    let run = find(&control, &id).await?;
    let wait = wait.duration();
    let runs = matches!(run.state, JobState::Pending | JobState::InProgress);
    if !runs || wait == SignedDuration::ZERO {
        return Ok(Json(run));
    }
    tokio::select! {
        _ = ended.changed() => {}
        () = sleep(&*control.clock, wait) => {}
    }
    Ok(Json(find(&control, &id).await?))
}

async fn find(control: &Control, id: &str) -> Result<InstalledRun, Refusal> {
    let run = control.store.installed_run(id).await?;
    run.ok_or_else(|| {
        Refusal::not_found(format!(
            "there is no run `{id}`: `seatsync jobs results --installed` shows them"
        ))
    })
}

/// What a query narrows to.
pub(super) fn filter_of(query: &InstalledQuery) -> Result<InstalledFilter, Refusal> {
    let model = |text: &String| {
        text.parse::<Name>()
            .map_err(|error| Refusal::bad_request(error.to_string()))
    };
    let item = query.configuration_item.as_deref().map(item_of);
    Ok(InstalledFilter {
        configuration_item: item.transpose()?,
        norm_product: None,
        software_model: query.software_model.as_ref().map(model).transpose()?,
        state: query.state,
        open: query.open,
    })
}

fn item_of(text: &str) -> Result<Reference, Refusal> {
    Reference::parse(text).ok_or_else(|| {
        Refusal::bad_request(format!(
            "`{text}` is no configuration item: write its 32 hexadecimal digits"
        ))
    })
}
