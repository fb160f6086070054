//! Landlock: before it has a second thread, the daemon gives up for good what it never does: writing
//! anywhere but beneath a few folders, and starting programs. Reading stays as the host allows it, since
//! profiles, what links in them lead to, secrets and certificates may lie anywhere and move at any time.
//! The network is not touched.

use std::fmt;
use std::path::PathBuf;

use landlock::{
    ABI, AccessFs, CompatLevel, Compatible, LandlockStatus, PathBeneath, PathFd, RestrictionStatus,
    Ruleset, RulesetAttr, RulesetCreatedAttr, RulesetError, RulesetStatus,
};

/// The first version that tells renames between folders apart (Linux 5.19). Before it Landlock refuses
/// them all, and sockets and restored databases are moved to their names.
const LEAST: ABI = ABI::V2;

/// The last version whose kinds of writing are given up (Linux 6.10). Later ones add the connecting to
/// sockets, which the daemon needs for the journal and the resolver.
const MOST: ABI = ABI::V5;

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sandbox {
    /// In force for this process.
    Closed {
        /// The version of the kernel's interface.
        abi: i32,
    },
    /// Not in force.
    Open {
        /// Why.
        why: String,
    },
}

impl Default for Sandbox {
    fn default() -> Self {
        Self::Open {
            why: "nobody asked for it".to_owned(),
        }
    }
}

impl fmt::Display for Sandbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed { abi } => write!(f, "Landlock active (ABI {abi})"),
            Self::Open { why } => write!(f, "Landlock off: {why}"),
        }
    }
}

/// Gives up writing but beneath `writable`, and starting programs, for this thread and those that it
/// starts from now on. A path that is not there is left out. Where the kernel cannot do it, nothing changes.
pub fn close(writable: &[PathBuf]) -> Sandbox {
    let status = match restrict(writable) {
        Ok(status) => status,
        Err(error) => {
            return Sandbox::Open {
                why: format!("the kernel refused it: {error}"),
            };
        }
    };
    let why = match (status.landlock, status.ruleset) {
        (LandlockStatus::Available { .. }, RulesetStatus::NotEnforced) => {
            "the kernel's is of before Linux 5.19 and refuses every rename between folders"
        }
        (
            LandlockStatus::Available {
                effective_abi,
                kernel_abi,
            },
            _,
        ) => {
            return Sandbox::Closed {
                abi: kernel_abi.unwrap_or(effective_abi as i32),
            };
        }
        (LandlockStatus::NotEnabled, _) => {
            "the kernel was started without it: add `landlock` to its parameter `lsm=`"
        }
        (LandlockStatus::NotImplemented, _) => {
            "the kernel lacks it, or `SystemCallFilter=` of the unit refuses its calls"
        }
    };
    Sandbox::Open {
        why: why.to_owned(),
    }
}

fn restrict(writable: &[PathBuf]) -> Result<RestrictionStatus, RulesetError> {
    let writing = AccessFs::from_write(MOST);
    let mut ruleset = Ruleset::default()
        .set_compatibility(CompatLevel::SoftRequirement)
        .handle_access(AccessFs::from_write(LEAST))?
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(writing | AccessFs::Execute)?
        .create()?;
    for path in writable {
        if let Ok(folder) = PathFd::new(path) {
            ruleset = ruleset.add_rule(PathBeneath::new(folder, writing))?;
        }
    }
    ruleset.restrict_self()
}
