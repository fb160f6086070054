//! Profiles and the documents around them: YAML to raw shape with positions to checked domain
//! types, or diagnostics. Knows nothing of the store.

pub mod catalogue;
pub(crate) mod check;
pub mod compare;
pub mod cron;
pub mod currency;
pub mod folding;
pub mod identifier;
pub mod licence;
pub mod link;
pub mod load;
pub mod model;
pub mod name;
pub mod people;
pub mod pseudonym;
pub mod raw;
pub mod reach;
pub mod sample;
pub mod schema;
pub mod user_directory;
pub mod window;
pub mod write;

pub use crate::yaml::duration;
