//! What plans are made from, as a file: for `seatsync plan --snapshot` on another host.

use std::fs::File;
use std::io::Read as _;

use axum::body::{Body, Bytes};
use axum::extract::{Extension, Query, State};
use axum::response::{IntoResponse as _, Response};
use http_body_util::channel::{Channel, Sender};
use serde_json::json;

use super::answer::Refusal;
use super::model::SnapshotQuery;
use super::{Asker, Control};
use crate::snapshot::{self, SnapshotError, Surroundings};
use crate::store::audit::{AuditAction, NewEntry};

/// Bytes handed over at once, and how many such pieces wait for a slow reader.
const PIECE: usize = 64 << 10;
const PIECES_AHEAD: usize = 4;

impl From<SnapshotError> for Refusal {
    fn from(error: SnapshotError) -> Self {
        match error {
            SnapshotError::Store(error) => error.into(),
            other => Self::internal(format!("the snapshot could not be written: {other}")),
        }
    }
}

/// `POST /v1/snapshot`: for operators, and noted in the audit log, since it takes people's use of seats off
/// this host.
pub(super) async fn export(
    State(control): State<Control>,
    Extension(Asker(by)): Extension<Asker>,
    Query(query): Query<SnapshotQuery>,
) -> Result<Response, Refusal> {
    let now = control.clock.now();
    let stopped = control.runner.permit().stopped();
    let surroundings = Surroundings {
        settings: &control.settings,
        stopped: stopped.as_deref(),
        now,
    };
    let facts = json!({ "users": if query.hash_users { "hashed" } else { "clear" } });
    let entry = NewEntry::new(AuditAction::SnapshotExported, &by, facts);
    control.store.audit(entry, now).await?;
    let file = snapshot::export(&control.store, surroundings, query.hash_users).await?;
    let (pieces, body) = Channel::new(PIECES_AHEAD);
    tokio::spawn(send(file, pieces));
    Ok(([("content-type", "application/x-ndjson")], Body::new(body)).into_response())
}

/// An error ends the stream without its last chunk, so that the reader knows that it is cut.
async fn send(mut file: File, mut pieces: Sender<Bytes, std::io::Error>) {
    loop {
        let read = tokio::task::spawn_blocking(move || {
            let mut piece = vec![0; PIECE];
            let read = file.read(&mut piece).map(|length| {
                piece.truncate(length);
                piece
            });
            (file, read)
        });
        let Ok((same, read)) = read.await else { return };
        file = same;
        match read {
            Ok(piece) if piece.is_empty() => return,
            Ok(piece) => {
                if pieces.send_data(piece.into()).await.is_err() {
                    return;
                }
            }
            Err(error) => {
                tracing::error!(%error, "a snapshot was cut");
                pieces.abort(error);
                return;
            }
        }
    }
}
