//! Simulated SaaS vendors over real HTTP, for seatsync's quickstart, tests and benchmarks: real
//! OAuth, rate limits, paging and faults, over a seeded account whose truth is known.
//!
//! - [`zoom`]: a Zoom account; [`goto`]: a GoTo account; [`aha`]: an Aha! account.
//! - [`clock`]: the vendor's time, which tests move.
//! - [`fault`]: what goes wrong on demand, the same way at every vendor.
//!
//! ```
//! use vendor_sim::zoom::{Action, Cast, Endpoint, Fault};
//! use vendor_sim::{SimClock, ZoomSim, ZoomSimOptions};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let clock = SimClock::manual("2026-11-20T15:00:00Z".parse()?);
//! let sim = ZoomSim::start(ZoomSimOptions {
//!     users: 300,
//!     limits: false,
//!     clock: clock.clone(),
//!     ..ZoomSimOptions::default()
//! })
//! .await?;
//! // Point a client at `sim.api_url()` and `sim.token_url()`, with `sim.account_id()`,
//! // `sim.client_id()` and `sim.client_secret()`; then let something go wrong.
//! let broken = Action::Html { status: 502, after_effect: false };
//! sim.control().set_fault(Fault::on(Endpoint::ListUsers, broken).after(1).times(2));
//!
//! let idle = sim.cast(Cast::Idle).ok_or("the account is large enough for the cast")?;
//! let truth = sim.control().truth_of(&idle.id).ok_or("they are in the account")?;
//! assert!(truth.last_meeting.is_some_and(|at| at < clock.now()));
//! # Ok(())
//! # }
//! ```

pub mod aha;
pub mod clock;
mod consent;
mod control;
pub mod fault;
pub mod goto;
mod http;
mod log;
mod oauth;
mod people;
mod random;
pub mod zoom;

pub use aha::{AhaSim, AhaSimOptions};
pub use clock::SimClock;
pub use consent::Consent;
pub use goto::{GoToSim, GoToSimOptions};
pub use zoom::{ZoomSim, ZoomSimOptions};
