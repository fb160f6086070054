//! Catches the address that a vendor's consent page leads on to: on a port of this host, or pasted
//! from a browser that runs elsewhere.

use std::io::BufRead as _;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Html;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use url::{Host, Url};

use super::exit::Failure;

/// How long the browser may take to fetch the closing page.
const FAREWELL: Duration = Duration::from_secs(2);

/// A port of this host that a browser is sent to.
pub(super) struct Callback {
    listener: TcpListener,
    redirect_uri: Url,
}

#[derive(Clone)]
struct Page {
    redirect_uri: Url,
    state: String,
    found: mpsc::Sender<String>,
}

impl Callback {
    /// Listens where `redirect_uri` points, a loopback address with plain http. Port 0 takes a
    /// free one.
    pub(super) async fn listen(mut redirect_uri: Url) -> Result<Self, Failure> {
        let port = redirect_uri.port_or_known_default().unwrap_or(0);
        let address: SocketAddr = match redirect_uri.host() {
            Some(Host::Ipv4(host)) => (host, port).into(),
            Some(Host::Ipv6(host)) => (host, port).into(),
            _ => ([127, 0, 0, 1], port).into(),
        };
        let failed = |error: std::io::Error| {
            Failure::failed(format!(
                "cannot listen on {address} for the browser ({error}): give another `--port` that the vendor's app has registered, or `--paste`"
            ))
        };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let bound = listener.local_addr().map_err(failed)?;
        if redirect_uri.set_port(Some(bound.port())).is_err() {
            return Err(Failure::failed(format!("`{redirect_uri}` takes no port")));
        }
        Ok(Self {
            listener,
            redirect_uri,
        })
    }

    /// Where the vendor's page is to lead on to.
    pub(super) fn redirect_uri(&self) -> &str {
        self.redirect_uri.as_str()
    }

    /// Waits until a browser brings `state`, or until the address is pasted.
    pub(super) async fn wait(
        self,
        state: &str,
        mut pasted: Option<mpsc::Receiver<String>>,
    ) -> Result<String, Failure> {
        let (found, mut brought) = mpsc::channel(1);
        let page = Page {
            redirect_uri: self.redirect_uri,
            state: state.to_owned(),
            found,
        };
        let router = Router::new().fallback(answer).with_state(page);
        let (stop, stopped) = oneshot::channel::<()>();
        let server = axum::serve(self.listener, router).with_graceful_shutdown(async {
            // It ends by the message or by the sender going away.
            let _ = stopped.await;
        });
        let server = tokio::spawn(server.into_future());
        let address = tokio::select! {
            address = brought.recv() => address,
            address = next_pasted(pasted.as_mut()) => address,
        };
        drop(stop);
        // The closing page is a courtesy.
        let _ = tokio::time::timeout(FAREWELL, server).await;
        address.ok_or_else(|| Failure::failed("nobody answered"))
    }
}

/// Never, where nothing can be pasted or nothing more will be.
async fn next_pasted(pasted: Option<&mut mpsc::Receiver<String>>) -> Option<String> {
    match pasted {
        Some(pasted) => match pasted.recv().await {
            Some(address) => Some(address),
            None => std::future::pending().await,
        },
        None => std::future::pending().await,
    }
}

async fn answer(State(page): State<Page>, request: Request) -> (StatusCode, Html<&'static str>) {
    let uri = request.uri();
    if uri.path() != page.redirect_uri.path() {
        return (StatusCode::NOT_FOUND, Html("There is nothing here."));
    }
    let mut address = page.redirect_uri.clone();
    address.set_query(uri.query());
    let is_ours = address
        .query_pairs()
        .any(|(key, value)| key == "state" && value == page.state);
    if !is_ours {
        return (
            StatusCode::BAD_REQUEST,
            Html(
                "This is not the answer that seatsync waits for: follow the address that it shows.",
            ),
        );
    }
    let is_a_no = address.query_pairs().any(|(key, _)| key == "error");
    // A second answer is one too many; the first one counts.
    let _ = page.found.try_send(address.into());
    let farewell = if is_a_no {
        "<!doctype html><title>seatsync</title><p>seatsync was not let in. You can close this page: the terminal tells more."
    } else {
        "<!doctype html><title>seatsync</title><p>seatsync has the answer. You can close this page: the terminal tells whether it worked."
    };
    (StatusCode::OK, Html(farewell))
}

/// The lines of standard input, on a thread of their own: reading them cannot be cut.
pub(super) fn pasted_lines() -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel(1);
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            if !line.trim().is_empty() && sender.blocking_send(line).is_err() {
                return;
            }
        }
    });
    receiver
}
