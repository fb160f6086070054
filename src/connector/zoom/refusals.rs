//! What Zoom means when it refuses a change of a licence. A code alone is no key, so code and
//! text are looked at together; the codes are those of `PATCH /users/{userId}`, of its settings and of
//! `DELETE /users/{userId}` in Zoom's API document.

use super::client::{Fact, fact};
use crate::connector::error::ConnectorError;
use crate::connector::write::{Refusal, RefusalKind, Written};

/// What taking back came to, where it was refused; an error that says nothing of the seat stays one.
pub(super) fn taken(error: ConnectorError) -> Result<Written, ConnectorError> {
    match &error {
        // A host who is not paid for has nothing left to take.
        ConnectorError::Rejected { context, .. } if context.code.as_deref() == Some("1109") => {
            Ok(Written::AlreadySo {
                trace_id: context.trace_id.clone(),
            })
        }
        _ => refused(error),
    }
}

/// What a refused change came to; an error that says nothing of the seat stays one.
pub(super) fn refused(error: ConnectorError) -> Result<Written, ConnectorError> {
    let gone = fact(&error) == Some(Fact::UserGone);
    let ConnectorError::Rejected { context, message } = error else {
        return Err(error);
    };
    let (kind, remedy) = if gone {
        (
            RefusalKind::UserGone,
            "the user is not in this account any more",
        )
    } else {
        meaning(context.code.as_deref().unwrap_or_default(), &message)
    };
    Ok(Written::Refused(Refusal {
        kind,
        message: format!(
            "{message} (Zoom {}): {remedy}",
            context.code.as_deref().unwrap_or("without a code")
        ),
        context,
    }))
}

fn meaning(code: &str, message: &str) -> (RefusalKind, &'static str) {
    use RefusalKind::{NoRoom, Other, Protected};
    match code {
        "1108" if message.contains("large meeting") => NEEDS_LICENCE,
        "1108" => (
            Protected,
            "Zoom lets the app's owner change no licence of this user: look at the owner's role, and at the user's",
        ),
        "1109" | "1122" => NEEDS_LICENCE,
        "2033" | "2039" => (
            NoRoom,
            "no Basic user fits into the account: make room, or ask Zoom for more",
        ),
        "2034" | "2038" => (
            NoRoom,
            "no seat of that kind is free: buy one or free one first",
        ),
        "3412" => (
            NoRoom,
            "the account has no room for that kind of user: make room first",
        ),
        "1000" => (
            Protected,
            "the user manages a call queue or an auto-receptionist: hand that over first",
        ),
        "1107" => (Protected, "users of a managed domain cannot be unlinked"),
        "1117" => (Protected, "administrators cannot be unlinked"),
        "300" if message.contains("Zoom Events") => {
            (Protected, "the user has an event ahead: hand it over first")
        }
        "300" if message.contains("Zoom One") || message.contains("at the same time") => (
            Protected,
            "the licence is part of a suite: change it in Zoom's web portal",
        ),
        "1204" | "1205" | "1206" => (
            Protected,
            "webinars and Zoom Events exclude each other: look at the user in Zoom's web portal",
        ),
        "200" if message.contains("You can add max") || message.contains("You can't add paid") => (
            NoRoom,
            "no seat of that kind is free: buy one or free one first",
        ),
        "200" if message.contains("Zoom Room") => (
            Protected,
            "it is the licence of a room: change it in Zoom's web portal",
        ),
        "200" if message.contains("delete") => (
            Protected,
            "Zoom deletes neither owners nor, in some accounts, deactivated users: ask Zoom's support",
        ),
        _ => (
            Other,
            "look at the user in Zoom's web portal, then resume the candidate",
        ),
    }
}

const NEEDS_LICENCE: (RefusalKind, &str) = (
    RefusalKind::Other,
    "Zoom gives it to licensed users alone: give the user's `zoom.licensed` back first",
);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connector::error::CallContext;

    #[test]
    fn code_and_text_together_say_what_is_meant() {
        use RefusalKind::{NoRoom, Other, Protected, UserGone};
        let cases = [
            (404, "1001", "User does not exist: x.", UserGone),
            (
                400,
                "1108",
                "Permission requirements to change the user type of this user were not met.",
                Protected,
            ),
            (400, "2033", "Basic users have reached the maximum.", NoRoom),
            (400, "2034", "No licence left.", NoRoom),
            (400, "2039", "Not enough Basic places.", NoRoom),
            (400, "3412", "Ceiling reached.", NoRoom),
            (400, "1000", "The user is a Call-queue manager.", Protected),
            (400, "1107", "managed domain", Protected),
            (
                400,
                "1117",
                "You can not disassociate an Admin user.",
                Protected,
            ),
            (
                400,
                "300",
                "cannot change the user type to Basic because this user has an upcoming Zoom Events scheduled",
                Protected,
            ),
            (
                400,
                "300",
                "You can't turn off your Zoom One license now.",
                Protected,
            ),
            (400, "300", "Validation Failed.", Other),
            (400, "200", "You can add max 5 Webinar 500 users.", NoRoom),
            (400, "200", "No permission.", Other),
            (400, "1122", "Only licensed users.", Other),
            (400, "9999", "Something new.", Other),
        ];
        for (status, code, message, expected) in cases {
            let error = ConnectorError::Rejected {
                context: CallContext {
                    status: Some(status),
                    code: Some(code.to_owned()),
                    ..CallContext::default()
                },
                message: message.to_owned(),
            };
            let Ok(Written::Refused(refusal)) = taken(error) else {
                panic!("{code} is no refusal");
            };
            assert_eq!(refusal.kind, expected, "{code} {message}");
            assert!(refusal.message.contains(code), "{}", refusal.message);
        }
    }
}
