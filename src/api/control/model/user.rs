//! What the control socket says of the users of seats, and of the directories that know them.

use serde::{Deserialize, Serialize};

use crate::store::holder::{HolderCounts, HolderFilter, SeatUser};
use crate::store::people::DirectoryRow;

/// Query of `GET /v1/users`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct UserQuery {
    /// Only of this profile.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// Which of them.
    pub show: HolderFilter,
    /// Without the counts, which take a look at every seat.
    pub rows_only: bool,
    /// The token that the page before gave.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// At most so many.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// Answer to `GET /v1/users`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Users {
    /// Users who hold seats, by profile and the vendor's id.
    pub rows: Vec<SeatUser>,
    /// Leads on to the next page, where there is one.
    pub next: Option<String>,
    /// How many there are of each kind, whichever are asked for; absent where rows alone are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counts: Option<HolderCounts>,
    /// The directories that they were looked for in.
    pub directories: Vec<DirectoryStatus>,
}

/// A user directory, and whether it may be gone by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DirectoryStatus {
    /// As it was last taken.
    #[serde(flatten)]
    pub directory: DirectoryRow,
    /// Why nobody counts as having left by it now.
    pub stale: Option<String>,
}
