//! Documents and profiles in force: what was last applied of the profiles folder, and what is
//! known of each profile beside its file. Reconciling writes them; jobs and listings read them.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Row, Transaction, params};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::audit::{self, AuditAction};
use super::column::{At, Json, Word};
use super::condition::{self, Condition};
use super::reclaim::of_profile;
use super::revision::{self, Attempt};
use super::{Store, StoreError};
use crate::profile::model::{DesiredProfile, Document, DocumentId, Kind};
use crate::profile::name::Name;
use crate::reclamation::actor::Actor;

/// A profile's number in this store. It never changes, whatever the profile is called, and is
/// never used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ProfileId(pub i64);

/// Whether the recorded document is what the folder says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DocumentState {
    /// It is what the folder says.
    InForce,
    /// The folder's version does not load; this last good one is in force.
    Held,
}

/// A recorded document without its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedDocument {
    /// Where it stood, relative to the profiles folder.
    pub file: PathBuf,
    /// `sha256:…` of its canonical JSON.
    pub digest: String,
    /// Whether it is what the folder says.
    pub state: DocumentState,
}

/// A recorded profile without its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProfileRow {
    /// Its number.
    pub id: ProfileId,
    /// `sha256:…` of its canonical JSON, connection and exclusions included.
    pub digest: String,
    /// When it was removed from the folder; its data stays for the retention time.
    pub orphaned_at: Option<Timestamp>,
    /// Why it is `Ready`, or is not; `None` before that was ever set.
    pub ready: Option<String>,
    /// Why it is `Stalled`; `None` when it is not.
    pub stalled: Option<String>,
}

/// What is recorded, as reconciling compares it: digests, not contents.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recorded {
    /// Every document in force.
    pub documents: BTreeMap<DocumentId, RecordedDocument>,
    /// Every profile that was ever in force and is not forgotten yet.
    pub profiles: BTreeMap<Name, ProfileRow>,
}

/// A profile in force, as jobs and listings read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedProfile {
    /// Its number: subscriptions and jobs key on it.
    pub id: ProfileId,
    /// Its name now.
    pub name: Name,
    /// Everything it needs to run.
    pub desired: DesiredProfile,
    /// The revision of the folder that brought this version.
    pub revision: String,
    /// When this version came into force.
    pub applied_at: Timestamp,
    /// When it was first published.
    pub first_published_at: Option<Timestamp>,
    /// When it was removed from the folder: nothing runs, its data stays.
    pub orphaned_at: Option<Timestamp>,
    /// The vendor account it is bound to: the one seen first.
    pub bound_account: Option<String>,
}

/// How an account that the vendor named compares with the one a profile is bound to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Binding {
    /// It is the first: the profile is bound to it from now on.
    First,
    /// It is the one.
    Same,
    /// It is another one; nothing was recorded.
    Other {
        /// The account that the profile is bound to.
        bound: String,
    },
}

/// A document to record.
#[derive(Debug, Clone, PartialEq)]
pub struct DocumentWrite {
    /// Its identity.
    pub id: DocumentId,
    /// Where it stands, relative to the profiles folder.
    pub file: PathBuf,
    /// `sha256:…` of its canonical JSON.
    pub digest: String,
    /// What it says.
    pub document: Arc<Document>,
}

/// A profile to record.
#[derive(Debug, Clone, PartialEq)]
pub struct ProfileWrite {
    /// `sha256:…` of its canonical JSON.
    pub digest: String,
    /// Everything it needs to run.
    pub desired: DesiredProfile,
    /// Whether it is published: the first time is kept.
    pub published: bool,
}

/// Everything that one reconciling pass writes, in one transaction. Only what changed is in it.
#[derive(Debug, Clone, PartialEq)]
pub struct Application {
    /// The attempt that this is, and its time.
    pub attempt: Attempt,
    /// Profiles that changed their name, old and new; done first.
    pub renames: Vec<(Name, Name)>,
    /// Documents that are new, changed or moved.
    pub documents: Vec<DocumentWrite>,
    /// Documents whose state alone changes.
    pub states: Vec<(DocumentId, DocumentState)>,
    /// Documents that are gone.
    pub removed: Vec<DocumentId>,
    /// Profiles that are new or changed.
    pub profiles: Vec<ProfileWrite>,
    /// Profiles that are gone: nothing runs for them, their data stays.
    pub orphans: Vec<Name>,
    /// What is now true of profiles.
    pub conditions: Vec<(Name, Condition)>,
}

impl Application {
    /// Writes the attempt alone.
    pub fn nothing(attempt: Attempt) -> Self {
        Self {
            attempt,
            renames: Vec::new(),
            documents: Vec::new(),
            states: Vec::new(),
            removed: Vec::new(),
            profiles: Vec::new(),
            orphans: Vec::new(),
            conditions: Vec::new(),
        }
    }
}

impl Store {
    /// Digests of everything recorded.
    pub async fn recorded(&self) -> Result<Recorded, StoreError> {
        self.database
            .read("read what is recorded", |t| {
                Ok(Recorded {
                    documents: recorded_documents(t)?,
                    profiles: profile_rows(t)?,
                })
            })
            .await
    }

    /// Every document of a kind that is in force, by name.
    pub async fn documents_of(&self, kind: Kind) -> Result<Vec<Document>, StoreError> {
        self.database
            .read("read documents", move |t| {
                let mut statement = t.prepare_cached(
                    "SELECT document FROM documents WHERE kind = ?1 ORDER BY name",
                )?;
                let rows = statement.query_map([kind.as_str()], |row| {
                    Ok(row.get::<_, Json<Document>>(0)?.0)
                })?;
                Ok(rows.collect::<Result<_, _>>()?)
            })
            .await
    }

    /// The recorded versions of these documents; one that is not recorded is left out.
    pub async fn documents(
        &self,
        ids: Vec<DocumentId>,
    ) -> Result<BTreeMap<DocumentId, Document>, StoreError> {
        self.database
            .read("read documents", move |t| {
                let mut statement = t.prepare_cached(
                    "SELECT document FROM documents WHERE kind = ?1 AND name = ?2",
                )?;
                let mut found = BTreeMap::new();
                for id in ids {
                    let document = statement
                        .query_row(params![id.kind.as_str(), id.name.as_str()], |row| {
                            row.get::<_, Json<Document>>(0)
                        })
                        .optional()?;
                    if let Some(Json(document)) = document {
                        found.insert(id, document);
                    }
                }
                Ok(found)
            })
            .await
    }

    /// Writes what a reconciling pass decided, in one transaction.
    pub async fn apply(&self, application: Application) -> Result<(), StoreError> {
        self.database
            .write("apply profiles", move |t| apply(t, &application))
            .await
    }

    /// Every profile that is recorded, orphans included, by name.
    pub async fn desired_profiles(&self) -> Result<Vec<RecordedProfile>, StoreError> {
        self.database
            .read("read profiles", |t| {
                let mut statement = t.prepare_cached("SELECT * FROM profiles ORDER BY name")?;
                let rows = statement.query_map([], recorded_profile)?;
                Ok(rows.collect::<Result<_, _>>()?)
            })
            .await
    }

    /// One recorded profile.
    pub async fn desired_profile(
        &self,
        name: &Name,
    ) -> Result<Option<RecordedProfile>, StoreError> {
        let name = name.clone();
        self.database
            .read("read profile", move |t| {
                let mut statement = t.prepare_cached("SELECT * FROM profiles WHERE name = ?1")?;
                Ok(statement
                    .query_row([name.as_str()], recorded_profile)
                    .optional()?)
            })
            .await
    }

    /// Compares the account that the vendor named with the one the profile is bound to, and binds
    /// it when it is the first.
    pub async fn bind_account(
        &self,
        profile: ProfileId,
        account: &str,
        now: Timestamp,
    ) -> Result<Binding, StoreError> {
        let account = account.to_owned();
        self.database
            .write("bind account", move |t| {
                let bound: Option<String> = t
                    .prepare_cached("SELECT bound_account FROM profiles WHERE id = ?1")?
                    .query_row([profile.0], |row| row.get(0))
                    .optional()?
                    .flatten();
                match bound {
                    Some(bound) if bound == account => Ok(Binding::Same),
                    Some(bound) => Ok(Binding::Other { bound }),
                    None => {
                        t.prepare_cached(
                            "UPDATE profiles SET bound_account = ?2, bound_at = ?3 WHERE id = ?1",
                        )?
                        .execute(params![profile.0, account, At(now)])?;
                        Ok(Binding::First)
                    }
                }
            })
            .await
    }

    /// Lets go of the account that a profile is bound to, as `by` decided, so that the next one seen
    /// binds it. Returns the account that it was bound to.
    pub async fn unbind_account(
        &self,
        profile: ProfileId,
        by: &Actor,
        now: Timestamp,
    ) -> Result<Option<String>, StoreError> {
        let by = by.clone();
        self.database
            .write("unbind account", move |t| {
                let bound: Option<String> = t
                    .prepare_cached("SELECT bound_account FROM profiles WHERE id = ?1")?
                    .query_row([profile.0], |row| row.get(0))
                    .optional()?
                    .flatten();
                t.prepare_cached(
                    "UPDATE profiles SET bound_account = NULL, bound_at = NULL WHERE id = ?1",
                )?
                .execute([profile.0])?;
                let facts = json!({ "was": bound });
                let rebound = of_profile(t, AuditAction::AccountRebound, &by, profile, facts)?;
                audit::append(t, &rebound, now)?;
                Ok(bound)
            })
            .await
    }
}

/// SQL: the profile `?1`, and those of its type that are bound to the same vendor account: itself under
/// the name that it had before.
pub(super) const OF_ONE_ACCOUNT: &str = "(SELECT other.id
     FROM profiles AS me JOIN profiles AS other ON other.id = me.id
         OR other.bound_account = me.bound_account
         AND other.desired ->> '$.profile.profile_type' = me.desired ->> '$.profile.profile_type'
     WHERE me.id = ?1)";

fn recorded_documents(
    t: &Transaction<'_>,
) -> Result<BTreeMap<DocumentId, RecordedDocument>, StoreError> {
    let mut statement =
        t.prepare_cached("SELECT kind, name, file, digest, state FROM documents")?;
    let rows = statement.query_map([], |row| {
        let id = DocumentId {
            kind: row.get::<_, Word<Kind>>(0)?.0,
            name: row.get::<_, Word<Name>>(1)?.0,
        };
        let document = RecordedDocument {
            file: PathBuf::from(row.get::<_, String>(2)?),
            digest: row.get(3)?,
            state: row.get::<_, Word<_>>(4)?.0,
        };
        Ok((id, document))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn profile_rows(t: &Transaction<'_>) -> Result<BTreeMap<Name, ProfileRow>, StoreError> {
    let mut statement = t.prepare_cached(
        "SELECT name, id, digest, orphaned_at, ready.reason, stalled.reason
         FROM profiles
         LEFT JOIN conditions ready ON ready.profile_id = id AND ready.kind = 'Ready'
         LEFT JOIN conditions stalled ON stalled.profile_id = id AND stalled.kind = 'Stalled'
             AND stalled.status = 'True'",
    )?;
    let rows = statement.query_map([], |row| {
        let name = row.get::<_, Word<Name>>(0)?.0;
        let profile = ProfileRow {
            id: ProfileId(row.get(1)?),
            digest: row.get(2)?,
            orphaned_at: row.get::<_, Option<At>>(3)?.map(|at| at.0),
            ready: row.get(4)?,
            stalled: row.get(5)?,
        };
        Ok((name, profile))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn recorded_profile(row: &Row<'_>) -> rusqlite::Result<RecordedProfile> {
    Ok(RecordedProfile {
        id: ProfileId(row.get("id")?),
        name: row.get::<_, Word<_>>("name")?.0,
        desired: row.get::<_, Json<_>>("desired")?.0,
        revision: row.get("revision")?,
        applied_at: row.get::<_, At>("applied_at")?.0,
        first_published_at: row
            .get::<_, Option<At>>("first_published_at")?
            .map(|at| at.0),
        orphaned_at: row.get::<_, Option<At>>("orphaned_at")?.map(|at| at.0),
        bound_account: row.get("bound_account")?,
    })
}

fn apply(t: &Transaction<'_>, application: &Application) -> Result<(), StoreError> {
    let revision = &application.attempt.digest;
    let now = At(application.attempt.at);
    for (old, new) in &application.renames {
        t.prepare_cached("UPDATE profiles SET name = ?2 WHERE name = ?1")?
            .execute([old.as_str(), new.as_str()])?;
    }
    for id in &application.removed {
        t.prepare_cached("DELETE FROM documents WHERE kind = ?1 AND name = ?2")?
            .execute([id.kind.as_str(), id.name.as_str()])?;
    }
    for write in &application.documents {
        t.prepare_cached(
            "INSERT INTO documents (kind, name, file, digest, document, state, revision, applied_at)
             VALUES (?1, ?2, ?3, ?4, ?5, 'in_force', ?6, ?7)
             ON CONFLICT (kind, name) DO UPDATE SET
                 file = excluded.file, digest = excluded.digest, document = excluded.document,
                 state = excluded.state, revision = excluded.revision,
                 applied_at = excluded.applied_at",
        )?
        .execute(params![
            write.id.kind.as_str(),
            write.id.name.as_str(),
            write.file.to_string_lossy(),
            write.digest,
            Json(&*write.document),
            revision,
            now,
        ])?;
    }
    for (id, state) in &application.states {
        t.prepare_cached("UPDATE documents SET state = ?3 WHERE kind = ?1 AND name = ?2")?
            .execute(params![id.kind.as_str(), id.name.as_str(), Word(state)])?;
    }
    for write in &application.profiles {
        put_profile(t, write, revision, now)?;
    }
    for name in &application.orphans {
        t.prepare_cached("UPDATE profiles SET orphaned_at = ?2 WHERE name = ?1")?
            .execute(params![name.as_str(), now])?;
    }
    for (name, condition) in &application.conditions {
        condition::put(t, name, condition)?;
    }
    revision::put(t, &application.attempt)
}

fn put_profile(
    t: &Transaction<'_>,
    write: &ProfileWrite,
    revision: &str,
    now: At,
) -> Result<(), StoreError> {
    let profile = &write.desired.profile;
    // Another type counts other products: everybody is asked again.
    t.prepare_cached(
        "DELETE FROM user_checks WHERE what = 'add_ons' AND profile_id = (
             SELECT id FROM profiles
             WHERE name = ?1 AND desired ->> '$.profile.profile_type' <> ?2)",
    )?
    .execute([profile.name.as_str(), profile.profile_type.as_str()])?;
    t.prepare_cached(
        "INSERT INTO profiles (name, desired, digest, revision, applied_at, first_published_at)
         VALUES (?1, ?2, ?3, ?4, ?5, iif(?6, ?5, NULL))
         ON CONFLICT (name) DO UPDATE SET
             desired = excluded.desired, digest = excluded.digest, revision = excluded.revision,
             applied_at = excluded.applied_at, orphaned_at = NULL,
             first_published_at = coalesce(first_published_at, excluded.first_published_at)",
    )?
    .execute(params![
        profile.name.as_str(),
        Json(&write.desired),
        write.digest,
        revision,
        now,
        write.published,
    ])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::condition::{ConditionKind, ConditionStatus};
    use crate::store::revision::RevisionOutcome;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn name(text: &str) -> Name {
        text.parse().unwrap()
    }

    fn desired(called: &str) -> DesiredProfile {
        serde_json::from_value(serde_json::json!({
            "profile": {
                "name": called, "display_name": called, "profile_type": "zoom",
                "state": "published", "suspend": false, "formerly": [],
                "connection": {"named": "zoom"}, "connect_connection": null,
                "subflows": {
                    "download_subscriptions": {"enabled": true, "schedule": null},
                    "pull_user_activity": {"enabled": true, "schedule": null},
                    "analyze_from": "60d",
                    "reclaim_subscriptions": {"enabled": false, "schedule": null}
                },
                "exclusions": {"identifiers": [], "users": []},
                "protected": [], "reclamation": null
            },
            "connection": {
                "name": "zoom", "vendor": "zoom", "url": "https://api.zoom.us/v2",
                "grant": "account_credentials", "token_url": "https://zoom.us/oauth/token",
                "authorize_url": "https://zoom.us/oauth/authorize", "account_id": "a",
                "client_id": "c", "client_secret": {"credential": "s"}, "token": null,
                "plan": "pro", "share": 25
            },
            "connect_connection": null, "exclusions": [], "protected": []
        }))
        .unwrap()
    }

    fn nothing(now: &str) -> Application {
        Application::nothing(Attempt {
            digest: format!("sha256:{now}"),
            label: None,
            outcome: RevisionOutcome::Applied,
            findings: 0,
            message: String::new(),
            exclusions_unknown: None,
            rules_in_doubt: BTreeMap::new(),
            at: at(now),
        })
    }

    fn with_profile(now: &str, called: &str) -> Application {
        Application {
            profiles: vec![ProfileWrite {
                digest: format!("sha256:{called}"),
                desired: desired(called),
                published: true,
            }],
            ..nothing(now)
        }
    }

    async fn only(store: &Store) -> RecordedProfile {
        let mut profiles = store.desired_profiles().await.unwrap();
        assert_eq!(profiles.len(), 1);
        profiles.remove(0)
    }

    #[tokio::test]
    async fn a_renamed_profile_keeps_its_number_its_account_and_its_first_publication() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        store
            .apply(with_profile("2026-03-01T00:00:00Z", "old"))
            .await
            .unwrap();
        let before = only(&store).await;
        let now = at("2026-03-01T01:00:00Z");
        let bound = store.bind_account(before.id, "acct", now).await.unwrap();
        assert_eq!(bound, Binding::First);
        let mut renamed = with_profile("2026-03-02T00:00:00Z", "new");
        renamed.renames = vec![(name("old"), name("new"))];
        store.apply(renamed).await.unwrap();
        let after = only(&store).await;
        assert_eq!((after.id, after.name), (before.id, name("new")));
        assert_eq!(after.bound_account.as_deref(), Some("acct"));
        assert_eq!(after.first_published_at, before.first_published_at);
        let other = store.bind_account(before.id, "acct2", now).await.unwrap();
        let bound = "acct".to_owned();
        assert_eq!(other, Binding::Other { bound });
    }

    #[tokio::test]
    async fn a_removed_profile_is_orphaned_and_comes_back_as_itself() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let there = with_profile("2026-03-01T00:00:00Z", "a");
        store.apply(there.clone()).await.unwrap();
        let id = only(&store).await.id;
        let mut gone = nothing("2026-03-02T00:00:00Z");
        gone.orphans = vec![name("a")];
        store.apply(gone).await.unwrap();
        let orphan = only(&store).await;
        assert_eq!(orphan.orphaned_at, Some(at("2026-03-02T00:00:00Z")));
        store.apply(there).await.unwrap();
        let back = only(&store).await;
        assert_eq!((back.id, back.orphaned_at), (id, None));
    }

    #[tokio::test]
    async fn the_time_of_a_condition_moves_only_with_its_status() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        store
            .apply(with_profile("2026-03-01T00:00:00Z", "a"))
            .await
            .unwrap();
        let condition = |status, message: &str, now| Condition {
            kind: ConditionKind::Ready,
            status,
            reason: "Validated".into(),
            message: message.into(),
            at: at(now),
            observed_revision: "r".into(),
        };
        let steps = [
            (
                ConditionStatus::False,
                "one",
                "2026-03-01T01:00:00Z",
                "2026-03-01T01:00:00Z",
            ),
            (
                ConditionStatus::False,
                "two",
                "2026-03-01T02:00:00Z",
                "2026-03-01T01:00:00Z",
            ),
            (
                ConditionStatus::True,
                "two",
                "2026-03-01T03:00:00Z",
                "2026-03-01T03:00:00Z",
            ),
        ];
        for (status, message, now, expected) in steps {
            store
                .set_condition(&name("a"), condition(status, message, now))
                .await
                .unwrap();
            let found = store.conditions(&name("a")).await.unwrap();
            assert_eq!(found, [condition(status, message, expected)]);
        }
        assert_eq!(store.all_conditions().await.unwrap().len(), 1);
    }

    #[tokio::test]
    async fn attempts_that_go_alike_are_one_row_and_the_applied_one_is_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        store.apply(nothing("2026-03-01T00:00:00Z")).await.unwrap();
        for hour in 1..3 {
            let attempt = Attempt {
                digest: "sha256:empty".into(),
                outcome: RevisionOutcome::Held,
                at: at(&format!("2026-03-02T0{hour}:00:00Z")),
                ..nothing("2026-03-02T00:00:00Z").attempt
            };
            store.record_attempt(attempt).await.unwrap();
        }
        let applied = store.revision_applied().await.unwrap().unwrap();
        assert_eq!(applied.digest, "sha256:2026-03-01T00:00:00Z");
        let attempted = store.revision_attempted().await.unwrap().unwrap();
        assert_eq!(attempted.digest, "sha256:empty");
        assert_eq!(attempted.first_attempted_at, at("2026-03-02T01:00:00Z"));
        assert_eq!(attempted.last_attempted_at, at("2026-03-02T02:00:00Z"));
    }
}
