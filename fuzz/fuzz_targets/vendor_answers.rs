//! Any bytes as a vendor's answers, over HTTP and the real connectors: a download, what was bought and activity end
//! in facts or in an error, never in a panic or without end.
//!
//! The first byte chooses the vendor; the rest is one answer a line, given one after the other, the last one for ever.
#![no_main]

use std::pin::Pin;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use libfuzzer_sys::fuzz_target;
use seatsync::clock::{Clock, ManualClock};
use seatsync::connector::facts::{ActivityPage, Completeness, Process, SeatPage};
use seatsync::connector::options::RetryPolicy;
use seatsync::connector::{
    AnyConnector, CallStats, Connector, ConnectorOptions, Connectors, Limits, WriteOptions,
};
use seatsync::profile::model::{DesiredProfile, ResolvedConnection};
use seatsync::secret::Secrets;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::sync::mpsc;

/// Requests of one input after which something goes round in circles.
const MOST_CALLS: u64 = 400;

/// Sleepers wake at once and find the time moved.
#[derive(Debug, Clone)]
struct Hurried(ManualClock);

impl Clock for Hurried {
    fn now(&self) -> jiff::Timestamp {
        self.0.now()
    }

    fn sleep_until(
        &self,
        instant: jiff::Timestamp,
    ) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async move {
            if instant > self.0.now() {
                self.0.set(instant);
            }
            tokio::task::yield_now().await;
        })
    }

    fn elapsed(&self) -> jiff::SignedDuration {
        self.0.elapsed()
    }

    fn sleep(
        &self,
        duration: jiff::SignedDuration,
    ) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async move {
            self.0.advance(duration);
            tokio::task::yield_now().await;
        })
    }
}

/// What the pretended vendor says.
#[derive(Debug, Default)]
struct Answers {
    lines: Vec<Vec<u8>>,
    next: usize,
}

impl Answers {
    fn next(&mut self) -> Vec<u8> {
        let line = self.lines.get(self.next).or(self.lines.last());
        self.next += 1;
        line.cloned().unwrap_or_default()
    }
}

struct Bench {
    runtime: Runtime,
    answers: Arc<Mutex<Answers>>,
    address: String,
    /// The same for all inputs: its HTTP client takes long to make.
    connectors: Connectors,
}

fn start() -> Bench {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let answers = Arc::new(Mutex::new(Answers::default()));
    let listener = runtime
        .block_on(TcpListener::bind("127.0.0.1:0"))
        .expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    let shared = answers.clone();
    runtime.spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer_all(stream, shared.clone()));
        }
    });
    let clock = Hurried(ManualClock::at(
        "2026-11-25T12:00:00Z".parse().expect("a time"),
    ));
    let secrets = Secrets::new(None, [("SECRET".to_owned(), "secret".to_owned())]);
    let options = ConnectorOptions {
        retry: RetryPolicy {
            attempts: 1,
            per_run: 0,
            ..RetryPolicy::default()
        },
        limits: Limits::Unlimited,
        ..ConnectorOptions::default()
    };
    Bench {
        runtime,
        answers,
        address,
        connectors: Connectors::new(Arc::new(secrets), Arc::new(clock), options),
    }
}

/// Answers requests of one connection until it closes. Tokens are always given.
async fn answer_all(mut stream: TcpStream, answers: Arc<Mutex<Answers>>) {
    const TOKEN: &[u8] =
        br#"{"access_token":"t","token_type":"Bearer","expires_in":3600,"scope":"user:read:admin report:read:admin account:read:admin identity: identity:scim.me collab: cr.v1.read users.v1.lines.read"}"#;
    let mut head = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let Some(end) = head.windows(4).position(|four| four == b"\r\n\r\n") else {
            match stream.read(&mut buffer).await {
                Ok(count) if count > 0 => head.extend_from_slice(&buffer[..count]),
                _ => return,
            }
            continue;
        };
        let text = String::from_utf8_lossy(&head[..end]).to_ascii_lowercase();
        let length: usize = text
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "))
            .and_then(|length| length.parse().ok())
            .unwrap_or(0);
        while head.len() < end + 4 + length {
            match stream.read(&mut buffer).await {
                Ok(count) if count > 0 => head.extend_from_slice(&buffer[..count]),
                _ => return,
            }
        }
        head.drain(..end + 4 + length);
        let body = if text.starts_with("post") {
            TOKEN.to_vec()
        } else {
            answers
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .next()
        };
        let answer = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        // In one piece, so that neither end waits for the other's acknowledgement.
        let answer = [answer.as_bytes(), &body].concat();
        if stream.write_all(&answer).await.is_err() {
            return;
        }
    }
}

/// The connection of a profile that leads to the pretended vendor.
fn connection(vendor: u8, address: &str) -> (ResolvedConnection, DesiredProfile) {
    let (vendor, kind, grant) = match vendor % 3 {
        0 => ("zoom", "zoom", "account_credentials"),
        1 => ("goto", "goto", "personal_access_token"),
        _ => ("aha", "aha", "api_key"),
    };
    let desired: Value = json!({
        "profile": {
            "name": "one", "display_name": "one", "profile_type": kind,
            "state": "published", "suspend": false, "formerly": [],
            "connection": {"named": "one"}, "connect_connection": null,
            "subflows": {
                "download_subscriptions": {"enabled": true, "schedule": null},
                "pull_user_activity": {"enabled": true, "schedule": null},
                "analyze_from": "60d",
                "reclaim_subscriptions": {"enabled": false, "schedule": null}
            },
            "exclusions": {"identifiers": [], "users": []},
            "protected": [], "reclamation": null
        },
        "connection": {
            "name": "one", "vendor": vendor, "url": address, "grant": grant,
            "token_url": format!("{address}/oauth/token"),
            "authorize_url": format!("{address}/oauth/authorize"),
            "account_id": null, "client_id": "client", "client_secret": {"env": "SECRET"},
            "token": {"env": "SECRET"}, "plan": "pro", "share": 25
        },
        "connect_connection": null, "exclusions": [], "protected": []
    });
    let mut desired: DesiredProfile = serde_json::from_value(desired).expect("a profile");
    if vendor == "zoom" {
        desired.connection.account_id = Some("account".to_owned());
    }
    (desired.connection.clone(), desired)
}

async fn all_of(connector: &AnyConnector) {
    let (pages, mut receiver) = mpsc::channel::<SeatPage>(2);
    let gather = async {
        let mut seats = 0;
        while let Some(page) = receiver.recv().await {
            seats += page.seats.len();
        }
        seats
    };
    let (report, _) = tokio::join!(connector.walk_seats(pages), gather);
    if let Ok(report) = report
        && report.completeness == Completeness::Complete
        && let Some(total) = report.vendor_total
    {
        assert_eq!(report.users, total, "complete, and not as many as told");
    }
    let _ = connector.account().await;
    let _ = connector.purchased().await;
    let options = WriteOptions::default();
    let _ = connector.validate(Process::Activity, &options).await;
    let _ = connector.add_ons("somebody").await;
    for plan in connector.activity_plans().await.unwrap_or_default() {
        let (pages, mut receiver) = mpsc::channel::<ActivityPage>(2);
        let gather = async { while receiver.recv().await.is_some() {} };
        let day = "2026-11-20".parse().expect("a day");
        let _ = tokio::join!(connector.activity_of_day(&plan, day, pages), gather);
    }
}

fuzz_target!(|input: &[u8]| {
    static BENCH: OnceLock<Bench> = OnceLock::new();
    let bench = BENCH.get_or_init(start);
    let Some((vendor, rest)) = input.split_first() else {
        return;
    };
    *bench.answers.lock().unwrap_or_else(PoisonError::into_inner) = Answers {
        lines: rest
            .split(|byte| *byte == b'\n')
            .map(<[u8]>::to_vec)
            .collect(),
        next: 0,
    };
    let (connection, desired) = connection(*vendor, &bench.address);
    let stats = CallStats::default();
    bench.runtime.block_on(async {
        let connector = bench
            .connectors
            .connect(
                &connection,
                Some(&connection),
                desired.profile.profile_type,
                &stats,
            )
            .expect("a connector");
        all_of(&connector).await;
    });
    let calls = stats.counts().vendor_calls;
    assert!(calls <= MOST_CALLS, "{calls} calls");
});
