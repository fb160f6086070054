//! The command line's end of the control socket.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::UnixStream;

use super::exit::Failure;
use crate::api::control::model::{ErrorBody, VERSION_HEADER};

/// Reads how many rows a page is to have: at least one, and no more than the daemon gives.
pub(crate) fn page_size() -> clap::builder::RangedI64ValueParser<u32> {
    clap::value_parser!(u32).range(1..=10_000)
}

/// How long the daemon may take to answer a read: a page of rows, or sums over a large state, take seconds.
const PATIENCE: Duration = Duration::from_mins(2);

/// Talks to the daemon over `<runtime>/control.sock`.
pub(crate) struct Client {
    socket: PathBuf,
    runtime: tokio::runtime::Runtime,
    patience: Duration,
}

impl Client {
    /// A client of the daemon whose sockets are in `runtime`.
    pub(crate) fn new(runtime: &Path) -> Result<Self, Failure> {
        let socket = runtime.join("control.sock");
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Failure::failed(format!("cannot start: {error}")))?;
        Ok(Self {
            socket,
            runtime,
            patience: PATIENCE,
        })
    }

    /// Waits no longer than that for the answer to a read, where two minutes are too long.
    #[must_use]
    pub(crate) fn with_patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// Runs `work` where the client runs.
    pub(crate) fn block_on<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.block_on(work)
    }

    /// `GET path?query`. Does not wait for ever: systemd takes connections for a daemon that hangs.
    pub(crate) fn get<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &impl Serialize,
    ) -> Result<T, Failure> {
        let path = with_query(path, query)?;
        let answered = self.answer(Method::GET, &path, Bytes::new());
        let text = self.runtime.block_on(async {
            tokio::time::timeout(self.patience, answered)
                .await
                .unwrap_or_else(|_| Err(self.silent()))
        })?;
        read(&text)
    }

    /// `POST path` with a JSON body. Waits for as long as the work takes.
    pub(crate) fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, Failure> {
        let body = serde_json::to_vec(body)
            .map_err(|error| Failure::failed(format!("cannot write the request: {error}")))?;
        let answered = self.answer(Method::POST, path, body.into());
        read(&self.runtime.block_on(answered)?)
    }

    /// `GET path?query`, each chunk of the answer handed to `each` as it comes.
    pub(crate) fn stream(
        &self,
        path: &str,
        query: &impl Serialize,
        each: impl FnMut(&[u8]) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        self.pieces(Method::GET, &with_query(path, query)?, each)
    }

    /// `POST path?query` for an answer that is a file, each chunk handed to `each` as it comes.
    pub(crate) fn download(
        &self,
        path: &str,
        query: &impl Serialize,
        each: impl FnMut(&[u8]) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        self.pieces(Method::POST, &with_query(path, query)?, each)
    }

    fn pieces(
        &self,
        method: Method,
        path: &str,
        mut each: impl FnMut(&[u8]) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        self.runtime.block_on(async {
            let mut answer = self.send(method, path, Bytes::new()).await?;
            while let Some(frame) = answer.body_mut().frame().await {
                let frame = frame.map_err(|error| self.broken(&error))?;
                if let Some(chunk) = frame.data_ref() {
                    each(chunk)?;
                }
            }
            Ok(())
        })
    }

    async fn answer(&self, method: Method, path: &str, body: Bytes) -> Result<Bytes, Failure> {
        let answer = self.send(method, path, body).await?;
        self.whole(answer).await
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> Result<Response<Incoming>, Failure> {
        let stream = UnixStream::connect(&self.socket)
            .await
            .map_err(|error| self.unreachable(&error))?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| self.broken(&error))?;
        let _driver = tokio::spawn(connection);
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", "seatsync")
            .header("content-type", "application/json")
            .body(Full::new(body))
            .map_err(|error| Failure::failed(format!("cannot write the request: {error}")))?;
        let answer = sender
            .send_request(request)
            .await
            .map_err(|error| self.broken(&error))?;
        warn_of_other_version(&answer);
        let status = answer.status();
        if status.is_success() {
            return Ok(answer);
        }
        let body = self.whole(answer).await?;
        let message = serde_json::from_slice::<ErrorBody>(&body).map_or_else(
            |_| format!("the daemon answers {status}"),
            |body| body.error,
        );
        Err(match status.as_u16() {
            400 => Failure::Usage(message),
            401 | 403 => Failure::NotPermitted(message),
            _ => Failure::failed(message),
        })
    }

    async fn whole(&self, answer: Response<Incoming>) -> Result<Bytes, Failure> {
        let body = answer.into_body().collect().await;
        Ok(body.map_err(|error| self.broken(&error))?.to_bytes())
    }

    fn unreachable(&self, error: &std::io::Error) -> Failure {
        let socket = self.socket.display();
        if error.kind() == ErrorKind::PermissionDenied {
            return Failure::NotPermitted(format!(
                "`{socket}` does not let this user in: run it as root or as a member of the group `seatsync-admin`"
            ));
        }
        Failure::Unreachable(format!(
            "no daemon answers on `{socket}` ({error}): start it with `seatsync run` or `systemctl start seatsync`, or give `--runtime`"
        ))
    }

    fn silent(&self) -> Failure {
        Failure::Unreachable(format!(
            "the daemon on `{}` did not answer within {} s: look at `systemctl status seatsync` and its journal, and restart it if it hangs",
            self.socket.display(),
            self.patience.as_secs()
        ))
    }

    fn broken(&self, error: &hyper::Error) -> Failure {
        Failure::Unreachable(format!(
            "the daemon on `{}` went away in the middle of its answer: {error}",
            self.socket.display()
        ))
    }
}

fn read<T: DeserializeOwned>(answer: &[u8]) -> Result<T, Failure> {
    serde_json::from_slice(answer)
        .map_err(|error| Failure::failed(format!("the daemon's answer cannot be read: {error}")))
}

fn with_query(path: &str, query: &impl Serialize) -> Result<String, Failure> {
    let query = serde_urlencoded::to_string(query)
        .map_err(|error| Failure::failed(format!("cannot write the request: {error}")))?;
    Ok(if query.is_empty() {
        path.to_owned()
    } else {
        format!("{path}?{query}")
    })
}

fn warn_of_other_version(answer: &Response<Incoming>) {
    use std::io::Write;
    let ours = env!("CARGO_PKG_VERSION");
    let theirs = answer
        .headers()
        .get(VERSION_HEADER)
        .and_then(|value| value.to_str().ok());
    if let Some(theirs) = theirs
        && theirs != ours
    {
        let _ = writeln!(
            anstream::stderr(),
            "warning: this is seatsync {ours}, the daemon is {theirs}: restart the daemon after an upgrade"
        );
    }
}
