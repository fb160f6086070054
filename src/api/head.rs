//! Limits on a request's head that hold on both sockets, and the answers to those beyond them.

use axum::body::Body;
use axum::http::header::{CONNECTION, CONTENT_TYPE, HOST};
use axum::http::{HeaderValue, Request, Response, StatusCode, Version};

/// Header fields of one request.
pub(super) const MAX_HEADERS: usize = 100;
/// Bytes of all header fields together.
pub(super) const MAX_BYTES: usize = 16 << 10;
/// Bytes of the request line.
pub(super) const MAX_LINE: usize = 8 << 10;

/// The answer to a client that does not finish its head.
pub(super) const TIMED_OUT: &[u8] = b"HTTP/1.1 408 Request Timeout\r\ncontent-type: application/json;charset=UTF-8\r\ncontent-length: 115\r\nconnection: close\r\n\r\n{\"error\":{\"message\":\"Request timeout\",\"detail\":\"the request's head was not complete in time\"},\"status\":\"failure\"}\r\n";
/// The answer to a client that has too many connections already.
pub(super) const TOO_MANY: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json;charset=UTF-8\r\ncontent-length: 101\r\nretry-after: 1\r\nconnection: close\r\n\r\n{\"error\":{\"message\":\"Service unavailable\",\"detail\":\"too many open connections\"},\"status\":\"failure\"}\r\n";

/// The answer to a request whose head cannot be accepted, if so.
pub(super) fn refuse<B>(request: &Request<B>) -> Option<Response<Body>> {
    let line = request
        .uri()
        .path_and_query()
        .map_or(0, |path| path.as_str().len());
    if line > MAX_LINE {
        return Some(refusal(
            StatusCode::URI_TOO_LONG,
            "request line too long: 8 KiB at most\n",
        ));
    }
    let headers = request.headers();
    let bytes: usize = headers
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len() + 4)
        .sum();
    if bytes > MAX_BYTES {
        return Some(refusal(
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            "header fields too large: 16 KiB in all at most\n",
        ));
    }
    // RFC 9112 section 3.2.
    let hosts = headers.get_all(HOST).iter().count();
    if hosts > 1 || (hosts == 0 && request.version() == Version::HTTP_11) {
        return Some(refusal(
            StatusCode::BAD_REQUEST,
            "exactly one Host header is needed\n",
        ));
    }
    None
}

fn refusal(status: StatusCode, text: &'static str) -> Response<Body> {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("text/plain;charset=UTF-8"),
    );
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fixed_answers_tell_their_length() {
        for answer in [TIMED_OUT, TOO_MANY] {
            let text = std::str::from_utf8(answer).unwrap();
            let (head, body) = text.split_once("\r\n\r\n").unwrap();
            let length = format!("content-length: {}\r\n", body.len());
            assert!(head.contains(&length), "{length}");
        }
    }

    #[test]
    fn a_head_within_the_limits_is_not_refused() {
        let request = Request::builder()
            .uri("/x")
            .header(HOST, "h")
            .body(())
            .unwrap();
        assert!(refuse(&request).is_none());
        let long = format!("/{}", "x".repeat(MAX_LINE));
        let request = Request::builder()
            .uri(long)
            .header(HOST, "h")
            .body(())
            .unwrap();
        assert_eq!(refuse(&request).unwrap().status(), StatusCode::URI_TOO_LONG);
        let request = Request::builder().uri("/x").body(()).unwrap();
        assert_eq!(refuse(&request).unwrap().status(), StatusCode::BAD_REQUEST);
    }
}
