//! The licence position: the latest or an earlier one, and computing it now.

use axum::Json;
use axum::extract::{Query, State};

use super::Control;
use super::answer::Refusal;
use super::model::{
    Listing, PositionAnswer, PositionQuery, PositionRowOfRun, PositionRowQuery, PositionRunQuery,
};
use super::page::{self, PageSize};
use crate::position::facts::Grouping;
use crate::position::row;
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

/// `GET /v1/position/rows`: the latest position as rows that are alike; none where none is computed.
pub(super) async fn rows(
    State(control): State<Control>,
    Query(query): Query<PositionRowQuery>,
) -> Result<Json<Listing<PositionRowOfRun>>, Refusal> {
    let size = PageSize::of(query.limit, page::USUAL);
    let after = query.after.as_deref().map(place).transpose()?;
    let run = control
        .store
        .position_run(after.map(|(run, ..)| run))
        .await?;
    let results = match &run {
        None => None,
        Some(run) => {
            let after = after.map(|(_, grouping, seq)| (grouping, seq));
            control
                .store
                .placed_results(run.id, query.grouped, after, size.with_one_ahead())
                .await?
        }
    };
    let Some((run, results)) = run.zip(results) else {
        return match after {
            None => Ok(Json(Listing {
                rows: Vec::new(),
                next: None,
            })),
            // A day's later chain takes the place of an earlier one.
            Some(_) => Err(Refusal::conflict(
                "the position was computed anew meanwhile: begin with its first page again",
            )),
        };
    };
    let (results, next) = size.cut(results, |last| {
        format!("{}/{}/{}", run.id, last.grouping.as_str(), last.seq)
    });
    let rows = results.iter().flat_map(|placed| {
        let rows = row::rows(&placed.result).into_iter();
        rows.map(|row| PositionRowOfRun {
            run: run.id,
            calculated_at: run.calculated_at,
            day: run.day,
            grouping: placed.grouping,
            row,
        })
    });
    Ok(Json(Listing {
        rows: rows.collect(),
        next,
    }))
}

/// The run, grouping and place that a token of a page is.
fn place(token: &str) -> Result<(i64, Grouping, i64), Refusal> {
    let mut parts = token.split('/');
    let run = parts.next().and_then(|part| part.parse().ok());
    let word = parts.next();
    let grouping = Grouping::ALL
        .into_iter()
        .find(|grouping| Some(grouping.as_str()) == word);
    let seq = parts.next().and_then(|part| part.parse().ok());
    let (Some(run), Some(grouping), Some(seq)) = (run, grouping, seq) else {
        return Err(Refusal::bad_request(
            "`after` is not a token that a page gave",
        ));
    };
    Ok((run, grouping, seq))
}
