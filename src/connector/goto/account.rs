//! Which account the login is of.

use super::GoToConnector;
use super::scopes::{ADMIN, require};
use super::wire::Me;
use crate::connector::error::ConnectorError;
use crate::connector::http::api::Call;
use crate::connector::limits::Label;

/// Who the credentials belong to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Login {
    /// The key of the account that is meant.
    pub(super) account: String,
    /// Whose login it is.
    pub(super) email: String,
    /// What they may administer.
    pub(super) roles: Vec<String>,
}

/// The login and the accounts it reaches, as told.
struct Reached {
    login: Login,
    accounts: Vec<(String, String)>,
}

impl GoToConnector {
    /// The login, asked for once in a run.
    pub(super) async fn login(&self) -> Result<&Login, ConnectorError> {
        self.login.get_or_try_init(|| self.ask_who_i_am()).await
    }

    /// The account's key.
    pub(super) async fn account_key(&self) -> Result<&str, ConnectorError> {
        Ok(&self.login().await?.account)
    }

    async fn ask_who_i_am(&self) -> Result<Login, ConnectorError> {
        let call = Call {
            step: "find the account",
            label: Label::Light,
            path: &["admin", "rest", "v1", "me"],
            query: &[],
        };
        require(&self.granted().await?, ADMIN, call.step)?;
        let reached = self.apis.admin.get(&call, read).await;
        self.chosen(reached.map_err(|error| self.apis.admin.nowhere(error))?)
    }

    /// The account that the connection names, or the only one there is. A login that reaches
    /// several must say which, lest another one's seats are taken for these.
    fn chosen(&self, reached: Reached) -> Result<Login, ConnectorError> {
        let Reached {
            mut login,
            accounts,
        } = reached;
        let listed = || {
            let named = accounts.iter().map(|(key, name)| format!("{key} ({name})"));
            named.collect::<Vec<_>>().join(", ")
        };
        let misconfigured = |message: String| Err(ConnectorError::Misconfigured { message });
        match &self.wanted_account {
            Some(wanted) if accounts.iter().any(|(key, _)| key == wanted) => {
                login.account.clone_from(wanted);
                Ok(login)
            }
            Some(wanted) => misconfigured(format!(
                "connection `{}`: the login does not reach account `{wanted}`, only {}: correct `oauth.account_id`",
                self.connection,
                listed()
            )),
            None if accounts.len() > 1 => misconfigured(format!(
                "connection `{}`: the login reaches several accounts: set `oauth.account_id` to one of {}",
                self.connection,
                listed()
            )),
            None => Ok(login),
        }
    }
}

fn read(body: &[u8]) -> serde_json::Result<Reached> {
    use serde::de::Error as _;
    let me: Me<'_> = serde_json::from_slice(body)?;
    let mut accounts: Vec<(String, String)> = me
        .accounts
        .iter()
        .filter_map(|account| Some((account.key.given()?.to_owned(), account.name.0.to_string())))
        .collect();
    let own = me.account_key.given().map(str::to_owned);
    if let Some(own) = own.as_ref().filter(|_| accounts.is_empty()) {
        accounts.push((own.clone(), String::new()));
    }
    let first = accounts.first().map(|(key, _)| key.clone());
    let account = own
        .or(first)
        .ok_or_else(|| serde_json::Error::custom("the login has no `accountKey`"))?;
    Ok(Reached {
        login: Login {
            account,
            email: me.email.0.to_lowercase(),
            roles: me
                .admin_roles
                .iter()
                .map(|role| role.0.to_string())
                .collect(),
        },
        accounts,
    })
}
