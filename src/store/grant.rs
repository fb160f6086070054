//! Grants: tokens sealed, facts in clear.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::{OptionalExtension, params};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{Store, StoreError};
use crate::connector::grant::{
    GrantFacts, GrantKeeper, GrantOwner, GrantTokens, KeeperError, Keeping, KeptGrant,
};
use crate::secret::seal::{SealError, Sealed, Sealer};

/// Keeps grants in `seatsync.db`. Cheap to clone.
#[derive(Debug, Clone)]
pub struct GrantVault {
    store: Store,
    sealer: Sealer,
    /// The facts of every row, so that they are told without a question to the database.
    facts: Arc<Mutex<BTreeMap<String, GrantFacts>>>,
}

/// The tokens as they are sealed.
#[derive(Serialize, Deserialize)]
struct Tokens<'a> {
    access: std::borrow::Cow<'a, str>,
    refresh: Option<std::borrow::Cow<'a, str>>,
}

/// One row.
struct Row {
    bound_to: String,
    sealed: Sealed,
    facts: String,
}

impl GrantVault {
    /// Reads what is known of every grant. Opens none.
    pub async fn open(store: Store, sealer: Sealer) -> Result<Self, StoreError> {
        let rows: Vec<(String, String)> = store
            .database
            .read("read grants", |t| {
                let mut statement = t.prepare("SELECT connection, facts FROM grants")?;
                let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
                Ok(rows.collect::<Result<_, _>>()?)
            })
            .await?;
        let mut facts = BTreeMap::new();
        for (connection, text) in rows {
            facts.insert(connection, read_facts(&text)?);
        }
        Ok(Self {
            store,
            sealer,
            facts: Arc::new(Mutex::new(facts)),
        })
    }

    /// What is known of every grant, by connection.
    pub fn all_facts(&self) -> BTreeMap<String, GrantFacts> {
        let facts = self.facts.lock().unwrap_or_else(PoisonError::into_inner);
        facts.clone()
    }

    async fn row(&self, connection: &str) -> Result<Option<Row>, StoreError> {
        let connection = connection.to_owned();
        self.store
            .database
            .read("read a grant", move |t| {
                let row = t
                    .prepare_cached(
                        "SELECT bound_to, key_id, sealed, facts FROM grants WHERE connection = ?1",
                    )?
                    .query_row([connection], |row| {
                        Ok(Row {
                            bound_to: row.get(0)?,
                            sealed: Sealed {
                                key_id: row.get(1)?,
                                bytes: row.get(2)?,
                            },
                            facts: row.get(3)?,
                        })
                    })
                    .optional()?;
                Ok(row)
            })
            .await
    }

    async fn write(&self, owner: &GrantOwner, grant: &KeptGrant) -> Result<(), KeeperError> {
        let tokens = Tokens {
            access: grant.tokens.access.expose_secret().into(),
            refresh: grant
                .tokens
                .refresh
                .as_ref()
                .map(|token| token.expose_secret().into()),
        };
        let failed = |reason: String| store_failed(owner, reason);
        let plain = serde_json::to_vec(&tokens).map_err(|error| failed(error.to_string()))?;
        let sealed = self
            .sealer
            .seal(&plain, &binding(owner))
            .map_err(|error| unusable(owner, error.to_string()))?;
        let facts = facts_text(owner, &grant.facts)?;
        let (connection, bound_to) = (owner.connection.clone(), digest(owner));
        self.store
            .database
            .write("keep a grant", move |t| {
                t.prepare_cached(
                    "INSERT INTO grants (connection, bound_to, key_id, sealed, facts)
                     VALUES (?1, ?2, ?3, ?4, ?5)
                     ON CONFLICT (connection) DO UPDATE SET bound_to = excluded.bound_to,
                         key_id = excluded.key_id, sealed = excluded.sealed,
                         facts = excluded.facts",
                )?
                .execute(params![
                    connection,
                    bound_to,
                    sealed.key_id,
                    sealed.bytes,
                    facts
                ])?;
                Ok(())
            })
            .await
            .map_err(|error| failed(error.to_string()))?;
        self.remember(owner, &grant.facts);
        Ok(())
    }

    async fn write_facts(&self, owner: &GrantOwner, facts: &GrantFacts) -> Result<(), KeeperError> {
        let text = facts_text(owner, facts)?;
        let connection = owner.connection.clone();
        self.store
            .database
            .write("note on a grant", move |t| {
                t.prepare_cached("UPDATE grants SET facts = ?2 WHERE connection = ?1")?
                    .execute(params![connection, text])?;
                Ok(())
            })
            .await
            .map_err(|error| store_failed(owner, error.to_string()))?;
        self.remember(owner, facts);
        Ok(())
    }

    async fn read(&self, owner: &GrantOwner) -> Result<Option<KeptGrant>, KeeperError> {
        let row = self.row(&owner.connection).await;
        let Some(row) = row.map_err(|error| store_failed(owner, error.to_string()))? else {
            return Ok(None);
        };
        let authorize = format!("run `seatsync authorize {}`", owner.connection);
        if row.bound_to != digest(owner) {
            return Err(unusable(
                owner,
                format!(
                    "they were given to another `client_id`, `url` or `token_url` than the connection has now: put it back, or {authorize}"
                ),
            ));
        }
        let plain =
            self.sealer
                .open(&row.sealed, &binding(owner))
                .map_err(|error| match error {
                    SealError::OtherKey { .. } => {
                        unusable(owner, format!("{error}, or {authorize}"))
                    }
                    SealError::Changed => unusable(owner, format!("{error}: {authorize}")),
                    error => unusable(owner, error.to_string()),
                })?;
        let damaged = || unusable(owner, format!("they are damaged: {authorize}"));
        let tokens: Tokens<'_> =
            serde_json::from_slice(plain.expose_secret()).map_err(|_| damaged())?;
        Ok(Some(KeptGrant {
            tokens: GrantTokens {
                access: SecretString::from(tokens.access.into_owned()),
                refresh: tokens
                    .refresh
                    .map(|token| SecretString::from(token.into_owned())),
            },
            facts: read_facts(&row.facts).map_err(|_| damaged())?,
        }))
    }

    fn remember(&self, owner: &GrantOwner, facts: &GrantFacts) {
        let mut all = self.facts.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(owner.connection.clone(), facts.clone());
    }
}

impl GrantKeeper for GrantVault {
    fn load<'a>(&'a self, owner: &'a GrantOwner) -> Keeping<'a, Option<KeptGrant>> {
        Box::pin(self.read(owner))
    }

    fn keep<'a>(&'a self, owner: &'a GrantOwner, grant: &'a KeptGrant) -> Keeping<'a, ()> {
        Box::pin(self.write(owner, grant))
    }

    fn note<'a>(&'a self, owner: &'a GrantOwner, facts: &'a GrantFacts) -> Keeping<'a, ()> {
        Box::pin(self.write_facts(owner, facts))
    }

    fn facts(&self, connection: &str) -> Option<GrantFacts> {
        let facts = self.facts.lock().unwrap_or_else(PoisonError::into_inner);
        facts.get(connection).cloned()
    }
}

/// What tokens are bound to. Each part is led by its length, so that no two owners read the same.
fn binding(owner: &GrantOwner) -> Vec<u8> {
    let mut bytes = b"seatsync grant 1".to_vec();
    for part in [
        owner.connection.as_str(),
        owner.vendor.as_str(),
        &owner.url,
        &owner.token_url,
        &owner.client_id,
    ] {
        bytes.extend((part.len() as u64).to_be_bytes());
        bytes.extend(part.as_bytes());
    }
    bytes
}

fn digest(owner: &GrantOwner) -> String {
    format!("sha256:{:x}", Sha256::digest(binding(owner)))
}

fn facts_text(owner: &GrantOwner, facts: &GrantFacts) -> Result<String, KeeperError> {
    serde_json::to_string(facts).map_err(|error| store_failed(owner, error.to_string()))
}

fn read_facts(text: &str) -> Result<GrantFacts, StoreError> {
    serde_json::from_str(text).map_err(|error| StoreError::Value {
        step: "read a grant".to_owned(),
        reason: error.to_string(),
    })
}

fn unusable(owner: &GrantOwner, reason: String) -> KeeperError {
    KeeperError::Unusable {
        connection: owner.connection.clone(),
        reason,
    }
}

fn store_failed(owner: &GrantOwner, reason: String) -> KeeperError {
    KeeperError::Store {
        connection: owner.connection.clone(),
        reason,
    }
}
