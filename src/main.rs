//! The seatsync binary.
fn main() {}
