//! Rows 106 to 115 and 117: time, sizes, framing, crowds, stopping.

use std::os::unix::net::UnixListener;
use std::time::Duration;

use jiff::SignedDuration;
use seatsync::api::listen::Listener;
use seatsync::api::serve::Limits;
use seatsync::settings::model::{RateLimit, UsageSettings};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use super::support::{
    Answer, PATH, Setup, UNREADABLE, Usage, body_of, example, gzip, head, next_answer, rest, start,
    start_with, whole, with,
};

/// Moves the clock second by second until the server has said all that it will.
async fn after_silence(usage: &Usage, stream: &mut UnixStream) -> (Answer, SignedDuration) {
    let step = SignedDuration::from_secs(1);
    let (mut told, mut waited) = (Vec::new(), SignedDuration::ZERO);
    loop {
        let read = stream.read_to_end(&mut told);
        let read = tokio::time::timeout(Duration::from_millis(20), read).await;
        if read.is_ok() {
            let text = std::str::from_utf8(&told).unwrap();
            return (Answer::parse(text), waited);
        }
        usage.clock.advance(step);
        waited += step;
        assert!(waited < SignedDuration::from_mins(5), "never given up");
    }
}

#[tokio::test]
async fn a_client_that_dawdles_is_given_up_and_others_are_served() {
    // row 106
    let usage = start();
    let body_begun = head("Content-Length: 100\r\n\r\n{");
    for (request, limit) in [("POST /api/now/sam", 10), (body_begun.as_str(), 30)] {
        let mut stream = usage.connect().await;
        stream.write_all(request.as_bytes()).await.unwrap();
        assert_eq!(usage.push(json!([example()])).await.status, 200);
        let (answer, waited) = after_silence(&usage, &mut stream).await;
        answer.refused(408, "Request timeout");
        assert_eq!(answer.header("connection"), Some("close"));
        let limit = SignedDuration::from_secs(limit - 1);
        assert!(waited >= limit, "{waited}");
    }
}

#[tokio::test]
async fn a_clock_that_is_set_back_keeps_no_connection_open() {
    // row 106
    let usage = start();
    let body_begun = head("Content-Length: 100\r\n\r\n{");
    for request in ["POST /api/now/sam", body_begun.as_str()] {
        let mut stream = usage.connect().await;
        stream.write_all(request.as_bytes()).await.unwrap();
        assert_eq!(usage.push(json!([example()])).await.status, 200);
        usage.clock.show("1970-01-01T00:00:00Z".parse().unwrap());
        let (answer, waited) = after_silence(&usage, &mut stream).await;
        answer.refused(408, "Request timeout");
        assert!(waited <= SignedDuration::from_secs(35), "{waited}");
    }
}

#[tokio::test]
async fn a_client_that_says_that_it_has_said_all_has_its_answer() {
    let usage = start();
    for fields in ["", "Connection: close\r\n"] {
        let mut stream = usage.connect().await;
        let request =
            whole(&body_of(&example())).replacen("Host: x\r\n", &format!("Host: x\r\n{fields}"), 1);
        stream.write_all(request.as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
        assert_eq!(Answer::parse(&rest(&mut stream).await).message(), "Ok");
    }
}

#[tokio::test]
async fn a_head_may_be_only_so_large() {
    // row 108
    let usage = start();
    let large = head(&format!("h: {}\r\n\r\n", "v".repeat(17 << 10)));
    let many = head(&format!("{}\r\n", "h: v\r\n".repeat(101)));
    let long = format!(
        "POST {PATH}?{} HTTP/1.1\r\nHost: x\r\n\r\n",
        "v".repeat(9 << 10)
    );
    for (request, status, message) in [
        (large, 431, "Request header fields too large"),
        (many, 431, "Request header fields too large"),
        (long, 414, "URI too long"),
    ] {
        let answer = usage.raw(&request).await;
        answer.refused(status, message);
        assert_eq!(answer.header("connection"), Some("close"));
    }
}

/// A request that hides in the body of another, for a reader that takes the other length.
const HIDDEN: &str = "GET /hidden HTTP/1.1\r\nHost: x\r\n\r\n";

#[tokio::test]
async fn a_request_that_two_readers_end_at_different_bytes_is_refused() {
    // row 109
    let usage = start();
    let length = format!("Content-Length: {}\r\n", 5 + HIDDEN.len());
    let both = "Content-Length and Transfer-Encoding exclude each other";
    let twice = "Content-Length is there twice";
    let number = "Content-Length is not a number of bytes";
    let folded = "a header field goes on in the next line";
    let table = [
        (format!("{length}Transfer-Encoding: chunked\r\n"), both),
        (format!("Transfer-Encoding: chunked\r\n{length}"), both),
        (format!("{length}Content-Length: 5\r\n"), twice),
        (format!("{length}{length}"), twice),
        ("Content-Length: 5, 5\r\n".to_owned(), number),
        ("Content-Length: +5\r\n".to_owned(), number),
        (
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n".to_owned(),
            "Transfer-Encoding is there twice, or in HTTP/1.0",
        ),
        (
            "Transfer-Encoding: xchunked\r\n".to_owned(),
            "chunked must be the last transfer coding",
        ),
        (
            "Transfer-Encoding : chunked\r\n".to_owned(),
            "the name of a header field cannot be read",
        ),
        ("Transfer-Encoding:\r\n chunked\r\n".to_owned(), folded),
        ("X: y\r\n Transfer-Encoding: chunked\r\n".to_owned(), folded),
        (
            "X: y\nTransfer-Encoding: chunked\r\n".to_owned(),
            "a line of the head does not end with CR LF",
        ),
        (
            "X: y\rTransfer-Encoding: chunked\r\n".to_owned(),
            "a line of the head has a CR in its middle",
        ),
        (
            "X: y\0\r\n".to_owned(),
            "the value of a header field cannot be read",
        ),
    ];
    for (fields, detail) in table {
        let request = format!("{}\r\n0\r\n\r\n{HIDDEN}", head(&fields));
        let told = usage.told(request.as_bytes()).await;
        assert_eq!(told.matches("HTTP/1.1 ").count(), 1, "{fields:?}: {told}");
        let answer = Answer::parse(&told);
        assert_eq!(answer.refused(400, UNREADABLE), detail, "{fields:?}");
        assert_eq!(answer.header("connection"), Some("close"), "{fields:?}");
    }
    for chunk in [
        "zz\r\n",
        "-1\r\n",
        "1 \r\nx\r\n",
        "1\nx\n",
        "3\r\nabcde\r\n",
    ] {
        let head = head("Transfer-Encoding: chunked\r\n\r\n");
        let told = usage
            .told(format!("{head}{chunk}0\r\n\r\n{HIDDEN}").as_bytes())
            .await;
        assert_eq!(told.matches("HTTP/1.1 ").count(), 1, "{chunk:?}: {told}");
        let detail = Answer::parse(&told).refused(400, UNREADABLE);
        assert_eq!(detail, "the body's framing is broken", "{chunk:?}");
    }
    let coded = head("Transfer-Encoding: gzip, chunked\r\n\r\n");
    usage.raw(coded).await.refused(501, "Not implemented");
    assert_eq!(usage.records().await, []);
}

#[tokio::test]
async fn what_is_not_http_1_is_refused() {
    // row 110
    let usage = start();
    for bytes in [
        &b"hello\r\n\r\n"[..],
        b"\0\0\0\0",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"POST / HTTP/1.1\n\n",
    ] {
        let answer = usage.raw(bytes).await;
        answer.refused(400, UNREADABLE);
        assert_eq!(answer.header("connection"), Some("close"));
    }
}

#[tokio::test]
async fn http_1_0_is_served_and_a_host_is_demanded_of_http_1_1() {
    // row 111
    let usage = start();
    let body = body_of(&example());
    let length = format!("Content-Length: {}\r\n\r\n{body}", body.len());
    let request = format!("POST {PATH} HTTP/1.0\r\n{length}");
    let told = usage.told(request.as_bytes()).await;
    assert_eq!(Answer::parse(&told).item()["status"], "INSERT");
    for hosts in ["", "Host: x\r\nHost: y\r\n"] {
        let request = format!("POST {PATH} HTTP/1.1\r\n{hosts}{length}");
        let detail = usage.raw(&request).await.refused(400, UNREADABLE);
        assert_eq!(detail, "exactly one Host header is needed");
    }
}

#[tokio::test]
async fn requests_behind_each_other_are_answered_in_order() {
    // row 112
    let usage = start();
    let body = body_of(&example());
    let chunked = format!(
        "{}{:x}\r\n{body}\r\n0\r\n\r\n",
        head("Transfer-Encoding: chunked\r\n\r\n"),
        body.len()
    );
    let last = format!("DELETE {PATH} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    let requests = format!("{}\r\n{chunked}{last}", whole(&body));
    let answers = Answer::parse_all(&usage.told(requests.as_bytes()).await);
    let statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    assert_eq!(statuses, [200, 200, 405]);
    assert_eq!(answers[0].item()["status"], "INSERT");
    assert_eq!(answers[1].item()["status"], "UPDATE");
    // One that cannot be served ends the connection, behind the answers to those before it.
    let bad = head("Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n");
    let requests = format!("{}{bad}", whole(&body).repeat(3));
    let answers = Answer::parse_all(&usage.told(requests.as_bytes()).await);
    assert_eq!(answers.len(), 4);
    answers[3].refused(400, UNREADABLE);
    let first = answers[0].header("x-transaction-id");
    assert_ne!(first, answers[1].header("x-transaction-id"));
}

#[tokio::test]
async fn a_user_has_no_more_than_its_connections() {
    // row 113
    let usage = start();
    let mut held = Vec::new();
    for _ in 0..64 {
        let mut stream = usage.connect().await;
        stream
            .write_all(whole(r#"{"items":[]}"#).as_bytes())
            .await
            .unwrap();
        assert_eq!(next_answer(&mut stream).await.status, 200);
        held.push(stream);
    }
    let answer = usage.raw(b"").await;
    answer.refused(503, "Service unavailable");
    assert_eq!(answer.header("retry-after"), Some("1"));
    assert_eq!(answer.header("connection"), Some("close"));
    drop(held);
    for _ in 0..1000 {
        if usage.push(json!([])).await.status == 200 {
            return;
        }
    }
    panic!("the places of closed connections stay taken");
}

#[tokio::test]
async fn a_user_has_no_more_than_its_requests_per_hour() {
    // row 114
    let usage = start_with(UsageSettings {
        rate_limit: Some(RateLimit {
            requests_per_hour: 2,
        }),
        ..UsageSettings::default()
    });
    usage.clock.advance(SignedDuration::from_mins(50));
    // 2027-01-01T01:00:00Z
    let reset = "1798765200";
    for _ in 0..2 {
        let answer = usage.push(json!([example()])).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("x-ratelimit-limit"), Some("2"));
        assert_eq!(answer.header("x-ratelimit-reset"), Some(reset));
        assert_eq!(answer.header("retry-after"), None);
    }
    let other = with(example(), &json!({"year": 2021}));
    let answer = usage.push(json!([other])).await;
    assert_eq!(
        answer.refused(429, "Rate limit exceeded"),
        "Rate limit of 2 requests per hour for SAM-Software Usage Data Integration exceeded"
    );
    assert_eq!(answer.header("retry-after"), Some("600"));
    assert_eq!(answer.header("x-ratelimit-limit"), Some("2"));
    assert_eq!(answer.header("x-ratelimit-reset"), Some(reset));
    let rule = answer.header("x-ratelimit-rule").unwrap();
    assert!(rule.len() == 32 && rule.bytes().all(|b| b.is_ascii_hexdigit()));
    assert_eq!(usage.records().await.len(), 1);
    usage.clock.advance(SignedDuration::from_mins(10));
    assert_eq!(usage.push(json!([example()])).await.status, 200);
    let free = start();
    let answer = free.push(json!([example()])).await;
    assert!(!answer.head.contains("x-ratelimit"), "{answer:?}");
}

#[tokio::test]
async fn more_than_the_disk_keeps_up_with_is_sent_away() {
    // row 115
    let usage = Setup {
        limits: Limits {
            per_uid: 400,
            total: 400,
            ..Limits::default()
        },
        ..Setup::default()
    }
    .start();
    // Another program holds the database, so that nothing is written meanwhile.
    let holder = rusqlite::Connection::open(usage.folder.path().join("usage.db")).unwrap();
    holder.execute_batch("BEGIN IMMEDIATE").unwrap();
    let mut waiting = Vec::new();
    let mut refused = None;
    for number in 0..400 {
        let item = with(
            example(),
            &json!({"norm_product": format!("{number:032x}")}),
        );
        let mut stream = usage.connect().await;
        stream
            .write_all(whole(&body_of(&item)).as_bytes())
            .await
            .unwrap();
        let answer = next_answer(&mut stream);
        let soon = Duration::from_millis(if number < 256 { 1 } else { 200 });
        match tokio::time::timeout(soon, answer).await {
            Ok(answer) => {
                refused = Some(answer);
                break;
            }
            Err(_) => waiting.push(stream),
        }
    }
    let refused = refused.expect("everything waits");
    refused.refused(503, "Service unavailable");
    assert_eq!(refused.header("retry-after"), Some("1"));
    assert!(waiting.len() >= 256, "{}", waiting.len());
    holder.execute_batch("ROLLBACK").unwrap();
    for stream in &mut waiting {
        assert_eq!(next_answer(stream).await.status, 200);
    }
    // Nothing of the one that was sent away.
    assert_eq!(usage.store.count().await.unwrap(), waiting.len() as u64);
}

#[tokio::test]
async fn a_user_holds_no_more_bytes_than_its_share() {
    let usage = start();
    let mut holders = Vec::new();
    for _ in 0..2 {
        let mut stream = usage.connect().await;
        let length = 8 << 20;
        let head = head(&format!(
            "Expect: 100-continue\r\nContent-Length: {length}\r\n\r\n"
        ));
        stream.write_all(head.as_bytes()).await.unwrap();
        // Being told to continue means that the bytes are reserved.
        stream.read_exact(&mut [0; 25]).await.unwrap();
        holders.push(stream);
    }
    // Packed bytes count as what they are, and as what they become.
    let plain = whole(&body_of(&example())).into_bytes();
    let packed = gzip(body_of(&example()).as_bytes());
    let length = packed.len();
    let head = head(&format!(
        "Content-Encoding: gzip\r\nContent-Length: {length}\r\n\r\n"
    ));
    for request in [plain, [head.into_bytes(), packed].concat()] {
        let mut third = usage.connect().await;
        third.write_all(&request).await.unwrap();
        let (answer, _) = after_silence(&usage, &mut third).await;
        answer.refused(503, "Service unavailable");
        assert_eq!(answer.header("retry-after"), Some("1"));
    }
    drop(holders);
    for _ in 0..100 {
        if usage.push(json!([example()])).await.status == 200 {
            return;
        }
    }
    panic!("the bytes of clients that went away stay taken");
}

#[tokio::test]
async fn a_client_that_breaks_off_stores_nothing() {
    // row 107
    let usage = start();
    let body = body_of(&example());
    let mut stream = usage.connect().await;
    let head = head(&format!("Content-Length: {}\r\n\r\n{body}", body.len() + 1));
    stream.write_all(head.as_bytes()).await.unwrap();
    drop(stream);
    assert_eq!(usage.push(json!([])).await.status, 200);
    assert_eq!(usage.records().await, []);
}

#[tokio::test]
async fn what_is_in_hand_finishes_when_the_server_stops() {
    let usage = start();
    let body = body_of(&example());
    let (one, two) = body.split_at(10);
    let mut stream = usage.connect().await;
    let head = head(&format!(
        "Expect: 100-continue\r\nContent-Length: {}\r\n\r\n",
        body.len()
    ));
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.read_exact(&mut [0; 25]).await.unwrap();
    stream.write_all(one.as_bytes()).await.unwrap();
    usage.stop.cancel();
    stream.write_all(two.as_bytes()).await.unwrap();
    assert_eq!(Answer::parse(&rest(&mut stream).await).status, 200);
    // row 117: the socket goes with the daemon that bound it
    usage.task.await.unwrap();
    assert!(!usage.path.exists());
}

#[tokio::test]
async fn a_socket_of_the_service_manager_stays() {
    // row 117: and stays where somebody else did
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("usage.sock");
    let listener = Listener::handed_over(UnixListener::bind(&path).unwrap()).unwrap();
    let usage = Setup::default().start_on(listener, folder, path);
    assert_eq!(usage.push(json!([example()])).await.status, 200);
    usage.stop.cancel();
    usage.task.await.unwrap();
    assert!(usage.path.exists());
}
