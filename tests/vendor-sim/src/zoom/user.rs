//! A user as the simulated account knows them. Rows are built on demand by
//! [`generate`](super::generate) or, once edited, taken from the [`world`](super::world)'s overlay;
//! the answers are written from them.

use std::borrow::Cow;

use crate::zoom::products::Products;

/// Text that is usually from a table and sometimes set by an edit.
pub(crate) type Text = Cow<'static, str>;

/// A user. Times are seconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct User {
    pub(crate) index: u32,
    pub(crate) id: String,
    pub(crate) email: String,
    pub(crate) first_name: Text,
    pub(crate) last_name: Text,
    pub(crate) dept: Option<Text>,
    pub(crate) job_title: Option<Text>,
    pub(crate) location: Option<Text>,
    pub(crate) timezone: Option<Text>,
    pub(crate) status: Status,
    /// Zoom's `type`: 1 Basic, 2 Licensed, 4 without Meetings, 99 none; others pass through.
    pub(crate) kind: u64,
    /// "0" owner, "1" admin, "2" member, else a custom role.
    pub(crate) role_id: Text,
    pub(crate) group_ids: Vec<String>,
    pub(crate) created: i64,
    pub(crate) last_login: Option<i64>,
    pub(crate) client_version: Option<Text>,
    pub(crate) employee_id: Option<String>,
    pub(crate) pmi: u64,
    pub(crate) sso: bool,
    pub(crate) room: bool,
    /// A call-queue manager or auto-receptionist operator, whom Zoom does not let go (1000).
    pub(crate) queue_manager: bool,
    pub(crate) cost_center: Option<Text>,
    pub(crate) features: Features,
    pub(crate) bundle: Option<Bundle>,
    /// Settings that differ from the account's defaults.
    pub(crate) preferences: Option<serde_json::Value>,
}

/// What a user is licensed for beside the base seat.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Features {
    /// The capacity of the webinar add-on.
    pub(crate) webinar: Option<u32>,
    /// The capacity of the large-meeting add-on.
    pub(crate) large_meeting: Option<u32>,
    /// The capacity of Zoom Events.
    pub(crate) events: Option<u32>,
    /// Has published Zoom Events that are still to come.
    pub(crate) upcoming_event: bool,
    /// The capacity of Webinars Plus.
    pub(crate) webinars_plus: Option<u32>,
    /// Assigned one by one; what a bundle brings is not among them.
    pub(crate) products: Products,
    /// Other switches of `feature`, kept as they were written.
    pub(crate) other: Vec<(String, serde_json::Value)>,
}

/// A seat that comes from a bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Bundle {
    /// Zoom One / Zoom Workplace, with its `zoom_one_type`.
    ZoomOne(u64),
    /// Zoom United, with its `plan_united_type`.
    United(Text),
}

/// Where a user stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Status {
    Active,
    Inactive,
    Pending,
    /// No longer in the account; only reports still know them.
    Gone,
}

impl Status {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Inactive => "inactive",
            Self::Pending => "pending",
            Self::Gone => "gone",
        }
    }
}

impl User {
    pub(crate) const LICENSED: u64 = 2;
    pub(crate) const BASIC: u64 = 1;

    pub(crate) fn display_name(&self) -> String {
        if self.last_name.is_empty() {
            return self.first_name.clone().into_owned();
        }
        format!("{} {}", self.first_name, self.last_name)
    }

    /// Whether they hold a seat that is paid for.
    pub(crate) const fn licensed(&self) -> bool {
        self.kind == Self::LICENSED
    }

    pub(crate) fn owner(&self) -> bool {
        self.role_id == "0"
    }

    pub(crate) fn admin(&self) -> bool {
        self.role_id == "1"
    }

    /// Whether they can be seen under `GET /users/{id}`.
    pub(crate) fn exists(&self) -> bool {
        self.status != Status::Gone
    }

    /// Whether they may host and schedule meetings at all.
    pub(crate) const fn may_host(&self) -> bool {
        !matches!(self.kind, 4 | 99)
    }

    /// The part of the address after `@`, in lower case.
    pub(crate) fn domain(&self) -> String {
        self.email
            .rsplit_once('@')
            .map_or_else(String::new, |(_, domain)| domain.to_ascii_lowercase())
    }
}
