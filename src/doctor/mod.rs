//! What an operator would look at by hand: does every profile do what it is there for, and does something
//! end soon. Pure: facts in, findings out. The control socket gathers the facts; `seatsync doctor` and the
//! report show the findings.

mod checks;
pub mod facts;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use facts::Facts;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Something does not do what it is there for.
    Error,
    /// It will not for long, or a number is not what one would expect.
    Warning,
}

impl Severity {
    /// The word in listings.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

/// Something that a person should look at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The word of the check that found it; it does not change.
    pub check: String,
    /// How bad it is.
    pub severity: Severity,
    /// The profile it is about; absent where it is about none or several.
    pub profile: Option<String>,
    /// What in it: a subflow, an identifier, a connection, an entitlement.
    pub about: String,
    /// The value that was found.
    pub value: String,
    /// What it means.
    pub message: String,
    /// What to do.
    pub remedy: String,
}

/// What was looked at, and what was found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// The word of each check.
    pub checks: Vec<String>,
    /// What they found, errors first.
    pub findings: Vec<Finding>,
}

impl Health {
    /// How bad the worst finding is; `None` where there is none.
    pub fn worst(&self) -> Option<Severity> {
        self.findings.iter().map(|finding| finding.severity).min()
    }
}

/// Makes every check.
pub fn examine(facts: &Facts) -> Health {
    let checks = checks::ALL.iter();
    let mut findings: Vec<Finding> = checks
        .clone()
        .flat_map(|(word, check)| {
            check(facts).into_iter().map(|found| Finding {
                check: (*word).to_owned(),
                severity: found.severity,
                profile: found.profile,
                about: found.about,
                value: found.value,
                message: found.message,
                remedy: found.remedy,
            })
        })
        .collect();
    findings.sort_by_key(|finding| finding.severity);
    Health {
        checks: checks.map(|(word, _)| (*word).to_owned()).collect(),
        findings,
    }
}
