//! When software on a configuration item counts as unused, by what agents reported of it. Nothing is ever
//! written anywhere for it: people remove the software. Pure, as the rest of this room.
//!
//! The rules are ServiceNow's for installed software, by total usage and by last use
//! (<https://www.servicenow.com/docs/r/it-asset-management/software-asset-management/t_AddAReclamationRule.html>).
//! What is ours is the evidence: a month of which the item's agent reported nothing is not known, and
//! what is not known is no disuse.

pub mod candidate;
pub mod explain;
pub mod facts;
pub mod judge;
pub mod rule;
