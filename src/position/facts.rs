//! What the position is computed from.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::profile::currency::Currency;
use crate::profile::identifier::Identifier;
use crate::profile::licence::{Owner, Period};
use crate::profile::name::Name;
use rust_decimal::Decimal;

/// By what the seats and rights are told apart.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Grouping {
    /// By nothing: the whole.
    #[default]
    None,
    /// By department.
    Department,
    /// By cost centre.
    CostCenter,
    /// By company.
    Company,
    /// By country.
    Country,
}

impl Grouping {
    /// Every one, the whole first.
    pub const ALL: [Self; 5] = [
        Self::None,
        Self::Department,
        Self::CostCenter,
        Self::Company,
        Self::Country,
    ];

    /// The word in listings.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Department => "department",
            Self::CostCenter => "cost_center",
            Self::Company => "company",
            Self::Country => "country",
        }
    }

    /// The group that something of `owner` is in; `None` where that is not known, and for the whole.
    pub fn of(self, owner: &Owner) -> Option<&str> {
        match self {
            Self::None => None,
            Self::Department => owner.department.as_deref(),
            Self::CostCenter => owner.cost_center.as_deref(),
            Self::Company => owner.company.as_deref(),
            Self::Country => owner.country.as_deref(),
        }
    }
}

/// Whether seats use rights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Each uses one.
    Counts,
    /// Excluded: out of the position.
    Excluded,
    /// Its user is deactivated at the vendor.
    Inactive,
    /// The vendor gives it for nothing.
    Free,
}

/// Who holds a seat, by the user directories.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Holder {
    /// No directory is known.
    #[default]
    Unknown,
    /// A person who is with us.
    Person,
    /// A person who left.
    Left,
    /// A program.
    Service,
    /// Several people.
    Shared,
    /// Several people were found, and nobody guesses which it is.
    Tie,
    /// Nobody was found.
    Unresolved,
}

/// Seats that are alike.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seats {
    /// In which profile.
    pub profile: Name,
    /// Of what.
    pub identifier: Identifier,
    /// Whose.
    pub owner: Owner,
    /// Whether they use rights.
    pub standing: Standing,
    /// Who holds them.
    pub holder: Holder,
    /// How many.
    pub count: u64,
}

/// How far candidates are that savings come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SavingsKind {
    /// Open: what taking the seats back would save.
    Potential,
    /// Closed complete within a year: what it does save.
    Realised,
}

impl SavingsKind {
    /// The word in listings.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Potential => "potential",
            Self::Realised => "realised",
        }
    }
}

/// What a candidate's record says that its right costs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Saving {
    /// The amount.
    pub amount: Decimal,
    /// In which currency.
    pub currency: Currency,
    /// What it is paid for.
    pub period: Period,
    /// By which entitlement.
    pub entitlement: Name,
}

/// Candidates that are alike.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candidates {
    /// In which profile.
    pub profile: Name,
    /// Of what.
    pub identifier: Identifier,
    /// Whose.
    pub owner: Owner,
    /// Open, or taken back.
    pub kind: SavingsKind,
    /// What each saves, where that is known.
    pub saving: Option<Saving>,
    /// How many.
    pub count: u64,
}

/// What a vendor says of an identifier: the numbers of its own administration pages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Purchase {
    /// In which profile.
    pub profile: Name,
    /// Of what.
    pub identifier: Identifier,
    /// Seats bought, where the vendor says so.
    pub bought: Option<u64>,
    /// Seats assigned, as the vendor counts them.
    pub assigned: u64,
    /// When it said so.
    pub read_at: Timestamp,
}

/// Everything that is counted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// Seats that are there.
    pub seats: Vec<Seats>,
    /// Candidates that are open or were completed within a year.
    pub candidates: Vec<Candidates>,
    /// What the vendors say was bought, of identifiers that are not excluded.
    pub purchases: Vec<Purchase>,
}
