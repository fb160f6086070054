//! The sums of the report, and its candidates; its other lists are the other routes'.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Query, State};
use jiff::tz::TimeZone;

use super::Control;
use super::answer::Refusal;
use super::model::ReportCandidateQuery;
use super::page::{self, PageSize};
use crate::position::calculate::yearly_saving;
use crate::position::facts::Saving;
use crate::position::result::Money;
use crate::reclamation::candidate::{Candidate, Savings};
use crate::store::report::{ReportCandidate, ReportSums};

/// `GET /v1/report`.
pub(super) async fn get(State(control): State<Control>) -> Result<Json<ReportSums>, Refusal> {
    // Days of activity are vendors' days.
    let today = control.clock.now().to_zoned(TimeZone::UTC).date();
    Ok(Json(control.store.report_sums(today).await?))
}

/// `GET /v1/report/candidates`: open ones, the largest amount first, each in its own currency; nothing is
/// converted to compare them.
pub(super) async fn candidates(
    State(control): State<Control>,
    Query(query): Query<ReportCandidateQuery>,
) -> Result<Json<Vec<ReportCandidate>>, Refusal> {
    let zone = control.settings.time_zone.clone();
    let today = control.clock.now().to_zoned(zone).date();
    let known = Arc::new(control.store.entitlements().await?);
    let saves = move |candidate: &Candidate| -> Option<Money> {
        yearly_saving(&saving_of(candidate.savings.as_ref()?)?, &known, today)
    };
    let order = saves.clone();
    let limit = PageSize::of(query.limit, page::USUAL).rows();
    let rows = control
        .store
        .open_candidates_by(move |one| order(one).map(|money| money.amount), limit)
        .await?;
    let rows = rows.into_iter().map(|candidate| ReportCandidate {
        saves: saves(&candidate),
        candidate,
    });
    Ok(Json(rows.collect()))
}

/// What a candidate's record says, read as it was written.
fn saving_of(savings: &Savings) -> Option<Saving> {
    let written = serde_json::to_value(savings).ok()?;
    serde_json::from_value(written).ok()
}
