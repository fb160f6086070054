//! seatsync.
