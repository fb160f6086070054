//! The licence position: the latest or an earlier one, and computing it now.

use axum::Json;
use axum::extract::{Query, State};

use super::Control;
use super::answer::Refusal;
use super::model::{Listing, PositionAnswer, PositionQuery, PositionRunQuery};
use super::page::{self, PageSize};
use crate::store::job::Trigger;
use crate::store::position::{PositionFilter, PositionRun};
use crate::subflow::position::calculate_position;

/// `GET /v1/position`.
pub(super) async fn get(
    State(control): State<Control>,
    Query(query): Query<PositionQuery>,
) -> Result<Json<PositionAnswer>, Refusal> {
    let run = control.store.position_run(query.id).await?;
    let run = run.ok_or_else(|| {
        Refusal::not_found(match query.id {
            Some(id) => format!(
                "there is no position `{id}`: `seatsync position --history` shows those that are kept"
            ),
            None => {
                "no position is computed yet: `seatsync position --run` computes it now".to_owned()
            }
        })
    })?;
    let filter = PositionFilter {
        publisher: query.publisher,
        product: query.product,
    };
    let products = control
        .store
        .position_results(run.id, query.group, filter)
        .await?;
    Ok(Json(PositionAnswer {
        run,
        group: query.group,
        products,
    }))
}

/// `POST /v1/position`: computes it now.
pub(super) async fn calculate(
    State(control): State<Control>,
) -> Result<Json<PositionRun>, Refusal> {
    let zone = &control.settings.time_zone;
    let now = control.clock.now();
    let run = calculate_position(&control.store, zone, now, Trigger::Manual).await?;
    Ok(Json(run))
}

/// `GET /v1/position/runs`.
pub(super) async fn runs(
    State(control): State<Control>,
    Query(query): Query<PositionRunQuery>,
) -> Result<Json<Listing<PositionRun>>, Refusal> {
    let size = PageSize::of(query.limit, page::USUAL);
    let rows = control
        .store
        .position_runs(query.before, size.with_one_ahead())
        .await?;
    let (rows, next) = size.cut(rows, |run| run.id.to_string());
    Ok(Json(Listing { rows, next }))
}
