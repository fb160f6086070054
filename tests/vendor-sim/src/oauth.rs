//! The parts of OAuth that are the same at every vendor.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};

use crate::http::{Request, parse_form};

/// The token of a `Bearer` header.
pub(crate) fn bearer_token(request: &Request) -> Option<&str> {
    let (scheme, token) = request.header("authorization")?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// The parameters of a form body; anything else has none.
pub(crate) fn form_body(request: &Request) -> Vec<(String, String)> {
    let is_form = request
        .header("content-type")
        .is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"));
    if is_form {
        parse_form(&String::from_utf8_lossy(&request.body))
    } else {
        Vec::new()
    }
}

/// Client id and secret of a `Basic` header.
pub(crate) fn basic_credentials(header: &str) -> Option<(String, String)> {
    let encoded = header.strip_prefix("Basic ")?;
    let decoded = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (client_id, secret) = decoded.split_once(':')?;
    Some((client_id.to_owned(), secret.to_owned()))
}

/// What a code's client must know to spend it (RFC 7636).
#[derive(Debug, Clone)]
pub(crate) struct Challenge {
    text: String,
    hashed: bool,
}

impl Challenge {
    /// The challenge of an authorization request.
    pub(crate) fn of(request: &Request) -> Option<Self> {
        request.param("code_challenge").map(|text| Self {
            text: text.to_owned(),
            hashed: request.param("code_challenge_method") == Some("S256"),
        })
    }

    /// Whether `verifier` is what the challenge was made from.
    pub(crate) fn answered_by(&self, verifier: &str) -> bool {
        if !(43..=128).contains(&verifier.len()) {
            return false;
        }
        if self.hashed {
            self.text == URL_SAFE_NO_PAD.encode(Sha256::digest(verifier))
        } else {
            self.text == verifier
        }
    }
}

/// Equal, or equal but for the port of a loopback address (RFC 8252, section 7.3).
pub(crate) fn same_redirect(known: &str, asked: &str) -> bool {
    known == asked || loopback(known).is_some() && loopback(known) == loopback(asked)
}

fn loopback(uri: &str) -> Option<&str> {
    let rest = uri.strip_prefix("http://127.0.0.1")?;
    let path = rest.find('/').map_or("", |at| &rest[at..]);
    (rest.starts_with([':', '/']) || rest.is_empty()).then_some(path)
}

/// Percent-encodes what may not stand in a query value.
pub(crate) fn escape(text: &str) -> String {
    use std::fmt::Write as _;
    text.bytes().fold(String::new(), |mut escaped, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            let _ = write!(escaped, "%{byte:02X}");
        }
        escaped
    })
}
