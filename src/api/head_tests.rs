//! Which heads are served, and what becomes of the others.

use super::*;

/// The verdict on a head that comes byte by byte.
fn verdict(head: &str) -> Result<Option<Framing>, Unserved> {
    let mut end = HeadEnd::default();
    let bytes = head.as_bytes();
    for come in 1..=bytes.len() {
        if let Some(length) = end.find(&bytes[..come])? {
            return judge(&bytes[..length]).map(Some);
        }
    }
    Ok(None)
}

fn with(fields: &str) -> Result<Option<Framing>, Unserved> {
    verdict(&format!("POST /x HTTP/1.1\r\nHost: h\r\n{fields}\r\n"))
}

#[test]
fn ordinary_heads_are_served() {
    let table = [
        ("", Framing::Length(0)),
        ("Content-Length: 12\r\n", Framing::Length(12)),
        ("content-length:0\r\n", Framing::Length(0)),
        ("Transfer-Encoding: chunked\r\n", Framing::Chunked),
        ("transfer-encoding:\tChunked \r\n", Framing::Chunked),
        ("A: b\r\nExpect: 100-continue\r\n", Framing::Length(0)),
        ("Latin: caf\u{e9}\r\nEmpty:\r\n", Framing::Length(0)),
    ];
    for (fields, expected) in table {
        assert_eq!(with(fields), Ok(Some(expected)), "{fields:?}");
    }
    for head in [
        "GET / HTTP/1.0\r\n\r\n",
        "\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET http://h/x?y HTTP/1.1\r\nHost: h\r\n\r\n",
    ] {
        assert_eq!(verdict(head), Ok(Some(Framing::Length(0))), "{head:?}");
    }
}

#[test]
fn what_two_readers_may_read_differently_is_refused() {
    let table = [
        "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n",
        "Content-Length: 3\r\nContent-Length: 4\r\n",
        "Content-Length: 3\r\nContent-Length: 3\r\n",
        "Content-Length: 3, 3\r\n",
        "Content-Length: +3\r\n",
        "Content-Length: 0x3\r\n",
        "Content-Length:\r\n",
        "Content-Length: 99999999999999999999\r\n",
        "Content-Length: 18446744073709551615\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked, identity\r\n",
        "Transfer-Encoding: identity\r\n",
        "Transfer-Encoding: xchunked\r\n",
        "Transfer-Encoding:\r\n",
        "A: b\r\n c\r\n",
        "A: b\r\n\tc\r\n",
        "A : b\r\n",
        " A: b\r\n",
        "A\r\n",
        ": b\r\n",
        "A: b\n",
        "A: b\rc\r\n",
        "A: b\r\r\n",
        "A: b\0c\r\n",
        "Host: other\r\n",
    ];
    for fields in table {
        let refused = with(fields);
        assert!(
            matches!(refused, Err(Unserved::Malformed(_))),
            "{fields:?}: {refused:?}"
        );
    }
    let both = with("Transfer-Encoding: gzip, chunked\r\n");
    assert_eq!(both, Err(Unserved::UnknownCoding));
}

#[test]
fn what_is_not_http_1_is_refused_as_soon_as_it_shows() {
    for head in [
        "\u{16}\u{3}\u{1}",
        "\n",
        " ",
        "GET / HTTP/1.1\n",
        "PRI * HTTP/2.0\r\n\r\n",
        "GET / HTTP/3.0\r\n\r\n",
        "GET /\r\n\r\n",
        "GET  / HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET / HTTP/1.1 \r\nHost: h\r\n\r\n",
        "G(T / HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET /\u{1} HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET / HTTP/1.1\r\n\r\n",
        "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
        "\r\n\r\n\r\n\r\n\r\n",
    ] {
        let refused = verdict(head);
        assert!(
            matches!(refused, Err(Unserved::Malformed(_))),
            "{head:?}: {refused:?}"
        );
    }
}

#[test]
fn too_much_is_refused_before_it_is_complete() {
    let line = format!("GET /{}", "x".repeat(MAX_LINE));
    assert_eq!(verdict(&line), Err(Unserved::LineTooLong));
    let large = format!("GET / HTTP/1.1\r\nA: {}", "x".repeat(MAX_BYTES));
    assert_eq!(verdict(&large), Err(Unserved::FieldsTooLarge));
    let exactly = "x".repeat(MAX_BYTES - "Host: h\r\nA: \r\n\r\n".len());
    assert!(with(&format!("A: {exactly}\r\n")).is_ok());
    assert!(with(&"a: b\r\n".repeat(MAX_HEADERS - 1)).is_ok());
    let many = with(&"a: b\r\n".repeat(MAX_HEADERS));
    assert_eq!(many, Err(Unserved::FieldsTooLarge));
}
