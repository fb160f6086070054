//! What a pass tells the journal: each applied change, each finding once.

use super::outcome::Outcome;
use crate::store::revision::RevisionOutcome;
use crate::yaml::diagnostic::Diagnostic;

/// Remembers what was told, so that a rescan does not repeat it.
#[derive(Debug, Default)]
pub(super) struct Journal {
    findings: Vec<Diagnostic>,
    held: bool,
}

/// More changes than this are told as a number.
const MOST_LINES: usize = 50;

impl Journal {
    pub(super) fn tell(&mut self, outcome: &Outcome) {
        for finding in &outcome.findings {
            if self.findings.contains(finding) {
                continue;
            }
            if finding.is_error() {
                tracing::error!(file = %finding.file.display(), "{finding}");
            } else {
                tracing::warn!(file = %finding.file.display(), "{finding}");
            }
        }
        self.findings.clone_from(&outcome.findings);
        let held = outcome.result == RevisionOutcome::Held;
        if held {
            if !self.held {
                tracing::error!("{}", outcome.message);
            }
            self.held = true;
            return;
        }
        self.held = false;
        for change in outcome.plan.changes.iter().take(MOST_LINES) {
            tracing::info!(kind = change.kind.as_str(), name = %change.name, "{change}");
        }
        if outcome.plan.is_empty() {
            return;
        }
        tracing::info!(
            revision = outcome.revision,
            label = outcome.label,
            changes = outcome.plan.changes.len(),
            affected = outcome.plan.affected.len(),
            "applied the profiles folder: {}",
            outcome.message
        );
    }
}
