//! Answers to what never becomes a request: a head that cannot be accepted or does not come, a
//! connection too many. hyper is not asked, so that every answer on a socket has that socket's form.

use axum::http::header::{CONNECTION, CONTENT_LENGTH};
use axum::http::{HeaderValue, Response, StatusCode};

use super::head::{MAX_BYTES, MAX_HEADERS, MAX_LINE};

/// Why a client is answered without a request of its being served. The connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unserved {
    /// It, or everybody together, has too many connections.
    TooManyConnections,
    /// The head did not come in time.
    HeadTimeout,
    /// The request line is too long.
    LineTooLong,
    /// The header fields are too many or too large.
    FieldsTooLarge,
    /// A transfer coding beside chunked.
    UnknownCoding,
    /// Not HTTP/1, or HTTP that two readers may understand differently; with what is wrong.
    Malformed(&'static str),
}

impl Unserved {
    /// The status that says so.
    pub fn status(self) -> StatusCode {
        match self {
            Self::TooManyConnections => StatusCode::SERVICE_UNAVAILABLE,
            Self::HeadTimeout => StatusCode::REQUEST_TIMEOUT,
            Self::LineTooLong => StatusCode::URI_TOO_LONG,
            Self::FieldsTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::UnknownCoding => StatusCode::NOT_IMPLEMENTED,
            Self::Malformed(_) => StatusCode::BAD_REQUEST,
        }
    }

    /// What is wrong, for a person.
    pub fn reason(self) -> String {
        match self {
            Self::TooManyConnections => "too many open connections".to_owned(),
            Self::HeadTimeout => "the request's head was not complete in time".to_owned(),
            Self::LineTooLong => format!("the request line may have {MAX_LINE} bytes"),
            Self::FieldsTooLarge => {
                format!("header fields may be {MAX_HEADERS}, and {MAX_BYTES} bytes together")
            }
            Self::UnknownCoding => "the only transfer coding is chunked".to_owned(),
            Self::Malformed(what) => what.to_owned(),
        }
    }

    /// Seconds after which to try again, where that may help.
    pub fn retry_after(self) -> Option<&'static str> {
        matches!(self, Self::TooManyConnections).then_some("1")
    }
}

/// An answer as it goes over the wire, for where no HTTP server writes it.
pub(super) fn closing_bytes(mut response: Response<Vec<u8>>) -> Vec<u8> {
    let length = HeaderValue::from(response.body().len());
    let headers = response.headers_mut();
    headers.insert(CONTENT_LENGTH, length);
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
    let mut bytes = format!("HTTP/1.1 {}\r\n", response.status()).into_bytes();
    for (name, value) in response.headers() {
        bytes.extend_from_slice(name.as_str().as_bytes());
        bytes.extend_from_slice(b": ");
        bytes.extend_from_slice(value.as_bytes());
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(b"\r\n");
    bytes.extend_from_slice(response.body());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_written_with_its_length_and_the_end_of_the_connection() {
        let mut response = Response::new(b"no".to_vec());
        *response.status_mut() = Unserved::LineTooLong.status();
        let text = String::from_utf8(closing_bytes(response)).unwrap();
        assert_eq!(
            text,
            "HTTP/1.1 414 URI Too Long\r\ncontent-length: 2\r\nconnection: close\r\n\r\nno"
        );
    }
}
