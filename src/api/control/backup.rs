//! A backup as it is made, and the check of both files.

use std::io::{self, Write};

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http_body_util::Channel;
use http_body_util::channel::Sender;
use tokio::runtime::Handle;

use super::Control;
use super::answer::Refusal;
use crate::store::backup::BackupError;
use crate::store::check::CheckReport;

/// Bytes of the archive in one piece.
const PIECE: usize = 64 << 10;
/// Pieces that are read before the asker has taken the one before.
const PIECES_AHEAD: usize = 2;

/// `POST /v1/backup`: the archive.
pub(super) async fn take(State(control): State<Control>) -> Result<Response, Refusal> {
    let mut backup = control
        .store
        .back_up(&control.usage, control.clock.now())
        .await?;
    let (pieces, body) = Channel::new(PIECES_AHEAD);
    let runtime = Handle::current();
    tokio::task::spawn_blocking(move || {
        let mut wire = Wire {
            runtime,
            pieces,
            piece: Vec::with_capacity(PIECE),
        };
        let written = backup.write_to(&mut wire);
        match written.and_then(|()| wire.flush()) {
            Ok(()) => tracing::info!("a backup was taken"),
            // The stream ends without its last chunk, so that the reader knows that it is cut.
            Err(error) => {
                tracing::error!(%error, "a backup was cut");
                wire.pieces.abort(error);
            }
        }
    });
    Ok(([("content-type", "application/x-tar")], Body::new(body)).into_response())
}

/// `POST /v1/db/check`: it reads everything, so that it is for operators.
pub(super) async fn check(State(control): State<Control>) -> Result<Json<CheckReport>, Refusal> {
    Ok(Json(control.store.check_files(&control.usage).await?))
}

/// Hands an archive on, on a thread that may wait.
struct Wire {
    runtime: Handle,
    pieces: Sender<Bytes, io::Error>,
    piece: Vec<u8>,
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = bytes.len().min(PIECE - self.piece.len());
        self.piece.extend_from_slice(&bytes[..count]);
        if self.piece.len() == PIECE {
            self.flush()?;
        }
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.piece.is_empty() {
            return Ok(());
        }
        let piece = std::mem::replace(&mut self.piece, Vec::with_capacity(PIECE));
        self.runtime
            .block_on(self.pieces.send_data(piece.into()))
            .map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))
    }
}

impl From<BackupError> for Refusal {
    fn from(error: BackupError) -> Self {
        match error {
            BackupError::UnderWay => Self::conflict(error.to_string()),
            error => Self::internal(error.to_string()),
        }
    }
}
