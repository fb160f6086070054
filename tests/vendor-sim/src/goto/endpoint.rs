//! The operations of GoTo's APIs that the simulator knows, from the vendor's documents where there
//! are any. Each belongs to a family, which has its own rate limit and its own way of refusing.

use serde::{Deserialize, Serialize};

use crate::fault::Operation;
use crate::http::{decode, first};

/// The path below which the simulator answers as `api.goto.com`; everything else is
/// `api.getgo.com`.
pub(crate) const CONNECT_HOST: &str = "/api.goto.com";

/// An API of GoTo's, counted on its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Family {
    /// Users and licences.
    Admin,
    /// SCIM.
    Identity,
    /// GoToMeeting.
    Meeting,
    /// GoToWebinar.
    Webinar,
    /// GoToTraining.
    Training,
    /// GoToAssist.
    Assist,
    /// GoToConnect.
    Connect,
}

macro_rules! endpoints {
    ($($variant:ident $name:literal $method:literal $path:literal $family:ident [$($scope:literal),*];)*) => {
        /// One operation.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Endpoint {
            $(
                #[doc = concat!("`", $method, " ", $path, "`")]
                $variant,
            )*
        }

        impl Endpoint {
            /// Every operation.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The name used in the log and by fault rules.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }

            /// The method, in capitals.
            pub const fn method(self) -> &'static str {
                match self { $(Self::$variant => $method),* }
            }

            /// The path, with `{…}` for what varies.
            pub const fn template(self) -> &'static str {
                match self { $(Self::$variant => $path),* }
            }

            /// The API it belongs to.
            pub const fn family(self) -> Family {
                match self { $(Self::$variant => Family::$family),* }
            }

            /// The scopes it needs, all of them.
            pub const fn scopes(self) -> &'static [&'static str] {
                match self { $(Self::$variant => &[$($scope),*]),* }
            }
        }
    };
}

endpoints! {
    Me "me" "GET" "/admin/rest/v1/me" Admin ["identity:"];
    ListUsers "list_users" "GET" "/admin/rest/v1/accounts/{accountKey}/users" Admin ["identity:"];
    AddUsers "add_users" "POST" "/admin/rest/v1/accounts/{accountKey}/users" Admin ["identity:"];
    GetUser "get_user" "GET" "/admin/rest/v1/accounts/{accountKey}/users/{userKey}" Admin ["identity:"];
    UpdateUser "update_user" "PUT" "/admin/rest/v1/accounts/{accountKey}/users/{userKey}" Admin ["identity:"];
    DeleteUser "delete_user" "DELETE" "/admin/rest/v1/accounts/{accountKey}/users/{userKey}" Admin ["identity:"];
    ListLicenses "list_licenses" "GET" "/admin/rest/v1/accounts/{accountKey}/licenses" Admin ["identity:"];
    AssignLicense "assign_license" "PUT" "/admin/rest/v1/accounts/{accountKey}/licenses/{licenseKey}/users/{userKey}" Admin ["identity:"];
    PostLicense "post_license" "POST" "/admin/rest/v1/accounts/{accountKey}/licenses/{licenseKey}/users/{userKey}" Admin ["identity:"];
    RemoveLicense "remove_license" "DELETE" "/admin/rest/v1/accounts/{accountKey}/licenses/{licenseKey}/users/{userKey}" Admin ["identity:"];
    ScimMe "scim_me" "GET" "/identity/v1/Users/me" Identity ["identity:scim.me"];
    ScimUsers "scim_users" "GET" "/identity/v1/Users" Identity ["identity:scim.org"];
    OwnMeetings "own_meetings" "GET" "/G2M/rest/historicalMeetings" Meeting ["collab:"];
    OrganizerMeetings "organizer_meetings" "GET" "/G2M/rest/organizers/{organizerKey}/historicalMeetings" Meeting ["collab:", "identity:"];
    GroupMeetings "group_meetings" "GET" "/G2M/rest/groups/{groupKey}/historicalMeetings" Meeting ["collab:", "identity:"];
    AccountWebinars "account_webinars" "GET" "/G2W/rest/v2/accounts/{accountKey}/webinars" Webinar ["collab:"];
    OrganizerWebinars "organizer_webinars" "GET" "/G2W/rest/v2/organizers/{organizerKey}/webinars" Webinar ["collab:"];
    OrganizerSessions "organizer_sessions" "GET" "/G2W/rest/v2/organizers/{organizerKey}/sessions" Webinar ["collab:"];
    TrainingSessions "training_sessions" "POST" "/G2T/rest/reports/organizers/{organizerKey}/sessions" Training ["collab:"];
    AssistSessions "assist_sessions" "GET" "/G2A/rest/v1/sessions" Assist ["support:"];
    ExtendedSessions "extended_sessions" "GET" "/G2A/rest/v1/extendedsessions" Assist ["support:"];
    UserActivity "user_activity" "GET" "/api.goto.com/call-reports/v1/reports/user-activity" Connect ["cr.v1.read"];
    UserCalls "user_calls" "GET" "/api.goto.com/call-reports/v1/reports/user-activity/{userId}" Connect ["cr.v1.read"];
    ConnectUsers "connect_users" "GET" "/api.goto.com/users/v1/users" Connect ["users.v1.lines.read"];
    ConnectMe "connect_me" "GET" "/api.goto.com/users/v1/me" Connect ["users.v1.lines.read"];
    UserLines "user_lines" "GET" "/api.goto.com/users/v1/users/{userKey}/lines" Connect ["users.v1.lines.read"];
    CallEvents "call_events" "GET" "/api.goto.com/call-events-report/v1/report-summaries" Connect ["call-events.v1.events.read"];
    CallHistory "call_history" "GET" "/api.goto.com/call-history/v1/calls" Connect ["call-history.v1.read"];
}

impl Endpoint {
    /// Finds the operation of a request, and the decoded parts of the path that vary, in order.
    pub(crate) fn find(method: &str, path: &str) -> Option<(Self, Vec<String>)> {
        Self::ALL.iter().find_map(|endpoint| {
            if endpoint.method() != method {
                return None;
            }
            Some((*endpoint, varying(endpoint.template(), path)?))
        })
    }

    /// Whether it changes something at GoTo.
    pub fn writes(self) -> bool {
        self.method() != "GET" && self != Self::TrainingSessions
    }
}

impl Operation for Endpoint {
    fn name(self) -> &'static str {
        Self::name(self)
    }

    fn later_page(query: &[(String, String)]) -> bool {
        ["offset", "page", "pageMarker"]
            .iter()
            .any(|name| first(query, name).is_some_and(|value| !value.is_empty() && value != "0"))
    }
}

fn varying(template: &str, path: &str) -> Option<Vec<String>> {
    let mut parts = path.split('/');
    let mut found = Vec::new();
    for wanted in template.split('/') {
        let part = parts.next()?;
        if wanted.starts_with('{') {
            if part.is_empty() {
                return None;
            }
            found.push(decode(part, false));
        } else if wanted != part {
            return None;
        }
    }
    parts.next().is_none().then_some(found)
}

/// Every scope the operations need, as an administrator's client holds them.
pub(crate) fn all_scopes() -> Vec<String> {
    let mut scopes: Vec<String> = Endpoint::ALL
        .iter()
        .flat_map(|endpoint| endpoint.scopes())
        .map(|scope| (*scope).to_owned())
        .collect();
    scopes.sort();
    scopes.dedup();
    scopes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lead_to_their_operation_and_what_varies() {
        type Found = Option<(Endpoint, &'static [&'static str])>;
        let cases: [(&str, &str, Found); 6] = [
            ("GET", "/admin/rest/v1/me", Some((Endpoint::Me, &[]))),
            (
                "DELETE",
                "/admin/rest/v1/accounts/1/licenses/2/users/3",
                Some((Endpoint::RemoveLicense, &["1", "2", "3"])),
            ),
            (
                "GET",
                "/identity/v1/Users/me",
                Some((Endpoint::ScimMe, &[])),
            ),
            (
                "GET",
                "/api.goto.com/call-reports/v1/reports/user-activity/u",
                Some((Endpoint::UserCalls, &["u"])),
            ),
            ("GET", "/api.goto.com/admin/rest/v1/me", None),
            ("GET", "/admin/rest/v1/accounts//users", None),
        ];
        for (method, path, expected) in cases {
            let expected = expected.map(|(endpoint, parts)| {
                let parts = parts.iter().map(|&part| part.to_owned()).collect();
                (endpoint, parts)
            });
            assert_eq!(Endpoint::find(method, path), expected, "{method} {path}");
        }
    }
}
