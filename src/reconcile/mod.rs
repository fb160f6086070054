//! Desired against recorded: load the folder, link it, compare it with what is in force, and apply
//! the difference in one transaction. The daemon drives it through [`driver`]; jobs read what it
//! leaves in the store.
//!
//! What keeps a bad file from taking down what worked: a document that does not load, or does not
//! link, keeps its last good version; nothing is pruned that may hide in a broken file; a folder
//! that is empty or gone is held until a person confirms it.

mod conditions;
pub mod diff;
mod directories;
pub mod driver;
mod fields;
mod journal;
pub mod outcome;
mod pass;
pub mod plan;

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use driver::{Driver, ReconcileHandle};
pub use outcome::{Outcome, PassOptions, Preview, ReconcileError, Trigger};
pub use plan::Plan;

use crate::clock::SharedClock;
use crate::profile::load::{LoadCache, Loaded, NO_DOCUMENTS, load};
use crate::profile::model::{DesiredProfile, DocumentId, Kind, ProfileState};
use crate::profile::name::Name;
use crate::profile::reach::Reach;
use crate::settings::Settings;
use crate::store::Store;
use crate::store::document::{Application, DocumentState, DocumentWrite, ProfileWrite, Recorded};
use crate::store::revision::{Attempt, RevisionOutcome};
use conditions::Conditions;
use diff::{State, Version};
use journal::Journal;
use pass::{Assembled, Memory};
use plan::Action;

/// Makes the recorded state agree with a folder of profiles.
#[derive(Debug)]
pub struct Reconciler {
    folder: PathBuf,
    settings: Arc<Settings>,
    store: Store,
    clock: SharedClock,
    files: Files,
    journal: Journal,
    last: Option<Arc<Outcome>>,
    directories: directories::Seen,
}

/// What is remembered of the files from pass to pass.
#[derive(Debug, Default)]
struct Files {
    cache: LoadCache,
    memory: Memory,
}

/// One look at the folder, compared with the store.
#[derive(Debug)]
struct Look {
    revision: String,
    label: Option<String>,
    files: usize,
    held: Option<String>,
    exclusions_unknown: Option<String>,
    rules_in_doubt: BTreeMap<Name, Reach>,
    recorded: Recorded,
    assembled: Assembled,
    plan: Plan,
}

impl Reconciler {
    /// Reconciles `folder` with `store`. `settings` decide what links and whether an empty folder
    /// is meant so.
    pub fn new(folder: PathBuf, settings: Arc<Settings>, store: Store, clock: SharedClock) -> Self {
        Self {
            folder,
            settings,
            store,
            clock,
            files: Files::default(),
            journal: Journal::default(),
            last: None,
            directories: directories::Seen::new(),
        }
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// One pass. Only what changed is written; after an error of the store nothing is, and the
    /// next pass starts afresh.
    pub async fn reconcile(
        &mut self,
        trigger: Trigger,
        options: PassOptions,
    ) -> Result<Arc<Outcome>, ReconcileError> {
        let loaded = self.load(options.full).await?;
        if let Some(last) = self.nothing_new(trigger, &loaded) {
            return Ok(last);
        }
        self.last = None;
        let files = loaded.directories.clone();
        let mut look = self.look(loaded, options).await?;
        let at = self.clock.now();
        let (result, message) = look.result();
        let attempt = Attempt {
            digest: look.revision.clone(),
            label: look.label.clone(),
            outcome: result,
            findings: u32::try_from(look.errors()).unwrap_or(u32::MAX),
            message: message.clone(),
            exclusions_unknown: look.exclusions_unknown.clone(),
            rules_in_doubt: look.rules_in_doubt.clone(),
            at,
        };
        self.store.apply(look.application(attempt)).await?;
        if look.held.is_none() {
            let desired = &look.assembled.desired;
            let found = directories::follow(&self.store, &files, desired, at).await?;
            look.assembled.findings.extend(found);
        }
        self.directories = directories::seen(&files);
        let outcome = Arc::new(Outcome {
            trigger,
            at,
            revision: look.revision,
            label: look.label,
            result,
            message,
            plan: look.plan,
            findings: look.assembled.findings,
            files: look.files,
        });
        self.journal.tell(&outcome);
        self.last = Some(Arc::clone(&outcome));
        Ok(outcome)
    }

    /// What a pass would do now. Nothing is written.
    pub async fn preview(&mut self) -> Result<Preview, ReconcileError> {
        let loaded = self.load(false).await?;
        let look = self.look(loaded, PassOptions::default()).await?;
        Ok(Preview {
            revision: look.revision,
            label: look.label,
            plan: look.plan,
            findings: look.assembled.findings,
            held: look.held,
        })
    }

    /// The last outcome, when nobody asked and the folder is what it was.
    fn nothing_new(&self, trigger: Trigger, loaded: &Loaded) -> Option<Arc<Outcome>> {
        let unasked = matches!(trigger, Trigger::Change | Trigger::Rescan);
        self.last.clone().filter(|last| {
            unasked
                && last.revision == revision(loaded)
                && last.label == loaded.label
                && last.files == loaded.files
                && self.directories == directories::seen(&loaded.directories)
        })
    }

    async fn load(&mut self, full: bool) -> Result<Loaded, ReconcileError> {
        let (folder, settings) = (self.folder.clone(), Arc::clone(&self.settings));
        self.with_files(move |files| load(&folder, &settings, &mut files.cache, full))
            .await
    }

    /// Runs `work` where it may block, with what is remembered of the files.
    async fn with_files<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&mut Files) -> T + Send + 'static,
    ) -> Result<T, ReconcileError> {
        let mut files = std::mem::take(&mut self.files);
        let done = tokio::task::spawn_blocking(move || {
            let value = work(&mut files);
            (files, value)
        });
        let (files, value) = done.await.map_err(|_| ReconcileError::Stopping)?;
        self.files = files;
        Ok(value)
    }

    async fn look(
        &mut self,
        mut loaded: Loaded,
        options: PassOptions,
    ) -> Result<Look, ReconcileError> {
        let recorded = self.store.recorded().await?;
        let gone = is_gone(&self.folder);
        let held = self.held(&loaded, &recorded, gone, options);
        if held.is_none() {
            // Nothing was there before, or a person said that nothing is meant.
            loaded
                .diagnostics
                .retain(|found| found.code != NO_DOCUMENTS);
        }
        let (revision, label, files) = (revision(&loaded), loaded.label.clone(), loaded.files);
        let exclusions_unknown = pass::exclusions_unknown(&loaded.broken, &self.folder);
        let kept = if gone {
            BTreeMap::new()
        } else {
            pass::kept(&recorded, &loaded, &self.folder)
        };
        let stand_ins = self.store.documents(kept.keys().cloned().collect()).await?;
        let rules_in_doubt = pass::rules_in_doubt(&loaded.broken, &stand_ins);
        let (folder, settings) = (self.folder.clone(), Arc::clone(&self.settings));
        let (recorded, assembled) = self
            .with_files(move |files| {
                let sides = pass::Sides {
                    loaded,
                    kept,
                    stand_ins,
                    recorded: &recorded,
                };
                let assembled = pass::assemble(sides, &folder, &settings, &mut files.memory);
                (recorded, assembled)
            })
            .await?;
        let mut known = state_of(&recorded);
        let old = diff::needs(&known, &assembled.desired);
        for (id, document) in self.store.documents(old).await? {
            if let Some(version) = known.documents.get_mut(&id) {
                version.document = Some(Arc::new(document));
            }
        }
        let plan = diff::diff(&known, &assembled.desired);
        Ok(Look {
            revision,
            label,
            files,
            held,
            exclusions_unknown,
            rules_in_doubt,
            recorded,
            assembled,
            plan,
        })
    }

    /// Why nothing of this folder is to be applied, if so.
    fn held(
        &self,
        loaded: &Loaded,
        recorded: &Recorded,
        gone: bool,
        options: PassOptions,
    ) -> Option<String> {
        let something_recorded = recorded.documents.len();
        if something_recorded == 0 || options.allow_empty {
            return None;
        }
        let folder = self.folder.display();
        let empty = loaded.documents.is_empty() && loaded.broken.is_empty();
        let what = match (gone, empty) {
            (true, _) => format!("the profiles folder `{folder}` is gone"),
            (false, true) if !self.settings.profiles.allow_empty => {
                format!("the profiles folder `{folder}` holds no document")
            }
            _ => return None,
        };
        Some(format!(
            "{what}, and {something_recorded} documents are recorded: nothing was changed; bring the folder back, or run `seatsync reload --allow-empty` if every profile is to be removed"
        ))
    }
}

impl Look {
    fn errors(&self) -> usize {
        let findings = self.assembled.findings.iter();
        findings.filter(|finding| finding.is_error()).count()
    }

    fn result(&self) -> (RevisionOutcome, String) {
        if let Some(held) = &self.held {
            return (RevisionOutcome::Held, held.clone());
        }
        let errors = self.errors();
        if errors == 0 && self.assembled.desired.kept.is_empty() {
            return (RevisionOutcome::Applied, "everything is in force".into());
        }
        let kept = self
            .plan
            .changes
            .iter()
            .filter(|change| !change.is_applied());
        let message = format!(
            "{errors} errors; {} documents stay at their last good version, the rest is in force",
            kept.count()
        );
        (RevisionOutcome::Partial, message)
    }

    /// What is to be written: what changed, and what is true now.
    fn application(&self, attempt: Attempt) -> Application {
        let mut conditions = Conditions::new(&self.revision, attempt.at);
        if let Some(held) = &self.held {
            conditions.folder_held(&self.recorded, held);
            return Application {
                conditions: conditions.into_list(),
                ..Application::nothing(attempt)
            };
        }
        let desired = &self.assembled.desired;
        let profiles = &self.assembled.profiles;
        conditions.applied(&self.plan, desired, &self.recorded, |name| {
            profiles.get(name)
        });
        let mut application = Application {
            conditions: conditions.into_list(),
            states: self.states(),
            ..Application::nothing(attempt)
        };
        for change in &self.plan.changes {
            let id = change.id();
            match &change.action {
                Action::Removed => {
                    if id.kind == Kind::Profile {
                        application.orphans.push(id.name.clone());
                    }
                    application.removed.push(id);
                    continue;
                }
                Action::Kept { .. } => continue,
                Action::Renamed { from, .. } => {
                    application.renames.push((from.clone(), id.name.clone()));
                    application.removed.push(DocumentId {
                        kind: Kind::Profile,
                        name: from.clone(),
                    });
                }
                Action::Created | Action::Changed { .. } | Action::Moved { .. } => {}
            }
            application.documents.extend(self.document(&id));
            application.profiles.extend(self.profile(&id));
        }
        application.profiles.extend(
            self.plan
                .affected
                .iter()
                .filter_map(|name| self.write(profiles.get(name)?)),
        );
        application
    }

    fn document(&self, id: &DocumentId) -> Option<DocumentWrite> {
        let version = self.assembled.desired.state.documents.get(id)?;
        Some(DocumentWrite {
            id: id.clone(),
            file: version.file.clone(),
            digest: version.digest.clone(),
            document: Arc::clone(version.document.as_ref()?),
        })
    }

    fn profile(&self, id: &DocumentId) -> Option<ProfileWrite> {
        let profile = (id.kind == Kind::Profile).then(|| self.assembled.profiles.get(&id.name));
        self.write(profile.flatten()?)
    }

    fn write(&self, desired: &DesiredProfile) -> Option<ProfileWrite> {
        let name: &Name = &desired.profile.name;
        Some(ProfileWrite {
            digest: self.assembled.desired.state.profiles.get(name)?.clone(),
            desired: desired.clone(),
            published: desired.profile.state == ProfileState::Published,
        })
    }

    /// Documents that begin or cease to stand at their last good version.
    fn states(&self) -> Vec<(DocumentId, DocumentState)> {
        let kept = &self.assembled.desired.kept;
        let documents = self.recorded.documents.iter();
        documents
            .filter_map(|(id, known)| {
                let state = if kept.contains_key(id) {
                    DocumentState::Held
                } else {
                    DocumentState::InForce
                };
                (state != known.state).then(|| (id.clone(), state))
            })
            .collect()
    }
}

/// The store's side of a comparison. An orphan is no longer in force, and may yet be renamed.
fn state_of(recorded: &Recorded) -> State {
    let documents = recorded.documents.iter().map(|(id, known)| {
        let version = Version {
            file: known.file.clone(),
            digest: known.digest.clone(),
            document: None,
        };
        (id.clone(), version)
    });
    let profiles = recorded
        .profiles
        .iter()
        .map(|(name, row)| (name.clone(), row.digest.clone()));
    State {
        documents: documents.collect(),
        profiles: profiles.collect(),
    }
}

/// Not there; a folder that may not be read is something else.
fn is_gone(folder: &Path) -> bool {
    std::fs::metadata(folder).is_err_and(|error| error.kind() == ErrorKind::NotFound)
}

fn revision(loaded: &Loaded) -> String {
    format!("sha256:{}", loaded.revision)
}
