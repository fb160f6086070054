//! A user of the account, and how the API writes one.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};

/// A user.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "these are the flags that the vendor's own body has"
)]
pub(crate) struct User {
    pub(crate) row: u32,
    pub(crate) id: String,
    /// One person has none.
    pub(crate) name: Option<String>,
    pub(crate) email: String,
    pub(crate) timezone: &'static str,
    /// Seconds since 1970, like the other times.
    pub(crate) created: i64,
    pub(crate) updated: i64,
    pub(crate) accessed: Option<i64>,
    pub(crate) product_roles: Vec<ProductRole>,
    pub(crate) custom_role: bool,
    pub(crate) enabled: bool,
    pub(crate) paid_seat: bool,
    pub(crate) develop_seat: bool,
    pub(crate) administrator: AdministratorRoles,
    /// Which seat group, by its number.
    pub(crate) group: Option<u32>,
    pub(crate) single_sign_on: bool,
}

/// What an administrator may.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(crate) struct AdministratorRoles {
    pub(crate) administer_account: bool,
    pub(crate) administer_billing: bool,
    pub(crate) administer_configuration: bool,
}

impl AdministratorRoles {
    /// Whether there is any.
    pub(crate) const fn any(self) -> bool {
        self.administer_account || self.administer_billing || self.administer_configuration
    }
}

/// A role in one product.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct ProductRole {
    pub(crate) role: u32,
    pub(crate) role_description: &'static str,
    pub(crate) product_id: String,
    pub(crate) product_name: Option<&'static str>,
}

impl ProductRole {
    /// A role by the word that writes take; none for an unknown word and for `none`.
    pub(crate) fn by_word(word: &str, product_id: &str) -> Option<Self> {
        let (role, role_description) = match word {
            "product_owner" => (20, "Owner"),
            "contributor" => (30, "Contributor"),
            "developer" => (35, "Developer"),
            "reviewer" => (40, "Reviewer"),
            "viewer" => (50, "Viewer"),
            _ => return None,
        };
        Some(Self {
            role,
            role_description,
            product_id: product_id.to_owned(),
            product_name: PRODUCTS
                .iter()
                .find(|(id, _)| *id == product_id)
                .and_then(|(_, name)| *name),
        })
    }
}

/// Ids of the account's products; some have no name to show.
pub(crate) const PRODUCTS: [(&str, Option<&str>); 4] = [
    ("131414752", Some("Project 1")),
    ("517761884", None),
    ("610602692", Some("Product Line 1")),
    ("702241743", None),
];

/// A seat group as a user's body names it.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct GroupName {
    pub(crate) id: u64,
    pub(crate) name: String,
}

#[derive(Serialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "these are the flags that the vendor's own body has"
)]
struct Body<'a> {
    id: &'a str,
    name: Option<&'a str>,
    email: &'a str,
    timezone: &'a str,
    created_at: String,
    updated_at: String,
    accessed_at: Option<String>,
    product_roles: &'a [ProductRole],
    #[serde(skip_serializing_if = "Option::is_none")]
    user_roles: Option<Value>,
    enabled: bool,
    paid_seat: bool,
    roadmaps_seat: bool,
    develop_seat: bool,
    teamwork_seat: bool,
    administrator: bool,
    administrator_roles: AdministratorRoles,
    #[serde(skip_serializing_if = "Option::is_none")]
    paid_seat_group: Option<GroupName>,
    identity_provider: Value,
}

impl User {
    /// Whether it uses one of the seats that were bought.
    pub(crate) const fn uses_seat(&self) -> bool {
        self.enabled && self.paid_seat
    }

    /// The body in a list.
    pub(crate) fn in_list(&self, group: Option<GroupName>) -> Value {
        self.body(group, Some(self.user_roles()))
    }

    /// The body of the user alone, without the custom roles.
    pub(crate) fn alone(&self, group: Option<GroupName>) -> Value {
        self.body(group, None)
    }

    fn body(&self, group: Option<GroupName>, user_roles: Option<Value>) -> Value {
        let identity_provider = if self.single_sign_on {
            json!({"type": "saml", "name": "Example SSO"})
        } else {
            json!({"type": "password"})
        };
        let body = Body {
            id: &self.id,
            name: self.name.as_deref(),
            email: &self.email,
            timezone: self.timezone,
            created_at: instant(self.created),
            updated_at: instant(self.updated),
            accessed_at: self.accessed.map(instant),
            product_roles: &self.product_roles,
            user_roles,
            enabled: self.enabled,
            paid_seat: self.paid_seat,
            roadmaps_seat: self.paid_seat,
            develop_seat: self.develop_seat,
            teamwork_seat: false,
            administrator: self.administrator.any(),
            administrator_roles: self.administrator,
            paid_seat_group: group,
            identity_provider,
        };
        serde_json::to_value(body).unwrap_or_default()
    }

    fn user_roles(&self) -> Value {
        if !self.custom_role {
            return json!([]);
        }
        json!([{
            "role_id": 409_541_421,
            "name": "Project scoped role 1",
            "scope": {"type": "project", "name": "Project 1", "id": 131_414_752},
        }])
    }

    /// The few members by which other objects name a user.
    pub(crate) fn reference(&self) -> Value {
        json!({
            "id": self.id,
            "name": self.name,
            "email": self.email,
            "created_at": instant(self.created),
            "updated_at": instant(self.updated),
        })
    }
}

/// A time as Aha! writes it: UTC with milliseconds.
pub(crate) fn instant(seconds: i64) -> String {
    let at = Timestamp::from_second(seconds).unwrap_or_default();
    at.strftime("%Y-%m-%dT%H:%M:%S.000Z").to_string()
}
