//! Rows 41, 43, 48 to 56 and 64 to 66: XML, gzip, and the notation of the vendor's own examples.

use serde_json::{Value, json};

use super::support::{
    Answer, CI1, JSON, UNREADABLE, body_of, example, gzip, head, incompressible, start, with,
    without,
};

const XML: &str = "Content-Type: application/xml\r\nAccept: application/xml\r\n";

/// An item as elements.
fn elements(item: &Value) -> String {
    let element = |(name, value): (&String, &Value)| {
        let text = value.as_str().map_or(value.to_string(), str::to_owned);
        format!("<{name}>{text}</{name}>")
    };
    item.as_object().unwrap().iter().map(element).collect()
}

fn items(item: &Value) -> String {
    format!("<request><items>{}</items></request>", elements(item))
}

/// An answer's one item, without our members.
fn echo(answer: &Answer) -> &str {
    assert_eq!(answer.status, 200, "{answer:?}");
    let (_, rest) = answer.body.split_once("<items>").unwrap();
    rest.split_once("<sysId>").unwrap().0
}

#[tokio::test]
async fn xml_comes_back_as_xml() {
    // row 41
    let usage = start();
    for accept in ["application/xml", "text/xml"] {
        let headers = format!("Accept: {accept}\r\n");
        let answer = usage.with(&headers, body_of(&example())).await;
        let content_type = answer.header("content-type");
        assert_eq!(content_type, Some("application/xml;charset=utf-8"));
        assert_eq!(echo(&answer), elements(&example()));
        let start = "<?xml version=\"1.0\" encoding=\"UTF-8\"?><response><result><reply><items>";
        assert!(answer.body.starts_with(start), "{answer:?}");
        let end = "</items></reply><message>Ok</message></result></response>";
        assert!(answer.body.ends_with(end), "{answer:?}");
        answer.check_common_headers();
    }
    let id = usage.records().await[0].key.sys_id();
    let answer = usage
        .with("Accept: text/xml\r\n", body_of(&example()))
        .await;
    let ours = format!("<sysId>{id}</sysId><status>UPDATE</status>");
    assert!(answer.body.contains(&ours), "{answer:?}");
    // row 43
    let both = "Accept: application/json;q=0.5, application/xml\r\n";
    let answer = usage.with(both, body_of(&example())).await;
    assert_eq!(echo(&answer), elements(&example()));
}

#[tokio::test]
async fn xml_is_read_as_the_same_json() {
    let usage = start();
    let first = usage.push_one(example()).await;
    let fields = elements(&example());
    let strings: Value = example()
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, value)| {
            let text = value.as_str().map_or(value.to_string(), str::to_owned);
            (name.clone(), Value::from(text))
        })
        .collect();
    for (content_type, body, count) in [
        // row 48
        (
            "application/xml",
            format!("<request><items>{fields}</items><items>{fields}</items></request>"),
            2,
        ),
        (
            "text/xml",
            format!("<request><items>{fields}</items><items>{fields}</items></request>"),
            2,
        ),
        // row 49
        (
            "application/xml",
            format!("<request><items><item>{fields}</item><item>{fields}</item></items></request>"),
            2,
        ),
        (
            "application/xml",
            format!("<request><items><entry>{fields}</entry></items></request>"),
            1,
        ),
        (
            "application/xml",
            format!("<items><item>{fields}</item></items>"),
            1,
        ),
        // row 50
        (
            "application/xml",
            format!("<request><items>{fields}</items></request>"),
            1,
        ),
    ] {
        let headers = format!("Content-Type: {content_type}\r\nAccept: application/json\r\n");
        let told = usage.with(&headers, &body).await.items();
        assert_eq!(told.len(), count, "{body}");
        for item in told {
            let ours = json!({"sysId": first["sysId"], "status": "UPDATE"});
            assert_eq!(item, with(strings.clone(), &ours), "{body}");
            let names: Vec<&String> = item.as_object().unwrap().keys().collect();
            assert!(
                names
                    .iter()
                    .zip(strings.as_object().unwrap().keys())
                    .all(|(a, b)| *a == b)
            );
        }
    }
    assert_eq!(usage.records().await.len(), 1);
}

#[tokio::test]
async fn an_empty_element_clears_and_special_characters_come_through() {
    let usage = start();
    usage.push_one(example()).await;
    let item = without(example(), &["usage_count", "norm_publisher"]);
    let fields = "<usage_count/><norm_publisher></norm_publisher><usage_type>a &lt;&amp;<![CDATA[<b>]]> \u{1f600}</usage_type>";
    let body = format!("<r><items>{}{fields}</items></r>", elements(&item));
    let answer = usage.with(XML, body).await;
    let comes_back = "<usage_count></usage_count><norm_publisher></norm_publisher><usage_type>a &lt;&amp;&lt;b&gt; \u{1f600}</usage_type>";
    assert_eq!(echo(&answer), format!("{}{comes_back}", elements(&item)));
    let values = &usage.records().await[0].values;
    assert_eq!((values.usage_count, values.norm_publisher), (None, None));
    assert_eq!(values.usage_type.as_deref(), Some("a <&<b> \u{1f600}"));
}

#[tokio::test]
async fn what_json_may_say_and_xml_may_not_is_put_otherwise() {
    let usage = start();
    let odd = json!({"cost center": "\u{1}", "1": [1, {"a": null}], "x": [[true]]});
    let answer = usage
        .with("Accept: text/xml\r\n", body_of(&with(example(), &odd)))
        .await;
    let expected = "<cost_x0020_center>\u{fffd}</cost_x0020_center><_x0031_>1</_x0031_><_x0031_><a></a></_x0031_><x><entry>true</entry></x>";
    assert_eq!(echo(&answer), format!("{}{expected}", elements(&example())));
}

#[tokio::test]
async fn a_bad_item_is_told_in_xml_too() {
    let usage = start();
    let bad = with(example(), &json!({"month_used": "13", "usage_count": "x"}));
    let answer = usage.with(XML, items(&bad)).await;
    let errors = "<status>ERROR</status>\
        <errors><error>INVALID_VALUE</error><message>`month_used` is not a month from 1 to 12</message></errors>\
        <errors><error>INVALID_VALUE</error><message>`usage_count` is not a whole number of 0 or more</message></errors>\
        </items></reply><message>Completed with errors</message>";
    assert!(answer.body.contains(errors), "{answer:?}");
}

#[tokio::test]
async fn xml_that_is_none_or_means_more_than_it_says_is_refused() {
    let usage = start();
    let headers = "Content-Type: text/xml\r\nAccept: application/json\r\n";
    let deep = format!(
        "<r><items>{}{}</items></r>",
        "<a>".repeat(15),
        "</a>".repeat(15)
    );
    // row 51
    for (body, detail) in [
        (
            "<request><items>",
            "line 1, column 17: an element is not closed",
        ),
        (
            "<request>\n<items></request>",
            "line 2, column 8: tags do not match",
        ),
        (
            "<!DOCTYPE r [<!ENTITY x \"y\">]><r><items>&x;</items></r>",
            "DOCTYPE",
        ),
        ("<r><items><a>&x;</a></items></r>", "entities"),
        (&deep, "nested deeper than 16 elements"),
        ("<r><items year=\"2020\"/></r>", "attributes are not read"),
        (
            "<r><items><year>1</year><year>2</year></items></r>",
            "duplicate member",
        ),
        ("<?xml version=\"1.0\" encoding=\"latin1\"?><r/>", "UTF-8"),
        // row 52
        (r#"{"items":[]}"#, "text beside elements"),
    ] {
        let told = usage.with(headers, body).await.refused(400, UNREADABLE);
        assert!(told.contains(detail), "{body}: {told}");
    }
    let answer = usage.with(JSON, items(&example())).await;
    assert_eq!(
        answer.refused(400, UNREADABLE),
        "line 1, column 1: expected value"
    );
    let answer = usage.with(headers, "<request/>").await;
    answer.refused(400, "items is required");
    assert_eq!(usage.records().await, []);
}

#[tokio::test]
async fn a_refusal_is_xml_where_xml_is_wanted() {
    // row 53
    let usage = start();
    let xml = "Accept: text/xml\r\n";
    let answer = usage.with(xml, "{\"items\":[1,]}").await;
    let envelope = |detail: &str, message: &str| {
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><response><error><detail>{detail}</detail><message>{message}</message></error><status>failure</status></response>"
        )
    };
    assert_eq!(answer.status, 400);
    let detail = "line 1, column 13: trailing comma";
    assert_eq!(answer.body, envelope(detail, UNREADABLE));
    let content_type = answer.header("content-type");
    assert_eq!(content_type, Some("application/xml;charset=utf-8"));
    answer.check_common_headers();
    let answer = usage.request("POST /api/<x>&y", xml, b"").await;
    assert_eq!(answer.status, 400, "{answer:?}");
    let answer = usage.request("POST /api/now/x", xml, b"").await;
    let message = "Requested URI does not represent any resource";
    assert_eq!(answer.body, envelope("", message));
    let answer = usage.request("POST /x&y", xml, b"").await;
    assert_eq!(
        (answer.status, answer.body),
        (404, envelope("/x&amp;y", "Not found"))
    );
}

#[tokio::test]
async fn a_body_may_be_packed() {
    // row 54
    let usage = start();
    let packed = gzip(body_of(&example()).as_bytes());
    for coding in ["gzip", "x-gzip"] {
        let headers = format!("{JSON}Content-Encoding: {coding}\r\n");
        let answer = usage.with(&headers, &packed).await;
        assert_eq!(answer.message(), "Ok");
    }
    let body = body_of(&example());
    let (one, two) = body.as_bytes().split_at(30);
    let members = [gzip(one), gzip(two)].concat();
    let headers = "Content-Encoding: gzip\r\nContent-Type: text/xml\r\n";
    let xml = usage
        .with(headers, gzip(items(&example()).as_bytes()))
        .await;
    assert_eq!(xml.item()["status"], "UPDATE");
    let answer = usage.with("Content-Encoding: gzip\r\n", members).await;
    assert_eq!(answer.item()["status"], "UPDATE");
}

#[tokio::test]
async fn a_packed_body_has_limits_of_its_own() {
    // row 55
    let usage = start();
    let gzipped = "Content-Encoding: gzip\r\n";
    let too_long = gzip(&incompressible(1 << 20));
    assert!(too_long.len() > 1 << 20);
    let answer = usage.with(gzipped, &too_long).await;
    assert_eq!(
        answer.refused(400, UNREADABLE),
        format!(
            "Rejected large REST payload with content-length = {} bytes. Max allowed: 1048576 bytes.",
            too_long.len()
        )
    );
    let head =
        head("Connection: close\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n");
    let chunk = format!("{head}{:x}\r\n", too_long.len());
    let chunked = [chunk.as_bytes(), &too_long, b"\r\n0\r\n\r\n"].concat();
    let detail = usage.raw(chunked).await.refused(400, UNREADABLE);
    assert!(detail.ends_with("Max allowed: 1048576 bytes."), "{detail}");
    let mut largest = body_of(&example()).into_bytes();
    largest.resize(10 << 20, b' ');
    assert_eq!(usage.with(gzipped, gzip(&largest)).await.status, 200);
    largest.push(b' ');
    let bomb = gzip(&vec![b' '; 200 << 20]);
    for packed in [gzip(&largest), bomb] {
        let answer = usage.with(gzipped, &packed).await;
        assert_eq!(
            answer.refused(400, UNREADABLE),
            "Rejected large REST payload: unpacked it has more than 10485760 bytes."
        );
    }
}

#[tokio::test]
async fn what_is_read_as_json_has_a_limit_too() {
    let usage = start();
    let headers = "Content-Type: text/xml\r\nAccept: application/json\r\n";
    let spaces = " ".repeat((10 << 20) - items(&example()).len());
    let largest = items(&example()).replace("<items>", &format!("{spaces}<items>"));
    assert_eq!(largest.len(), 10 << 20);
    assert_eq!(usage.with(headers, &largest).await.status, 200);
    let quotes = format!("<r><items><a>{}</a></items></r>", "\"".repeat(9 << 20));
    let detail = usage.with(headers, quotes).await.refused(400, UNREADABLE);
    assert!(detail.contains("read as JSON"), "{detail}");
    let long = format!("{{'items':[]{}}}", " ".repeat(1 << 20));
    let detail = usage.post(long).await.refused(400, UNREADABLE);
    assert!(detail.contains("send it as JSON"), "{detail}");
}

#[tokio::test]
async fn what_is_packed_otherwise_or_badly_is_refused() {
    // row 56
    let usage = start();
    let packed = gzip(body_of(&example()).as_bytes());
    for coding in ["br", "deflate", "gzip, gzip"] {
        let headers = format!("Content-Encoding: {coding}\r\n");
        let answer = usage.with(&headers, &packed).await;
        answer.refused(415, "Invalid content-encoding");
        assert_eq!(answer.header("accept-encoding"), Some("gzip"));
    }
    let cut = &packed[..packed.len() - 4];
    let mut wrong = packed.clone();
    wrong[packed.len() - 6] ^= 1;
    let behind = [&packed[..], b"garbage"].concat();
    for body in [cut, &wrong, &behind, b"", b"{\"items\":[]}"] {
        let answer = usage.with("Content-Encoding: gzip\r\n", body).await;
        let detail = answer.refused(400, UNREADABLE);
        assert_eq!(detail, "the gzip data is corrupt or cut off");
    }
    assert_eq!(usage.records().await, []);
}

/// What bash makes of the cURL on the vendor's page, byte for byte.
const DOCUMENTED: &str = "{'items':[\n    {\n      'configuration_item': 'eaa9604d3790200044e0bfc8bcbe5dc1',\n      'month_used': 2,\n      'norm_product': '40209c060b3022002d6c650d37673a89',\n      'norm_publisher': '24dcccc20b3022002d6c650d37673ab3',\n      'reclamation_type': 'total_usage',\n      'usage_count': 13,\n      'total_usage_time': 13,\n      'year': 2020\n    }\n]}";

#[tokio::test]
async fn the_vendors_own_curl_works() {
    // row 64
    let usage = start();
    let item = usage.post(DOCUMENTED).await.item();
    assert_eq!(item["status"], "INSERT");
    assert_eq!(without(item, &["sysId", "status"]), example());
    assert_eq!(usage.push_one(example()).await["status"], "UPDATE");
    // row 65
    let quotes = DOCUMENTED.replace("2020\n", "2020,\n'usage_type': 'it\\'s \"x\"'\n");
    let item = usage.post(quotes).await.item();
    assert_eq!(item["usage_type"], "it's \"x\"");
}

#[tokio::test]
async fn single_quotes_excuse_nothing_else() {
    // row 66
    let usage = start();
    for (body, detail) in [
        (
            DOCUMENTED.replace("'year'", "\"year\""),
            "line 10, column 7: a double quote beside single quotes",
        ),
        (
            DOCUMENTED.replace("2020\n", "2020,\n"),
            "line 11, column 5: key must be a string",
        ),
        (
            DOCUMENTED.replace("\n]}", ",\n]}"),
            "line 12, column 1: trailing comma",
        ),
        (
            DOCUMENTED.replace("'year'", "year"),
            "line 10, column 7: key must be a string",
        ),
        (
            DOCUMENTED.replace("13,", "0x13,"),
            "line 8, column 23: expected `,` or `}`",
        ),
        (
            format!("{DOCUMENTED}\n// it's"),
            "line 13, column 6: text without its closing quote",
        ),
        (
            example().to_string().replacen('"', "'", 2),
            "line 1, column 23: a double quote beside single quotes",
        ),
    ] {
        let answer = usage.post(&body).await;
        assert_eq!(answer.refused(400, UNREADABLE), detail, "{body}");
    }
    let mixed = body_of(&example()).replace(CI1, "'");
    usage.post(mixed).await.items();
    assert_eq!(usage.records().await, []);
}
