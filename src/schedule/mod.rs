//! When a subflow is due. Pure: schedules, a zone and an instant in, due times out; the store's
//! unique (profile, subflow, due time) decides that each runs once. [`crate::job`] asks
//! [`planner::plan`] and lets [`alarm::Alarm`] wake it again.

pub mod alarm;
pub mod cron;
pub mod installed;
pub mod missed;
pub mod planner;
