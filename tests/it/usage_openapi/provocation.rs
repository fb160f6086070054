//! How to be refused in every way that the document has an example of.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use jiff::SignedDuration;
use seatsync::api::peer::Peer;
use seatsync::api::serve::Limits;
use seatsync::settings::model::{RateLimit, UsageSettings};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use super::exchange::{Answer, PATH, Server, request};

/// (status, name of the example) of everything that [`provoke`] can do.
pub(super) const PROVOCATIONS: [(u16, &str); 27] = [
    (400, "unknownPath"),
    (400, "noItems"),
    (400, "itemsNotAnArray"),
    (400, "empty"),
    (400, "malformed"),
    (400, "tooLarge"),
    (400, "packedTooLarge"),
    (400, "corruptGzip"),
    (400, "doctype"),
    (400, "strictBatch"),
    (401, "noIdentity"),
    (403, "noRole"),
    (404, "outsideApi"),
    (405, "get"),
    (405, "override"),
    (406, "html"),
    (408, "head"),
    (408, "body"),
    (414, "longLine"),
    (415, "form"),
    (415, "brotli"),
    (429, "exceeded"),
    (431, "largeFields"),
    (500, "notStored"),
    (501, "transferCoding"),
    (503, "connections"),
    (503, "bytes"),
];

const GOOD: &str = r#"{"items":[{"reclamation_type":"last_used_date","configuration_item":"eaa9604d3790200044e0bfc8bcbe5dc1","norm_product":"40209c060b3022002d6c650d37673a89"}]}"#;
const MIXED: &str = r#"{"items":[{"reclamation_type":"last_used_date","configuration_item":"eaa9604d3790200044e0bfc8bcbe5dc1","norm_product":"40209c060b3022002d6c650d37673a89"},{"reclamation_type":"last_used_date","configuration_item":"laptop-7","norm_product":"40209c060b3022002d6c650d37673a89"}]}"#;
const GZIP: &str = "Content-Encoding: gzip\r\n";

/// Is refused; `accept` is an `Accept` field or nothing.
pub(super) async fn provoke(name: &str, accept: &str) -> Answer {
    let post = format!("POST {PATH}");
    let json = |body: &'static str| async move {
        Server::new()
            .send(&format!("POST {PATH}"), accept, body.as_bytes())
            .await
    };
    let fields = |more: &str| format!("{accept}{more}");
    match name {
        "unknownPath" => {
            let line = "POST /api/now/table/incident";
            Server::new().send(line, accept, b"{}").await
        }
        "outsideApi" => Server::new().send("POST /nav_to.do", accept, b"{}").await,
        "noItems" => json("{}").await,
        "itemsNotAnArray" => json(r#"{"items":{}}"#).await,
        "empty" => json("").await,
        "malformed" => json(r#"{"items":[}"#).await,
        "tooLarge" => declared(accept, 15_105_102).await,
        "packedTooLarge" => declared(&fields(GZIP), (1 << 20) + 1).await,
        "corruptGzip" => {
            let packed = packed(GOOD.as_bytes());
            let cut = &packed[..packed.len() - 9];
            Server::new().send(&post, &fields(GZIP), cut).await
        }
        "doctype" => {
            let fields = fields("Content-Type: application/xml\r\n");
            let body = b"<!DOCTYPE request><request><items/></request>";
            Server::new().send(&post, &fields, body).await
        }
        "strictBatch" => {
            let settings = UsageSettings {
                strict_batches: true,
                ..UsageSettings::default()
            };
            let server = Server::start(&settings, Limits::default(), None);
            server.send(&post, accept, MIXED.as_bytes()).await
        }
        "noIdentity" => as_uid(65534, accept).await,
        "noRole" => as_uid(4711, accept).await,
        "get" => {
            Server::new()
                .send(&format!("GET {PATH}"), accept, b"")
                .await
        }
        "override" => {
            let fields = fields("X-HTTP-Method-Override: DELETE\r\n");
            Server::new().send(&post, &fields, GOOD.as_bytes()).await
        }
        "html" => {
            Server::new()
                .send(&post, "Accept: text/html\r\n", b"")
                .await
        }
        "form" => {
            let fields = fields("Content-Type: application/x-www-form-urlencoded\r\n");
            Server::new().send(&post, &fields, GOOD.as_bytes()).await
        }
        "brotli" => {
            let fields = fields("Content-Encoding: br\r\n");
            Server::new().send(&post, &fields, GOOD.as_bytes()).await
        }
        "longLine" => {
            let line = format!("{post}?{}", "x".repeat(8 << 10));
            Server::new().send(&line, accept, b"").await
        }
        "largeFields" => {
            let field = format!("X-Large: {}\r\n", "x".repeat(16 << 10));
            Server::new().send(&post, &fields(&field), b"").await
        }
        "transferCoding" => {
            let head = format!(
                "{post} HTTP/1.1\r\nHost: x\r\n{accept}Transfer-Encoding: gzip, chunked\r\n\r\n"
            );
            Server::new().raw(head.as_bytes()).await
        }
        "head" => stalled(&format!("{post} HTTP/1.1\r\nHost: x\r\n{accept}")).await,
        "body" => {
            let head = format!("{post} HTTP/1.1\r\nHost: x\r\n{accept}Content-Length: 9\r\n\r\n{{");
            stalled(&head).await
        }
        "exceeded" => exceeded(accept).await,
        "notStored" => not_stored(accept).await,
        "connections" => connections(accept).await,
        "bytes" => bytes(accept).await,
        other => panic!("nobody knows how to provoke {other}"),
    }
}

/// A body in gzip.
pub(super) fn packed(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

/// Announces a body that never comes.
async fn declared(fields: &str, length: usize) -> Answer {
    let head =
        format!("POST {PATH} HTTP/1.1\r\nHost: x\r\n{fields}Content-Length: {length}\r\n\r\n");
    Server::new().raw(head.as_bytes()).await
}

async fn as_uid(uid: u32, accept: &str) -> Answer {
    let peer = Peer {
        uid,
        gid: uid,
        groups: Vec::new(),
        pid: None,
    };
    let server = Server::start(&UsageSettings::default(), Limits::default(), Some(peer));
    server
        .send(&format!("POST {PATH}"), accept, GOOD.as_bytes())
        .await
}

/// Sends only the beginning of a request.
async fn stalled(beginning: &str) -> Answer {
    let server = Server::new();
    let mut stream = server.connect().await;
    stream.write_all(beginning.as_bytes()).await.unwrap();
    server.answer(stream, SignedDuration::from_secs(1)).await
}

async fn exceeded(accept: &str) -> Answer {
    let settings = UsageSettings {
        rate_limit: Some(RateLimit {
            requests_per_hour: 1,
        }),
        ..UsageSettings::default()
    };
    let server = Server::start(&settings, Limits::default(), None);
    let line = format!("POST {PATH}");
    let first = server.send(&line, accept, GOOD.as_bytes()).await;
    assert_eq!(first.status, 200, "{first:?}");
    assert_eq!(first.field("x-ratelimit-limit"), Some("1"));
    server.send(&line, accept, GOOD.as_bytes()).await
}

/// Takes the table away under the daemon.
async fn not_stored(accept: &str) -> Answer {
    let server = Server::new();
    let database = rusqlite::Connection::open(server.folder.path().join("usage.db")).unwrap();
    let table: String = database
        .query_row(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND sql LIKE '%norm_product%'",
            [],
            |row| row.get(0),
        )
        .unwrap();
    database
        .execute_batch(&format!("DROP TABLE {table}"))
        .unwrap();
    server
        .send(&format!("POST {PATH}"), accept, GOOD.as_bytes())
        .await
}

async fn connections(accept: &str) -> Answer {
    let limits = Limits {
        per_uid: 1,
        ..Limits::default()
    };
    let server = Server::start(&UsageSettings::default(), limits, None);
    let _first = reserving(&server, 10).await;
    server
        .send(&format!("POST {PATH}"), accept, GOOD.as_bytes())
        .await
}

/// Holds the bytes that a user may hold.
async fn bytes(accept: &str) -> Answer {
    let server = Server::new();
    let _holders = [
        reserving(&server, 8 << 20).await,
        reserving(&server, 8 << 20).await,
    ];
    let mut third = server.connect().await;
    let request = request(&format!("POST {PATH}"), accept, GOOD.as_bytes());
    third.write_all(&request).await.unwrap();
    server.answer(third, SignedDuration::from_millis(500)).await
}

/// A connection that has been told to go on with its body.
async fn reserving(server: &Server, length: usize) -> UnixStream {
    let mut stream = server.connect().await;
    let head = format!(
        "POST {PATH} HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: {length}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut told = [0; "HTTP/1.1 100 Continue\r\n\r\n".len()];
    stream.read_exact(&mut told).await.unwrap();
    stream
}
