//! What a pass tells the journal: each applied change, each finding once.

use std::collections::BTreeSet;

use super::outcome::Outcome;
use crate::store::revision::RevisionOutcome;
use crate::telemetry::Notable;
use crate::yaml::diagnostic::Severity;

/// Remembers what was told, so that a rescan does not repeat it.
#[derive(Debug, Default)]
pub(super) struct Journal {
    findings: BTreeSet<String>,
    held: bool,
}

/// More changes than this are told as a number.
const MOST_LINES: usize = 50;

impl Journal {
    pub(super) fn tell(&mut self, outcome: &Outcome) {
        let told = std::mem::take(&mut self.findings);
        let mut lines = 0;
        for finding in &outcome.findings {
            let line = finding.to_string();
            if !told.contains(&line) {
                lines += 1;
                match finding.severity {
                    _ if lines > MOST_LINES => {}
                    Severity::Error => {
                        tracing::error!(message_id = %Notable::FileWrong, "{line}");
                    }
                    Severity::Warning => tracing::warn!("{line}"),
                }
            }
            self.findings.insert(line);
        }
        if lines > MOST_LINES {
            let more = lines - MOST_LINES;
            tracing::warn!(more, "more findings: `seatsync status` lists them");
        }
        let held = outcome.result == RevisionOutcome::Held;
        if held {
            if !self.held {
                tracing::error!(message_id = %Notable::FolderHeld, "{}", outcome.message);
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
            message_id = %Notable::Applied,
            revision = outcome.revision,
            label = outcome.label,
            changes = outcome.plan.changes.len(),
            affected = outcome.plan.affected.len(),
            "applied the profiles folder: {}",
            outcome.message
        );
    }
}
