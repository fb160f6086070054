//! What a body is packed in: nothing, or gzip.

use std::io::Read;

use axum::http::HeaderMap;
use axum::http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
use flate2::bufread::MultiGzDecoder;

use super::refusal::Refusal;

/// The largest body, in bytes: the platform's default for scripted REST.
pub(super) const MAX_BODY: u64 = 10 << 20;
/// The most that a body may become, however it was written. Few elements of XML are shorter than as
/// JSON, so that only a body of next to nothing else comes near.
pub(super) const MAX_HELD: usize = 15 << 20;
/// The largest body that is packed: the platform's default.
const MAX_PACKED: u64 = 1 << 20;

/// How the bytes of a request's body are packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Coding {
    /// Not at all.
    Identity,
    /// RFC 1952.
    Gzip,
}

impl Coding {
    /// What the head says.
    pub(super) fn of_request(headers: &HeaderMap) -> Result<Self, Refusal> {
        let mut coding = Self::Identity;
        for value in headers.get_all(CONTENT_ENCODING) {
            let value = value.to_str().unwrap_or("?").to_ascii_lowercase();
            for name in value.split(',').map(str::trim) {
                coding = match (name, coding) {
                    ("" | "identity", coding) => coding,
                    // RFC 9110 section 8.4.1.3 knows the second name too.
                    ("gzip" | "x-gzip", Self::Identity) => Self::Gzip,
                    _ => return Err(Refusal::content_encoding()),
                };
            }
        }
        Ok(coding)
    }

    /// The most bytes that a body may have on the wire.
    pub(super) fn limit(self) -> u64 {
        match self {
            Self::Identity => MAX_BODY,
            Self::Gzip => MAX_PACKED,
        }
    }

    /// Refuses a body that says that it is too large, before any of it is read.
    pub(super) fn refuse_declared(self, headers: &HeaderMap) -> Result<(), Refusal> {
        match declared(headers) {
            Some(length) if length > self.limit() => Err(Refusal::too_large(length, self.limit())),
            _ => Ok(()),
        }
    }
}

fn declared(headers: &HeaderMap) -> Option<u64> {
    let length = headers.get(CONTENT_LENGTH)?.to_str().ok()?;
    // One that does not fit is too large in any case.
    Some(length.parse().unwrap_or(u64::MAX))
}

/// Unpacks gzip a piece at a time. Members behind each other are one body, as RFC 1952 has it;
/// anything else behind the last is an error.
pub(super) struct Unpacking<'a> {
    inflating: MultiGzDecoder<&'a [u8]>,
    left: u64,
}

impl<'a> Unpacking<'a> {
    pub(super) fn of(packed: &'a [u8]) -> Self {
        Self {
            inflating: MultiGzDecoder::new(packed),
            left: MAX_BODY + 1,
        }
    }

    /// Appends up to `count` bytes to `unpacked`; whether there were any. Nothing is inflated
    /// beyond the limit.
    pub(super) fn next(&mut self, count: usize, unpacked: &mut Vec<u8>) -> Result<bool, Refusal> {
        unpacked.reserve_exact(count);
        let piece = self.left.min(count as u64);
        let read = (&mut self.inflating).take(piece).read_to_end(unpacked);
        let read = read.map_err(|_| Refusal::corrupt_gzip())?;
        self.left -= read as u64;
        if self.left == 0 {
            return Err(Refusal::too_large_unpacked(MAX_BODY));
        }
        Ok(read > 0)
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn coding(values: &[&'static str]) -> Option<Coding> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(CONTENT_ENCODING, HeaderValue::from_static(value));
        }
        Coding::of_request(&headers).ok()
    }

    #[test]
    fn gzip_is_the_only_coding() {
        for values in [&[][..], &["identity"], &[""], &["identity, Identity"]] {
            assert_eq!(coding(values), Some(Coding::Identity), "{values:?}");
        }
        for values in [&["gzip"][..], &["GZIP"], &["x-gzip"], &["identity", "gzip"]] {
            assert_eq!(coding(values), Some(Coding::Gzip), "{values:?}");
        }
        for values in [
            &["br"][..],
            &["gzip, gzip"],
            &["gzip", "gzip"],
            &["deflate"],
            &["gzip, br"],
            &["*"],
        ] {
            assert_eq!(coding(values), None, "{values:?}");
        }
    }
}
