//! Profiles and the documents around them: YAML to raw shape with positions to checked domain
//! types, or diagnostics. Knows nothing of the store.

pub mod duration;
pub mod identifier;
pub mod model;
pub mod name;
