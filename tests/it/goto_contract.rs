//! The GoTo simulator against GoTo's own documents, as far as there are any. Without them the test
//! says so and passes; CI provides them.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use jsonschema::{Draft, Validator};
use serde_json::{Map, Value, json};
use vendor_sim::goto::{Cast, Endpoint};
use vendor_sim::{GoToSim, GoToSimOptions, SimClock};

use crate::zoom_document::{errors, resolved, to_json_schema};

#[expect(
    clippy::disallowed_methods,
    reason = "the edge of the test: where the vendor's documents lie on this machine"
)]
fn folder() -> Option<PathBuf> {
    std::env::var("SEATSYNC_GOTO_OPENAPI_DIR")
        .ok()
        .map(PathBuf::from)
}

/// A document that is named but cannot be read is a failure, not a reason to skip.
fn read(folder: &Path, name: &str) -> Value {
    let path = folder.join(name);
    let text = std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("cannot read `{}`: {error}", path.display()));
    // JSON is YAML.
    if path.extension().is_some_and(|kind| kind == "json") {
        serde_json::from_str(&text).unwrap()
    } else {
        serde_yaml::from_str(&text)
            .unwrap_or_else(|error| panic!("`{}` is not YAML: {error}", path.display()))
    }
}

/// The schema of a good answer. Formats of times are GoTo's own and are not judged.
fn schema(document: &Value, path: &str, method: &str) -> Validator {
    let pointer = format!(
        "/paths/{}/{method}/responses/200/content/application~1json/schema",
        path.replace('/', "~1")
    );
    let schema = document
        .pointer(&pointer)
        .unwrap_or_else(|| panic!("the document has no answer to {method} {path}"));
    let schema = to_json_schema(&resolved(document, schema));
    jsonschema::options()
        .with_draft(Draft::Draft202012)
        .build(&schema)
        .unwrap_or_else(|error| panic!("{path}: {error}"))
}

struct Contract {
    sim: GoToSim,
    http: reqwest::Client,
    token: String,
}

impl Contract {
    async fn start() -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let at: Timestamp = "2026-11-20T15:00:00Z".parse().unwrap();
        let sim = GoToSim::start(GoToSimOptions {
            users: 100,
            limits: false,
            clock: SimClock::manual(at),
            ..GoToSimOptions::default()
        })
        .await
        .unwrap();
        let mut contract = Self {
            sim,
            http: reqwest::Client::new(),
            token: String::new(),
        };
        let pat = contract.sim.client().personal_access_token.clone();
        let form = [("grant_type", "personal_access_token"), ("pat", &pat)];
        let (status, answer) = contract.grant(&form).await;
        assert_eq!(status, 200);
        answer["access_token"]
            .as_str()
            .unwrap()
            .clone_into(&mut contract.token);
        contract
    }

    async fn grant(&self, form: &[(&str, &str)]) -> (u16, Value) {
        let client = self.sim.client();
        let request = self
            .http
            .post(self.sim.token_url())
            .basic_auth(&client.client_id, client.client_secret.as_ref())
            .form(form);
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    async fn get(&self, target: &str) -> Value {
        let request = self.http.get(format!("{}{target}", self.sim.api_url()));
        let answer = request.bearer_auth(&self.token).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{target}");
        answer.json().await.unwrap()
    }

    async fn post(&self, target: &str, body: &Value) -> Value {
        let request = self.http.post(format!("{}{target}", self.sim.api_url()));
        let answer = request
            .bearer_auth(&self.token)
            .json(body)
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 200, "{target}");
        answer.json().await.unwrap()
    }

    fn key(&self, member: Cast) -> String {
        self.sim.cast(member).unwrap().key
    }
}

#[tokio::test]
async fn answers_have_the_shape_that_gotos_documents_say() {
    let Some(folder) = folder() else {
        println!("SKIP: SEATSYNC_GOTO_OPENAPI_DIR is not set");
        return;
    };
    let contract = Contract::start().await;
    let meeting = read(&folder, "gotomeeting-v1-openapi.yml");
    let webinar = read(&folder, "goto-webinar-v2-openapi.yml");
    let training = read(&folder, "gototraining-v1-openapi.yml");
    let scim = read(&folder, "goto-scim-2019-openapi.json");
    let (admin, wendy) = (
        contract.key(Cast::Admin),
        contract.key(Cast::WebinarOrganizer),
    );
    let account = contract.sim.account_key();
    let dates = "startDate=2026-09-01T00:00:00Z&endDate=2026-11-20T00:00:00Z";
    let times = "fromTime=2026-09-01T00:00:00Z&toTime=2026-11-20T00:00:00Z&size=200";
    let mut findings = Vec::new();
    for (document, path, target) in [
        (
            &meeting,
            "/historicalMeetings",
            format!("/G2M/rest/historicalMeetings?{dates}"),
        ),
        (
            &meeting,
            "/organizers/{organizerKey}/historicalMeetings",
            format!("/G2M/rest/organizers/{admin}/historicalMeetings?{dates}"),
        ),
        (
            &webinar,
            "/accounts/{accountKey}/webinars",
            format!("/G2W/rest/v2/accounts/{account}/webinars?{times}"),
        ),
        (
            &webinar,
            "/organizers/{organizerKey}/webinars",
            format!("/G2W/rest/v2/organizers/{wendy}/webinars?{times}"),
        ),
        (
            &webinar,
            "/organizers/{organizerKey}/sessions",
            format!("/G2W/rest/v2/organizers/{wendy}/sessions?{times}"),
        ),
        (&scim, "/Users", "/identity/v1/Users".to_owned()),
        (&scim, "/Users/me", "/identity/v1/Users/me".to_owned()),
    ] {
        let answer = contract.get(&target).await;
        assert_ne!(answer, json!([]), "{target} tells nothing to judge");
        findings.extend(errors(&schema(document, path, "get"), &answer, path));
    }
    let path = "/reports/organizers/{organizerKey}/sessions";
    let target = format!(
        "/G2T/rest/reports/organizers/{}/sessions",
        contract.key(Cast::Trainer)
    );
    let window = json!({"startDate": "2026-09-01T00:00:00Z", "endDate": "2026-11-20T00:00:00Z"});
    let answer = contract.post(&target, &window).await;
    assert!(!answer.as_array().unwrap().is_empty());
    findings.extend(errors(&schema(&training, path, "post"), &answer, path));
    assert!(findings.is_empty(), "{findings:#?}");
}

/// Member names with the kinds of their values.
fn shape(row: &Map<String, Value>) -> Vec<(String, &'static str)> {
    let kind = |value: &Value| match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "text",
        Value::Array(_) => "list",
        Value::Object(_) => "object",
    };
    let mut shape: Vec<_> = row
        .iter()
        .map(|(name, value)| (name.clone(), kind(value)))
        .collect();
    shape.sort();
    shape
}

#[tokio::test]
async fn licences_and_grants_are_those_of_gotos_samples() {
    let Some(folder) = folder() else {
        println!("SKIP: SEATSYNC_GOTO_OPENAPI_DIR is not set");
        return;
    };
    let contract = Contract::start().await;
    let sample = read(&folder, "goto-admin-licenses-sample.json");
    let rows = sample.get("results").unwrap_or(&sample);
    let sample = rows.get(0).unwrap_or(rows).as_object().unwrap();
    let account = contract.sim.account_key();
    let target = format!("/admin/rest/v1/accounts/{account}/licenses?pageSize=100");
    let answer = contract.get(&target).await;
    let ours = answer["results"][0].as_object().unwrap();
    let names = |row: &Map<String, Value>| -> Vec<String> {
        shape(row).into_iter().map(|(name, _)| name).collect()
    };
    assert_eq!(names(ours), names(sample));
    for ((name, ours), (_, theirs)) in shape(ours).into_iter().zip(shape(sample)) {
        assert!(
            ours == theirs || ours == "null" || theirs == "null",
            "{name}: {ours}, not {theirs}"
        );
    }

    let metadata = read(&folder, "goto-oauth-authorization-server.json");
    let grants = metadata["grant_types_supported"].as_array().unwrap();
    assert!(!grants.contains(&json!("client_credentials")));
    let (status, answer) = contract
        .grant(&[("grant_type", "client_credentials")])
        .await;
    assert_eq!(
        (status, &answer["error"]),
        (400, &json!("unsupported_grant_type"))
    );
    for grant in grants {
        let (status, answer) = contract
            .grant(&[("grant_type", grant.as_str().unwrap())])
            .await;
        assert_eq!(
            (status, &answer["error"]),
            (400, &json!("invalid_grant")),
            "{grant}"
        );
    }
    assert!(
        contract
            .sim
            .control()
            .requests()
            .iter()
            .any(|request| { request.endpoint == Some(Endpoint::ListLicenses) })
    );
}
