//! The daemon's own settings, `/etc/seatsync/seatsync.yaml`: raw shape, then validated. Read by
//! `daemon` at start and by the offline commands; every key has a working default.

pub mod check;
pub mod endpoint;
pub mod guards;
pub mod model;
pub mod raw;
pub mod secret_ref;

pub use check::{DEFAULT_PATH, load, not_in_force, stop_files};
pub use guards::{GuardLimits, Guards};
pub use model::Settings;
