//! The simulator's answers and the client's requests, judged by Aha!'s own document. Without it (see
//! `aha_document`) the tests say so and pass; CI provides it.

use jiff::civil::date;
use seatsync::connector::facts::{ActivityKind, Process};
use seatsync::connector::{Connector as _, SeatRef, WriteOptions, Written};
use serde_json::{Value, json};
use vendor_sim::aha::{Cast, Endpoint};

use super::{Bench, walk};
use crate::aha_document::{AhaDocument, Findings};

fn document() -> Option<AhaDocument> {
    AhaDocument::open()
        .inspect_err(|reason| println!("SKIP: {reason}"))
        .ok()
}

#[tokio::test]
async fn every_request_is_one_that_aha_documents() {
    let Some(document) = document() else { return };
    let bench = Bench::start().await;
    let aha = bench.aha();
    walk(&aha).await.0.unwrap();
    for process in [Process::Download, Process::Activity, Process::Reclaim] {
        assert!(aha.validate(process, &WriteOptions::default()).await.ok);
    }
    aha.purchased().await.unwrap();
    let requests = bench.control().requests();
    for endpoint in [
        Endpoint::Me,
        Endpoint::ListUsers,
        Endpoint::GetUser,
        Endpoint::ListSeatGroups,
    ] {
        let called = requests.iter().any(|one| one.endpoint == Some(endpoint));
        assert!(called, "{endpoint:?} was not called");
    }
    let findings = document.judge_requests(&requests);
    assert!(findings.is_empty(), "{}", findings.join("\n"));
}

#[tokio::test]
async fn every_write_and_the_reads_before_it_are_what_aha_documents() {
    let Some(document) = document() else { return };
    let bench = Bench::start().await;
    let aha = bench.aha();
    let seat = SeatRef {
        external_user_id: bench.sim.cast(Cast::Idle).unwrap().id,
        identifier: "aha.paid_seat".parse().unwrap(),
    };
    let options = WriteOptions::default();
    let kinds = [ActivityKind::SignIn];
    let fresh = aha.read_seat(&seat, &kinds, date(2026, 1, 1), &options);
    let fresh = fresh.await.unwrap();
    let taken = aha.reclaim_seat(&seat, &fresh.prior, &options).await;
    assert!(matches!(taken, Ok(Written::Done { .. })), "{taken:?}");
    aha.holding(&seat).await.unwrap();
    let back = aha.restore_seat(&seat, &fresh.prior).await;
    assert!(matches!(back, Ok(Written::Done { .. })), "{back:?}");
    let requests = bench.control().requests();
    let wrote = requests
        .iter()
        .filter(|one| one.endpoint == Some(Endpoint::UpdateUser));
    assert_eq!(wrote.count(), 2);
    let findings = document.judge_requests(&requests);
    assert!(findings.is_empty(), "{}", findings.join("\n"));
}

/// Calls as any client of Aha! may, and gathers what the document says of the answers.
struct Contract {
    bench: Bench,
    http: reqwest::Client,
    document: AhaDocument,
    findings: Findings,
}

impl Contract {
    async fn call(&mut self, method: &str, path: &str, body: Option<Value>) -> Value {
        let url = format!("{}{path}", self.bench.sim.base_url());
        let mut request = self
            .http
            .request(method.parse().unwrap(), url)
            .bearer_auth(self.bench.sim.api_key());
        if let Some(body) = &body {
            request = request.json(body);
        }
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        let kind = answer.headers().get("content-type").cloned();
        let bytes = answer.bytes().await.unwrap();
        if !bytes.is_empty() && kind.is_none_or(|kind| kind != "application/json; charset=utf-8") {
            self.findings
                .push(format!("{method} {path}: another content type"));
        }
        let path = path.split('?').next().unwrap_or(path);
        let found = self.document.judge_answer(method, path, status, &bytes);
        self.findings.extend(found);
        serde_json::from_slice(&bytes).unwrap_or_default()
    }
}

#[tokio::test]
async fn every_answer_of_the_simulator_is_as_the_document_shows_it() {
    let Some(document) = document() else { return };
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut contract = Contract {
        bench: Bench::start().await,
        http: reqwest::Client::new(),
        document,
        findings: Vec::new(),
    };
    let user = contract.bench.sim.cast(Cast::Ungrouped).unwrap().id;
    let member = contract.bench.sim.cast(Cast::Member).unwrap().id;
    let own = format!("/api/v1/users/{user}");
    let roles = format!("{own}/product_roles");
    let role = json!({"product_role": {"role": "viewer", "product_id": "702241743"}});
    contract.call("GET", "/api/v1/me", None).await;
    contract
        .call("GET", "/api/v1/users?per_page=200", None)
        .await;
    contract.call("GET", &own, None).await;
    let off = json!({"user": {"enabled": false}});
    contract.call("PUT", &own, Some(off)).await;
    contract.call("GET", &roles, None).await;
    contract.call("POST", &roles, Some(role)).await;
    contract
        .call("DELETE", &format!("{roles}/702241743"), None)
        .await;
    let groups = contract.call("GET", "/api/v1/paid_seat_groups", None).await;
    let group = groups["paid_seat_groups"][0]["id"].as_str().unwrap();
    let modify = format!("/api/v1/paid_seat_groups/{group}/modify_user");
    let user: u64 = user.parse().unwrap();
    let join = json!({"user_id": user, "remove": null});
    contract.call("POST", &modify, Some(join)).await;
    let audits = format!("/api/v1/audits?user_id={member}");
    assert!(contract.call("GET", &audits, None).await["audits"][0].is_object());
    let history = format!("/api/v1/historical_audits?user_id={member}");
    let history = contract.call("GET", &history, None).await;
    assert!(history["historical_audits"][0].is_object());
    let search = json!({"search": {"created_since": "2024-01-01T00:00:00Z"}});
    contract
        .call("POST", "/api/v1/historical_audits", Some(search))
        .await;

    let requests = contract.bench.control().requests();
    for endpoint in Endpoint::ALL {
        let called = requests.iter().any(|one| one.endpoint == Some(endpoint));
        assert!(called, "{endpoint:?} was not called");
    }
    let findings = contract.findings;
    assert!(findings.is_empty(), "{}", findings.join("\n"));
}
