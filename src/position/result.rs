//! What the position says, in three tiers: product, software model, license metric.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::facts::{Purchase, SavingsKind};
use crate::profile::currency::Currency;
use crate::profile::identifier::Identifier;
use crate::profile::licence::{EntitlementState, Metric, Product, YearlyCost};
use crate::profile::name::Name;

/// Whether the rights suffice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// They do.
    Compliant,
    /// More are used than there are.
    NotCompliant,
    /// An amount is beyond what can be computed exactly.
    Failed,
}

impl Status {
    /// The word in listings.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Compliant => "compliant",
            Self::NotCompliant => "not_compliant",
            Self::Failed => "failed",
        }
    }
}

/// Amounts of one currency, each of a year.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Amounts {
    /// Cost of the rights owned.
    pub total_spend: Decimal,
    /// Rights needed × the average cost of a right.
    pub true_up_cost: Decimal,
    /// Rights available × the average cost of a right, where any are available.
    pub over_licensed_amount: Decimal,
    /// Sum of what open candidates would save.
    pub potential_savings: Decimal,
    /// Sum of what candidates saved that were completed within a year.
    pub realised_savings: Decimal,
}

/// The numbers of a tier. ServiceNow's license metric result has them; the tiers above it are sums.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Numbers {
    /// Sum of the active rights of the entitlements with this metric.
    pub rights_owned: u64,
    /// Whether one of these is unlimited: then nothing is needed.
    pub unlimited: bool,
    /// Allocated in use + not allocated in use. Seats of a vendor are not allocated here, so it is the
    /// number of seats that count.
    pub rights_used: u64,
    /// Owned − used; below zero where more are used, zero where rights are unlimited.
    pub rights_available: i64,
    /// Rights that the unlicensed seats need: used − owned where that is more than nothing, less what
    /// rights to the whole product cover.
    pub rights_needed: u64,
    /// Of the shortage, what rights to the whole product cover.
    pub covered_by_product: u64,
    /// Used by seats that are open candidates.
    pub rights_stale: u64,
    /// Stale rights ÷ rights used, in per cent to two digits; absent where none is used.
    pub percent_stale: Option<Decimal>,
    /// Needed rights of which no entitlement tells a price.
    pub needed_without_price: u64,
    /// Amounts, each currency by itself: nothing is ever converted.
    pub amounts: BTreeMap<Currency, Amounts>,
}

/// An amount of a year.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Money {
    /// How much.
    pub amount: Decimal,
    /// Of what.
    pub currency: Currency,
}

/// What a person can do about a position. ServiceNow's options that remove installs, or move
/// allocations, mean nothing for seats that a vendor keeps without allocations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RemediationOption {
    /// Buy the rights that are needed.
    PurchaseRights,
    /// Take back the seats that are candidates.
    ReclaimCandidates,
}

impl RemediationOption {
    /// The word in listings.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PurchaseRights => "purchase_rights",
            Self::ReclaimCandidates => "reclaim_candidates",
        }
    }
}

/// One option, and how far it reaches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remediation {
    /// What to do.
    pub option: RemediationOption,
    /// Whether the status changes by it.
    pub affects_compliance: bool,
    /// Rights to buy, or rights that become free.
    pub actionable_rights: u64,
    /// What buying them costs in a year, where that is known.
    pub true_up_cost: Option<Money>,
}

/// Rights behind a number: one entitlement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RightsRow {
    /// The Entitlement document.
    pub entitlement: Name,
    /// How it stands; only one in use counts.
    pub state: EntitlementState,
    /// Its rights.
    pub quantity: u64,
    /// Whether they are unlimited.
    pub unlimited: bool,
    /// What they cost in a year.
    pub yearly: Option<YearlyCost>,
}

/// How many of the seats that use rights are whose, by the user directories; all nothing without one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Holders {
    /// Of people who are with us.
    pub people: u64,
    /// Of people who left.
    pub left: u64,
    /// Of programs.
    pub service: u64,
    /// Of several people.
    pub shared: u64,
    /// Of users for whom several people were found.
    pub ties: u64,
    /// Of users for whom nobody was found.
    pub unresolved: u64,
}

/// Seats behind a number: those of one identifier in one profile.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SeatsRow {
    /// The profile.
    pub profile: Name,
    /// The identifier.
    pub identifier: Identifier,
    /// How many.
    pub seats: u64,
}

/// Savings behind a number: candidates that are alike.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavingsRow {
    /// The profile.
    pub profile: Name,
    /// The identifier.
    pub identifier: Identifier,
    /// Open, or taken back.
    pub kind: SavingsKind,
    /// How many.
    pub candidates: u64,
    /// What one saves in a year, where that is known.
    pub each: Option<Money>,
}

/// What the vendors say of the seats of a tier, beside what the entitlements say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct VendorCounts {
    /// Seats bought; absent where a vendor does not say so of one of the identifiers.
    pub bought: Option<u64>,
    /// Seats assigned, as the vendors count them.
    pub assigned: u64,
    /// Bought − rights owned: what no entitlement tells of, or below zero what the vendor does not know.
    /// Absent where either is unknown or unlimited, and for a model where rights to the whole product are
    /// owned beside its own.
    pub drift: Option<i64>,
}

/// Third tier: one metric of a model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MetricResult {
    /// Which.
    pub metric: Metric,
    /// Owned − allocated: no right of a seat is allocated here, so all that are owned.
    pub not_allocated: u64,
    /// Its numbers.
    #[serde(flatten)]
    pub numbers: Numbers,
    /// The entitlements that `rights_owned` and `total_spend` come from, and those that do not count.
    pub rights: Vec<RightsRow>,
    /// The seats that `rights_used` comes from.
    pub seats: Vec<SeatsRow>,
    /// The candidates that stale rights and savings come from.
    pub savings: Vec<SavingsRow>,
}

/// Second tier: one software model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelResult {
    /// Which.
    pub software_model: Name,
    /// Whether its rights suffice.
    pub status: Status,
    /// Its numbers.
    #[serde(flatten)]
    pub numbers: Numbers,
    /// What the vendors say; absent where none does, and in groups: a vendor sells to the whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vendor: Option<VendorCounts>,
    /// The vendors' words that this comes from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub purchases: Vec<Purchase>,
    /// What a person can do about them.
    pub remediation: Vec<Remediation>,
    /// By metric.
    pub metrics: Vec<MetricResult>,
}

/// First tier: one product, in one group. It exists where a seat uses a right or an entitlement gives
/// one, with or without the other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProductResult {
    /// Publisher and product.
    #[serde(flatten)]
    pub product: Product,
    /// The group; absent for the whole, and for seats and rights of which none is known.
    pub group: Option<String>,
    /// Whether its rights suffice.
    pub status: Status,
    /// Its numbers: sums over the models, and what is owned for the whole product.
    #[serde(flatten)]
    pub numbers: Numbers,
    /// What the vendors say of its models; absent where they say nothing of any, and in groups. What was
    /// bought is absent where one with seats or rights is not told of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vendor: Option<VendorCounts>,
    /// Entitlements for the whole product.
    pub rights: Vec<RightsRow>,
    /// By model.
    pub models: Vec<ModelResult>,
}

/// Seats that use no right, and why.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ignored {
    /// Excluded by a profile or the organisation.
    pub excluded: u64,
    /// Of deactivated users.
    pub inactive: u64,
    /// Given by the vendor for nothing.
    pub free: u64,
    /// Of models that are not under management.
    pub not_under_management: u64,
}

/// The position on one day, by one grouping.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// By publisher, product and group.
    pub products: Vec<ProductResult>,
    /// Seats that use no right.
    pub ignored: Ignored,
    /// Who holds the seats that use rights.
    pub holders: Holders,
    /// Seats of identifiers that no software model has: nobody can say which right they use.
    pub unrecognized: BTreeMap<Identifier, u64>,
}
