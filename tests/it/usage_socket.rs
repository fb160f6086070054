//! The usage API, over its real socket. The names of the tests follow the API's own words; the
//! behaviour is ServiceNow's where it is documented, and ours where it is not.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use http_body_util::BodyExt as _;
use jiff::{SignedDuration, Timestamp};
use seatsync::api::listen::{Access, Listener};
use seatsync::api::peer::Peer;
use seatsync::api::serve::{Limits, serve};
use seatsync::api::usage::{UsageApi, UsagePolicy};
use seatsync::clock::ManualClock;
use seatsync::metrics::Metrics;
use seatsync::settings::model::{Principal, Principals, UsageRoles, UsageSettings};
use seatsync::store::usage::{UsageFilter, UsageStore};
use seatsync::usage::Record;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

const PATIENCE: Duration = Duration::from_secs(20);
const PATH: &str = "/api/now/sam_software_usage_integration/createOrUpdate";
const CI1: &str = "eaa9604d3790200044e0bfc8bcbe5dc1";
const CI2: &str = "0aa9e80d3790200044e0bfc8bcbe5da0";
const P1: &str = "40209c060b3022002d6c650d37673a89";

/// A usage socket of this process over a store of its own.
struct Usage {
    path: PathBuf,
    api: UsageApi,
    store: UsageStore,
    clock: ManualClock,
    stop: CancellationToken,
    _folder: tempfile::TempDir,
}

fn start_with(settings: &UsageSettings) -> Usage {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("usage.sock");
    let store = UsageStore::open(folder.path()).unwrap();
    let clock = ManualClock::at("2027-01-01T00:00:00Z".parse::<Timestamp>().unwrap());
    let policy = UsagePolicy::resolve(settings, &mut Vec::new());
    let api = UsageApi::new(
        store.clone(),
        policy,
        Arc::new(clock.clone()),
        Metrics::default(),
    );
    let access = Access {
        mode: 0o600,
        gid: None,
    };
    let listener = Listener::bind(&path, access).unwrap();
    let stop = CancellationToken::new();
    let (serving, refusing) = (api.clone(), api.clone());
    tokio::spawn(serve(
        listener,
        Limits::default(),
        Arc::new(clock.clone()),
        move |peer| serving.service(peer),
        move |fault| refusing.unserved(fault),
        stop.clone(),
    ));
    Usage {
        path,
        api,
        store,
        clock,
        stop,
        _folder: folder,
    }
}

fn start() -> Usage {
    start_with(&UsageSettings::default())
}

/// An answer, taken apart.
#[derive(Debug)]
struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Answer {
    fn parse(text: &str) -> Self {
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((text, ""));
        let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
        Self {
            status: status.unwrap_or_else(|| panic!("no answer: {text:?}")),
            head: head.to_ascii_lowercase(),
            body: body.to_owned(),
        }
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    fn items(&self) -> Vec<Value> {
        assert_eq!(self.status, 200, "{self:?}");
        self.json()["result"]["reply"]["items"]
            .as_array()
            .unwrap()
            .clone()
    }

    fn message(&self) -> String {
        self.json()["result"]["message"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    /// (message, detail) of a failure.
    fn failure(&self) -> (String, Value) {
        let body = self.json();
        assert_eq!(body["status"], "failure", "{self:?}");
        let message = body["error"]["message"].as_str().unwrap().to_owned();
        (message, body["error"]["detail"].clone())
    }
}

fn statuses(items: &[Value]) -> Vec<&str> {
    items
        .iter()
        .map(|item| item["status"].as_str().unwrap())
        .collect()
}

impl Usage {
    /// Sends bytes on a connection of their own and reads until the server closes it.
    async fn raw(&self, request: &[u8]) -> Answer {
        let mut stream = UnixStream::connect(&self.path).await.unwrap();
        // The server may refuse and close before everything is sent.
        let _ = stream.write_all(request).await;
        let mut told = Vec::new();
        let end = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut told)).await;
        let _ = end.expect("the server neither answers nor closes");
        Answer::parse(std::str::from_utf8(&told).unwrap())
    }

    async fn request(&self, line: &str, headers: &str, body: &[u8]) -> Answer {
        let head = format!(
            "{line} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {}\r\n{headers}\r\n",
            body.len()
        );
        self.raw(&[head.as_bytes(), body].concat()).await
    }

    async fn post(&self, body: impl AsRef<[u8]>) -> Answer {
        let headers = "Content-Type: application/json\r\nAccept: application/json\r\n";
        self.request(&format!("POST {PATH}"), headers, body.as_ref())
            .await
    }

    async fn push(&self, items: Value) -> Answer {
        self.post(json!({ "items": items }).to_string()).await
    }

    async fn records(&self) -> Vec<Record> {
        self.store
            .list(UsageFilter::default(), None, 1000)
            .await
            .unwrap()
    }
}

/// The first example of the vendor's page.
fn example() -> Value {
    json!({
        "configuration_item": CI1,
        "month_used": 2,
        "norm_product": P1,
        "norm_publisher": "24dcccc20b3022002d6c650d37673ab3",
        "reclamation_type": "total_usage",
        "usage_count": 13,
        "total_usage_time": 13,
        "year": 2020,
    })
}

fn with(mut item: Value, changes: &Value) -> Value {
    for (name, value) in changes.as_object().unwrap() {
        item[name] = value.clone();
    }
    item
}

fn last_used(time: &str) -> Value {
    json!({
        "configuration_item": CI1,
        "norm_product": P1,
        "reclamation_type": "last_used_date",
        "last_used_time": time,
    })
}

#[tokio::test]
async fn a_new_record_comes_back_as_sent_with_its_sys_id_and_insert() {
    let usage = start();
    let answer = usage.push(json!([example()])).await;
    let items = answer.items();
    assert_eq!(answer.message(), "Ok");
    let sys_id = items[0]["sysId"].as_str().unwrap().to_owned();
    assert!(sys_id.len() == 32 && sys_id.bytes().all(|b| b"0123456789abcdef".contains(&b)));
    let expected = with(example(), &json!({"sysId": sys_id, "status": "INSERT"}));
    assert_eq!(items[0], expected);
    let names: Vec<&String> = items[0].as_object().unwrap().keys().collect();
    let sent: Vec<&String> = expected.as_object().unwrap().keys().collect();
    assert_eq!(names, sent, "members keep their order");
    assert!(
        answer
            .head
            .contains("content-type: application/json;charset=utf-8"),
        "{answer:?}"
    );
    for header in [
        "x-transaction-id: ",
        "x-content-type-options: nosniff",
        "cache-control: no-store",
    ] {
        assert!(answer.head.contains(header), "{header}: {answer:?}");
    }
}

#[tokio::test]
async fn a_repeat_is_an_update_that_sets() {
    let usage = start();
    let first = usage.push(json!([example()])).await.items();
    let again = usage.push(json!([example()])).await.items();
    assert_eq!(
        (&again[0]["status"], &again[0]["sysId"]),
        (&json!("UPDATE"), &first[0]["sysId"])
    );
    let more = with(example(), &json!({"usage_count": 20}));
    let third = usage.push(json!([more])).await.items();
    assert_eq!(third[0]["sysId"], first[0]["sysId"]);
    assert_eq!(usage.records().await[0].values.usage_count, Some(20));
}

#[tokio::test]
async fn one_batch_may_insert_and_update() {
    let usage = start();
    usage.push(json!([example()])).await;
    let others = [
        json!({"month_used": 3}),
        json!({"year": 2021}),
        json!({"configuration_item": CI2}),
        json!({"norm_product": CI2}),
    ];
    let mut batch = vec![example()];
    batch.extend(others.iter().map(|change| with(example(), change)));
    let items = usage.push(json!(batch)).await.items();
    assert_eq!(
        statuses(&items),
        ["UPDATE", "INSERT", "INSERT", "INSERT", "INSERT"]
    );
    let ids: BTreeSet<&str> = items
        .iter()
        .map(|item| item["sysId"].as_str().unwrap())
        .collect();
    assert_eq!(ids.len(), 5);
}

#[tokio::test]
async fn the_key_is_what_the_vendors_examples_show() {
    let usage = start();
    let first = usage.push(json!([example()])).await.items();
    let same = [
        json!({"last_used_time": "2020-02-11 10:00:00"}),
        json!({"last_used_time": "2020-02-12 10:00:00"}),
        json!({"norm_publisher": CI2}),
        json!({"month_used": "2", "year": "2020"}),
        json!({"month_used": "02"}),
        json!({"configuration_item": CI1.to_uppercase()}),
    ];
    for change in same {
        let sent = with(example(), &change);
        let items = usage.push(json!([sent.clone()])).await.items();
        assert_eq!(items[0]["status"], "UPDATE", "{change}");
        assert_eq!(items[0]["sysId"], first[0]["sysId"], "{change}");
        for (name, value) in sent.as_object().unwrap() {
            assert_eq!(&items[0][name], value, "{name} comes back as sent");
        }
    }
    let last = usage
        .push(json!([last_used("2026-01-05 08:00:00")]))
        .await
        .items();
    assert_eq!(last[0]["status"], "INSERT");
    assert_ne!(last[0]["sysId"], first[0]["sysId"]);
    let with_month = with(
        last_used("2026-01-04 08:00:00"),
        &json!({"month_used": 5, "year": 2026}),
    );
    let items = usage.push(json!([with_month])).await.items();
    assert_eq!(
        (&items[0]["status"], &items[0]["sysId"]),
        (&json!("UPDATE"), &last[0]["sysId"])
    );
    let records = usage.records().await;
    assert_eq!(records.len(), 2);
    let expected: Timestamp = "2026-01-04T08:00:00Z".parse().unwrap();
    assert_eq!(
        records[0].values.last_used_time,
        Some(expected),
        "the last writer wins"
    );
    assert_eq!(records[0].values.month_used, Some(5));
}

#[tokio::test]
async fn with_newest_wins_an_earlier_time_changes_nothing() {
    let usage = start_with(&UsageSettings {
        newest_wins: true,
        ..UsageSettings::default()
    });
    usage.push(json!([last_used("2026-01-05 08:00:00")])).await;
    let items = usage
        .push(json!([last_used("2026-01-04 08:00:00")]))
        .await
        .items();
    assert_eq!(items[0]["status"], "UPDATE");
    let expected: Timestamp = "2026-01-05T08:00:00Z".parse().unwrap();
    assert_eq!(
        usage.records().await[0].values.last_used_time,
        Some(expected)
    );
}

#[tokio::test]
async fn absent_columns_stay_and_empty_ones_are_cleared() {
    let usage = start();
    usage.push(json!([example()])).await;
    let mut bare = example();
    for name in ["usage_count", "total_usage_time", "norm_publisher"] {
        bare.as_object_mut().unwrap().remove(name);
    }
    usage.push(json!([bare])).await;
    let kept = &usage.records().await[0].values;
    assert_eq!(
        (kept.usage_count, kept.norm_publisher.is_some()),
        (Some(13), true)
    );
    let cleared = with(bare, &json!({"usage_count": null, "norm_publisher": ""}));
    usage.push(json!([cleared])).await;
    let kept = &usage.records().await[0].values;
    assert_eq!(
        (kept.usage_count, kept.norm_publisher, kept.total_usage_time),
        (None, None, Some(13))
    );
}

#[tokio::test]
async fn our_members_replace_the_clients_and_unknown_ones_come_back() {
    let usage = start();
    let item = with(
        example(),
        &json!({"sysId": "mine", "status": "x", "u_cost_center": "42"}),
    );
    let items = usage.push(json!([item])).await.items();
    assert_eq!(items[0]["status"], "INSERT");
    assert_ne!(items[0]["sysId"], "mine");
    assert_eq!(items[0]["u_cost_center"], "42");
}

#[tokio::test]
async fn a_duplicate_in_one_batch_inserts_then_updates() {
    let usage = start();
    let batch = [5, 7].map(|count| with(example(), &json!({"usage_count": count})));
    let items = usage.push(json!(batch)).await.items();
    assert_eq!(statuses(&items), ["INSERT", "UPDATE"]);
    assert_eq!(items[0]["sysId"], items[1]["sysId"]);
    assert_eq!(usage.records().await[0].values.usage_count, Some(7));
    assert_eq!(
        statuses(&usage.push(json!(batch)).await.items()),
        ["UPDATE", "UPDATE"]
    );
}

#[tokio::test]
async fn ten_thousand_items_come_back_in_order() {
    let usage = start();
    let batch: Vec<Value> = (0..10_000)
        .map(|number| {
            with(
                example(),
                &json!({"norm_product": format!("{:032x}", number * 7919 % 10_007)}),
            )
        })
        .collect();
    let items = usage.push(json!(batch)).await.items();
    assert_eq!(items.len(), 10_000);
    for (sent, told) in batch.iter().zip(&items) {
        assert_eq!(told["norm_product"], sent["norm_product"]);
        assert_eq!(told["status"], "INSERT");
    }
}

#[tokio::test]
async fn two_clients_insert_one_record_once() {
    let usage = start();
    let (one, two) = tokio::join!(
        usage.push(json!([example()])),
        usage.push(json!([example()]))
    );
    let (one, two) = (one.items(), two.items());
    assert_eq!(one[0]["sysId"], two[0]["sysId"]);
    let mut both = [
        one[0]["status"].as_str().unwrap(),
        two[0]["status"].as_str().unwrap(),
    ];
    both.sort_unstable();
    assert_eq!(both, ["INSERT", "UPDATE"]);
}

#[tokio::test]
async fn a_bad_item_is_told_and_the_others_are_stored() {
    let usage = start();
    let bad = with(
        example(),
        &json!({"configuration_item": "laptop-7", "month_used": 13}),
    );
    let other = with(example(), &json!({"month_used": 3}));
    let answer = usage
        .push(json!([example(), bad, 1, null, [[]], other]))
        .await;
    let items = answer.items();
    assert_eq!(answer.message(), "Completed with errors");
    assert_eq!(
        statuses(&items),
        ["INSERT", "ERROR", "ERROR", "ERROR", "ERROR", "INSERT"]
    );
    assert_eq!(items[1]["configuration_item"], "laptop-7");
    assert_eq!(items[1].get("sysId"), None);
    let codes: Vec<&Value> = items[1]["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| &e["error"])
        .collect();
    assert_eq!(codes, ["INVALID_REFERENCE", "INVALID_VALUE"]);
    assert_eq!(items[2]["errors"][0]["error"], "INVALID_ITEM");
    assert_eq!(items[3].as_object().unwrap().len(), 2);
    assert_eq!(usage.records().await.len(), 2);
    let all_bad = usage.push(json!([{}])).await;
    assert_eq!(all_bad.message(), "Completed with errors");
    assert_eq!(all_bad.items()[0]["errors"][0]["error"], "MISSING_FIELD");
    let none = usage.push(json!([])).await;
    assert_eq!((none.items().len(), none.message().as_str()), (0, "Ok"));
}

#[tokio::test]
async fn a_strict_batch_is_stored_whole_or_not_at_all() {
    let usage = start_with(&UsageSettings {
        strict_batches: true,
        ..UsageSettings::default()
    });
    let answer = usage.push(json!([example(), {}, {}])).await;
    assert_eq!(answer.status, 400);
    let (message, detail) = answer.failure();
    assert_eq!(message, "2 of 3 items rejected");
    assert_eq!(
        detail,
        "`reclamation_type` is required and must not be empty"
    );
    assert_eq!(usage.records().await, []);
    assert_eq!(
        statuses(&usage.push(json!([example()])).await.items()),
        ["INSERT"]
    );
}

#[tokio::test]
async fn numbers_out_of_range_fail_their_item_only() {
    let usage = start();
    for number in ["1e400", &"9".repeat(400), "2147483648"] {
        let body = json!({"items": [example(), with(example(), &json!({"usage_count": 4_711}))]});
        let answer = usage.post(body.to_string().replace("4711", number)).await;
        assert!(
            answer.body.contains(&format!("\"usage_count\":{number}")),
            "{answer:?}"
        );
        assert!(
            answer.body.contains(r#""error":"OUT_OF_RANGE""#),
            "{answer:?}"
        );
        assert!(answer.body.contains("Completed with errors"), "{answer:?}");
    }
}

#[tokio::test]
async fn paths_and_versions() {
    let usage = start();
    let body = json!({"items": [example()]}).to_string();
    for path in [
        "/api/now/v1/sam_software_usage_integration/createOrUpdate".to_owned(),
        "/api/now/v2/sam_software_usage_integration/createOrUpdate/".to_owned(),
        format!("{PATH}?sysparm_query=&sysparm_limit=10000&sysparm_display_value=False"),
        format!("http://localhost{PATH}"),
    ] {
        let answer = usage
            .request(&format!("POST {path}"), "", body.as_bytes())
            .await;
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
    }
    for (line, status) in [
        ("POST /api/now/table/incident", 400),
        ("GET /api/subscribers", 400),
        (
            "POST /api/now/v9/sam_software_usage_integration/createOrUpdate",
            400,
        ),
        ("POST /nav_to.do", 404),
        ("DELETE /", 404),
    ] {
        let answer = usage.request(line, "", b"").await;
        assert_eq!(answer.status, status, "{line}");
        let (message, _) = answer.failure();
        let expected = match status {
            400 => "Requested URI does not represent any resource",
            _ => "Not found",
        };
        assert_eq!(message, expected, "{line}");
    }
}

#[tokio::test]
async fn only_post_is_a_method() {
    let usage = start();
    for method in ["GET", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD"] {
        let answer = usage.request(&format!("{method} {PATH}"), "", b"").await;
        assert_eq!(answer.status, 405, "{method}");
        assert!(answer.head.contains("allow: post"), "{answer:?}");
        assert_eq!(answer.body.is_empty(), method == "HEAD", "{answer:?}");
    }
    for (method, instead) in [("POST", "GET"), ("GET", "POST")] {
        let header = format!("X-HTTP-Method-Override: {instead}\r\n");
        let answer = usage
            .request(&format!("{method} {PATH}"), &header, b"")
            .await;
        assert_eq!(answer.status, 405, "{method} {instead}");
    }
}

#[tokio::test]
async fn formats_are_negotiated() {
    let usage = start();
    let body = json!({"items": [example()]}).to_string();
    let table = [
        ("", 200),
        ("Accept: */*\r\n", 200),
        ("Accept: application/json;q=0.5, */*;q=0.1\r\n", 200),
        ("Accept: text/html\r\n", 406),
        ("Accept: image/jpeg\r\n", 406),
        ("Content-Type: application/vnd.acme+json\r\n", 200),
        (
            "Content-Type: application/json; charset=iso-8859-1\r\n",
            415,
        ),
        ("Content-Type: text/plain\r\n", 415),
        ("Content-Type: application/x-www-form-urlencoded\r\n", 415),
        ("Content-Encoding: br\r\n", 415),
        (
            "Authorization: Basic YWRtaW46YWRtaW4=\r\nx-sn-apikey: secret\r\n",
            200,
        ),
    ];
    for (headers, status) in table {
        let answer = usage
            .request(&format!("POST {PATH}"), headers, body.as_bytes())
            .await;
        assert_eq!(answer.status, status, "{headers}: {answer:?}");
        assert!(
            answer.head.contains("content-type: application/json"),
            "{answer:?}"
        );
        if status != 200 {
            answer.failure();
        }
    }
}

#[tokio::test]
async fn bodies_that_cannot_be_read_are_refused_whole() {
    let usage = start();
    let good = example().to_string();
    let unreadable = "Exception while reading request";
    let table: [(String, &str, &str); 12] = [
        (String::new(), unreadable, "empty body"),
        ("{}".to_owned(), "items is required", ""),
        (r#"{"records":[]}"#.to_owned(), "items is required", ""),
        (
            r#"{"items":{}}"#.to_owned(),
            "items must be an array",
            "an object",
        ),
        (
            r#"{"items":"x"}"#.to_owned(),
            "items must be an array",
            "a string",
        ),
        ("[]".to_owned(), unreadable, "must be an object"),
        (format!(r#"{{"items":[{good}"#), unreadable, "line 1"),
        (format!(r#"{{"items":[{good},]}}"#), unreadable, "line 1"),
        (format!(r#"{{"items":[{good}]}} x"#), unreadable, "line 1"),
        (
            format!(r#"{{"items":[{good},{{"a":1,"a":2}}]}}"#),
            unreadable,
            "duplicate member",
        ),
        (
            format!(
                r#"{{"items":[{good},{{"a":{}{}}}]}}"#,
                "[".repeat(40),
                "]".repeat(40)
            ),
            unreadable,
            "deeper",
        ),
        (
            format!(r#"{{"items":[{good},{{"a":"\ud800"}}]}}"#),
            unreadable,
            "surrogate",
        ),
    ];
    for (body, message, detail) in table {
        let answer = usage.post(&body).await;
        assert_eq!(answer.status, 400, "{body}: {answer:?}");
        let failure = answer.failure();
        assert_eq!(failure.0, message, "{body}");
        assert!(
            failure.1.as_str().unwrap().contains(detail),
            "{body}: {failure:?}"
        );
    }
    let answer = usage.post(b"{\"items\":[\"\xff\"]}").await;
    assert_eq!(answer.failure().1, "invalid UTF-8 at byte 11");
    assert_eq!(usage.records().await, []);
    let marked = format!("\u{feff}{{\"items\":[{good}]}}");
    assert_eq!(usage.post(marked).await.status, 200);
}

fn rejected_large(length: usize) -> String {
    format!(
        "Rejected large REST payload with content-length = {length} bytes. Max allowed: 10485760 bytes."
    )
}

#[tokio::test]
async fn too_large_is_told_before_the_body_is_read() {
    let usage = start();
    let head = |length: usize, more: &str| {
        format!("POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n{more}\r\n")
    };
    for more in ["", "Expect: 100-continue\r\n"] {
        let answer = usage.raw(head(15_105_102, more).as_bytes()).await;
        assert_eq!(answer.status, 400, "no interim answer: {answer:?}");
        assert_eq!(answer.failure().0, "Exception while reading request");
        assert_eq!(answer.failure().1, rejected_large(15_105_102));
        assert!(answer.head.contains("connection: close"), "{answer:?}");
    }
    let one_more = usage.raw(head(10_485_761, "").as_bytes()).await;
    assert_eq!(one_more.failure().1, rejected_large(10_485_761));
    let absurd = usage.raw(head(1 << 60, "").as_bytes()).await;
    assert_eq!(absurd.status, 400);
}

#[tokio::test]
async fn the_largest_body_is_taken() {
    let usage = start();
    let mut body = json!({"items": [example()]}).to_string().into_bytes();
    body.resize(10_485_760, b' ');
    assert_eq!(usage.post(&body).await.status, 200);
}

#[tokio::test]
async fn a_chunked_body_is_taken_and_may_not_grow_too_large() {
    let usage = start();
    let head = format!(
        "POST {PATH} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
    );
    let body = json!({"items": [example()]}).to_string();
    let (one, two) = body.split_at(20);
    let chunks = format!(
        "{head}{:x}\r\n{one}\r\n{:x}\r\n{two}\r\n0\r\n\r\n",
        one.len(),
        two.len()
    );
    assert_eq!(usage.raw(chunks.as_bytes()).await.status, 200);
    let mut endless = head.clone().into_bytes();
    for _ in 0..11 {
        endless.extend_from_slice(format!("{:x}\r\n", 1 << 20).as_bytes());
        endless.resize(endless.len() + (1 << 20), b' ');
        endless.extend_from_slice(b"\r\n");
    }
    let answer = usage.raw(&endless).await;
    assert_eq!(answer.status, 400, "{answer:?}");
    assert!(
        answer
            .failure()
            .1
            .as_str()
            .unwrap()
            .starts_with("Rejected large REST payload")
    );
    let broken = usage.raw(format!("{head}zz\r\n").as_bytes()).await;
    assert_eq!(broken.status, 400);
}

#[tokio::test]
async fn a_client_that_expects_is_told_to_continue() {
    let usage = start();
    let body = json!({"items": [example()]}).to_string();
    let mut stream = UnixStream::connect(&usage.path).await.unwrap();
    let head = format!(
        "POST {PATH} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nExpect: 100-continue\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut interim = [0; 25];
    tokio::time::timeout(PATIENCE, stream.read_exact(&mut interim))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(&interim, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(body.as_bytes()).await.unwrap();
    let mut told = String::new();
    stream.read_to_string(&mut told).await.unwrap();
    assert_eq!(Answer::parse(&told).status, 200);
}

#[tokio::test]
async fn a_body_that_stalls_is_given_up_and_others_are_served() {
    let usage = start();
    let mut stalled = UnixStream::connect(&usage.path).await.unwrap();
    let head = format!("POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{{");
    stalled.write_all(head.as_bytes()).await.unwrap();
    assert_eq!(usage.push(json!([example()])).await.status, 200);
    let mut told = Vec::new();
    let mut waited = SignedDuration::ZERO;
    while tokio::time::timeout(Duration::from_millis(20), stalled.read_to_end(&mut told))
        .await
        .is_err()
    {
        usage.clock.advance(SignedDuration::from_secs(1));
        waited += SignedDuration::from_secs(1);
        assert!(waited < SignedDuration::from_mins(5), "never given up");
    }
    let answer = Answer::parse(std::str::from_utf8(&told).unwrap());
    assert_eq!(
        (answer.status, answer.failure().0.as_str()),
        (408, "Request timeout")
    );
    assert!(waited >= SignedDuration::from_secs(29), "{waited}");
}

#[tokio::test]
async fn a_client_that_breaks_off_stores_nothing() {
    let usage = start();
    let body = json!({"items": [example()]}).to_string();
    let mut stream = UnixStream::connect(&usage.path).await.unwrap();
    let head = format!(
        "POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n",
        body.len() + 1
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(body.as_bytes()).await.unwrap();
    drop(stream);
    assert_eq!(usage.push(json!([])).await.status, 200);
    assert_eq!(usage.records().await, []);
}

#[tokio::test]
async fn a_user_holds_no_more_bytes_than_its_share() {
    let usage = start();
    let mut holders = Vec::new();
    for _ in 0..2 {
        let mut stream = UnixStream::connect(&usage.path).await.unwrap();
        let head = format!(
            "POST {PATH} HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: {}\r\n\r\n",
            8 << 20
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        // Being told to continue means that the bytes are reserved.
        stream.read_exact(&mut [0; 25]).await.unwrap();
        holders.push(stream);
    }
    let body = json!({"items": [example()]}).to_string();
    let mut third = UnixStream::connect(&usage.path).await.unwrap();
    let request = format!(
        "POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    third.write_all(request.as_bytes()).await.unwrap();
    let mut told = Vec::new();
    for _ in 0..60 {
        let read = third.read_to_end(&mut told);
        if tokio::time::timeout(Duration::from_millis(20), read)
            .await
            .is_ok()
        {
            break;
        }
        usage.clock.advance(SignedDuration::from_millis(500));
    }
    let answer = Answer::parse(std::str::from_utf8(&told).unwrap());
    assert_eq!(answer.status, 503, "{answer:?}");
    assert!(answer.head.contains("retry-after: 1"), "{answer:?}");
    drop(holders);
    for _ in 0..100 {
        if usage.push(json!([example()])).await.status == 200 {
            return;
        }
    }
    panic!("the bytes of clients that went away stay taken");
}

#[tokio::test]
async fn what_is_in_hand_finishes_when_the_server_stops() {
    let usage = start();
    let body = json!({"items": [example()]}).to_string();
    let (one, two) = body.split_at(10);
    let mut stream = UnixStream::connect(&usage.path).await.unwrap();
    let head = format!(
        "POST {PATH} HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.read_exact(&mut [0; 25]).await.unwrap();
    stream.write_all(one.as_bytes()).await.unwrap();
    usage.stop.cancel();
    stream.write_all(two.as_bytes()).await.unwrap();
    let mut told = String::new();
    tokio::time::timeout(PATIENCE, stream.read_to_string(&mut told))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(Answer::parse(&told).status, 200);
}

fn settings_of_roles() -> UsageSettings {
    let ids = |users: &[u32], groups: &[u32]| Principals {
        users: users.iter().copied().map(Principal::Id).collect(),
        groups: groups.iter().copied().map(Principal::Id).collect(),
    };
    UsageSettings {
        roles: UsageRoles {
            sam_admin: ids(&[2001], &[500]),
            sam_developer: ids(&[2002], &[]),
            sam_user: ids(&[2003], &[]),
        },
        bind: [(Principal::Id(2001), vec![CI1.to_owned()])].into(),
        ..UsageSettings::default()
    }
}

impl Usage {
    /// As another peer, which this process cannot be on a real socket.
    async fn as_peer(&self, uid: u32, gid: u32, groups: &[u32], line: &str, body: &str) -> Answer {
        let peer = Peer {
            uid,
            gid,
            groups: groups.to_vec(),
            pid: None,
        };
        let (method, path) = line.split_once(' ').unwrap();
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(
                "content-type",
                if body == "not json" {
                    "text/plain"
                } else {
                    "application/json"
                },
            )
            .body(Body::from(body.to_owned()))
            .unwrap();
        let response = self
            .api
            .service(Arc::new(peer))
            .oneshot(request)
            .await
            .unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Answer {
            status: parts.status.as_u16(),
            head: format!("{:?}", parts.headers).to_ascii_lowercase(),
            body: String::from_utf8(body.to_vec()).unwrap(),
        }
    }
}

#[tokio::test]
async fn the_peers_role_decides_and_paths_come_before_it() {
    let usage = start_with(&settings_of_roles());
    let body = json!({"items": [example()]}).to_string();
    let post = format!("POST {PATH}");
    for (uid, gid, groups) in [
        (2001, 1, &[][..]),
        (2002, 1, &[]),
        (9, 500, &[]),
        (9, 1, &[2, 500]),
        (0, 0, &[]),
    ] {
        let answer = usage.as_peer(uid, gid, groups, &post, &body).await;
        assert_eq!(answer.status, 200, "{uid} {gid} {groups:?}");
    }
    for uid in [2003, 4711] {
        let answer = usage.as_peer(uid, 1, &[], &post, "not json").await;
        assert_eq!(answer.status, 403, "{uid}");
        assert_eq!(
            answer.failure(),
            (
                "User Not Authorized".to_owned(),
                json!("Failed API level ACL Validation")
            )
        );
    }
    let nobody = usage.as_peer(65534, 500, &[500], &post, &body).await;
    assert_eq!(nobody.status, 401);
    assert!(nobody.head.contains("basic realm"), "{nobody:?}");
    assert_eq!(nobody.failure().0, "User Not Authenticated");
    assert_eq!(
        usage.as_peer(4711, 1, &[], "GET /api/x", "").await.status,
        400
    );
    assert_eq!(
        usage
            .as_peer(4711, 1, &[], &format!("GET {PATH}"), "")
            .await
            .status,
        403
    );
}

#[tokio::test]
async fn a_bound_user_reports_for_its_own_items_only() {
    let usage = start_with(&settings_of_roles());
    let foreign = with(example(), &json!({"configuration_item": CI2}));
    let body = json!({"items": [example(), foreign]}).to_string();
    let post = format!("POST {PATH}");
    let bound = usage.as_peer(2001, 1, &[], &post, &body).await.items();
    assert_eq!(statuses(&bound), ["INSERT", "ERROR"]);
    assert_eq!(
        bound[1]["errors"][0]["error"],
        "FORBIDDEN_CONFIGURATION_ITEM"
    );
    let developer = usage.as_peer(2002, 1, &[], &post, &body).await.items();
    assert_eq!(statuses(&developer), ["UPDATE", "INSERT"]);
}

#[tokio::test]
async fn another_policy_is_in_force_from_the_next_request_on() {
    let usage = start_with(&settings_of_roles());
    let body = json!({"items": []}).to_string();
    let post = format!("POST {PATH}");
    assert_eq!(usage.as_peer(2002, 1, &[], &post, &body).await.status, 200);
    usage.api.set_policy(UsagePolicy::default());
    assert_eq!(usage.as_peer(2002, 1, &[], &post, &body).await.status, 403);
}
