//! Zoom's scopes per operation. Apps made before 2024 hold classic scopes, newer ones granular
//! ones; the same operation takes either, and `:master` where `:admin` is enough.

/// An operation that we call or shall call, by the scopes that allow it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Operation {
    /// What it is, for messages.
    pub(super) does: &'static str,
    granular: &'static str,
    classic: &'static [&'static str],
}

const fn operation(
    does: &'static str,
    granular: &'static str,
    classic: &'static [&'static str],
) -> Operation {
    Operation {
        does,
        granular,
        classic,
    }
}

const USER_READ: &[&str] = &["user:read:admin", "user:write:admin"];
const USER_WRITE: &[&str] = &["user:write:admin"];
const REPORT_READ: &[&str] = &["report:read:admin"];

pub(super) const LIST_USERS: Operation = operation("list users", "user:read:list_users", USER_READ);
pub(super) const USER_SETTINGS: Operation =
    operation("read a user's licences", "user:read:settings", USER_READ);
pub(super) const READ_USER: Operation = operation("read a user", "user:read:user", USER_READ);
pub(super) const USER_SUMMARY: Operation =
    operation("summarise users", "user:read:summary", USER_READ);
pub(super) const PLAN_USAGE: Operation = operation(
    "read the plans bought",
    "billing:read:plan_usage",
    &["account:read:admin", "account:write:admin"],
);
pub(super) const UPDATE_USER: Operation =
    operation("change a user's licence", "user:update:user", USER_WRITE);
pub(super) const UPDATE_SETTINGS: Operation = operation(
    "change a user's add-ons",
    "user:update:settings",
    USER_WRITE,
);
pub(super) const DELETE_USER: Operation =
    operation("delete a user", "user:delete:user", USER_WRITE);
pub(super) const REPORT_HOSTS: Operation =
    operation("report hosts", "report:read:list_users", REPORT_READ);
pub(super) const REPORT_HOST: Operation =
    operation("report what one host did", "report:read:user", REPORT_READ);
pub(super) const REPORT_WEBINARS: Operation = operation(
    "report past webinars",
    "report:read:list_history_meetings",
    REPORT_READ,
);
pub(super) const LIST_MEETINGS: Operation = operation(
    "list a user's meetings",
    "meeting:read:list_meetings",
    &["meeting:read:admin", "meeting:write:admin"],
);
pub(super) const LIST_WEBINARS: Operation = operation(
    "list a user's webinars",
    "webinar:read:list_webinars",
    &["webinar:read:admin", "webinar:write:admin"],
);

impl Operation {
    /// The first of `granted` that allows it.
    pub(super) fn held(self, granted: &[String]) -> Option<&str> {
        granted
            .iter()
            .map(String::as_str)
            .find(|scope| self.classic.contains(scope) || self.is_granular(scope))
    }

    fn is_granular(self, scope: &str) -> bool {
        scope
            .strip_prefix(self.granular)
            .is_some_and(|reach| reach == ":admin" || reach == ":master")
    }

    /// The scopes to ask for: the granular one, and the least classic one.
    pub(super) fn alternatives(self) -> Vec<String> {
        let granular = format!("{}:admin", self.granular);
        let classic = self.classic.iter().take(1).map(|&scope| scope.to_owned());
        std::iter::once(granular).chain(classic).collect()
    }

    /// The same on one line, as [`crate::connector::facts::Verdict`] lists them.
    pub(super) fn needed(self) -> String {
        self.alternatives().join("|")
    }
}

/// The scopes that Zoom names in `does not contain scopes:[a, b].`, any of which would do.
pub(super) fn named_in(message: &str) -> Vec<String> {
    let listed = message
        .split_once("scopes:[")
        .and_then(|(_, rest)| rest.split_once(']'))
        .map_or("", |(listed, _)| listed);
    listed
        .split(',')
        .map(|scope| scope.trim().trim_matches(['"', '\'']).to_owned())
        .filter(|scope| !scope.is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classic_and_granular_scopes_allow_the_same() {
        let cases = [
            (LIST_USERS, "user:read:list_users:admin", true),
            (LIST_USERS, "user:read:list_users:master", true),
            (LIST_USERS, "user:read:admin", true),
            (LIST_USERS, "user:read:list_users", false),
            (LIST_USERS, "user:read:list_users_x:admin", false),
            (UPDATE_USER, "user:update:user:admin", true),
            (UPDATE_USER, "user:write:admin", true),
            // In granular names `write` is create only.
            (UPDATE_USER, "user:write:user:admin", false),
            (UPDATE_USER, "user:read:admin", false),
            (REPORT_HOSTS, "report:read:admin", true),
        ];
        for (operation, scope, allowed) in cases {
            let granted = ["x:y".to_owned(), scope.to_owned()];
            assert_eq!(
                operation.held(&granted).is_some(),
                allowed,
                "{operation:?} {scope}"
            );
        }
    }

    #[test]
    fn zooms_refusal_names_the_alternatives() {
        let cases: [(&str, &[&str]); 4] = [
            (
                "Invalid access token, does not contain scopes:[meeting:read:list_meetings, meeting:read:list_meetings:admin].",
                &[
                    "meeting:read:list_meetings",
                    "meeting:read:list_meetings:admin",
                ],
            ),
            (
                "Invalid access token, does not contain scopes:[user:read:admin].",
                &["user:read:admin"],
            ),
            ("Invalid access token, does not contain scopes.", &[]),
            ("scopes:[unclosed", &[]),
        ];
        for (message, expected) in cases {
            assert_eq!(named_in(message), expected, "{message}");
        }
    }
}
