//! Runs subflows: notices what is due, claims one job at a time for each profile, runs it outside of
//! any transaction, and records how it ended. The daemon owns the [`Runner`]; reconciling wakes it,
//! and the control socket asks it for manual runs.

mod conditions;
mod decision;
mod execute;
mod follow_files;
mod installed;
mod lookout;
mod runner;
mod source;
mod validate;

pub use conditions::OTHER_ACCOUNT;
pub use follow_files::follow_files;
pub use installed::{InstalledParts, InstalledRequestError, InstalledRunner};
pub use lookout::bar;
pub use runner::has_no_activity_of_its_own;
pub use runner::{OnceReport, RequestError, RestoreError, Runner, RunnerParts, ValidateError};
pub use source::ConnectorSource;
pub use validate::{Validation, ValidationError};
