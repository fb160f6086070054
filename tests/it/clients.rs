//! The clients that people have, used as they use them, against the real daemon over its real
//! socket: curl, ServiceNow's Python clients and Node.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::support::Host;
use super::support::programs::{both, has, printed, python_with_clients, repository};

const URL: &str = "http://localhost/api/now/sam_software_usage_integration/createOrUpdate";

/// A host whose daemon runs.
fn running() -> Host {
    let mut host = Host::new();
    host.start();
    host
}

/// A record of a month.
fn record(product: u32) -> Value {
    json!({
        "configuration_item": "eaa9604d3790200044e0bfc8bcbe5dc1",
        "norm_product": format!("{product:032x}"),
        "reclamation_type": "total_usage",
        "month_used": 2,
        "year": 2026,
        "usage_count": 13,
        "total_usage_time": 780,
    })
}

/// What became of the only item of an answer, after a look at the rest of it.
fn fate(answer: &Value) -> &str {
    let result = answer.get("result").unwrap_or(answer);
    assert_eq!(result["message"], "Ok", "{answer}");
    let items = result["reply"]["items"].as_array().unwrap();
    assert_eq!(items.len(), 1, "{answer}");
    assert_eq!(items[0]["usage_count"], 13, "{answer}");
    items[0]["status"].as_str().unwrap()
}

fn curl(host: &Host, arguments: &[&str]) -> Command {
    let mut command = Command::new("curl");
    command
        .args(["--silent", "--show-error", "--max-time", "60"])
        .arg("--unix-socket")
        .arg(host.usage_socket())
        .args(arguments)
        .arg(URL);
    command
}

/// A file that holds `body`.
fn file(host: &Host, body: &[u8]) -> PathBuf {
    let path = host.path("body");
    fs::write(&path, body).unwrap();
    path
}

/// `--data-binary`'s way to name a file.
fn at(path: &Path) -> String {
    format!("@{}", path.display())
}

#[test]
fn curl_posts_what_the_pages_show() {
    if !has("curl") {
        return;
    }
    let host = running();
    let mut fates = Vec::new();
    for page in ["README.md", "docs/usage-api.md"] {
        let page = fs::read_to_string(repository(page)).unwrap();
        let command = page
            .split("```sh\n")
            .filter_map(|block| block.split("\n```").next())
            .find(|block| block.starts_with("curl --unix-socket"))
            .unwrap();
        let command = command.replace(
            "/run/seatsync/usage.sock",
            &host.usage_socket().display().to_string(),
        );
        let told = printed(Command::new("sh").args(["-euc", &command]));
        let told: Value = serde_json::from_str(&told).unwrap();
        fates.push(fate(&told).to_owned());
    }
    assert_eq!(fates, ["INSERT", "UPDATE"]);
}

#[test]
fn curl_without_a_type_is_told_which_there_are() {
    if !has("curl") {
        return;
    }
    let host = running();
    let told = printed(&mut curl(&host, &["--data", r#"{"items":[]}"#]));
    let told: Value = serde_json::from_str(&told).unwrap();
    assert_eq!(
        told["error"]["message"],
        "Invalid content-type. Supported request media types for this service are: [application/json, application/xml, text/xml]"
    );
}

#[test]
fn the_documented_request_is_taken_byte_for_byte() {
    if !has("curl") {
        return;
    }
    let host = running();
    // The page's curl goes to an instance; ours goes through the socket, and changes nothing else.
    let instead = r#"curl() {
        url=$3; shift 3
        command curl --silent --show-error --unix-socket "$SOCKET" -X POST "http://localhost/${url#https://*/}" "$@"
    }
    . "$PAGE""#;
    let told = printed(
        Command::new("bash")
            .args(["-euc", instead])
            .env("SOCKET", host.usage_socket())
            .env("PAGE", repository("tests/clients/documented_request.sh")),
    );
    let told: Value = serde_json::from_str(&told).unwrap();
    let expected = json!({
        "configuration_item": "eaa9604d3790200044e0bfc8bcbe5dc1",
        "month_used": 2,
        "norm_product": "40209c060b3022002d6c650d37673a89",
        "norm_publisher": "24dcccc20b3022002d6c650d37673ab3",
        "reclamation_type": "total_usage",
        "usage_count": 13,
        "total_usage_time": 13,
        "year": 2020,
        "sysId": told["result"]["reply"]["items"][0]["sysId"],
        "status": "INSERT",
    });
    assert_eq!(
        told,
        json!({"result": {"reply": {"items": [expected]}, "message": "Ok"}})
    );
}

#[test]
fn curl_asks_before_it_sends_a_large_body() {
    if !has("curl") {
        return;
    }
    let host = running();
    let items: Vec<Value> = (0..6000).map(record).collect();
    let body = file(&host, json!({ "items": items }).to_string().as_bytes());
    assert!(fs::metadata(&body).unwrap().len() > 1 << 20);
    let json = ["--verbose", "--header", "Content-Type: application/json"];
    let output = curl(&host, &[&json[..], &["--data-binary", &at(&body)]].concat())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    for line in [
        "> Expect: 100-continue",
        "< HTTP/1.1 100 Continue",
        "< HTTP/1.1 200 OK",
    ] {
        assert!(said.contains(line), "{line}: {said}");
    }
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    let told = told["result"]["reply"]["items"].as_array().unwrap();
    assert_eq!(told.len(), 6000);
    assert!(told.iter().all(|item| item["status"] == "INSERT"));

    // One that is too large is never sent.
    fs::write(&body, vec![b' '; (10 << 20) + 1]).unwrap();
    let output = curl(&host, &[&json[..], &["--data-binary", &at(&body)]].concat())
        .output()
        .unwrap();
    let said = both(&output);
    assert!(said.contains("Rejected large REST payload"), "{said}");
    assert!(!said.contains("100 Continue"), "{said}");
}

#[test]
fn curl_posts_a_packed_body() {
    if !has("curl") || !has("gzip") {
        return;
    }
    let host = running();
    let items: Vec<Value> = (0..6000).map(record).collect();
    let mut gzip = Command::new("gzip")
        .stdin(Stdio::piped())
        .stdout(fs::File::create(host.path("body.gz")).unwrap())
        .spawn()
        .unwrap();
    let body = json!({ "items": items }).to_string();
    gzip.stdin
        .take()
        .unwrap()
        .write_all(body.as_bytes())
        .unwrap();
    assert!(gzip.wait().unwrap().success());
    let told = printed(&mut curl(
        &host,
        &[
            "--header",
            "Content-Type: application/json",
            "--header",
            "Content-Encoding: gzip",
            "--data-binary",
            &at(&host.path("body.gz")),
        ],
    ));
    assert_eq!(told.matches("\"INSERT\"").count(), 6000, "{told:.300}");
    assert_eq!(host.usage_records().len(), 6000);
}

#[test]
fn curl_posts_and_gets_xml() {
    if !has("curl") {
        return;
    }
    let host = running();
    let body = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>
<request>
  <items>
    <reclamation_type>total_usage</reclamation_type>
    <configuration_item>eaa9604d3790200044e0bfc8bcbe5dc1</configuration_item>
    <norm_product>40209c060b3022002d6c650d37673a89</norm_product>
    <month_used>2</month_used>
    <year>2026</year>
    <usage_count>13</usage_count>
  </items>
</request>
";
    let body = file(&host, body.as_bytes());
    let xml = [
        "--header",
        "Content-Type: application/xml",
        "--data-binary",
        &at(&body),
    ];
    let told = printed(&mut curl(
        &host,
        &[&xml[..], &["--header", "Accept: application/xml"]].concat(),
    ));
    for part in [
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>",
        "<response><result><reply><items>",
        "<usage_count>13</usage_count>",
        "<status>INSERT</status>",
        "</items></reply><message>Ok</message></result></response>",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
    let told = printed(&mut curl(&host, &xml));
    assert!(told.contains("\"usage_count\":\"13\""), "{told}");
    assert!(told.contains("\"UPDATE\""), "{told}");
    assert_eq!(host.usage_records()[0]["usage_count"], 13);
}

/// Runs one of the scripts of `tests/clients` with one record, and returns what it prints.
fn ran(program: &Path, script: &str, host: &Host, records: &[Value]) -> Value {
    let told = printed(
        Command::new(program)
            .arg(repository("tests/clients").join(script))
            .arg(host.usage_socket())
            .arg(Value::from(records).to_string()),
    );
    serde_json::from_str(&told).unwrap()
}

#[test]
fn pysnow_creates() {
    let Some(python) = python_with_clients() else {
        return;
    };
    let host = running();
    let told = ran(&python, "pysnow_client.py", &host, &[record(1)]);
    let fates: Vec<&str> = told.as_array().unwrap()[..3].iter().map(fate).collect();
    assert_eq!(fates, ["INSERT", "UPDATE", "UPDATE"]);
    assert_eq!(
        told[3],
        json!({
            "status": 400,
            "body": {
                "error": {"message": "Requested URI does not represent any resource", "detail": null},
                "status": "failure",
            },
        })
    );
}

#[test]
fn pysnc_posts_by_the_rights_of_its_user() {
    let Some(python) = python_with_clients() else {
        return;
    };
    let host = running();
    let told = ran(&python, "pysnc_client.py", &host, &[record(1)]);
    assert_eq!((fate(&told[0]), fate(&told[1])), ("INSERT", "UPDATE"));
    let raised = told[2]["raised"].as_str().unwrap();
    assert!(
        raised.contains("Requested URI does not represent any resource"),
        "{raised}"
    );
}

#[test]
fn pysnc_posts_many_at_once() {
    let Some(python) = python_with_clients() else {
        return;
    };
    let host = running();
    let records: Vec<Value> = (0..50).map(record).collect();
    let told = ran(&python, "pysnc_async_client.py", &host, &records);
    let told = told.as_array().unwrap();
    assert_eq!(told.len(), 50);
    for (answer, sent) in told.iter().zip(&records) {
        assert_eq!(fate(answer), "INSERT");
        let item = &answer["result"]["reply"]["items"][0];
        assert_eq!(item["norm_product"], sent["norm_product"]);
    }
    assert_eq!(host.usage_records().len(), 50);
}

#[test]
fn node_posts_over_a_kept_connection() {
    if !has("node") {
        return;
    }
    let host = running();
    let told = ran(Path::new("node"), "node_client.js", &host, &[record(1)]);
    let told = told.as_array().unwrap();
    for answer in told {
        assert_eq!(answer["status"], 200, "{answer}");
        assert_eq!(answer["type"], "application/json;charset=UTF-8");
    }
    let reused: Vec<&Value> = told.iter().map(|answer| &answer["reused"]).collect();
    assert_eq!(reused, [&json!(false), &json!(true), &json!(true)]);
    let fates: Vec<&str> = told.iter().map(|answer| fate(&answer["body"])).collect();
    assert_eq!(fates, ["INSERT", "UPDATE", "UPDATE"]);
}
