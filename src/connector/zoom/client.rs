//! How Zoom speaks when it refuses, and how its lists are paged.

use super::scopes;
use super::wire::Refused;
use crate::connector::ConnectorError;
use crate::connector::http::dialect::{Dialect, Meaning, Refusal};

/// Zoom's envelope and codes. A code alone is no key: 200 and 300 have dozens of meanings.
#[derive(Debug)]
pub(super) struct ZoomDialect;

impl Dialect for ZoomDialect {
    fn trace_header(&self) -> &'static str {
        "x-zm-trackingid"
    }

    fn refusal(&self, _status: u16, body: &[u8]) -> Refusal {
        let Ok(refused) = serde_json::from_slice::<Refused<'_>>(body) else {
            return Refusal::default();
        };
        let fields = refused.errors.0.iter();
        let fields = fields.map(|entry| format!(" (`{}`: {})", entry.field.0, entry.message.0));
        Refusal {
            code: refused.code.given().map(str::to_owned),
            message: std::iter::once(refused.message.0.to_string())
                .chain(fields)
                .collect(),
        }
    }

    fn meaning(&self, status: u16, refusal: &Refusal) -> Meaning {
        match (status, refusal.code.as_deref()) {
            (400, Some("4711" | "4700")) => {
                Meaning::MissingScope(scopes::named_in(&refusal.message))
            }
            // An expired token was seen with both statuses.
            (401, _) | (400, Some("124")) => Meaning::TokenRefused,
            (403, _) => Meaning::NoPermission,
            // Zoom has a code for everything that it misses, and this one for a path.
            (404, None | Some("2300")) => Meaning::NoSuchCall,
            _ => Meaning::Other,
        }
    }

    fn permission_remedy(&self) -> &'static str {
        "give the role of the app's owner the right to do this"
    }
}

/// Refusals that are facts about a user or the account and not failures of the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fact {
    /// The user is gone, or no longer of this account.
    UserGone,
    /// The user may not host meetings.
    MayNotHost,
    /// The user, or the account, has no webinar plan.
    NoWebinarPlan,
    /// The page token is too old or not known.
    PageTokenExpired,
}

/// The fact behind a refusal, when it is one.
pub(super) fn fact(error: &ConnectorError) -> Option<Fact> {
    let ConnectorError::Rejected { context, message } = error else {
        return None;
    };
    match (context.status?, context.code.as_deref()?) {
        (404, "1001") | (400, "1010" | "1120") => Some(Fact::UserGone),
        (400, "3161") => Some(Fact::MayNotHost),
        (400, "200") if message.contains("Webinar plan is missing") => Some(Fact::NoWebinarPlan),
        (400, "300") if message.contains("next page token") => Some(Fact::PageTokenExpired),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connector::error::CallContext;

    fn rejected(status: u16, code: &str, message: &str) -> ConnectorError {
        ConnectorError::Rejected {
            context: CallContext {
                status: Some(status),
                code: Some(code.to_owned()),
                ..CallContext::default()
            },
            message: message.to_owned(),
        }
    }

    #[test]
    fn codes_and_texts_together_make_a_fact() {
        let plan = "Webinar plan is missing. You must subscribe to the webinar plan and enable webinars for this user in order to perform this action.";
        let cases = [
            (404, "1001", "User does not exist: x.", Some(Fact::UserGone)),
            (
                400,
                "1010",
                "User does not belong to this account.",
                Some(Fact::UserGone),
            ),
            (
                400,
                "1120",
                "A valid invitation was not found.",
                Some(Fact::UserGone),
            ),
            (
                400,
                "3161",
                "Meeting hosting is not allowed.",
                Some(Fact::MayNotHost),
            ),
            (400, "200", plan, Some(Fact::NoWebinarPlan)),
            (400, "200", "No permission.", None),
            (
                400,
                "300",
                "The next page token is invalid or expired.",
                Some(Fact::PageTokenExpired),
            ),
            (400, "300", "Validation Failed.", None),
            (
                404,
                "300",
                "The next page token is invalid or expired.",
                None,
            ),
        ];
        for (status, code, message, expected) in cases {
            assert_eq!(
                fact(&rejected(status, code, message)),
                expected,
                "{code} {message}"
            );
        }
    }

    #[test]
    fn refusals_mean_what_the_loop_decides_by() {
        let scope = r#"{"code":4711,"message":"Invalid access token, does not contain scopes:[a:b, c:d]."}"#;
        let expired = r#"{"code":124,"message":"Access token is expired."}"#;
        let validation = r#"{"code":300,"message":"Validation Failed.","errors":[{"field":"from","message":"Invalid field."}]}"#;
        let cases = [
            (
                400,
                scope,
                Meaning::MissingScope(vec!["a:b".to_owned(), "c:d".to_owned()]),
            ),
            (401, expired, Meaning::TokenRefused),
            (400, expired, Meaning::TokenRefused),
            (401, "<html>", Meaning::TokenRefused),
            (403, "{}", Meaning::NoPermission),
            (
                404,
                r#"{"code":2300,"message":"This API endpoint is not recognized."}"#,
                Meaning::NoSuchCall,
            ),
            (404, r#"{"message":"Nothing here."}"#, Meaning::NoSuchCall),
            (
                404,
                r#"{"code":1001,"message":"User does not exist: x."}"#,
                Meaning::Other,
            ),
            (400, validation, Meaning::Other),
            (400, "<html>", Meaning::Other),
        ];
        for (status, body, expected) in cases {
            let refusal = ZoomDialect.refusal(status, body.as_bytes());
            assert_eq!(ZoomDialect.meaning(status, &refusal), expected, "{body}");
        }
        let refusal = ZoomDialect.refusal(400, validation.as_bytes());
        assert_eq!(
            refusal.message,
            "Validation Failed. (`from`: Invalid field.)"
        );
        assert_eq!(refusal.code.as_deref(), Some("300"));
    }
}
