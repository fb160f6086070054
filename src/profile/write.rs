//! Documents as files have them.

use serde::Serialize;

/// A document as YAML text.
///
/// Fails for a value that YAML has no form for, which no document of ours is.
pub fn yaml(document: &impl Serialize) -> Result<String, String> {
    serde_yaml::to_string(document).map_err(|error| error.to_string())
}
