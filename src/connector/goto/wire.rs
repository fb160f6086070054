//! GoTo's answers, as far as we read them. Fields that are not here are skipped without being kept.

use serde::Deserialize;

use super::key::Key;
use crate::connector::lenient::{Flag, Number, Text};

/// One of the four envelopes of refusals, whichever members it has.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Refused<'a> {
    #[serde(rename = "int_err_code", borrow)]
    pub(super) int_err_code: Text<'a>,
    #[serde(borrow)]
    pub(super) msg: Text<'a>,
    #[serde(borrow)]
    pub(super) error_code: Text<'a>,
    #[serde(borrow)]
    pub(super) message: Text<'a>,
    #[serde(borrow)]
    pub(super) description: Text<'a>,
    #[serde(borrow)]
    pub(super) incident: Text<'a>,
    /// Of the Admin API, in some answers.
    #[serde(borrow)]
    pub(super) code: Text<'a>,
}

/// `GET /me`
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Me<'a> {
    #[serde(borrow, default)]
    pub(super) email: Text<'a>,
    #[serde(borrow, default)]
    pub(super) account_key: Key<'a>,
    #[serde(borrow, default)]
    pub(super) accounts: Vec<AccountRow<'a>>,
    #[serde(borrow, default)]
    pub(super) admin_roles: Vec<Text<'a>>,
}

/// An account of a login.
#[derive(Debug, Deserialize)]
pub(super) struct AccountRow<'a> {
    #[serde(borrow, default)]
    pub(super) key: Key<'a>,
    #[serde(borrow, default)]
    pub(super) name: Text<'a>,
}

/// A page of users. GoTo leaves `results` out when there is nobody.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct UsersPage<'a> {
    #[serde(borrow, default)]
    pub(super) results: Vec<User<'a>>,
    #[serde(default)]
    pub(super) to_index: Number,
    #[serde(default)]
    pub(super) total: Number,
}

/// A row of it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct User<'a> {
    #[serde(borrow, default)]
    pub(super) key: Key<'a>,
    #[serde(borrow, default)]
    pub(super) email: Text<'a>,
    #[serde(borrow, default)]
    pub(super) first_name: Text<'a>,
    #[serde(borrow, default)]
    pub(super) last_name: Text<'a>,
    #[serde(borrow, default)]
    pub(super) status: Text<'a>,
    #[serde(default)]
    pub(super) admin: Flag,
    #[serde(borrow, default)]
    pub(super) admin_roles: Vec<Text<'a>>,
    #[serde(borrow, default)]
    pub(super) group_name: Text<'a>,
    #[serde(borrow, default)]
    pub(super) license_keys: Vec<Key<'a>>,
}

/// A page of licences.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LicensesPage<'a> {
    #[serde(borrow, default)]
    pub(super) results: Vec<LicenseRow<'a>>,
    #[serde(default)]
    pub(super) to_index: Number,
    #[serde(default)]
    pub(super) total: Number,
}

/// A row of it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LicenseRow<'a> {
    #[serde(borrow)]
    pub(super) key: Key<'a>,
    #[serde(default)]
    pub(super) seats: Number,
    #[serde(default)]
    pub(super) user_count: Number,
    /// Absent counts as on.
    #[serde(default)]
    pub(super) enabled: Option<bool>,
    #[serde(borrow, default)]
    pub(super) description: Text<'a>,
    #[serde(borrow, default)]
    pub(super) user_keys: Vec<Key<'a>>,
    #[serde(borrow, default)]
    pub(super) invited_user_keys: Vec<Key<'a>>,
    #[serde(borrow, default)]
    pub(super) products: Vec<Text<'a>>,
    #[serde(borrow, default)]
    pub(super) child_license_keys: Vec<Key<'a>>,
    #[serde(default)]
    pub(super) externally_managed: Flag,
}

/// A meeting that took place.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Meeting<'a> {
    #[serde(borrow, default)]
    pub(super) start_time: Text<'a>,
}

/// A page of webinar sessions, in HAL. Without any, `_embedded` is absent.
#[derive(Debug, Deserialize)]
pub(super) struct SessionsPage<'a> {
    #[serde(rename = "_embedded", borrow, default)]
    pub(super) embedded: EmbeddedSessions<'a>,
    #[serde(default)]
    pub(super) page: HalPage,
}

/// The list within.
#[derive(Debug, Default, Deserialize)]
pub(super) struct EmbeddedSessions<'a> {
    #[serde(rename = "sessionInfoResources", borrow, default)]
    pub(super) sessions: Vec<WebinarSession<'a>>,
}

/// HAL's place.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct HalPage {
    pub(super) total_elements: Number,
    pub(super) total_pages: Number,
    pub(super) number: Number,
}

/// A webinar that took place.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct WebinarSession<'a> {
    #[serde(borrow, default)]
    pub(super) session_key: Key<'a>,
    #[serde(borrow, default)]
    pub(super) start_time: Text<'a>,
    #[serde(borrow, default)]
    pub(super) creating_organizer_key: Key<'a>,
    #[serde(borrow, default)]
    pub(super) starting_organizer_key: Key<'a>,
}

/// A page of webinars that are planned, in HAL. Without any, `_embedded` is absent.
#[derive(Debug, Deserialize)]
pub(super) struct ScheduledWebinars<'a> {
    #[serde(rename = "_embedded", borrow, default)]
    pub(super) embedded: EmbeddedWebinars<'a>,
    #[serde(default)]
    pub(super) page: HalPage,
}

/// The list within.
#[derive(Debug, Default, Deserialize)]
pub(super) struct EmbeddedWebinars<'a> {
    #[serde(borrow, default)]
    pub(super) webinars: Vec<ScheduledWebinar<'a>>,
}

/// A webinar that is planned.
#[derive(Debug, Deserialize)]
pub(super) struct ScheduledWebinar<'a> {
    #[serde(borrow, default)]
    pub(super) times: Vec<PlannedTime<'a>>,
}

/// One of its times.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PlannedTime<'a> {
    #[serde(borrow, default)]
    pub(super) end_time: Text<'a>,
}

/// A training that took place.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Training<'a> {
    #[serde(borrow, default)]
    pub(super) session_start_time: Text<'a>,
}

/// Support sessions.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SupportSessions<'a> {
    #[serde(default)]
    pub(super) total_num_sessions: Number,
    #[serde(borrow, default)]
    pub(super) sessions: Vec<SupportSession<'a>>,
}

/// One of them.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SupportSession<'a> {
    #[serde(borrow, default)]
    pub(super) started_at: Text<'a>,
    #[serde(borrow, default)]
    pub(super) expert_user_key: Key<'a>,
    #[serde(borrow, default)]
    pub(super) expert_email: Text<'a>,
}

/// A page of GoToConnect's lists that go on by a marker.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct MarkedPage<'a, T> {
    #[serde(default = "Vec::new")]
    pub(super) items: Vec<T>,
    #[serde(borrow, default)]
    pub(super) next_page_marker: Text<'a>,
}

/// Somebody with phone lines.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LineUser<'a> {
    #[serde(borrow, default)]
    pub(super) user_key: Key<'a>,
    #[serde(borrow, default)]
    pub(super) lines: Vec<Line<'a>>,
}

/// A phone line.
#[derive(Debug, Deserialize)]
pub(super) struct Line<'a> {
    #[serde(borrow, default)]
    pub(super) name: Text<'a>,
}

/// A call by the key of whom it was of.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CallLeg<'a> {
    #[serde(borrow, default)]
    pub(super) leg_id: Key<'a>,
    #[serde(borrow, default)]
    pub(super) user_key: Key<'a>,
    #[serde(borrow, default)]
    pub(super) direction: Text<'a>,
    #[serde(borrow, default)]
    pub(super) start_time: Text<'a>,
    #[serde(borrow, default)]
    pub(super) answer_time: Text<'a>,
}

/// A call of the call-events report.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CallSummary<'a> {
    #[serde(borrow, default)]
    pub(super) conversation_space_id: Key<'a>,
    #[serde(borrow, default)]
    pub(super) direction: Text<'a>,
    #[serde(borrow, default)]
    pub(super) call_created: Text<'a>,
    /// Absent where the report does not tell it, `null` where nobody answered.
    #[serde(borrow, default, deserialize_with = "told")]
    pub(super) call_answered: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub(super) participants: Vec<Participant<'a>>,
}

/// A member that is there, `null` included.
fn told<'de: 'a, 'a, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Text<'a>>, D::Error> {
    Text::deserialize(deserializer).map(Some)
}

/// Somebody in a call.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Participant<'a> {
    #[serde(borrow, default)]
    pub(super) user_key: Key<'a>,
}

/// A page of the user-activity report, which has no total and no marker.
#[derive(Debug, Deserialize)]
pub(super) struct ReportPage<'a> {
    #[serde(borrow, default)]
    pub(super) items: Vec<UserCalls<'a>>,
}

/// Somebody's calls in numbers. The id is the phone system's and leads nowhere.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct UserCalls<'a> {
    #[serde(borrow, default)]
    pub(super) user_id: Key<'a>,
    #[serde(borrow, default)]
    pub(super) user_name: Text<'a>,
    #[serde(borrow, default)]
    pub(super) user_alternative_names: Vec<Text<'a>>,
    #[serde(default)]
    pub(super) data_values: CallNumbers,
}

/// The numbers. Durations are milliseconds, whatever the document says.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct CallNumbers {
    pub(super) inbound_volume: Number,
    pub(super) inbound_duration: Number,
    pub(super) outbound_volume: Number,
}
