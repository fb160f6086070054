//! A request's head, judged whole before hyper sees it: what is within our limits, and what every
//! reader understands alike. hyper reads past a Content-Length beside a Transfer-Encoding and takes
//! bare line feeds; a reader before or behind us may not, and then sees other requests than we do
//! (RFC 9112 sections 2.2, 5.1, 5.2, 6.1 and 6.3). Called by [`super::framing`].

use axum::http::{Method, Uri};
use httparse::{EMPTY_HEADER, Header, Status};

use super::unserved::Unserved;

/// Header fields of one request.
pub(super) const MAX_HEADERS: usize = 100;
/// Bytes of all header fields together.
pub(super) const MAX_BYTES: usize = 16 << 10;
/// Bytes of the request line.
pub(super) const MAX_LINE: usize = 8 << 10;
/// Empty lines before a request, which old clients leave behind a body.
const MAX_EMPTY_LINES: usize = 4;

/// Where the body behind a head ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    /// After so many bytes.
    Length(u64),
    /// With the last chunk and its trailers.
    Chunked,
}

/// Finds the end of a head that comes in pieces.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct HeadEnd {
    /// Where the line begins that is not complete.
    line: usize,
    /// Where the request line ended.
    fields: Option<usize>,
    lines: usize,
}

impl HeadEnd {
    /// `bytes` is all of the head that has come. Its length, once it is complete.
    pub(super) fn find(&mut self, bytes: &[u8]) -> Result<Option<usize>, Unserved> {
        loop {
            let rest = bytes.get(self.line..).unwrap_or_default();
            let Some(end) = rest.iter().position(|byte| *byte == b'\n') else {
                self.check_growing(rest)?;
                return Ok(None);
            };
            self.check_growing(&rest[..end])?;
            let line = rest[..end].strip_suffix(b"\r").ok_or(BARE_LINE_FEED)?;
            if line.contains(&b'\r') {
                return Err(BARE_CARRIAGE_RETURN);
            }
            self.line += end + 1;
            match (self.fields, line.first()) {
                (None, None) => self.pass_empty_line()?,
                (None, Some(_)) => self.fields = Some(self.line),
                (Some(_), None) => return Ok(Some(self.line)),
                (Some(_), Some(b' ' | b'\t')) => return Err(FOLDED),
                (Some(_), Some(_)) => self.count_field()?,
            }
        }
    }

    /// Whether more than empty lines has come.
    pub(super) fn has_begun(&self, bytes: &[u8]) -> bool {
        self.fields.is_some() || bytes.len() > self.line
    }

    /// Judges a line that may still be growing.
    fn check_growing(&self, line: &[u8]) -> Result<(), Unserved> {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        match self.fields {
            None if line.len() > MAX_LINE => Err(Unserved::LineTooLong),
            // What is no HTTP at all, a TLS handshake for instance, may never send a line's end.
            None if line.first().is_some_and(|byte| !is_token(*byte)) => Err(NOT_HTTP),
            Some(start) if self.line + line.len() - start > MAX_BYTES => {
                Err(Unserved::FieldsTooLarge)
            }
            _ => Ok(()),
        }
    }

    fn pass_empty_line(&mut self) -> Result<(), Unserved> {
        self.lines += 1;
        if self.lines > MAX_EMPTY_LINES {
            return Err(NOT_HTTP);
        }
        Ok(())
    }

    fn count_field(&mut self) -> Result<(), Unserved> {
        self.lines += 1;
        if self.lines > MAX_HEADERS + MAX_EMPTY_LINES {
            return Err(Unserved::FieldsTooLarge);
        }
        Ok(())
    }
}

const NOT_HTTP: Unserved = Unserved::Malformed("this is not HTTP/1.1");
const BARE_LINE_FEED: Unserved = Unserved::Malformed("a line of the head does not end with CR LF");
const BARE_CARRIAGE_RETURN: Unserved =
    Unserved::Malformed("a line of the head has a CR in its middle");
const FOLDED: Unserved = Unserved::Malformed("a header field goes on in the next line");

/// A character of a method (RFC 9110 section 5.6.2).
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// Judges a complete head, and says where its body ends.
pub(super) fn judge(head: &[u8]) -> Result<Framing, Unserved> {
    let mut fields = [EMPTY_HEADER; MAX_HEADERS];
    let mut request = httparse::Request::new(&mut fields);
    match request.parse(head) {
        Ok(Status::Complete(length)) if length == head.len() => {}
        Ok(_) => return Err(NOT_HTTP),
        Err(error) => return Err(unreadable(error)),
    }
    let method = request.method.unwrap_or_default();
    if Method::from_bytes(method.as_bytes()).is_err() {
        return Err(Unserved::Malformed("the method cannot be read"));
    }
    if request.path.unwrap_or_default().parse::<Uri>().is_err() {
        return Err(Unserved::Malformed("the request's target cannot be read"));
    }
    let is_http_1_1 = request.version == Some(1);
    check_host(request.headers, is_http_1_1)?;
    framing(request.headers, is_http_1_1)
}

fn unreadable(error: httparse::Error) -> Unserved {
    match error {
        httparse::Error::TooManyHeaders => Unserved::FieldsTooLarge,
        httparse::Error::HeaderName => {
            Unserved::Malformed("the name of a header field cannot be read")
        }
        httparse::Error::HeaderValue => {
            Unserved::Malformed("the value of a header field cannot be read")
        }
        httparse::Error::Version => Unserved::Malformed("the only version here is HTTP/1.1"),
        _ => Unserved::Malformed("the request line cannot be read"),
    }
}

/// The values of every field of that name.
fn values<'a>(fields: &'a [Header<'a>], name: &'static str) -> impl Iterator<Item = &'a [u8]> {
    fields
        .iter()
        .filter(move |field| field.name.eq_ignore_ascii_case(name))
        .map(|field| field.value)
}

/// RFC 9112 section 3.2.
fn check_host(fields: &[Header<'_>], is_http_1_1: bool) -> Result<(), Unserved> {
    match values(fields, "host").count() {
        1 => Ok(()),
        0 if !is_http_1_1 => Ok(()),
        _ => Err(Unserved::Malformed("exactly one Host header is needed")),
    }
}

/// RFC 9112 section 6.3, at its strictest: one way to tell the length, told once.
fn framing(fields: &[Header<'_>], is_http_1_1: bool) -> Result<Framing, Unserved> {
    let mut lengths = values(fields, "content-length");
    let mut codings = values(fields, "transfer-encoding");
    match (lengths.next(), codings.next()) {
        (None, None) => Ok(Framing::Length(0)),
        (Some(_), Some(_)) => Err(Unserved::Malformed(
            "Content-Length and Transfer-Encoding exclude each other",
        )),
        (Some(length), None) if lengths.next().is_none() => content_length(length),
        (Some(_), None) => Err(Unserved::Malformed("Content-Length is there twice")),
        (None, Some(coding)) if is_http_1_1 && codings.next().is_none() => coded(coding),
        (None, Some(_)) => Err(Unserved::Malformed(
            "Transfer-Encoding is there twice, or in HTTP/1.0",
        )),
    }
}

fn content_length(value: &[u8]) -> Result<Framing, Unserved> {
    let digits = std::str::from_utf8(value).unwrap_or_default();
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let length = digits.parse::<i64>().ok().filter(|_| is_number);
    length
        .and_then(|length| u64::try_from(length).ok())
        .map(Framing::Length)
        .ok_or(Unserved::Malformed(
            "Content-Length is not a number of bytes",
        ))
}

fn coded(value: &[u8]) -> Result<Framing, Unserved> {
    let value = String::from_utf8_lossy(value).to_ascii_lowercase();
    let mut codings = value.rsplit(',').map(str::trim);
    if codings.next() != Some("chunked") {
        return Err(Unserved::Malformed(
            "chunked must be the last transfer coding",
        ));
    }
    match codings.next() {
        None => Ok(Framing::Chunked),
        Some(_) => Err(Unserved::UnknownCoding),
    }
}

#[cfg(test)]
#[path = "head_tests.rs"]
mod tests;
