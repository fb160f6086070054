//! How Aha! speaks when it refuses. It documents no error at all; these are the envelopes that its
//! clients have met, and a 401 that is an empty page of HTML.

use jiff::SignedDuration;
use serde::Deserialize;

use crate::connector::http::dialect::{Dialect, Meaning, Refusal};

/// The longest of Aha!'s windows: 300 calls a minute.
const WINDOW: SignedDuration = SignedDuration::from_mins(1);

/// Aha!'s envelopes.
#[derive(Debug)]
pub(super) struct AhaDialect;

/// `{"errors": ["…"]}`, `{"errors": {"message": "…"}}` or `{"error": "…"}`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Refused {
    errors: Option<Errors>,
    error: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Errors {
    List(Vec<String>),
    One { message: String },
}

impl Dialect for AhaDialect {
    /// The name of the web framework's own header; Aha! promises none.
    fn trace_header(&self) -> &'static str {
        "x-request-id"
    }

    fn refusal(&self, _status: u16, body: &[u8]) -> Refusal {
        let refused: Refused = serde_json::from_slice(body).unwrap_or_default();
        let message = match refused.errors {
            Some(Errors::List(errors)) => errors.join("; "),
            Some(Errors::One { message }) => message,
            None => refused.error.unwrap_or_default(),
        };
        Refusal {
            code: None,
            message,
        }
    }

    fn meaning(&self, status: u16, _refusal: &Refusal) -> Meaning {
        match status {
            401 => Meaning::TokenRefused,
            402 | 403 => Meaning::NoPermission,
            _ => Meaning::Other,
        }
    }

    fn permission_remedy(&self) -> &'static str {
        "make the key as a user who is an administrator of the account, and see that the account is not suspended"
    }

    fn longest_throttle(&self) -> Option<SignedDuration> {
        Some(WINDOW)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_envelope_gives_its_words() {
        let cases: [(u16, &[u8], &str, Meaning); 7] = [
            (401, b"", "", Meaning::TokenRefused),
            (401, b"<html>", "", Meaning::TokenRefused),
            (
                403,
                br#"{"errors":["a","b"]}"#,
                "a; b",
                Meaning::NoPermission,
            ),
            (402, b"{}", "", Meaning::NoPermission),
            (422, br#"{"errors":{"message":"c"}}"#, "c", Meaning::Other),
            (404, br#"{"error":"d"}"#, "d", Meaning::Other),
            (400, br#"{"errors":3}"#, "", Meaning::Other),
        ];
        for (status, body, message, meaning) in cases {
            let refusal = AhaDialect.refusal(status, body);
            assert_eq!(refusal.message, message, "{status}");
            assert_eq!(AhaDialect.meaning(status, &refusal), meaning, "{status}");
        }
    }
}
