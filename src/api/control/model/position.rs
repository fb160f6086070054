//! What the control socket says of the licence position.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::position::facts::Grouping;
use crate::position::result::ProductResult;
use crate::position::row::PositionRow;
use crate::store::position::PositionRun;

/// Query of `GET /v1/position`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PositionQuery {
    /// Only of this publisher.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub publisher: Option<String>,
    /// Only of this product.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub product: Option<String>,
    /// By what seats and rights are told apart.
    pub group: Grouping,
    /// The run of this number instead of the latest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<i64>,
}

/// Answer to `GET /v1/position`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PositionAnswer {
    /// When and why it was computed, and which seats are left out.
    pub run: PositionRun,
    /// By what seats and rights are told apart.
    pub group: Grouping,
    /// By product and group, with the tiers below and the rows behind each number.
    pub products: Vec<ProductResult>,
}

/// Query of `GET /v1/position/runs`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PositionRunQuery {
    /// Runs before the one of this number: the next page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<i64>,
    /// At most so many, the latest first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// Query of `GET /v1/position/rows`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PositionRowQuery {
    /// By department, cost centre, company and country instead of the whole.
    pub grouped: bool,
    /// The token that the page before gave.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// The rows of at most so many products.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// A row of `GET /v1/position/rows`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PositionRowOfRun {
    /// The position's number.
    pub run: i64,
    /// When it was computed.
    pub calculated_at: Timestamp,
    /// The day that entitlements stood on, in the settings' zone.
    pub day: Date,
    /// By what seats and rights are told apart.
    pub grouping: Grouping,
    /// What it says.
    #[serde(flatten)]
    pub row: PositionRow,
}

/// Query of `GET /v1/report/candidates`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ReportCandidateQuery {
    /// At most so many.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}
