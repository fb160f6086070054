//! The operations of Zoom's API that the simulator knows: path, rate-limit label and scopes, from
//! Zoom's API reference. The request pipeline, the log and the faults all speak of an operation by
//! its [`Endpoint`].

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::fault::Operation;
use crate::http::{decode, first};

/// Zoom's rate-limit label of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Label {
    /// Single records.
    Light,
    /// Lists.
    Medium,
    /// Reports.
    Heavy,
    /// Dashboards; counted per minute.
    #[serde(rename = "Resource-intensive")]
    ResourceIntensive,
}

impl Label {
    /// All labels.
    pub const ALL: [Self; 4] = [
        Self::Light,
        Self::Medium,
        Self::Heavy,
        Self::ResourceIntensive,
    ];

    /// As the `X-RateLimit-Category` header writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Light => "Light",
            Self::Medium => "Medium",
            Self::Heavy => "Heavy",
            Self::ResourceIntensive => "Resource-intensive",
        }
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

macro_rules! endpoints {
    ($($variant:ident $name:literal $method:literal $path:literal $label:ident
       [$($granular:literal),*] [$($classic:literal),*];)*) => {
        /// One operation of the API.
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

            /// The path below `/v2`, with `{…}` for what varies.
            pub const fn template(self) -> &'static str {
                match self { $(Self::$variant => $path),* }
            }

            /// The rate-limit label.
            pub const fn label(self) -> Label {
                match self { $(Self::$variant => Label::$label),* }
            }

            /// The granular scopes, each sufficient by itself, without `:admin`.
            pub const fn granular_scopes(self) -> &'static [&'static str] {
                match self { $(Self::$variant => &[$($granular),*]),* }
            }

            /// The classic scopes, each sufficient by itself.
            pub const fn classic_scopes(self) -> &'static [&'static str] {
                match self { $(Self::$variant => &[$($classic),*]),* }
            }
        }
    };
}

endpoints! {
    ListUsers "list_users" "GET" "/users" Medium
        ["user:read:list_users"] ["user:read:admin", "user:write:admin"];
    BulkFeatures "bulk_features" "POST" "/users/features" Medium
        ["user:write:feature"] ["user:write:admin"];
    UserSummary "user_summary" "GET" "/users/summary" Medium
        ["user:read:summary"] ["user:read:admin", "user:write:admin"];
    GetUser "get_user" "GET" "/users/{userId}" Light
        ["user:read:user"] ["user:read:admin", "user:write:admin"];
    UpdateUser "update_user" "PATCH" "/users/{userId}" Light
        ["user:update:user"] ["user:write:admin"];
    DeleteUser "delete_user" "DELETE" "/users/{userId}" Light
        ["user:delete:user"] ["user:write:admin"];
    GetSettings "get_settings" "GET" "/users/{userId}/settings" Medium
        ["user:read:settings"] ["user:read:admin", "user:write:admin"];
    UpdateSettings "update_settings" "PATCH" "/users/{userId}/settings" Medium
        ["user:update:settings"] ["user:write:admin"];
    UpdateStatus "update_status" "PUT" "/users/{userId}/status" Light
        ["user:update:status"] ["user:write:admin"];
    UserMeetings "user_meetings" "GET" "/users/{userId}/meetings" Medium
        ["meeting:read:list_meetings"] ["meeting:read:admin"];
    UserWebinars "user_webinars" "GET" "/users/{userId}/webinars" Medium
        ["webinar:read:list_webinars"] ["webinar:read:admin"];
    ReportUsers "report_users" "GET" "/report/users" Heavy
        ["report:read:list_users"] ["report:read:admin"];
    ReportUserMeetings "report_user_meetings" "GET" "/report/users/{userId}/meetings" Heavy
        ["report:read:user"] ["report:read:admin"];
    HistoryMeetings "history_meetings" "GET" "/report/history_meetings" Heavy
        ["report:read:list_history_meetings"] ["report:read:admin"];
    ReportActivities "report_activities" "GET" "/report/activities" Heavy
        ["report:read:user_activities"] ["report:read:admin"];
    OperationLogs "operation_logs" "GET" "/report/operationlogs" Heavy
        ["report:read:operation_logs"] ["report:read:admin"];
    UpcomingEvents "upcoming_events" "GET" "/report/upcoming_events" Heavy
        ["report:read:upcoming_meetings_webinars"] ["report:read:admin"];
    MetricsMeetings "metrics_meetings" "GET" "/metrics/meetings" ResourceIntensive
        ["dashboard:read:list_meetings"] ["dashboard_meetings:read:admin", "dashboard:read:admin"];
    MetricsWebinars "metrics_webinars" "GET" "/metrics/webinars" ResourceIntensive
        ["dashboard:read:list_webinars"] ["dashboard_webinars:read:admin", "dashboard:read:admin"];
    PlanUsage "plan_usage" "GET" "/accounts/{accountId}/plans/usage" Heavy
        ["billing:read:plan_usage"] ["account:read:admin"];
    ListGroups "list_groups" "GET" "/groups" Medium
        ["group:read:list_groups"] ["group:read:admin"];
    GroupMembers "group_members" "GET" "/groups/{groupId}/members" Medium
        ["group:read:list_members"] ["group:read:admin"];
}

impl Endpoint {
    /// Finds the operation of a request below `/v2`, and the decoded part of the path that varies.
    pub(crate) fn find(method: &str, path: &str) -> Option<(Self, Option<String>)> {
        Self::ALL.iter().find_map(|endpoint| {
            if endpoint.method() != method {
                return None;
            }
            match endpoint.template().split_once('{') {
                None => (endpoint.template() == path).then_some((*endpoint, None)),
                Some((before, after)) => {
                    let after = after.split_once('}').map_or("", |(_, after)| after);
                    let subject = path.strip_prefix(before)?.strip_suffix(after)?;
                    (!subject.is_empty() && !subject.contains('/'))
                        .then(|| (*endpoint, Some(decode(subject, false))))
                }
            }
        })
    }

    /// The operation of this name.
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|known| known.name() == name)
    }

    /// Whether it changes something at Zoom.
    pub fn writes(self) -> bool {
        self.method() != "GET"
    }

    /// Whether one of `granted` allows it.
    pub(crate) fn allowed_by(self, granted: &[String]) -> bool {
        let granular = self.granular_scopes().iter().any(|scope| {
            granted.iter().any(|held| {
                held.strip_suffix(":admin")
                    .or_else(|| held.strip_suffix(":master"))
                    == Some(scope)
            })
        });
        granular
            || self
                .classic_scopes()
                .iter()
                .any(|scope| granted.iter().any(|held| held == scope))
    }
}

impl Operation for Endpoint {
    fn name(self) -> &'static str {
        Self::name(self)
    }

    fn later_page(query: &[(String, String)]) -> bool {
        first(query, "next_page_token").is_some_and(|token| !token.is_empty())
    }
}

/// Every granular scope the operations need, as an administrator's app holds them.
pub(crate) fn all_scopes() -> Vec<String> {
    let mut scopes: Vec<String> = Endpoint::ALL
        .iter()
        .flat_map(|endpoint| endpoint.granular_scopes())
        .map(|scope| format!("{scope}:admin"))
        .collect();
    scopes.sort();
    scopes.dedup();
    scopes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fixed_paths_win_over_users_of_that_name() {
        let cases = [
            ("GET", "/users", Some((Endpoint::ListUsers, None))),
            ("GET", "/users/summary", Some((Endpoint::UserSummary, None))),
            (
                "GET",
                "/users/a%40b.c",
                Some((Endpoint::GetUser, Some("a@b.c"))),
            ),
            (
                "GET",
                "/users/x/settings",
                Some((Endpoint::GetSettings, Some("x"))),
            ),
            (
                "PUT",
                "/users/x/status",
                Some((Endpoint::UpdateStatus, Some("x"))),
            ),
            (
                "GET",
                "/report/users/x/meetings",
                Some((Endpoint::ReportUserMeetings, Some("x"))),
            ),
            (
                "GET",
                "/accounts/me/plans/usage",
                Some((Endpoint::PlanUsage, Some("me"))),
            ),
            ("POST", "/users", None),
            ("GET", "/users/", None),
            ("GET", "/users/x/unknown", None),
        ];
        for (method, path, expected) in cases {
            let expected = expected.map(|(endpoint, who)| (endpoint, who.map(str::to_owned)));
            assert_eq!(Endpoint::find(method, path), expected, "{method} {path}");
        }
    }

    #[test]
    fn granular_and_classic_scopes_are_both_accepted() {
        let held = |scope: &str| Endpoint::UpdateUser.allowed_by(&[scope.to_owned()]);
        assert!(held("user:update:user:admin"));
        assert!(held("user:write:admin"));
        assert!(!held("user:write:user:admin"), "`write` means create only");
        assert!(
            !held("user:update:user"),
            "user-level scopes do not reach other users"
        );
    }
}
