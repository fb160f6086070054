//! A person authorises a connection from the command line, and the daemon works with it.

mod aha;
mod chromium;
mod goto;
mod leaks;
mod zoom;

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use vendor_sim::zoom::{AppKind, ZoomSimOptions};
use vendor_sim::{AhaSim, AhaSimOptions, GoToSim, ZoomSim};

use super::support::goto::account as start_goto;
use super::support::{Host, SEATSYNC};

/// Where Aha!'s app sends codes: nothing listens there, so the address is pasted.
const AHA_CALLBACK: &str = "https://seatsync.example.com/callback";

async fn start_zoom() -> ZoomSim {
    let options = ZoomSimOptions {
        users: 40,
        seed: 5,
        limits: false,
        ..ZoomSimOptions::default()
    };
    ZoomSim::start(options).await.unwrap()
}

async fn start_aha() -> AhaSim {
    let options = AhaSimOptions {
        users: 40,
        limits: false,
        ..AhaSimOptions::default()
    };
    AhaSim::start(options).await.unwrap()
}

/// What a connection needs to know of a vendor and of an app there.
struct App {
    vendor: &'static str,
    url: String,
    token_url: String,
    authorize_url: String,
    client_id: String,
    client_secret: String,
    /// The rest of `limits`.
    limits: &'static str,
    /// The rest of the profile, as lines.
    profile: &'static str,
}

impl App {
    fn at_zoom(vendor: &ZoomSim) -> Self {
        let app = vendor.app(AppKind::General).unwrap();
        Self {
            vendor: "zoom",
            url: vendor.api_url(),
            token_url: vendor.token_url(),
            authorize_url: vendor.authorize_url(),
            client_id: app.client_id.clone(),
            client_secret: app.client_secret.clone().unwrap(),
            limits: "plan: business, ",
            profile: "",
        }
    }

    fn at_goto(vendor: &GoToSim) -> Self {
        let client = vendor.client();
        Self {
            vendor: "goto",
            url: vendor.api_url().to_owned(),
            token_url: vendor.token_url(),
            authorize_url: vendor.authorize_url(),
            client_id: client.client_id.clone(),
            client_secret: client.client_secret.clone().unwrap(),
            limits: "",
            // Activity would ask for tokens whenever it gets round to it.
            profile: "subflows: {pull_user_activity: {enabled: false}}\n",
        }
    }

    fn at_aha(vendor: &AhaSim) -> Self {
        Self {
            vendor: "aha",
            url: vendor.api_url(),
            token_url: vendor.token_url(),
            authorize_url: vendor.authorize_url(),
            client_id: vendor.app().client_id.clone(),
            client_secret: vendor.app().client_secret.clone(),
            limits: "",
            profile: "",
        }
    }

    /// A host with a published profile on a connection that needs a person, both named after the
    /// vendor.
    fn host(&self) -> Host {
        let mut host = Host::new();
        host.secret(&self.client_secret);
        let Self {
            vendor,
            url,
            token_url,
            authorize_url,
            client_id,
            limits,
            profile,
            ..
        } = self;
        host.profile(
            "profile.yaml",
            &format!(
                "kind: Profile
name: {vendor}
type: {vendor}
state: published
connection: {vendor}
{profile}---
kind: Connection
name: {vendor}
vendor: {vendor}
url: {url}
oauth:
  grant: authorization_code
  token_url: {token_url}
  authorize_url: {authorize_url}
  client_id: {client_id}
  client_secret: {{env: VENDOR_SECRET}}
limits: {{{limits}share: 100%}}
"
            ),
        );
        host
    }

    /// The same, with the daemon running and the connection known to it.
    fn running_host(&self) -> Host {
        let mut host = self.host();
        host.start();
        self.until_known(&host);
        host
    }

    fn until_known(&self, host: &Host) {
        host.until(&["connections", "list"], |all| {
            all["rows"][0]["name"] == self.vendor
        });
    }
}

/// Waits until the profile's download has ended with seats; returns how many rows it read. Warnings
/// about single people do not matter here.
fn until_downloaded(host: &Host, profile: &str) -> u64 {
    let read = |status: &serde_json::Value| {
        let last = &status["subflows"][0]["last"];
        let state = last["state"].as_str()?;
        let fetched = last["counts"]["fetched"].as_u64()?;
        state.ends_with("completed").then_some(fetched)
    };
    let status = host.until(&["status", profile], |status| read(status).is_some());
    read(&status).unwrap()
}

/// `seatsync authorize` in front of a person, with the page that it asks them to open.
struct Asked {
    command: Child,
    page: String,
    /// What it says after that.
    said: std::thread::JoinHandle<String>,
}

fn authorize(host: &Host, connection: &str, arguments: &[&str]) -> Asked {
    let mut command = Command::new(SEATSYNC)
        .args(["authorize", connection, "--format", "json"])
        .args(arguments)
        .arg("--runtime")
        .arg(host.path("run"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(command.stderr.take().unwrap()).lines();
    let mut told = String::new();
    let page = loop {
        let line = lines.next().unwrap_or_else(|| panic!("{told}")).unwrap();
        if line.starts_with("http://") {
            break line;
        }
        told.push_str(&line);
    };
    let said =
        std::thread::spawn(move || lines.map_while(Result::ok).collect::<Vec<_>>().join("\n"));
    Asked {
        command,
        page,
        said,
    }
}

impl Asked {
    /// Pastes an address, as a person does who copied it from the browser.
    fn paste(&mut self, address: &str) {
        use std::io::Write as _;
        let mut paste = self.command.stdin.take().unwrap();
        writeln!(paste, "\n  {address}  ").unwrap();
    }

    /// What the command prints when all went well.
    fn done(self) -> serde_json::Value {
        let output = self.command.wait_with_output().unwrap();
        let said = self.said.join().unwrap();
        assert!(output.status.success(), "{:?}: {said}", output.status);
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// What the command says when it fails.
    fn failed(self) -> String {
        let output = self.command.wait_with_output().unwrap();
        let said = self.said.join().unwrap();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(output.stdout.is_empty(), "nothing is done");
        said
    }
}
