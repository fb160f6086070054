//! The daemon's own settings, `/etc/seatsync/seatsync.yaml`: raw shape, then validated. Read by
//! `daemon` at start and by the offline commands; every key has a working default.

pub mod guards;
pub mod model;

pub use guards::{GuardLimits, Guards};
pub use model::Settings;
