//! A commented document to start from, of every kind that people begin by hand: what has to be
//! written is written, every other option stands there switched off, with its meaning and default.
//!
//! A line that begins with `#` and no blank is such an option, so that taking away the `#` switches it
//! on, wherever it stands; prose has a blank. The texts are files beside this one, and what several
//! of them share is in `part/`.

use std::fmt;
use std::str::FromStr;

use super::identifier::ProfileType;
use super::name::Name;

/// What a sample can be had of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sample {
    /// A profile of this type, with its connection.
    Profile(ProfileType),
    /// Organisation-wide exclusions.
    Exclusions,
    /// A rule for seats.
    ReclamationRule,
    /// Publisher and product.
    SoftwareModel,
    /// Purchased rights, with their software model.
    Entitlement,
    /// People, from a CSV file.
    UserDirectory,
}

/// Why a word is not a [`Sample`].
#[derive(Debug, thiserror::Error)]
#[error("there is no sample of `{word}`: {}", Sample::words().join(", "))]
pub struct NoSample {
    word: String,
}

impl Sample {
    /// Every one.
    pub const ALL: [Self; 9] = [
        Self::Profile(ProfileType::Zoom),
        Self::Profile(ProfileType::ZoomWorkplace),
        Self::Profile(ProfileType::GoTo),
        Self::Profile(ProfileType::Aha),
        Self::Exclusions,
        Self::ReclamationRule,
        Self::SoftwareModel,
        Self::Entitlement,
        Self::UserDirectory,
    ];

    /// The words of all.
    pub fn words() -> Vec<&'static str> {
        Self::ALL.into_iter().map(Self::as_str).collect()
    }

    /// The word on the command line: a profile's type as files have it, or the kind.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Profile(profile_type) => profile_type.as_str(),
            Self::Exclusions => "exclusions",
            Self::ReclamationRule => "reclamation_rule",
            Self::SoftwareModel => "software_model",
            Self::Entitlement => "entitlement",
            Self::UserDirectory => "user_directory",
        }
    }

    /// The documents as YAML, called `name`, or else by what they are.
    pub fn text(self, name: Option<&Name>) -> String {
        let usual = self.as_str().replace('_', "-");
        let name = name.map_or(usual.as_str(), Name::as_str);
        let model = match self {
            Self::Entitlement => format!("{name}-model"),
            _ => name.to_owned(),
        };
        let patterns = [
            ("@reading@\n", include_str!("part/reading.yaml").to_owned()),
            ("@profile@\n", include_str!("part/profile.yaml").to_owned()),
            ("@users@\n", include_str!("part/users.yaml").to_owned()),
            ("@reclamation@\n", own_reclamation()),
            ("@rule@\n", include_str!("part/reclamation.yaml").to_owned()),
            (
                "@patience@\n",
                include_str!("part/patience.yaml").to_owned(),
            ),
            (
                "@software_model@\n",
                include_str!("part/software_model.yaml").to_owned(),
            ),
            ("@model@", model),
            ("@type@", self.as_str().to_owned()),
            ("@name@", name.to_owned()),
        ];
        patterns
            .into_iter()
            .fold(self.template().to_owned(), |text, (pattern, put)| {
                text.replace(pattern, &put)
            })
    }

    fn template(self) -> &'static str {
        match self {
            Self::Profile(ProfileType::Zoom) => include_str!("zoom.yaml"),
            Self::Profile(ProfileType::ZoomWorkplace) => include_str!("zoom_workplace.yaml"),
            Self::Profile(ProfileType::GoTo) => include_str!("goto.yaml"),
            Self::Profile(ProfileType::Aha) => include_str!("aha.yaml"),
            Self::Exclusions => include_str!("exclusions.yaml"),
            Self::ReclamationRule => include_str!("reclamation_rule.yaml"),
            Self::SoftwareModel => include_str!("software_model.yaml"),
            Self::Entitlement => include_str!("entitlement.yaml"),
            Self::UserDirectory => include_str!("user_directory.yaml"),
        }
    }
}

/// A profile's `reclamation`, which has the options of a rule.
fn own_reclamation() -> String {
    let lines = include_str!("part/reclamation.yaml").lines();
    let indented: String = lines.flat_map(|line| ["  ", line, "\n"]).collect();
    format!(
        "# When a seat of this profile counts as unused; overrides every rule.\nreclamation:\n{indented}"
    )
}

impl fmt::Display for Sample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Sample {
    type Err = NoSample;

    fn from_str(word: &str) -> Result<Self, NoSample> {
        let known = Self::ALL.into_iter().find(|known| known.as_str() == word);
        known.ok_or_else(|| NoSample {
            word: word.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests;
