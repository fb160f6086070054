//! How bodies are written: what the client sends, and what it wants back. One [`Format`] per media
//! type; each decodes a request to the JSON that `usage` reads, and encodes an answer.

use axum::http::HeaderMap;
use axum::http::HeaderValue;
use axum::http::header::{ACCEPT, CONTENT_TYPE, GetAll};

use super::refusal::Refusal;
use super::{json, xml};
use crate::store::usage::Upserted;
use crate::usage::{Batch, BodyError, Document, Entry};

/// A way to write bodies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// RFC 8259; of requests also the notation of the vendor's own examples.
    Json,
    /// XML 1.0.
    Xml,
}

/// What the 415 and the 406 say.
const MEDIA_TYPES: &str = "application/json, application/xml, text/xml";

impl Format {
    /// Formats in the order in which they win a tie.
    const ALL: [Self; 2] = [Self::Json, Self::Xml];

    /// The format that a media type, in lower case and without parameters, stands for. Subtypes of
    /// one's own that end in the format's name count as it.
    fn of(media_type: &str) -> Option<Self> {
        if media_type == "text/xml" {
            return Some(Self::Xml);
        }
        let subtype = media_type.strip_prefix("application/")?;
        if subtype.ends_with("json") {
            Some(Self::Json)
        } else {
            subtype.ends_with("xml").then_some(Self::Xml)
        }
    }

    /// The media type of an answer.
    pub(super) fn content_type(self) -> HeaderValue {
        match self {
            Self::Json => HeaderValue::from_static("application/json;charset=UTF-8"),
            Self::Xml => HeaderValue::from_static("application/xml;charset=UTF-8"),
        }
    }

    /// What the body of a request is written in. A request without a type is JSON.
    pub(super) fn of_request(headers: &HeaderMap) -> Result<Self, Refusal> {
        let unsupported = || Refusal::content_type(MEDIA_TYPES);
        let mut types = headers.get_all(CONTENT_TYPE).iter();
        let Some(value) = types.next() else {
            return Ok(Self::Json);
        };
        let value = value
            .to_str()
            .map_err(|_| unsupported())?
            .to_ascii_lowercase();
        let mut parts = value.split(';').map(str::trim);
        let format = parts.next().and_then(Self::of).ok_or_else(unsupported)?;
        let charset = parts.filter_map(|part| part.strip_prefix("charset="));
        let is_utf8 =
            |charset: &str| matches!(charset.trim_matches('"'), "utf-8" | "utf8" | "us-ascii");
        if types.next().is_some() || !charset.into_iter().all(is_utf8) {
            return Err(unsupported());
        }
        Ok(format)
    }

    /// What the client wants back (RFC 9110 section 12.5.1). A request that does not say is
    /// answered in JSON.
    pub(super) fn of_answer(headers: &HeaderMap) -> Result<Self, Refusal> {
        let accept = headers.get_all(ACCEPT);
        if accept.iter().next().is_none() {
            return Ok(Self::Json);
        }
        let mut best = None;
        for format in Self::ALL {
            let quality = format.quality(&accept);
            if quality > best.map_or(0, |(_, quality)| quality) {
                best = Some((format, quality));
            }
        }
        best.map(|(format, _)| format)
            .ok_or_else(|| Refusal::accept(MEDIA_TYPES))
    }

    /// How much the client wants it, 0 to 1000: the most specific range that it falls in decides.
    fn quality(self, accept: &GetAll<'_, HeaderValue>) -> u32 {
        let mut decided = (0, 0);
        let ranges = accept
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','));
        for range in ranges {
            let mut parts = range
                .split(';')
                .map(|part| part.trim().to_ascii_lowercase());
            let media_type = parts.next().unwrap_or_default();
            let specific = match &*media_type {
                "*/*" => 1,
                "application/*" => 2,
                "text/*" if self == Self::Xml => 2,
                named if Self::of(named) == Some(self) => 3,
                _ => continue,
            };
            let q = parts.find_map(|part| part.strip_prefix("q=").map(quality_value));
            // Several names of one format: the one wanted most.
            decided = decided.max((specific, q.unwrap_or(1000)));
        }
        decided.1
    }

    /// The body as the JSON that `usage` reads.
    pub(super) fn decode(self, body: Vec<u8>) -> Result<Document, BodyError> {
        match self {
            Self::Json => Document::json(body),
            Self::Xml => Document::xml(&body),
        }
    }

    /// How many bytes [`Self::encode`] will make of a batch, at most, whatever becomes of it.
    pub(super) fn answer_bytes(self, batch: &Batch<'_>) -> usize {
        match self {
            Self::Json => json::answer_bytes(batch),
            Self::Xml => xml::answer_bytes(batch),
        }
    }

    /// What became of a batch, in `bytes` bytes at most.
    pub(super) fn encode(self, batch: &Batch<'_>, fates: &[Upserted], bytes: usize) -> Vec<u8> {
        match self {
            Self::Json => json::answer(batch, fates, bytes),
            Self::Xml => xml::answer(batch, fates, bytes),
        }
    }

    /// The envelope of a refusal.
    pub(super) fn encode_refusal(self, refusal: &Refusal) -> Vec<u8> {
        match self {
            Self::Json => json::refusal(refusal),
            Self::Xml => xml::refusal(refusal),
        }
    }
}

/// What became of each entry, in their order; nothing of those that were not accepted.
pub(super) fn fates_of<'a, 'b>(
    batch: &'a Batch<'b>,
    fates: &'a [Upserted],
) -> impl Iterator<Item = (&'a Entry<'b>, Option<&'a Upserted>)> {
    let mut fates = fates.iter();
    batch.entries.iter().map(move |entry| {
        let is_accepted = entry.is_accepted();
        (entry, if is_accepted { fates.next() } else { None })
    })
}

/// `"Ok"` only where every item went in.
pub(super) fn message(batch: &Batch<'_>) -> &'static str {
    if batch.first_error().is_none() {
        "Ok"
    } else {
        "Completed with errors"
    }
}

/// What became of a stored item, in the API's word.
pub(super) fn status(fate: &Upserted) -> &'static str {
    if fate.inserted { "INSERT" } else { "UPDATE" }
}

/// A quality in thousandths; one that cannot be read counts as none.
fn quality_value(text: &str) -> u32 {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let readable = fraction.len() <= 3 && fraction.bytes().all(|byte| byte.is_ascii_digit());
    match whole {
        "1" if readable => 1000,
        "0" if readable => format!("{fraction:0<3}").parse().unwrap_or(0),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: &axum::http::HeaderName, values: &[&'static str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(name.clone(), HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn the_answers_format_follows_accept() {
        let json = [
            &[][..],
            &["*/*"],
            &["application/*"],
            &["application/json"],
            &["application/json;q=0.5, */*;q=0.1"],
            &["text/html, application/json;q=0.1"],
            &["text/html", "application/vnd.acme+json"],
            &["APPLICATION/JSON; charset=utf-8"],
        ];
        for values in json {
            let chosen = Format::of_answer(&headers(&ACCEPT, values));
            assert_eq!(chosen.ok(), Some(Format::Json), "{values:?}");
        }
        let xml = [
            &["application/xml"][..],
            &["text/xml"],
            &["text/*"],
            &["application/atom+xml"],
            &["application/json;q=0.5, application/xml"],
            &["application/*;q=0.1, text/xml;q=0.2"],
            &["*/*, application/json;q=0"],
        ];
        for values in xml {
            let chosen = Format::of_answer(&headers(&ACCEPT, values));
            assert_eq!(chosen.ok(), Some(Format::Xml), "{values:?}");
        }
        let none = [
            &["text/html"][..],
            &["image/jpeg"],
            &["application/json;q=0"],
            &["*/*, application/json;q=0, text/xml;q=0"],
            &["application/json;q=x"],
            &[""],
        ];
        for values in none {
            assert!(
                Format::of_answer(&headers(&ACCEPT, values)).is_err(),
                "{values:?}"
            );
        }
    }

    #[test]
    fn the_requests_format_follows_its_type_and_charset() {
        let json = [
            &[][..],
            &["application/json"],
            &["application/json; charset=utf-8"],
            &["Application/JSON;charset=\"UTF-8\""],
            &["application/vnd.acme+json"],
        ];
        for values in json {
            let chosen = Format::of_request(&headers(&CONTENT_TYPE, values));
            assert_eq!(chosen.ok(), Some(Format::Json), "{values:?}");
        }
        for value in [
            "application/xml",
            "text/xml; charset=UTF-8",
            "application/a+xml",
        ] {
            let chosen = Format::of_request(&headers(&CONTENT_TYPE, &[value]));
            assert_eq!(chosen.ok(), Some(Format::Xml), "{value}");
        }
        let none = [
            &["application/json; charset=iso-8859-1"][..],
            &["text/plain"],
            &["application/x-www-form-urlencoded"],
            &["multipart/form-data; boundary=x"],
            &["application/json", "application/json"],
            &[""],
        ];
        for values in none {
            let refused = Format::of_request(&headers(&CONTENT_TYPE, values));
            assert_eq!(refused.unwrap_err().status.as_u16(), 415, "{values:?}");
        }
    }

    #[test]
    fn qualities_are_read_in_thousandths() {
        for (text, expected) in [
            ("1", 1000),
            ("1.000", 1000),
            ("0.5", 500),
            ("0.05", 50),
            ("0", 0),
        ] {
            assert_eq!(quality_value(text), expected, "{text}");
        }
        for wrong in ["", "2", "-1", "0.1234", "0.x", "one"] {
            assert_eq!(quality_value(wrong), 0, "{wrong}");
        }
    }
}
