//! When a seat counts as unused, what becomes of it, and what may be written to a vendor. Pure: facts
//! and a time in, decisions out. The store records them, [`crate::subflow`] carries them out.

pub mod actor;
pub mod approval;
pub mod candidate;
pub mod collateral;
pub mod criteria;
pub mod evidence;
pub mod guard;
pub mod installed;
pub mod judge;
mod leaver;
pub mod plan;
pub mod rule;
pub mod seat;
