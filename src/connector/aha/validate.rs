//! Whether each process can work: download and activity by calling for real, reclaim by the rights
//! of the key's owner, since trying it would deactivate somebody.

use super::AhaConnector;
use super::wire::{OneUser, Rights, UsersPage};
use crate::connector::error::ConnectorError;
use crate::connector::facts::{Process, Verdict};
use crate::connector::http::api::Call;
use crate::connector::limits::Label;

/// Aha! has no scopes: these are the rights of the key's owner that stand in their place.
const ADMINISTRATOR: &str = "administrator";
const ADMINISTER_ACCOUNT: &str = "administer_account";

/// The smallest page: only whether it comes matters.
const FEW: &str = "10";

/// What trying a process told.
struct Finding {
    ok: bool,
    message: String,
    held: bool,
}

impl AhaConnector {
    pub(super) async fn verdict(&self, process: Process) -> Verdict {
        let needed = match process {
            Process::Download | Process::Activity => ADMINISTRATOR,
            Process::Reclaim => ADMINISTER_ACCOUNT,
        };
        match self.attempt(process).await {
            Ok(finding) => Verdict {
                process,
                ok: finding.ok,
                message: finding.message,
                scopes_needed: vec![needed.to_owned()],
                scopes_held: finding
                    .held
                    .then(|| needed.to_owned())
                    .into_iter()
                    .collect(),
            },
            Err(error) => Verdict {
                process,
                ok: false,
                message: error.to_string(),
                // An outage says nothing about rights, and passes.
                scopes_needed: matches!(error, ConnectorError::Unauthorized { .. })
                    .then(|| needed.to_owned())
                    .into_iter()
                    .collect(),
                scopes_held: Vec::new(),
            },
        }
    }

    async fn attempt(&self, process: Process) -> Result<Finding, ConnectorError> {
        let owner = self.owner().await?.email.clone();
        let rights = self.own_rights().await?;
        match process {
            Process::Download => {
                let (users, _) = self.few_users().await?;
                let users =
                    users.map_or_else(|| "an unknown number of".to_owned(), |n| n.to_string());
                let message = format!("Aha! lists {users} users to `{owner}`, whose key this is");
                Ok(as_administrator(&rights, message, &owner))
            }
            Process::Activity => {
                let (_, seen) = self.few_users().await?;
                let message = format!(
                    "the list of users tells when each was last there, {seen} of the first {FEW}; it needs no call of its own"
                );
                Ok(as_administrator(&rights, message, &owner))
            }
            Process::Reclaim => Ok(right_to_reclaim(&rights, &owner)),
        }
    }

    /// How many users there are, and of the first few how many were ever there.
    async fn few_users(&self) -> Result<(Option<u64>, usize), ConnectorError> {
        let call = Call {
            step: "list users",
            label: Label::Light,
            path: &["users"],
            query: &[("page", "1"), ("per_page", FEW)],
        };
        let read = |body: &[u8]| {
            let page: UsersPage<'_> = serde_json::from_slice(body)?;
            let seen = page
                .users
                .iter()
                .filter_map(|user| user.accessed_at.given());
            Ok((page.pagination.total_records.count(), seen.count()))
        };
        self.api.get(&call, read).await
    }

    async fn own_rights(&self) -> Result<Rights, ConnectorError> {
        let owner = self.owner().await?;
        let call = Call {
            step: "read the rights of the key's owner",
            label: Label::Light,
            path: &["users", &owner.id],
            query: &[],
        };
        let read = |body: &[u8]| serde_json::from_slice::<OneUser>(body);
        Ok(self.api.get(&call, read).await?.user)
    }
}

fn as_administrator(rights: &Rights, message: String, owner: &str) -> Finding {
    if rights.administrator {
        return Finding {
            ok: true,
            message,
            held: true,
        };
    }
    Finding {
        ok: false,
        message: format!(
            "`{owner}`, whose key this is, administers nothing at Aha!, which may shorten its list of users: give that user the rights of an administrator, or make the key as one who has them"
        ),
        held: false,
    }
}

fn right_to_reclaim(rights: &Rights, owner: &str) -> Finding {
    let held = rights.administrator_roles.account.0;
    let message = if held {
        format!(
            "`{owner}`, whose key this is, may administer the account, which allows deactivating users; nothing was written"
        )
    } else {
        format!(
            "`{owner}`, whose key this is, may not administer the account, so seatsync cannot deactivate users: give that user the account administrator's rights at Aha!"
        )
    };
    Finding {
        ok: held,
        message,
        held,
    }
}
