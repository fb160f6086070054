//! How GoTo speaks when it refuses: each API has an envelope of its own, and product APIs answer
//! 403 to a token that others answer 401 to.

use super::wire::Refused;
use crate::connector::ConnectorError;
use crate::connector::http::dialect::{Dialect, Meaning, Refusal};

/// GoTo's envelopes and codes.
#[derive(Debug)]
pub(super) struct GoToDialect;

/// Bytes of an answer in no known envelope that are kept for people.
const RAW: usize = 2048;

impl Dialect for GoToDialect {
    fn trace_header(&self) -> &'static str {
        "x-request-id"
    }

    fn refusal(&self, _status: u16, body: &[u8]) -> Refusal {
        let Ok(refused) = serde_json::from_slice::<Refused<'_>>(body) else {
            let start = body.get(..RAW).unwrap_or(body);
            let text = String::from_utf8_lossy(start).trim().to_owned();
            return Refusal {
                code: None,
                // A proxy's page helps nobody.
                message: if text.starts_with('<') {
                    String::new()
                } else {
                    text
                },
            };
        };
        let code = [&refused.int_err_code, &refused.error_code, &refused.code];
        let message = [&refused.msg, &refused.message, &refused.description];
        let code = code.iter().find_map(|text| text.given()).map(str::to_owned);
        let said = message.iter().find_map(|text| text.given());
        let said = said.or(code.as_deref()).unwrap_or_default();
        let message = match refused.incident.given() {
            Some(incident) => format!("{said} (incident {incident})"),
            None => said.to_owned(),
        };
        Refusal { code, message }
    }

    fn permission_remedy(&self) -> &'static str {
        "make the login an admin of the account: a super user, or one who manages users and seats and runs reports"
    }

    fn meaning(&self, status: u16, refusal: &Refusal) -> Meaning {
        let code = refusal.code.as_deref().unwrap_or_default();
        match status {
            401 => Meaning::TokenRefused,
            403 if code == "InvalidToken" => Meaning::TokenRefused,
            403 if code.to_ascii_uppercase().contains("SCOPE") => Meaning::MissingScope(Vec::new()),
            403 if code == "not.authorized" => Meaning::NoPermission,
            _ => Meaning::Other,
        }
    }
}

/// Whether the vendor does not know whom it was asked about.
pub(super) fn unknown(error: &ConnectorError) -> bool {
    matches!(error, ConnectorError::Rejected { context, .. } if context.status == Some(404))
}

/// Whether this API is closed to the credentials, so that another way is worth trying.
pub(super) fn closed(error: &ConnectorError) -> bool {
    match error {
        ConnectorError::MissingScope { .. } => true,
        ConnectorError::Rejected { context, .. } | ConnectorError::Unauthorized { context, .. } => {
            matches!(context.status, Some(403 | 404))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_envelope_is_read_and_judged() {
        type Case = (
            u16,
            &'static str,
            Option<&'static str>,
            &'static str,
            Meaning,
        );
        let cases: [Case; 8] = [
            (
                403,
                r#"{"int_err_code":"InvalidToken","msg":"Invalid token passed"}"#,
                Some("InvalidToken"),
                "Invalid token passed",
                Meaning::TokenRefused,
            ),
            (
                401,
                r#"{"errorCode":"not.authenticated","message":"Not authenticated"}"#,
                Some("not.authenticated"),
                "Not authenticated",
                Meaning::TokenRefused,
            ),
            (
                400,
                r#"{"errorCode":"InvalidRequest","description":"size is above 200","incident":"42"}"#,
                Some("InvalidRequest"),
                "size is above 200 (incident 42)",
                Meaning::Other,
            ),
            (
                404,
                r#"{"errorCode":"NOT_FOUND","message":"The requested resource was not found"}"#,
                Some("NOT_FOUND"),
                "The requested resource was not found",
                Meaning::Other,
            ),
            (
                403,
                r#"{"errorCode":"AUTHZ_INSUFFICIENT_SCOPE","message":"insufficient scope"}"#,
                Some("AUTHZ_INSUFFICIENT_SCOPE"),
                "insufficient scope",
                Meaning::MissingScope(Vec::new()),
            ),
            (
                403,
                r#"{"int_err_code":"AccessDenied","msg":"no"}"#,
                Some("AccessDenied"),
                "no",
                Meaning::Other,
            ),
            (429, "", None, "", Meaning::Other),
            (502, "<html>", None, "", Meaning::Other),
        ];
        for (status, body, code, message, meaning) in cases {
            let refusal = GoToDialect.refusal(status, body.as_bytes());
            assert_eq!(refusal.code.as_deref(), code, "{body}");
            assert_eq!(refusal.message, message, "{body}");
            assert_eq!(GoToDialect.meaning(status, &refusal), meaning, "{body}");
        }
    }
}
