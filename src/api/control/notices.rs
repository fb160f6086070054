//! Notices: what people were told, and whether it arrived.

use axum::Json;
use axum::extract::{Extension, Query, State};

use super::answer::Refusal;
use super::model::{Listing, NoticeQuery, TrialAnswer};
use super::page::{self, PageSize};
use super::{Asker, Control};
use crate::notice::Occasion;
use crate::store::notice::{NoticeFilter, RecordedNotice};

/// `GET /v1/notices`.
pub(super) async fn list(
    State(control): State<Control>,
    Query(query): Query<NoticeQuery>,
) -> Result<Json<Listing<RecordedNotice>>, Refusal> {
    let size = PageSize::of(query.limit, page::USUAL);
    let filter = NoticeFilter {
        before: page::number_after(query.after.as_deref())?,
        candidate: query.candidate,
    };
    let rows = control.store.notices(filter, size.with_one_ahead()).await?;
    let (rows, next) = size.cut(rows, |row| row.id.to_string());
    Ok(Json(Listing { rows, next }))
}

/// `POST /v1/notices/trial`.
pub(super) async fn trial(
    State(control): State<Control>,
    Extension(Asker(by)): Extension<Asker>,
) -> Result<Json<TrialAnswer>, Refusal> {
    let notifications = &control.settings.notifications;
    if notifications.smtp.is_none() && notifications.webhook.is_none() {
        return Err(Refusal::conflict(
            "nobody can be told anything: set `notifications.smtp` or `notifications.webhook` in seatsync.yaml and restart the daemon",
        ));
    }
    let now = control.clock.now();
    let uid = control.store.announce(Occasion::Trial, now).await?;
    tracing::info!(%by, uid, "a trial notice is to go");
    Ok(Json(TrialAnswer { uid }))
}
