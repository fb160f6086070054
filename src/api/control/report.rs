//! The sums of the report; its lists are the other routes'.

use axum::Json;
use axum::extract::State;
use jiff::tz::TimeZone;

use super::Control;
use super::answer::Refusal;
use crate::store::report::ReportSums;

/// `GET /v1/report`.
pub(super) async fn get(State(control): State<Control>) -> Result<Json<ReportSums>, Refusal> {
    // Days of activity are vendors' days.
    let today = control.clock.now().to_zoned(TimeZone::UTC).date();
    Ok(Json(control.store.report_sums(today).await?))
}
