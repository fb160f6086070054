//! `docs/usage-openapi.yaml` says what the usage socket does: its examples are sent and provoked, and
//! what comes back is held against its schemas.

mod document;
mod exchange;
mod provocation;

use std::collections::BTreeSet;

use seatsync::usage::{Changes, ErrorCode};
use serde_json::{Value, json};

use self::document::{Document, strings};
use self::exchange::{Answer, PATH, Server, from_xml};
use self::provocation::{PROVOCATIONS, packed, provoke};

/// Holds an answer against what is documented for its status.
fn check(document: &Document, answer: &Answer, of: &str) -> Value {
    let response = document.response(answer.status);
    let documented = response["headers"].as_object().unwrap();
    for (name, header) in documented {
        let header = document.resolve(header);
        match answer.field(name) {
            None => assert_ne!(header["required"], true, "{of}: no {name}: {answer:?}"),
            Some(value) => {
                let wrong = document.differences(&header["schema"], &json!(value));
                assert!(wrong.is_empty(), "{of}: {name}: {wrong:?}");
            }
        }
    }
    // The fields that belong to HTTP itself are not documented.
    let of_http = ["content-type", "content-length", "connection", "date"];
    for name in answer.names() {
        let known = documented
            .keys()
            .any(|known| known.eq_ignore_ascii_case(name));
        assert!(
            known || of_http.contains(&name),
            "{of}: {name} is not documented"
        );
    }
    let content = &response["content"][answer.media_type()];
    assert!(
        content.is_object(),
        "{of}: {} is not documented",
        answer.media_type()
    );
    let body = answer.body();
    let wrong = document.differences(&content["schema"], &body);
    assert!(wrong.is_empty(), "{of}: {wrong:?}\n{body:#}");
    body
}

#[test]
fn the_document_is_of_this_version() {
    assert_eq!(Document::read().version(), env!("CARGO_PKG_VERSION"));
}

#[tokio::test]
async fn every_documented_request_is_answered_as_documented() {
    let document = Document::read();
    let requests = document.requests();
    let batch = document.schema("Batch");
    let (mut stored, mut rejected) = (0, 0);
    for example in &requests {
        let bad = ["withErrors", "wrapped"].contains(&example.name.as_str());
        if example.media_type == "application/json" {
            let wrong = document.differences(batch, &example.value);
            assert_eq!(wrong.is_empty(), !bad, "{}: {wrong:?}", example.name);
        }
        let server = Server::new();
        for path in document.paths() {
            for accept in ["application/json", "application/xml", "text/xml"] {
                for is_packed in [false, true] {
                    let mut fields = format!(
                        "Content-Type: {}\r\nAccept: {accept}\r\n",
                        example.media_type
                    );
                    let mut body = example.body();
                    if is_packed {
                        body = packed(&body);
                        fields.push_str("Content-Encoding: gzip\r\n");
                    }
                    let line = format!("POST {path}");
                    let answer = server.send(&line, &fields, &body).await;
                    assert_eq!(answer.status, 200, "{example:?}: {answer:?}");
                    let told = check(&document, &answer, &example.name);
                    let expected = if bad { "Completed with errors" } else { "Ok" };
                    assert_eq!(told["result"]["message"], expected, "{example:?}");
                    for item in told["result"]["reply"]["items"].as_array().unwrap() {
                        let is_stored = item["status"] != "ERROR";
                        stored += u32::from(is_stored);
                        rejected += u32::from(!is_stored);
                    }
                }
            }
        }
    }
    assert!(
        stored > 100 && rejected > 30,
        "{stored} stored, {rejected} rejected"
    );
}

#[test]
fn the_examples_of_answers_have_the_documented_form() {
    let document = Document::read();
    for (status, response) in document.responses() {
        let response = document.resolve(response);
        for example in document.answers(status.parse().unwrap()) {
            let body = match &example.value {
                Value::String(text) => from_xml(text),
                value => value.clone(),
            };
            let schema = &response["content"][&example.media_type]["schema"];
            let wrong = document.differences(schema, &body);
            assert!(wrong.is_empty(), "{status}: {}: {wrong:?}", example.name);
        }
    }
}

#[test]
fn every_documented_failure_can_be_provoked_and_the_other_way_round() {
    let document = Document::read();
    let failures = document
        .responses()
        .keys()
        .filter(|status| *status != "200");
    let mut documented = BTreeSet::new();
    for status in failures {
        let status: u16 = status.parse().unwrap();
        for example in document.answers(status) {
            if example.media_type == "application/json" {
                documented.insert((status, example.name));
            }
        }
    }
    let provoked = PROVOCATIONS.map(|(status, name)| (status, name.to_owned()));
    assert_eq!(documented, BTreeSet::from(provoked));
}

#[tokio::test]
async fn every_provoked_failure_is_answered_as_documented() {
    let document = Document::read();
    for (status, name) in PROVOCATIONS {
        let answer = provoke(name, "").await;
        assert_eq!(answer.status, status, "{name}: {answer:?}");
        let mut told = check(&document, &answer, name);
        let examples = document.answers(status);
        let mut examples = examples
            .iter()
            .filter(|e| e.media_type == "application/json");
        let example = examples.find(|example| example.name == name).unwrap();
        if status == 500 {
            // Which request it was differs.
            let transaction = answer.field("x-transaction-id").unwrap();
            assert_eq!(told["error"]["detail"], transaction);
            told["error"]["detail"] = example.value["error"]["detail"].clone();
        }
        assert_eq!(told, example.value, "{name}");
    }
}

#[tokio::test]
async fn failures_are_written_in_the_documented_formats() {
    let document = Document::read();
    let mut in_xml = BTreeSet::new();
    for (status, name) in PROVOCATIONS {
        let answer = provoke(name, "Accept: application/xml\r\n").await;
        assert_eq!(answer.status, status, "{name}: {answer:?}");
        check(&document, &answer, name);
        if answer.media_type() == "application/xml" {
            in_xml.insert(status);
        }
    }
    for status in document
        .responses()
        .keys()
        .filter(|status| *status != "200")
    {
        let status: u16 = status.parse().unwrap();
        let documented = document.response(status)["content"]["application/xml"].is_object();
        assert_eq!(in_xml.contains(&status), documented, "{status}");
    }
}

/// The columns that the code knows. A new one does not compile until it stands here.
fn columns() -> BTreeSet<&'static str> {
    let Changes {
        norm_publisher: _,
        user: _,
        month_used: _,
        year: _,
        usage_count: _,
        total_usage_time: _,
        last_used_time: _,
        discovery_source: _,
        usage_type: _,
    } = Changes::default();
    // What they change, and the key.
    BTreeSet::from([
        "norm_publisher",
        "user",
        "month_used",
        "year",
        "usage_count",
        "total_usage_time",
        "last_used_time",
        "discovery_source",
        "usage_type",
        "reclamation_type",
        "configuration_item",
        "norm_product",
    ])
}

#[tokio::test]
async fn the_documented_columns_are_those_that_are_judged() {
    let document = Document::read();
    let properties = document.schema("Item")["properties"].as_object().unwrap();
    let documented: BTreeSet<&str> = properties.keys().map(String::as_str).collect();
    assert_eq!(documented, columns());
    let server = Server::new();
    let good = &document.requests()[0].value["items"][0];
    for column in documented.iter().copied().chain(["u_unknown"]) {
        let mut item = good.clone();
        // No column takes a list.
        item[column] = json!([]);
        let body = json!({ "items": [item] }).to_string();
        let answer = server
            .send(&format!("POST {PATH}"), "", body.as_bytes())
            .await;
        let told = check(&document, &answer, column)["result"]["reply"]["items"][0].clone();
        let names_it = told["errors"][0]["message"]
            .as_str()
            .is_some_and(|message| message.starts_with(&format!("`{column}` ")));
        assert_eq!(names_it, column != "u_unknown", "{column}: {told}");
    }
}

#[test]
fn the_documented_codes_are_those_that_there_are() {
    use ErrorCode::{
        ForbiddenConfigurationItem, InvalidChoice, InvalidItem, InvalidReference, InvalidValue,
        MissingField, OutOfRange,
    };
    let all = [
        MissingField,
        InvalidChoice,
        InvalidReference,
        InvalidValue,
        OutOfRange,
        InvalidItem,
        ForbiddenConfigurationItem,
    ];
    for code in all {
        // A new one does not compile until it stands here and above.
        match code {
            MissingField
            | InvalidChoice
            | InvalidReference
            | InvalidValue
            | OutOfRange
            | InvalidItem
            | ForbiddenConfigurationItem => {}
        }
    }
    let document = Document::read();
    let rejected = &document.schema("RejectedItem")["properties"]["errors"];
    let documented = strings(&rejected["items"]["properties"]["error"]["enum"]);
    assert_eq!(documented, all.map(ErrorCode::as_str));
}
