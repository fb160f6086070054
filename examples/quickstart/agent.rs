//! A usage agent in a few lines: one POST over the usage socket.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;

/// Where usage records are posted.
pub(crate) const PATH: &str = "/api/now/sam_software_usage_integration/createOrUpdate";

/// The record that ServiceNow's documentation shows first.
pub(crate) const RECORD: &str = r#"{"items":[{"configuration_item":"eaa9604d3790200044e0bfc8bcbe5dc1","norm_product":"40209c060b3022002d6c650d37673a89","reclamation_type":"total_usage","month_used":2,"year":2026,"usage_count":13,"total_usage_time":780}]}"#;

/// Posts [`RECORD`] and returns its `(sysId, status)` once it is durable.
pub(crate) async fn push(socket: &Path) -> Result<(String, String)> {
    let stream = UnixStream::connect(socket)
        .await
        .with_context(|| format!("connect to `{}`", socket.display()))?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let _driver = tokio::spawn(connection);
    let request = hyper::Request::post(PATH)
        .header("host", "localhost")
        .header("content-type", "application/json")
        .body(Full::new(Bytes::from_static(RECORD.as_bytes())))?;
    let answer = sender.send_request(request).await?;
    let status = answer.status();
    let body = answer.into_body().collect().await?.to_bytes();
    ensure!(status == 200, "the usage socket answers {status}: {body:?}");
    let answer: serde_json::Value = serde_json::from_slice(&body)?;
    let item = &answer["result"]["reply"]["items"][0];
    let text = |member: &str| {
        item[member]
            .as_str()
            .map(str::to_owned)
            .with_context(|| format!("no `{member}` in {item}"))
    };
    Ok((text("sysId")?, text("status")?))
}
