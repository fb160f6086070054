//! How the account refuses. Aha! documents no error but one 401; the envelopes are those that other
//! clients have met.

use serde_json::json;

use crate::aha::options::Unauthorized;
use crate::http::Reply;

pub(crate) fn unauthorized(how: Unauthorized) -> Reply {
    match how {
        Unauthorized::Html => Reply::text(401, "text/html", ""),
        Unauthorized::Json => Reply::json(401, &json!({"error": "unauthorized"})),
    }
}

pub(crate) fn forbidden() -> Reply {
    envelope(403, &["You are not authorized to perform this action"])
}

pub(crate) fn payment_required() -> Reply {
    envelope(402, &["This account is suspended"])
}

pub(crate) fn not_found() -> Reply {
    envelope(404, &["Record not found"])
}

/// 422: the request is understood and not followed.
pub(crate) fn invalid(errors: &[&str]) -> Reply {
    envelope(422, errors)
}

/// 400, in the other envelope that was seen, with the header that came with it.
pub(crate) fn bad_request(message: &str) -> Reply {
    let mut reply = Reply::json(400, &json!({"errors": {"message": message}}));
    reply.set_header("x-error-message", message);
    reply
}

pub(crate) fn too_many() -> Reply {
    envelope(429, &["Rate limit exceeded"])
}

pub(crate) fn envelope(status: u16, errors: &[&str]) -> Reply {
    Reply::json(status, &json!({"errors": errors}))
}
