//! The Zoom simulator against Zoom's own OpenAPI document: every operation, every kind of answer.
//! Without the document (see `zoom_document`) the test says so and passes; CI provides it.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::{Value, json};
use vendor_sim::zoom::{
    Action, AppKind, Cast, Endpoint, Fault, PersonChange, Plan, Product, Refusal, Shape, TooMany,
};
use vendor_sim::{SimClock, ZoomSim, ZoomSimOptions};

use crate::zoom_document::{Findings, ZoomDocument};

struct Contract {
    sim: ZoomSim,
    http: reqwest::Client,
    document: ZoomDocument,
    token: String,
    findings: Findings,
    seen: BTreeSet<(Endpoint, u16)>,
}

impl Contract {
    async fn start(document: ZoomDocument, plan: Plan) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let at: Timestamp = "2026-11-20T15:00:00Z".parse().unwrap();
        let options = ZoomSimOptions {
            users: 600,
            plan,
            limits: false,
            clock: SimClock::manual(at),
            ..ZoomSimOptions::default()
        };
        let sim = ZoomSim::start(options).await.unwrap();
        let mut contract = Self {
            sim,
            http: reqwest::Client::new(),
            document,
            token: String::new(),
            findings: Vec::new(),
            seen: BTreeSet::new(),
        };
        let account_id = contract.sim.account_id().to_owned();
        let form = [
            ("grant_type", "account_credentials"),
            ("account_id", account_id.as_str()),
        ];
        let answer = contract.token(AppKind::ServerToServer, &form).await;
        answer["access_token"]
            .as_str()
            .unwrap()
            .clone_into(&mut contract.token);
        contract
    }

    async fn token(&mut self, kind: AppKind, form: &[(&str, &str)]) -> Value {
        let app = self.sim.app(kind).unwrap();
        let request = self
            .http
            .post(self.sim.token_url())
            .basic_auth(&app.client_id, app.client_secret.as_ref())
            .form(form);
        self.judged("POST", "/oauth/token", request).await.1
    }

    async fn judged(
        &mut self,
        method: &str,
        path: &str,
        request: reqwest::RequestBuilder,
    ) -> (u16, Value) {
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        let body = answer.bytes().await.unwrap();
        let found = self.document.judge_answer(method, path, status, &body);
        self.findings.extend(found);
        (status, serde_json::from_slice(&body).unwrap_or_default())
    }

    /// Calls an operation, judges the answer and expects its status.
    async fn call(
        &mut self,
        endpoint: Endpoint,
        subject: &str,
        query: &str,
        body: Option<Value>,
        expected: u16,
    ) -> Value {
        let template = endpoint.template();
        let path = match template.split_once('{') {
            None => template.to_owned(),
            Some((before, rest)) => {
                let after = rest.split_once('}').unwrap().1;
                format!("{before}{subject}{after}")
            }
        };
        let url = format!("{}{path}?{query}", self.sim.api_url());
        let method = endpoint.method();
        let mut request = self
            .http
            .request(method.parse().unwrap(), url)
            .bearer_auth(&self.token);
        if let Some(body) = &body {
            request = request.json(body);
        }
        let (status, answer) = self.judged(method, &path, request).await;
        assert_eq!(status, expected, "{method} {path}?{query}: {answer}");
        self.seen.insert((endpoint, status));
        answer
    }

    fn id(&self, member: Cast) -> String {
        self.sim.cast(member).unwrap().id
    }
}

/// Reads of every operation, over enough rows that each optional member occurs.
async fn reads(contract: &mut Contract) {
    use Endpoint as E;
    let month = "from=2026-10-25&to=2026-11-20&page_size=300";
    for (endpoint, query) in [
        (E::ListUsers, "page_size=300"),
        (
            E::ListUsers,
            "page_size=300&include_fields=custom_attributes",
        ),
        (E::ListUsers, "page_size=300&include_fields=host_key"),
        (E::ListUsers, "status=inactive"),
        (E::ListUsers, "status=pending"),
        (E::UserSummary, ""),
        (E::ListGroups, ""),
        (E::ReportUsers, &format!("type=active&{month}")),
        (E::ReportUsers, &format!("type=inactive&{month}")),
        (E::HistoryMeetings, month),
        (E::HistoryMeetings, &format!("meeting_type=webinar&{month}")),
        (E::ReportActivities, month),
        (
            E::UpcomingEvents,
            "from=2026-11-20&to=2026-12-20&page_size=300",
        ),
        (E::MetricsMeetings, "from=2026-11-20&to=2026-11-20"),
        (E::MetricsMeetings, &format!("type=past&{month}")),
        (E::MetricsMeetings, &format!("type=pastOne&{month}")),
        (E::MetricsWebinars, &format!("type=past&{month}")),
    ] {
        contract.call(endpoint, "", query, None, 200).await;
    }
    contract.call(E::PlanUsage, "me", "", None, 200).await;
    let groups = contract.call(E::ListGroups, "", "", None, 200).await;
    let group = groups["groups"][0]["id"].as_str().unwrap().to_owned();
    contract
        .call(E::GroupMembers, &group, "page_size=2000", None, 200)
        .await;
    for member in Cast::ALL {
        let id = contract.id(*member);
        contract.call(E::GetUser, &id, "", None, 200).await;
        contract.call(E::GetSettings, &id, "", None, 200).await;
        contract
            .call(E::ReportUserMeetings, &id, month, None, 200)
            .await;
        if !matches!(member, Cast::NoMeetings | Cast::NoLicence) {
            for kind in ["scheduled", "live", "upcoming", "previous_meetings"] {
                contract
                    .call(E::UserMeetings, &id, &format!("type={kind}"), None, 200)
                    .await;
            }
        }
    }
    every_product(contract).await;
    let host = contract.id(Cast::WebinarHost);
    contract
        .call(E::UserWebinars, &host, "page_size=300", None, 200)
        .await;
    let filter = "custom_query_fields=webinar,webinar_capacity";
    contract
        .call(E::GetSettings, &host, filter, None, 200)
        .await;
}

/// The settings of somebody with every product and add-on of Zoom Workplace, told in each way.
async fn every_product(contract: &mut Contract) {
    let id = contract.id(Cast::ZoomOne);
    let everything = PersonChange {
        products: Some(Product::ALL.to_vec()),
        webinars_plus: Some(500),
        ..PersonChange::default()
    };
    let control = contract.sim.control();
    control.change_person(&id, everything).unwrap();
    control.switch(|switches| switches.licences_named = true);
    let settings = contract
        .call(Endpoint::GetSettings, &id, "", None, 200)
        .await;
    for product in Product::ALL {
        // The document has a switch of neither.
        let told = matches!(product, Product::VisitorManagement | Product::TeamChat)
            || settings["feature"][product.switch()] == true;
        assert!(told, "{product:?}: {settings}");
    }
    contract.call(Endpoint::GetUser, &id, "", None, 200).await;
}

/// Each write, and the refusals that depend on whom it is about.
async fn writes(contract: &mut Contract) {
    use Endpoint as E;
    let basic = || Some(json!({"type": 1}));
    let id = contract.id(Cast::Idle);
    contract.call(E::UpdateUser, &id, "", basic(), 204).await;
    for member in [Cast::EventsUpcoming, Cast::ZoomOne] {
        let id = contract.id(member);
        contract.call(E::UpdateUser, &id, "", basic(), 400).await;
    }
    contract
        .call(E::UpdateUser, "nobody", "", basic(), 404)
        .await;
    let off = || Some(json!({"feature": {"webinar": false}}));
    let on = Some(json!({"feature": {"webinar": true, "webinar_capacity": 500}}));
    let holder = contract.id(Cast::WebinarIdle);
    contract
        .call(E::UpdateSettings, &holder, "", off(), 204)
        .await;
    contract.call(E::UpdateSettings, &id, "", on, 400).await;
    contract
        .call(E::UpdateSettings, "nobody", "", off(), 404)
        .await;
    let deactivate = || Some(json!({"action": "deactivate"}));
    let admin = contract.id(Cast::Admin);
    contract
        .call(E::UpdateStatus, &id, "", deactivate(), 204)
        .await;
    contract
        .call(E::UpdateStatus, &admin, "", deactivate(), 400)
        .await;
    contract
        .call(E::UpdateStatus, "nobody", "", deactivate(), 404)
        .await;
    let managed = contract.id(Cast::ManagedDomain);
    contract.call(E::DeleteUser, &managed, "", None, 400).await;
    contract
        .call(E::DeleteUser, &managed, "action=delete", None, 204)
        .await;
    contract
        .call(E::DeleteUser, &managed, "action=delete", None, 404)
        .await;
    let users = json!([{"id": contract.id(Cast::LongIdle)}, {"email": "nobody@example.com"}]);
    let bulk = json!({"feature_type": "user_type", "feature_value": "1", "users": users});
    contract
        .call(E::BulkFeatures, "", "", Some(bulk), 201)
        .await;
    let bulk = json!({"feature_type": "webinar", "feature_value": "x", "users": []});
    contract
        .call(E::BulkFeatures, "", "", Some(bulk), 400)
        .await;
    let today = "from=2026-11-20&to=2026-11-20&category_type=user";
    contract.call(E::OperationLogs, "", today, None, 200).await;
}

/// The refusals any operation may give.
async fn refusals(contract: &mut Contract) {
    let today = "from=2026-11-20&to=2026-11-20";
    for endpoint in Endpoint::ALL {
        let body = endpoint.writes().then(|| json!({"action": "deactivate"}));
        for (refusal, status) in [(Refusal::MissingScope, 400), (Refusal::ExpiredToken, 401)] {
            let control = contract.sim.control();
            control.set_fault(Fault::on(*endpoint, Action::Refuse { refusal }).times(1));
            contract
                .call(*endpoint, "x", today, body.clone(), status)
                .await;
        }
        let too_many = Action::TooMany { kind: TooMany::Qps };
        contract
            .sim
            .control()
            .set_fault(Fault::on(*endpoint, too_many).times(1));
        contract.call(*endpoint, "x", today, body, 429).await;
    }
    for endpoint in [
        Endpoint::GetUser,
        Endpoint::GetSettings,
        Endpoint::UserMeetings,
        Endpoint::UserWebinars,
        Endpoint::ReportUserMeetings,
        Endpoint::GroupMembers,
    ] {
        contract.call(endpoint, "nobody", today, None, 404).await;
    }
    let id = contract.id(Cast::NoMeetings);
    contract
        .call(Endpoint::UserMeetings, &id, "", None, 400)
        .await;
    contract
        .call(Endpoint::UserWebinars, &id, "", None, 400)
        .await;
}

/// OAuth's answers, whole and refused.
async fn tokens(contract: &mut Contract) {
    contract
        .token(AppKind::ServerToServer, &[("grant_type", "password")])
        .await;
    let unknown = [("grant_type", "refresh_token"), ("refresh_token", "x")];
    contract.token(AppKind::General, &unknown).await;
    let app = contract.sim.app(AppKind::ServerToServer).unwrap();
    let revoke = contract
        .http
        .post(contract.sim.revoke_url())
        .basic_auth(&app.client_id, app.client_secret.as_ref())
        .form(&[("token", &contract.token)]);
    contract.judged("POST", "/oauth/revoke", revoke).await;
}

#[tokio::test]
async fn every_answer_of_the_simulator_keeps_to_zooms_document() {
    let document = match ZoomDocument::open() {
        Ok(document) => document,
        Err(reason) => {
            println!("SKIP: {reason}");
            return;
        }
    };
    let mut contract = Contract::start(document, Plan::Business).await;
    reads(&mut contract).await;
    writes(&mut contract).await;
    refusals(&mut contract).await;
    tokens(&mut contract).await;

    let answered: BTreeSet<Endpoint> = contract
        .seen
        .iter()
        .map(|(endpoint, _)| *endpoint)
        .collect();
    let missed: Vec<&Endpoint> = Endpoint::ALL
        .iter()
        .filter(|endpoint| !answered.contains(endpoint))
        .collect();
    assert!(missed.is_empty(), "never called: {missed:?}");
    // Beside the API the document has the two token operations.
    assert_eq!(contract.document.len(), Endpoint::ALL.len() + 2);
    let mut findings = contract.findings;
    findings.sort();
    findings.dedup();
    assert!(
        findings.is_empty(),
        "{} findings:\n{}",
        findings.len(),
        findings.join("\n")
    );
}

#[tokio::test]
async fn an_answer_that_departs_from_the_document_is_found() {
    let document = match ZoomDocument::open() {
        Ok(document) => document,
        Err(reason) => {
            println!("SKIP: {reason}");
            return;
        }
    };
    let mut contract = Contract::start(document, Plan::Pro).await;
    for (action, expected) in [
        (
            Action::Reshape {
                shape: Shape::UnknownFields,
            },
            "x_new_member",
        ),
        (
            Action::Reshape {
                shape: Shape::UnknownType,
            },
            "17 is not one of",
        ),
        (
            Action::Reshape {
                shape: Shape::CustomAttributesObject,
            },
            "custom_attributes",
        ),
        (
            set("/users/0/last_login_time", json!("yesterday")),
            "date-time",
        ),
        (set("/users/0/email", json!(7)), "/users/0/email"),
        (set("/total_records", json!("many")), "/total_records"),
        (Action::TruncateJson { bytes: 50 }, "not JSON"),
        (
            Action::Html {
                status: 502,
                after_effect: false,
            },
            "a status the document does not have",
        ),
    ] {
        contract
            .sim
            .control()
            .set_fault(Fault::on(Endpoint::ListUsers, action).times(1));
        let request = contract
            .http
            .get(format!("{}/users", contract.sim.api_url()))
            .bearer_auth(&contract.token);
        contract.judged("GET", "/users", request).await;
        let findings = std::mem::take(&mut contract.findings);
        assert!(
            findings.iter().any(|finding| finding.contains(expected)),
            "{expected}: {findings:?}"
        );
    }
}

fn set(pointer: &str, value: Value) -> Action {
    Action::Set {
        pointer: pointer.to_owned(),
        value,
    }
}

#[tokio::test]
async fn requests_are_judged_too() {
    let document = match ZoomDocument::open() {
        Ok(document) => document,
        Err(reason) => {
            println!("SKIP: {reason}");
            return;
        }
    };
    let contract = Contract::start(document, Plan::Pro).await;
    let ask = async |method: &str, target: &str, body: Option<Value>| -> Findings {
        let control = contract.sim.control();
        control.clear_requests();
        let url = format!("{}{target}", contract.sim.api_url());
        let mut request = contract.http.request(method.parse().unwrap(), url);
        if let Some(body) = &body {
            request = request.json(body);
        }
        request.send().await.unwrap();
        contract.document.judge_requests(&control.requests())
    };
    for (method, target, body) in [
        ("GET", "/users?page_size=300&next_page_token=", None),
        (
            "GET",
            "/report/users?type=active&from=2026-11-01&to=2026-11-20",
            None,
        ),
        ("PATCH", "/users/abc", Some(json!({"type": 1}))),
        (
            "PATCH",
            "/users/abc/settings",
            Some(json!({"feature": {"webinar": false}})),
        ),
        (
            "PUT",
            "/users/abc/status",
            Some(json!({"action": "deactivate"})),
        ),
        (
            "DELETE",
            "/users/abc?action=disassociate&transfer_meeting=true",
            None,
        ),
    ] {
        assert_eq!(
            ask(method, target, body).await,
            Findings::new(),
            "{method} {target}"
        );
    }
    for (method, target, body, expected) in [
        (
            "GET",
            "/users?page_size=5000",
            None,
            "parameter `page_size`",
        ),
        (
            "GET",
            "/users?page_size=many",
            None,
            "parameter `page_size`",
        ),
        (
            "GET",
            "/users?colour=red",
            None,
            "unknown parameter `colour`",
        ),
        (
            "GET",
            "/report/users?from=2026-11-01",
            None,
            "parameter `to` is missing",
        ),
        (
            "GET",
            "/report/users?from=2026-11-1&to=2026-11-02",
            None,
            "parameter `from`",
        ),
        ("GET", "/users/a/b/c", None, "no such operation"),
        ("PATCH", "/users/abc", Some(json!({"type": 3})), "body"),
        ("PATCH", "/users/abc", Some(json!({"kind": 1})), "body"),
        ("PUT", "/users/abc/status", Some(json!({})), "body"),
    ] {
        let findings = ask(method, target, body).await;
        assert!(
            findings.iter().any(|finding| finding.contains(expected)),
            "{method} {target}: {findings:?}"
        );
    }
}
