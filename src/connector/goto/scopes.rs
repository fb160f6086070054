//! GoTo's scopes, by what they open, and where they are ticked.

use crate::connector::error::{CallContext, ConnectorError};

/// Users and licences, and every call about another organizer.
pub(super) const ADMIN: &str = "identity:";
/// GoToMeeting, GoToWebinar, GoToTraining.
pub(super) const COLLAB: &str = "collab:";
/// GoToAssist.
pub(super) const SUPPORT: &str = "support:";
/// GoToConnect's call reports.
pub(super) const CALL_REPORTS: &str = "cr.v1.read";
/// GoToConnect's phone lines.
pub(super) const LINES: &str = "users.v1.lines.read";

/// Whether `granted` holds `scope`. Where no scopes are told, it is tried.
pub(super) fn allows(granted: &[String], scope: &str) -> bool {
    granted.is_empty() || granted.iter().any(|held| held == scope)
}

/// What `granted` lacks for a step. GoTo answers to a missing scope as to a bad token in places, so
/// it is told here before anything is called.
pub(super) fn require(granted: &[String], scope: &str, step: &str) -> Result<(), ConnectorError> {
    if allows(granted, scope) {
        return Ok(());
    }
    Err(ConnectorError::MissingScope {
        context: CallContext {
            step: step.to_owned(),
            ..CallContext::default()
        },
        scopes: vec![named(scope)],
    })
}

/// The scope with the name of its box on GoTo's developer site.
pub(super) fn named(scope: &str) -> String {
    let place = match scope {
        ADMIN => "Admin Center",
        COLLAB => "GoToMeeting, GoToWebinar or GoToTraining",
        SUPPORT => "GoToAssist",
        _ => "GoToConnect",
    };
    format!("`{scope}` ({place} on the OAuth client's scopes tab)")
}
