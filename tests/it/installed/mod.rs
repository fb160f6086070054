//! Rules for installed software: agents push over the usage socket to the whole daemon, whose clock is
//! moved by hand, and people look and decide by the command line.

mod asking;
mod decisions;
mod files;
mod finding;
mod runs;

use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::thread::JoinHandle;

use jiff::{SignedDuration, Timestamp};
use seatsync::clock::{Clock as _, ManualClock};
use seatsync::daemon::{self, Options, Surroundings};
use serde_json::Value;
use tokio::sync::oneshot;

use super::support::Host;
use super::support::agent::post;

/// Noon of the 10th of May 2027: April is the last whole month.
const NOON: &str = "2027-05-10T12:00:00Z";

/// A daemon in this process, for its clock.
pub(crate) struct Site {
    pub(crate) host: Host,
    pub(crate) clock: ManualClock,
    daemon: Option<(oneshot::Sender<()>, JoinHandle<()>)>,
}

impl Site {
    /// A daemon with one rule for CAD.
    fn with(rule: &str) -> Self {
        let mut site = Self::not_started();
        site.rule(rule);
        site.start();
        site.until_another_run_has_ended(0);
        site
    }

    fn not_started() -> Self {
        let host = Host::new();
        host.profile("models.yaml", MODELS);
        Self {
            host,
            clock: ManualClock::at(NOON.parse().unwrap()),
            daemon: None,
        }
    }

    fn rule(&self, rule: &str) {
        let text =
            format!("{{kind: ReclamationRule, name: idle, software_models: [cad], {rule}}}\n");
        self.host.profile("rule.yaml", &text);
    }

    fn start(&mut self) {
        let options = Options {
            profiles: self.host.path("profiles.d"),
            state: self.host.path("state"),
            runtime: self.host.path("run"),
            config: Some(self.host.path("seatsync.yaml")),
            once: false,
        };
        let (stop, stopped) = oneshot::channel();
        let clock = Arc::new(self.clock.clone());
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(2)
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                tokio::select! {
                    ended = daemon::run(options, Surroundings::default(), clock) => {
                        panic!("the daemon ended: {ended:?}");
                    }
                    _ = stopped => {}
                }
            });
        });
        self.daemon = Some((stop, thread));
        self.host
            .until(&["healthcheck"], |health| health["ok"] == true);
        self.host.json(&["reload", "--wait"]);
    }

    /// Ends the daemon without telling it.
    fn stop(&mut self) {
        let (stop, thread) = self.daemon.take().unwrap();
        stop.send(()).unwrap();
        thread.join().unwrap();
    }

    fn push(&self, items: &[String]) {
        let mut agent = UnixStream::connect(self.host.usage_socket()).unwrap();
        post(&mut agent, items).unwrap();
    }

    /// Judges now; the run's counts.
    fn judge(&self) -> Value {
        let run = self.host.json(&["jobs", "run", "--installed"]);
        assert_eq!(run["state"], "completed", "{run:#}");
        run["counts"].clone()
    }

    fn runs(&self) -> Vec<Value> {
        let runs = self.host.json(&["jobs", "list", "--installed"]);
        runs["rows"].as_array().unwrap().clone()
    }

    /// Waits for one more run than there were, and until all have ended.
    fn until_another_run_has_ended(&self, before: usize) {
        self.host.until(&["jobs", "list", "--installed"], |runs| {
            let rows = runs["rows"].as_array().unwrap();
            rows.len() > before && rows.iter().all(|run| !run["ended_at"].is_null())
        });
    }

    fn candidates(&self, more: &[&str]) -> Vec<Value> {
        let command = [&["candidates", "list", "--installed"], more].concat();
        self.host.json(&command)["rows"].as_array().unwrap().clone()
    }

    /// The only candidate that is open.
    fn candidate(&self) -> Value {
        let open = self.candidates(&[]);
        let [candidate] = open.as_slice() else {
            panic!("{open:#?}");
        };
        candidate.clone()
    }

    /// Takes a decision; the candidate after it.
    fn decide(&self, command: &[&str], candidate: &Value) -> Value {
        let id = candidate["id"].to_string();
        let command = [&["candidates"], command, &[id.as_str()]].concat();
        let answer = self.host.json(&command);
        assert_eq!(answer["decided"], serde_json::json!([]));
        answer["installed"][0]["candidate"].clone()
    }

    fn shown(&self, candidate: &Value) -> Value {
        self.host
            .json(&["candidates", "show", &candidate["id"].to_string()])
    }

    /// Lets days pass, and the night's run with them: however many, there is one.
    fn pass(&self, days: i64) {
        let before = self.runs().len();
        self.clock.advance(SignedDuration::from_hours(24 * days));
        self.until_another_run_has_ended(before);
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The verdict on CAD on an item.
    fn verdict(&self, item: u32) -> Value {
        let item = id(item);
        let command = [
            "explain",
            "--configuration-item",
            &item,
            "--software-model",
            "cad",
        ];
        self.host.json(&command)["verdicts"][0].clone()
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        if self.daemon.is_some() && !std::thread::panicking() {
            self.stop();
        }
    }
}

const CAD: u32 = 0xcad;
const OTHER: u32 = 0x07e4;

/// Two models, one with a price.
const MODELS: &str = "{kind: SoftwareModel, name: cad, publisher: Acme, product: CAD, norm_products: [00000000000000000000000000000cad]}
---
{kind: SoftwareModel, name: word, publisher: Acme, product: Word, norm_products: ['00000000000000000000000000000d0c']}
---
{kind: Entitlement, name: cad-2027, software_model: cad, quantity: 5, unit_cost: '1200.00', currency: EUR, period: annually, start: 2027-01-01}
";

fn id(number: u32) -> String {
    format!("{number:032x}")
}

/// Use of a product on an item in a month of 2027, in seconds.
fn month(item: u32, product: u32, month: u8, seconds: u32) -> String {
    format!(
        r#"{{"configuration_item":"{}","norm_product":"{}","reclamation_type":"total_usage","month_used":{month},"year":2027,"total_usage_time":{seconds}}}"#,
        id(item),
        id(product)
    )
}

/// The last use of a product on an item.
fn last_used(item: u32, product: u32, at: &str) -> String {
    format!(
        r#"{{"configuration_item":"{}","norm_product":"{}","reclamation_type":"last_used_date","last_used_time":"{at}"}}"#,
        id(item),
        id(product)
    )
}

/// CAD used in January and for half an hour in April, on an item that reports every month.
fn idle(item: u32) -> Vec<String> {
    let mut items = vec![month(item, CAD, 1, 90_000), month(item, CAD, 4, 1_800)];
    items.extend((1..=4).map(|number| month(item, OTHER, number, 60)));
    items
}
