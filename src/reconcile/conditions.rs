//! What a pass makes true of profiles. `Stalled` and `Reconciling` say how the file fares; `Ready`
//! is set here only as far as the file decides it, the rest is the jobs' to prove.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::diff::Desired;
use super::pass::{DOCUMENT_BROKEN, NOT_LINKED, NOT_PRUNED};
use super::plan::{Action, Plan};
use crate::profile::model::{DesiredProfile, Kind, ProfileState};
use crate::profile::name::Name;
use crate::store::condition::{Condition, ConditionKind, ConditionStatus};
use crate::store::document::Recorded;

/// The whole folder is held.
const FOLDER_HELD: &str = "FolderHeld";
/// The reasons of `Stalled` that a pass sets, and so may take back.
const OURS: [&str; 4] = [DOCUMENT_BROKEN, NOT_LINKED, NOT_PRUNED, FOLDER_HELD];
/// The reasons of `Ready` that a pass sets, and so may replace.
const DECIDED_BY_FILE: [&str; 4] = ["Draft", "Suspended", "Orphaned", "Validating"];

/// Writes conditions for one pass.
#[derive(Debug)]
pub(super) struct Conditions<'a> {
    revision: &'a str,
    now: Timestamp,
    found: Vec<(Name, Condition)>,
}

impl<'a> Conditions<'a> {
    pub(super) fn new(revision: &'a str, now: Timestamp) -> Self {
        Self {
            revision,
            now,
            found: Vec::new(),
        }
    }

    pub(super) fn into_list(self) -> Vec<(Name, Condition)> {
        self.found
    }

    /// Every profile waits for a person to confirm that the folder is meant to be empty.
    pub(super) fn folder_held(&mut self, recorded: &Recorded, message: &str) {
        for (name, row) in &recorded.profiles {
            if row.orphaned_at.is_none() {
                self.set(
                    name,
                    ConditionKind::Stalled,
                    ConditionStatus::True,
                    FOLDER_HELD,
                    message,
                );
            }
        }
    }

    /// What `plan` makes true.
    pub(super) fn applied<'p>(
        &mut self,
        plan: &Plan,
        desired: &Desired,
        recorded: &Recorded,
        profile: impl Fn(&Name) -> Option<&'p DesiredProfile>,
    ) {
        let profiles = plan
            .changes
            .iter()
            .filter(|change| change.kind == Kind::Profile);
        for change in profiles {
            let before = match &change.action {
                Action::Renamed { from, .. } => from,
                _ => &change.name,
            };
            let ready = recorded
                .profiles
                .get(before)
                .and_then(|row| row.ready.as_deref());
            match (&change.action, profile(&change.name)) {
                (Action::Kept { .. }, _) => {}
                (Action::Removed, _) => self.orphaned(&change.name),
                (_, Some(profile)) => {
                    self.loads(&change.name);
                    self.in_force(profile, ready);
                }
                (_, None) => {}
            }
        }
        for name in &plan.affected {
            let ready = recorded
                .profiles
                .get(name)
                .and_then(|row| row.ready.as_deref());
            if let Some(profile) = profile(name) {
                self.in_force(profile, ready);
            }
        }
        self.stalled_or_no_longer(desired, recorded);
    }

    fn stalled_or_no_longer(&mut self, desired: &Desired, recorded: &Recorded) {
        for (id, kept) in &desired.kept {
            if id.kind == Kind::Profile {
                let (status, reason) = (ConditionStatus::True, kept.reason);
                self.set(
                    &id.name,
                    ConditionKind::Stalled,
                    status,
                    reason,
                    &kept.message,
                );
            }
        }
        let judged: BTreeSet<Name> = self
            .found
            .iter()
            .filter(|(_, found)| found.kind == ConditionKind::Stalled)
            .map(|(name, _)| name.clone())
            .collect();
        for (name, row) in &recorded.profiles {
            let stalled_by_us = row.stalled.as_deref().is_some_and(|r| OURS.contains(&r));
            if stalled_by_us && !judged.contains(name) {
                self.loads(name);
            }
        }
    }

    fn in_force(&mut self, desired: &DesiredProfile, ready: Option<&str>) {
        let profile = &desired.profile;
        let name = &profile.name;
        self.set(
            name,
            ConditionKind::Reconciling,
            ConditionStatus::False,
            "Applied",
            "what this revision says of it is in force",
        );
        let (status, reason, message) = match (profile.state, profile.suspend) {
            (ProfileState::Draft, _) => (
                ConditionStatus::False,
                "Draft",
                "a draft runs nothing: set `state: published` to run it",
            ),
            (ProfileState::Published, true) => (
                ConditionStatus::False,
                "Suspended",
                "its file says `suspend: true`: its data is kept, nothing runs",
            ),
            (ProfileState::Published, false) => {
                if ready.is_some_and(|reason| !DECIDED_BY_FILE.contains(&reason)) {
                    return;
                }
                (
                    ConditionStatus::Unknown,
                    "Validating",
                    "published; the vendor has not been asked yet",
                )
            }
        };
        self.set(name, ConditionKind::Ready, status, reason, message);
    }

    fn loads(&mut self, name: &Name) {
        let (kind, status) = (ConditionKind::Stalled, ConditionStatus::False);
        self.set(name, kind, status, "Loaded", "its file loads and links");
    }

    fn orphaned(&mut self, name: &Name) {
        let message =
            "its document was removed: nothing runs, its data stays for the retention time";
        for kind in [
            ConditionKind::Ready,
            ConditionKind::Reconciling,
            ConditionKind::Stalled,
        ] {
            self.set(name, kind, ConditionStatus::False, "Orphaned", message);
        }
    }

    fn set(
        &mut self,
        name: &Name,
        kind: ConditionKind,
        status: ConditionStatus,
        reason: &str,
        message: &str,
    ) {
        let condition = Condition {
            kind,
            status,
            reason: reason.to_owned(),
            message: message.to_owned(),
            at: self.now,
            observed_revision: self.revision.to_owned(),
        };
        self.found.push((name.clone(), condition));
    }
}
