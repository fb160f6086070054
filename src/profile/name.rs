//! The name of a document: its identity, whatever file it stands in.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A document's name: `[a-z0-9][a-z0-9-]{0,62}`, unique per kind.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Name(String);

/// Why a text is not a [`Name`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a name: use 1 to 63 lower-case letters, digits and hyphens, not starting with a hyphen"
)]
pub struct NameError(pub String);

impl Name {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Name {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let valid = match text.as_bytes() {
            [first, rest @ ..] => {
                allowed(*first)
                    && rest.len() <= 62
                    && rest.iter().all(|byte| allowed(*byte) || *byte == b'-')
            }
            [] => false,
        };
        if valid {
            Ok(Self(text.to_owned()))
        } else {
            Err(NameError(text.to_owned()))
        }
    }
}

impl TryFrom<String> for Name {
    type Error = NameError;

    fn try_from(text: String) -> Result<Self, NameError> {
        text.parse()
    }
}

impl From<Name> for String {
    fn from(name: Name) -> Self {
        name.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_not_a_name_is_refused() {
        let long = "a".repeat(64);
        for text in ["", "-a", "A", "a_b", "a b", "a.b", "ä", long.as_str()] {
            text.parse::<Name>().unwrap_err();
        }
        "a".repeat(63).parse::<Name>().unwrap();
    }

    proptest! {
        #[test]
        fn a_name_reads_back_what_it_prints(text in "[a-z0-9][a-z0-9-]{0,62}") {
            let name: Name = text.parse().unwrap();
            prop_assert_eq!(name.to_string(), text);
        }
    }
}
