//! What can go wrong at Zoom beside what goes wrong at any vendor: its refusals, and the shapes its
//! answers were seen in.

use serde::{Deserialize, Serialize};

use crate::fault;
use crate::zoom::endpoint::Endpoint;
use crate::zoom::limits::TooMany;

/// A rule for requests to Zoom.
pub type Fault = fault::Fault<Endpoint, Action>;

/// Which requests to Zoom a rule picks.
pub type When = fault::When<Endpoint>;

/// What happens to a request.
pub type Action = fault::Action<Refusal, TooMany, Shape>;

/// The rules in force.
pub(crate) type Faults = fault::Faults<Endpoint, Action>;

/// Zoom's refusals that a rule may ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// 401, code 124: expired.
    ExpiredToken,
    /// 400, code 124: invalid, with the other status seen in the field.
    InvalidToken400,
    /// 400, code 4711.
    MissingScope,
    /// 403: the role lost the permission.
    Forbidden,
    /// 404, code 1001.
    NoSuchUser,
    /// 400, code 1010.
    NotInAccount,
    /// 400, code 1120.
    InviteExpired,
    /// 400, code 3161.
    NoHosting,
    /// 400, code 200: webinar plan missing.
    WebinarPlanMissing,
    /// 400, code 300: bad page token.
    BadPageToken,
    /// 400, code 200: "No permission."
    NoPermission,
    /// 500 with a JSON body.
    InternalError,
    /// 503 with a JSON body.
    Unavailable,
}

/// Shapes of answers that differ from the documented one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// `custom_attributes` as one object instead of an array.
    CustomAttributesObject,
    /// `custom_attributes` as an array.
    CustomAttributesArray,
    /// `plan_base` and `plan_zoom_rooms` as arrays.
    PlanBaseArray,
    /// A row's `group` as text instead of an array.
    GroupString,
    /// `zoom_one_type` beyond what a double holds exactly.
    HugeZoomOneType,
    /// Members nobody knows, everywhere.
    UnknownFields,
    /// A user `type` nobody knows.
    UnknownType,
}
