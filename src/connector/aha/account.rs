//! Whose key it is, and which account that user calls.

use super::AhaConnector;
use super::wire::{AccountName, Me};
use crate::connector::error::{CallContext, ConnectorError};
use crate::connector::http::api::Call;
use crate::connector::limits::Label;

/// What the step is called in errors and job results.
const STEP: &str = "read whose key it is";

/// The user whose rights the key has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct KeyOwner {
    pub(super) id: String,
    pub(super) email: String,
    /// The account's own part of its address.
    pub(super) account: String,
}

/// An account that the key's owner belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Membership {
    domain: String,
    enabled: bool,
}

impl AhaConnector {
    pub(super) async fn owner(&self) -> Result<&KeyOwner, ConnectorError> {
        self.owner.get_or_try_init(|| self.ask_for_owner()).await
    }

    async fn ask_for_owner(&self) -> Result<KeyOwner, ConnectorError> {
        let call = Call {
            step: STEP,
            label: Label::Light,
            path: &["me"],
            query: &[],
        };
        let (id, email, memberships) = self
            .api
            .get(&call, |body| {
                let me: Me<'_> = serde_json::from_slice(body)?;
                let memberships = me.user.accounts.0.iter();
                let memberships: Vec<Membership> =
                    memberships.map(|one| membership(&one.account)).collect();
                let user = me.user;
                Ok((
                    user.id.0.into_owned(),
                    user.email.0.into_owned(),
                    memberships,
                ))
            })
            .await
            .map_err(|error| self.api.nowhere(error))?;
        let host = self.api.base.host_str().unwrap_or_default();
        let account = account_of(host, &memberships)?;
        Ok(KeyOwner { id, email, account })
    }
}

fn membership(account: &AccountName<'_>) -> Membership {
    Membership {
        domain: account.domain.0.clone().into_owned(),
        enabled: account.enabled,
    }
}

/// The account that `host` leads to. Every account has an address of its own, which begins with its
/// name; a user may belong to several accounts, and a key calls the one that is asked.
fn account_of(host: &str, memberships: &[Membership]) -> Result<String, ConnectorError> {
    let own_part = host.split('.').next().unwrap_or_default();
    let called = memberships
        .iter()
        .find(|one| one.domain.eq_ignore_ascii_case(own_part));
    let account = match (called, memberships) {
        (Some(called), _) => called,
        (None, [only]) => only,
        (None, []) => return Ok(host.to_owned()),
        (None, several) => {
            let domains: Vec<&str> = several.iter().map(|one| one.domain.as_str()).collect();
            return Err(ConnectorError::Misconfigured {
                message: format!(
                    "the key's owner belongs to the Aha! accounts `{}`, and `url` leads to none of them by its name: write it as `https://ACCOUNT.aha.io/api/v1`",
                    domains.join("`, `")
                ),
            });
        }
    };
    if account.enabled {
        return Ok(account.domain.clone());
    }
    Err(ConnectorError::Unauthorized {
        context: CallContext {
            step: STEP.to_owned(),
            ..CallContext::default()
        },
        message: format!(
            "the Aha! account `{}` is suspended: see to its billing, or suspend the profile",
            account.domain
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_account_is_the_one_that_the_address_names() {
        let member = |domain: &str, enabled| Membership {
            domain: domain.to_owned(),
            enabled,
        };
        let (one, two) = (member("one", true), member("two", true));
        let both = [one.clone(), two];
        let found = |host, memberships: &[Membership]| account_of(host, memberships).ok();
        let cases: [(&str, &[Membership], Option<&str>); 6] = [
            ("two.aha.io", &both, Some("two")),
            ("ONE.euw4.aha.io", &both, Some("one")),
            ("127.0.0.1", &[one], Some("one")),
            ("three.aha.io", &both, None),
            ("three.aha.io", &[], Some("three.aha.io")),
            ("four.aha.io", &[member("four", false)], None),
        ];
        for (host, memberships, expected) in cases {
            assert_eq!(found(host, memberships).as_deref(), expected, "{host}");
        }
    }
}
