//! Rows 57 to 63 and 67 to 74: the body as a whole.

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::support::{
    Answer, PATIENCE, UNREADABLE, body_of, example, head, rest, start, statuses, with,
};

#[tokio::test]
async fn no_items_are_nothing_to_do() {
    // row 57
    let usage = start();
    let answer = usage.push(json!([])).await;
    assert_eq!((answer.items().len(), answer.message().as_str()), (0, "Ok"));
}

#[tokio::test]
async fn a_body_without_an_array_of_items_is_refused() {
    let usage = start();
    // row 58
    for body in ["{}", r#"{"records":[]}"#, r#"{"items":null}"#] {
        usage.post(body).await.refused(400, "items is required");
    }
    // row 59
    for (body, found) in [
        (r#"{"items":{}}"#, "`items` is an object"),
        (r#"{"items":"x"}"#, "`items` is a string"),
        (r#"{"items":5}"#, "`items` is a number"),
    ] {
        let answer = usage.post(body).await;
        assert_eq!(answer.refused(400, "items must be an array"), found);
    }
    // row 60
    for body in ["[]", "\"items\"", "7"] {
        let detail = usage.post(body).await.refused(400, UNREADABLE);
        assert_eq!(detail, "the body must be an object with `items`");
    }
    let many = format!(r#"{{"items":[{}0]}}"#, "0,".repeat(100_000));
    let answer = usage.post(many).await;
    answer.refused(400, "items has too many elements");
}

#[tokio::test]
async fn what_is_no_item_fails_at_its_position() {
    // row 61
    let usage = start();
    let other = with(example(), &json!({"month_used": 3}));
    let answer = usage
        .push(json!([example(), 1, null, [[]], "x", other]))
        .await;
    let items = answer.items();
    assert_eq!(
        statuses(&items),
        ["INSERT", "ERROR", "ERROR", "ERROR", "ERROR", "INSERT"]
    );
    for item in &items[1..5] {
        assert_eq!(item["errors"][0]["error"], "INVALID_ITEM");
        assert_eq!(item.as_object().unwrap().len(), 2);
    }
    assert_eq!(usage.records().await.len(), 2);
}

#[tokio::test]
async fn an_empty_body_is_refused() {
    // row 62
    let usage = start();
    for fields in [
        "Connection: close\r\n\r\n",
        "Connection: close\r\nContent-Length: 0\r\n\r\n",
    ] {
        let answer = usage.raw(head(fields)).await;
        assert_eq!(answer.refused(400, UNREADABLE), "empty body");
    }
}

#[tokio::test]
async fn what_is_not_json_is_refused_with_its_place_and_without_its_content() {
    let usage = start();
    let good = example().to_string();
    let length = good.len();
    let at = |line: usize, column: usize, reason: &str| {
        format!("line {line}, column {column}: {reason}")
    };
    for (body, detail) in [
        // row 63
        (
            format!(r#"{{"items":[{good}"#),
            at(1, 10 + length, "EOF while parsing a list"),
        ),
        (
            format!("{{\"items\":[\n{good},]}}"),
            at(2, length + 2, "trailing comma"),
        ),
        (
            "{\"items\":[secret]}".to_owned(),
            at(1, 11, "expected value"),
        ),
        ("{\"items\":[NaN]}".to_owned(), at(1, 11, "expected value")),
        (
            format!(r#"{{"items":[{good}]}} secret"#),
            at(1, 14 + length, "trailing characters"),
        ),
        (
            "/* secret */{\"items\":[]}".to_owned(),
            at(1, 1, "expected value"),
        ),
        // row 67
        (
            r#"{"items":[{"a":1,"a":2}]}"#.to_owned(),
            at(1, 23, "duplicate member"),
        ),
        (
            r#"{"items":[],"items":[]}"#.to_owned(),
            at(1, 19, "duplicate member"),
        ),
    ] {
        let answer = usage.post(&body).await;
        assert_eq!(answer.refused(400, UNREADABLE), detail, "{body}");
    }
    // row 68
    for levels in [30, 1_000_000] {
        let (open, close) = ("[".repeat(levels), "]".repeat(levels));
        let body = format!(r#"{{"items":[{good},{{"a":{open}{close}}}]}}"#);
        let detail = usage.post(body).await.refused(400, UNREADABLE);
        assert!(detail.ends_with("nested deeper than 32 levels"), "{detail}");
    }
    // row 70
    let detail = usage.post(b"{\"items\":[\"\xff\"]}").await;
    assert_eq!(detail.refused(400, UNREADABLE), "invalid UTF-8 at byte 11");
    let half = format!(r#"{{"items":[{good},{{"a":"\ud800"}}]}}"#);
    let detail = usage.post(half).await.refused(400, UNREADABLE);
    assert!(detail.ends_with("half of a surrogate pair"), "{detail}");
    assert_eq!(usage.records().await, []);
}

#[tokio::test]
async fn a_byte_order_mark_is_passed_over() {
    // row 69
    let usage = start();
    let marked = format!("\u{feff}{}", body_of(&example()));
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
    // rows 71, 72: at once, also to who would wait for 100
    for expect in ["", "Expect: 100-continue\r\n"] {
        let length = format!("Content-Length: 15105102\r\n{expect}\r\n");
        let answer = usage.raw(head(&length)).await;
        assert_eq!(answer.refused(400, UNREADABLE), rejected_large(15_105_102));
        assert_eq!(answer.header("connection"), Some("close"));
    }
    let absurd = format!("Content-Length: {}\r\n\r\n", 1_u64 << 60);
    assert_eq!(usage.raw(head(&absurd)).await.status, 400);
}

#[tokio::test]
async fn a_client_that_expects_is_told_to_continue() {
    // row 72
    let usage = start();
    let body = body_of(&example());
    let mut stream = usage.connect().await;
    let length = body.len();
    let head = head(&format!(
        "Connection: close\r\nExpect: 100-continue\r\nContent-Length: {length}\r\n\r\n"
    ));
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut interim = [0; 25];
    let read = tokio::time::timeout(PATIENCE, stream.read_exact(&mut interim));
    read.await.unwrap().unwrap();
    assert_eq!(&interim, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(body.as_bytes()).await.unwrap();
    assert_eq!(Answer::parse(&rest(&mut stream).await).status, 200);
}

#[tokio::test]
async fn a_chunked_body_is_taken_and_may_not_grow_too_large() {
    let usage = start();
    let head = head("Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n");
    let body = body_of(&example());
    let (one, two) = body.split_at(20);
    let chunks = format!(
        "{head}{:x}\r\n{one}\r\n{:x};x=y\r\n{two}\r\n0\r\nTrailer: t\r\n\r\n",
        one.len(),
        two.len()
    );
    assert_eq!(usage.raw(&chunks).await.status, 200);
    // row 73
    let mut endless = head.clone().into_bytes();
    for _ in 0..11 {
        endless.extend_from_slice(format!("{:x}\r\n", 1 << 20).as_bytes());
        endless.resize(endless.len() + (1 << 20), b' ');
        endless.extend_from_slice(b"\r\n");
    }
    let answer = usage.raw(&endless).await;
    let detail = answer.refused(400, UNREADABLE);
    assert!(
        detail.starts_with("Rejected large REST payload"),
        "{detail}"
    );
    assert_eq!(answer.header("connection"), Some("close"));
}

#[tokio::test]
async fn the_largest_body_is_taken_and_one_more_is_not() {
    // row 74
    let usage = start();
    let mut body = body_of(&example()).into_bytes();
    body.resize(10_485_760, b' ');
    assert_eq!(usage.post(&body).await.status, 200);
    body.push(b' ');
    let detail = usage.post(&body).await.refused(400, UNREADABLE);
    assert_eq!(detail, rejected_large(10_485_761));
}
