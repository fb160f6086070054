//! The operations of Aha!'s API that the simulator has.

use serde::{Deserialize, Serialize};

use crate::fault::Operation;
use crate::http::{decode, first};

/// An operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Endpoint {
    /// `GET /me`: whose token it is.
    Me,
    /// `GET /users`.
    ListUsers,
    /// `GET /users/{id}`.
    GetUser,
    /// `PUT /users/{id}`.
    UpdateUser,
    /// `GET /users/{id}/product_roles`.
    ListProductRoles,
    /// `POST /users/{id}/product_roles`.
    AddProductRole,
    /// `DELETE /users/{id}/product_roles/{product_id}`.
    RemoveProductRole,
    /// `GET /paid_seat_groups`.
    ListSeatGroups,
    /// `POST /paid_seat_groups/{id}/modify_user`.
    ModifySeatGroup,
    /// `GET /audits`.
    ListAudits,
    /// `GET /historical_audits`.
    ListHistoricalAudits,
    /// `POST /historical_audits`.
    SearchHistoricalAudits,
}

impl Endpoint {
    /// Every operation.
    pub const ALL: [Self; 12] = [
        Self::Me,
        Self::ListUsers,
        Self::GetUser,
        Self::UpdateUser,
        Self::ListProductRoles,
        Self::AddProductRole,
        Self::RemoveProductRole,
        Self::ListSeatGroups,
        Self::ModifySeatGroup,
        Self::ListAudits,
        Self::ListHistoricalAudits,
        Self::SearchHistoricalAudits,
    ];

    /// Method and path below `/api/v1`.
    pub const fn route(self) -> (&'static str, &'static str) {
        match self {
            Self::Me => ("GET", "/me"),
            Self::ListUsers => ("GET", "/users"),
            Self::GetUser => ("GET", "/users/{id}"),
            Self::UpdateUser => ("PUT", "/users/{id}"),
            Self::ListProductRoles => ("GET", "/users/{id}/product_roles"),
            Self::AddProductRole => ("POST", "/users/{id}/product_roles"),
            Self::RemoveProductRole => ("DELETE", "/users/{id}/product_roles/{product_id}"),
            Self::ListSeatGroups => ("GET", "/paid_seat_groups"),
            Self::ModifySeatGroup => ("POST", "/paid_seat_groups/{id}/modify_user"),
            Self::ListAudits => ("GET", "/audits"),
            Self::ListHistoricalAudits => ("GET", "/historical_audits"),
            Self::SearchHistoricalAudits => ("POST", "/historical_audits"),
        }
    }

    /// Whether it changes something about seats.
    pub const fn writes(self) -> bool {
        matches!(
            self,
            Self::UpdateUser
                | Self::AddProductRole
                | Self::RemoveProductRole
                | Self::ModifySeatGroup
        )
    }

    /// The operation that a request means, and what stands in its path, decoded.
    pub(crate) fn find(method: &str, path: &str) -> Option<(Self, Vec<String>)> {
        Self::ALL.into_iter().find_map(|endpoint| {
            let (wanted, template) = endpoint.route();
            let subjects = subjects(template, path).filter(|_| wanted == method)?;
            Some((endpoint, subjects))
        })
    }
}

fn subjects(template: &str, path: &str) -> Option<Vec<String>> {
    let (mut wanted, mut given) = (template.split('/'), path.split('/'));
    let mut found = Vec::new();
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return Some(found),
            (Some(wanted), Some(given)) if wanted.starts_with('{') && !given.is_empty() => {
                found.push(decode(given, false));
            }
            (Some(wanted), Some(given)) if wanted == given => {}
            _ => return None,
        }
    }
}

impl Operation for Endpoint {
    fn name(self) -> &'static str {
        self.route().1
    }

    fn later_page(query: &[(String, String)]) -> bool {
        first(query, "page").is_some_and(|page| page != "1")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_lead_to_operations() {
        let found = |method, path| Endpoint::find(method, path);
        assert_eq!(found("GET", "/users"), Some((Endpoint::ListUsers, vec![])));
        let one = |endpoint| Some((endpoint, vec!["7".to_owned()]));
        assert_eq!(found("PUT", "/users/7"), one(Endpoint::UpdateUser));
        assert_eq!(
            found("DELETE", "/users/7/product_roles/P%201"),
            Some((
                Endpoint::RemoveProductRole,
                vec!["7".to_owned(), "P 1".to_owned()]
            ))
        );
        assert_eq!(found("DELETE", "/users/7"), None);
        assert_eq!(found("GET", "/users/"), None);
    }
}
