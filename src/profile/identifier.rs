//! Vendors, profile types and the identifiers of what they sell.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Whose product it is.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Vendor {
    /// Zoom Communications.
    Zoom,
    /// GoTo (formerly LogMeIn).
    #[serde(rename = "goto")]
    GoTo,
    /// Aha!
    Aha,
}

impl Vendor {
    /// The vendor as it writes itself.
    pub fn display_name(self) -> &'static str {
        match self {
            Self::Zoom => "Zoom",
            Self::GoTo => "GoTo",
            Self::Aha => "Aha!",
        }
    }

    /// The word in files and identifiers.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Zoom => "zoom",
            Self::GoTo => "goto",
            Self::Aha => "aha",
        }
    }
}

impl fmt::Display for Vendor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The kind of integration a profile is.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum ProfileType {
    /// Zoom Meetings and Webinar on an ordinary account.
    Zoom,
    /// Zoom Workplace with its products and add-ons.
    ZoomWorkplace,
    /// GoTo's products.
    #[serde(rename = "goto")]
    GoTo,
    /// Aha! seats.
    Aha,
}

impl ProfileType {
    /// The word in files.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Zoom => "zoom",
            Self::ZoomWorkplace => "zoom_workplace",
            Self::GoTo => "goto",
            Self::Aha => "aha",
        }
    }

    /// The vendor behind it.
    pub fn vendor(self) -> Vendor {
        match self {
            Self::Zoom | Self::ZoomWorkplace => Vendor::Zoom,
            Self::GoTo => Vendor::GoTo,
            Self::Aha => Vendor::Aha,
        }
    }
}

impl fmt::Display for ProfileType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A vendor's SKU in our spelling: `<vendor>.<the vendor's own word, lower case, other characters
/// as _>[.<capacity>]`, for instance `zoom.licensed` or `zoom.webinar.500`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Identifier(String);

/// Why a text is not an [`Identifier`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not an identifier: write `<vendor>.<product>[.<capacity>]`, for instance `zoom.licensed`"
)]
pub struct IdentifierError(pub String);

impl Identifier {
    /// Builds one from the vendor's own word, which may hold any characters.
    pub fn from_vendor_word(vendor: Vendor, word: &str, capacity: Option<u64>) -> Self {
        let word: String = word
            .chars()
            .map(|c| match c.to_ascii_lowercase() {
                c if c.is_ascii_lowercase() || c.is_ascii_digit() => c,
                _ => '_',
            })
            .collect();
        Self(match capacity {
            Some(capacity) => format!("{vendor}.{word}.{capacity}"),
            None => format!("{vendor}.{word}"),
        })
    }

    /// The identifier as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whose product it is; every identifier names its vendor.
    pub fn vendor(&self) -> Option<Vendor> {
        let word = self.0.split('.').next().unwrap_or_default();
        let vendors = [Vendor::Zoom, Vendor::GoTo, Vendor::Aha];
        vendors.into_iter().find(|vendor| vendor.as_str() == word)
    }

    /// Whether no seat can have it, as far as this version knows what its vendor sells.
    pub fn is_of_nothing(&self) -> bool {
        let Some(("zoom", product)) = self.0.split_once('.') else {
            return false;
        };
        let (word, capacity) = match product.split_once('.') {
            Some((word, capacity)) => (word, Some(capacity)),
            None => (product, None),
        };
        let sold = (ZOOM_BASE.contains(&word) || ZOOM_PRODUCTS.contains(&word))
            && capacity.is_none()
            || is_sized(word) && capacity.is_none_or(|text| text.parse::<u64>().is_ok())
            || word.starts_with("type_");
        !sold
    }

    /// Whether profiles of the type count seats of it: the type `zoom` is of Meetings and Webinar alone.
    pub fn counts_in(&self, profile_type: ProfileType) -> bool {
        let product = self.0.split('.').nth(1).unwrap_or_default();
        let of_workplace =
            ZOOM_PRODUCTS.contains(&product) || ZOOM_WORKPLACE_SIZED.contains(&product);
        profile_type != ProfileType::Zoom || !of_workplace
    }

    /// The identifier that was probably meant by one [of nothing](Self::is_of_nothing).
    pub fn nearest(&self) -> Option<Self> {
        let (vendor, product) = self.0.split_once('.')?;
        let (word, capacity) = match product.split_once('.') {
            Some((word, capacity)) => (word, capacity.parse().ok()),
            None => (product, None),
        };
        let words = ZOOM_BASE
            .iter()
            .chain(&ZOOM_PRODUCTS)
            .chain(&ZOOM_SIZED)
            .chain(&ZOOM_WORKPLACE_SIZED);
        let (_, near) = words
            .map(|known| (strsim::damerau_levenshtein(known, word), known))
            .filter(|(distance, known)| vendor == "zoom" && *distance <= known.len() / 3 + 1)
            .min()?;
        let capacity = capacity.filter(|_| is_sized(near));
        Some(Self::from_vendor_word(Vendor::Zoom, near, capacity))
    }
}

/// Zoom's user types that have a name.
const ZOOM_BASE: [&str; 5] = ["basic", "licensed", "on_prem", "unassigned", "none"];
/// Products and add-ons of Zoom Workplace that come in one size.
const ZOOM_PRODUCTS: [&str; 11] = [
    "zoom_clips_plus",
    "zoom_customer_managed_key",
    "zoom_docs",
    "zoom_mail_calendar",
    "zoom_phone",
    "zoom_scheduler",
    "zoom_team_chat",
    "zoom_translated_captions",
    "zoom_visitor_management",
    "zoom_whiteboard",
    "zoom_whiteboard_plus",
];
/// Add-ons of which a capacity may follow.
const ZOOM_SIZED: [&str; 2] = ["webinar", "large_meeting"];
/// What a number may follow in Zoom Workplace: a capacity, or the kind of a suite.
const ZOOM_WORKPLACE_SIZED: [&str; 4] = ["zoom_events", "zoom_webinars_plus", "one", "united"];

fn is_sized(word: &str) -> bool {
    ZOOM_SIZED.contains(&word) || ZOOM_WORKPLACE_SIZED.contains(&word)
}

impl FromStr for Identifier {
    type Err = IdentifierError;

    fn from_str(text: &str) -> Result<Self, IdentifierError> {
        let mut parts = text.split('.');
        let vendor = parts.next().unwrap_or_default();
        let known = ["zoom", "goto", "aha"].contains(&vendor);
        let rest: Vec<&str> = parts.collect();
        let word = |part: &&str| {
            !part.is_empty()
                && part
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        };
        if known && (1..=2).contains(&rest.len()) && rest.iter().all(word) {
            Ok(Self(text.to_owned()))
        } else {
            Err(IdentifierError(text.to_owned()))
        }
    }
}

impl TryFrom<String> for Identifier {
    type Error = IdentifierError;

    fn try_from(text: String) -> Result<Self, IdentifierError> {
        text.parse()
    }
}

impl From<Identifier> for String {
    fn from(identifier: Identifier) -> Self {
        identifier.0
    }
}

impl fmt::Display for Identifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::profile::catalogue::Catalogue;

    #[test]
    fn what_is_not_an_identifier_is_refused() {
        for text in [
            "",
            "zoom",
            "zoom.",
            "zoom.a.b.c",
            "slack.paid",
            "zoom.A",
            "zoom.a-b",
            "zoom..a",
        ] {
            text.parse::<Identifier>().unwrap_err();
        }
        "zoom.webinar.500".parse::<Identifier>().unwrap();
    }

    #[test]
    fn what_nobody_can_hold_is_told_with_what_was_meant() {
        let table = [
            ("zoom.licensed", None),
            ("zoom.webinar", None),
            ("zoom.webinar.500", None),
            ("zoom.type_7", None),
            ("zoom.one.576460752303423488", None),
            ("zoom.united", None),
            ("zoom.zoom_phone", None),
            ("zoom.zoom_webinars_plus.1000", None),
            ("goto.whatever", None),
            ("zoom.licened", Some("zoom.licensed")),
            ("zoom.licensed.500", Some("zoom.licensed")),
            ("zoom.zoom_phone.5", Some("zoom.zoom_phone")),
            ("zoom.zoom_fone", Some("zoom.zoom_phone")),
            ("zoom.webinars.500", Some("zoom.webinar.500")),
        ];
        for (text, meant) in table {
            let identifier: Identifier = text.parse().unwrap();
            assert_eq!(identifier.is_of_nothing(), meant.is_some(), "{text}");
            if let Some(meant) = meant {
                assert_eq!(identifier.nearest().unwrap().as_str(), meant);
            }
        }
        let odd: Identifier = "zoom.rooms_licence_for_ever".parse().unwrap();
        assert!(odd.is_of_nothing());
        assert_eq!(odd.nearest(), None);
    }

    #[test]
    fn whatever_zoom_sells_is_of_a_built_in_model() {
        let catalogue = Catalogue::of(Vec::new());
        let sized = ZOOM_SIZED.iter().chain(&ZOOM_WORKPLACE_SIZED);
        let with_capacity = sized.clone().map(|word| format!("zoom.{word}.500"));
        let words = ZOOM_BASE.iter().chain(&ZOOM_PRODUCTS).chain(sized);
        let all: Vec<String> = words
            .map(|word| format!("zoom.{word}"))
            .chain(with_capacity)
            .collect();
        for text in all {
            let identifier = text.parse().unwrap();
            assert!(catalogue.model_of(&identifier).is_some(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn whatever_a_vendor_calls_it_becomes_an_identifier(word in ".{1,20}", capacity: Option<u64>) {
            let made = Identifier::from_vendor_word(Vendor::Zoom, &word, capacity);
            let read: Identifier = made.as_str().parse().unwrap();
            prop_assert_eq!(read, made);
        }
    }
}
