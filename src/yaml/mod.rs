//! The language of our files: text to a tree with positions, to typed values, or diagnostics. Used
//! by `settings` and `profile`, which say what the files mean; knows nothing of either.

pub mod diagnostic;
pub mod duration;
pub mod excerpt;
pub(crate) mod macros;
pub mod read;
pub mod render;
pub mod text;
pub mod tree;
