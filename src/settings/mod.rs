//! The daemon's own settings: raw shape, then validated.
