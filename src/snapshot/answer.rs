//! What the daemon would answer, worked out from a snapshot in a store that goes when the answer is there.

use std::collections::BTreeMap;
use std::io::BufRead;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;

use super::SnapshotError;
use super::format::{Header, Reader};
use crate::clock::{ManualClock, SharedClock};
use crate::job;
use crate::profile::name::Name;
use crate::reclamation::plan::Plan;
use crate::reconcile::{PassOptions, Reconciler, Trigger};
use crate::settings::Settings;
use crate::settings::model::{ConnectionSettings, ProfileSettings, SecretSettings};
use crate::store::Store;
use crate::store::document::{ProfileId, RecordedProfile};
use crate::store::snapshot::SnapshotRow;
use crate::subflow::plan::{Permit, PlanContext, StopSwitch, make_plan};
use crate::yaml::diagnostic::Diagnostic;

/// Rows put into the store at once.
const ROWS: usize = 5_000;

/// What the daemon would answer.
#[derive(Debug)]
pub struct Answer {
    /// As of when.
    pub made_at: Timestamp,
    /// The version of seatsync that wrote the snapshot.
    pub program: String,
    /// Whether users stand under pseudonyms.
    pub users_are_hidden: bool,
    /// Profiles that the files change, the ones that they bring included.
    pub changed: Vec<Name>,
    /// What is wrong with the files.
    pub findings: Vec<Diagnostic>,
    /// How many files were read.
    pub files: usize,
    /// The plan of each profile that runs.
    pub plans: Vec<Plan>,
}

/// Reads a snapshot into a new store in `state`, an empty folder, and makes the plans: of what is recorded,
/// or, with `folder`, of what would be after its files came into force.
pub async fn answer(
    snapshot: impl BufRead,
    folder: Option<PathBuf>,
    state: &Path,
) -> Result<Answer, SnapshotError> {
    let (header, reader) = Reader::open(snapshot)?;
    let store = Store::open(state)?;
    fill(&store, reader).await?;
    let made_at = header.made_at;
    let clock: SharedClock = Arc::new(ManualClock::at(made_at));
    let settings = Arc::new(settings_of(&header));
    let mut answer = Answer {
        made_at,
        program: header.program.clone(),
        users_are_hidden: header.pseudonyms.is_some(),
        changed: Vec::new(),
        findings: Vec::new(),
        files: 0,
        plans: Vec::new(),
    };
    let before = versions(&store.desired_profiles().await?);
    if let Some(folder) = folder {
        let mut reconciler = Reconciler::new(
            folder,
            Arc::clone(&settings),
            store.clone(),
            Arc::clone(&clock),
        );
        let outcome = reconciler
            .reconcile(Trigger::Start, PassOptions::default())
            .await?;
        answer.findings.clone_from(&outcome.findings);
        answer.files = outcome.files;
    }
    let permit = Permit {
        writes: settings.writes,
        stop: StopSwitch::Noted(header.settings.stopped.clone()),
        guards: settings.guards,
    };
    for mut profile in store.desired_profiles().await? {
        let is_changed = before.get(&profile.id) != Some(&version(&profile));
        if let Some(pseudonyms) = &header.pseudonyms {
            pseudonyms.hide_in(&mut profile.desired);
        }
        if is_changed {
            answer.changed.push(profile.name.clone());
            job::follow_files(&store, &profile, &*clock, &settings).await?;
        }
        if job::bar(&profile).is_some() {
            continue;
        }
        let context = PlanContext {
            permit: &permit,
            zone: &settings.time_zone,
            now: made_at,
            vendor_ahead: None,
            run_since: made_at,
        };
        let planned = make_plan(&store, &profile, &context).await?;
        answer.plans.push(planned.plan);
    }
    store.close().await;
    Ok(answer)
}

async fn fill(store: &Store, mut reader: Reader<impl BufRead>) -> Result<(), SnapshotError> {
    let mut rows: Vec<SnapshotRow> = Vec::new();
    while let Some(row) = reader.next_row()? {
        rows.push(row);
        if rows.len() == ROWS {
            store.fill(std::mem::take(&mut rows)).await?;
        }
    }
    store.fill(rows).await?;
    Ok(())
}

fn settings_of(header: &Header) -> Settings {
    let told = &header.settings;
    Settings {
        time_zone: told.time_zone.clone(),
        writes: told.writes,
        guards: told.guards,
        connections: ConnectionSettings {
            allowed_hosts: told.allowed_hosts.clone(),
        },
        secrets: SecretSettings {
            directories: told.secret_directories.clone(),
        },
        profiles: ProfileSettings {
            allow_empty: told.allow_empty,
        },
        ..Settings::default()
    }
}

/// Which version of a profile is in force.
type ProfileVersion = (Name, String, Timestamp, Option<Timestamp>);

fn version(profile: &RecordedProfile) -> ProfileVersion {
    (
        profile.name.clone(),
        profile.revision.clone(),
        profile.applied_at,
        profile.orphaned_at,
    )
}

fn versions(profiles: &[RecordedProfile]) -> BTreeMap<ProfileId, ProfileVersion> {
    profiles
        .iter()
        .map(|profile| (profile.id, version(profile)))
        .collect()
}
