//! Simulated SaaS vendors over real HTTP, for seatsync's quickstart, tests and benchmarks: real
//! OAuth, rate limits, paging and faults, over a seeded account whose truth is known.
//!
//! - [`zoom`]: a Zoom account.
//! - [`clock`]: the vendor's time, which tests move.

pub mod clock;
mod http;
mod people;
mod random;
pub mod zoom;

pub use clock::SimClock;
pub use zoom::{ZoomSim, ZoomSimOptions};
