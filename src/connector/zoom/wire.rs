//! Zoom's answers, as far as we read them. Fields that are not here are skipped without being kept.

use serde::Deserialize;

use crate::connector::lenient::{Flag, Number, OneOrMany, Text};

/// A page of `GET /users`.
#[derive(Debug, Deserialize)]
pub(super) struct UsersPage<'a> {
    #[serde(borrow, default)]
    pub(super) next_page_token: Text<'a>,
    #[serde(default)]
    pub(super) total_records: Number,
    #[serde(borrow)]
    pub(super) users: Vec<User<'a>>,
}

/// `GET /users/me`, as far as it tells the account.
#[derive(Debug, Deserialize)]
pub(super) struct Me<'a> {
    #[serde(borrow, default)]
    pub(super) account_id: Text<'a>,
    #[serde(borrow, default)]
    pub(super) id: Text<'a>,
}

/// A row of it, and `GET /users/{id}`. Pending users have no id.
#[derive(Debug, Deserialize)]
pub(super) struct User<'a> {
    #[serde(borrow, default)]
    pub(super) id: Text<'a>,
    #[serde(borrow, default)]
    pub(super) email: Text<'a>,
    #[serde(borrow, default)]
    pub(super) display_name: Text<'a>,
    #[serde(borrow, default)]
    pub(super) first_name: Text<'a>,
    #[serde(borrow, default)]
    pub(super) last_name: Text<'a>,
    #[serde(borrow, default)]
    pub(super) dept: Text<'a>,
    #[serde(rename = "type", default)]
    pub(super) kind: Number,
    #[serde(borrow, default)]
    pub(super) status: Text<'a>,
    #[serde(borrow, default)]
    pub(super) role_id: Text<'a>,
    #[serde(rename = "user_created_at", borrow, default)]
    pub(super) created_at: Text<'a>,
    #[serde(borrow, default)]
    pub(super) last_login_time: Text<'a>,
    #[serde(borrow, default)]
    pub(super) plan_united_type: Text<'a>,
    #[serde(default)]
    pub(super) zoom_one_type: Number,
    #[serde(borrow, default)]
    pub(super) license_info_list: OneOrMany<LicenseInfo<'a>>,
}

/// One of several subscriptions that give a user its licence.
#[derive(Debug, Deserialize)]
pub(super) struct LicenseInfo<'a> {
    #[serde(borrow, default)]
    pub(super) license_type: Text<'a>,
    #[serde(default)]
    pub(super) license_option: Number,
}

/// `GET /users/{id}/settings`.
#[derive(Debug, Deserialize)]
pub(super) struct Settings<'a> {
    #[serde(borrow, default)]
    pub(super) feature: Feature<'a>,
}

/// The licences among the settings. Switches and capacities come in pairs of one stem.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Feature<'a> {
    pub(super) webinar: Flag,
    pub(super) webinar_capacity: Number,
    pub(super) large_meeting: Flag,
    pub(super) large_meeting_capacity: Number,
    pub(super) zoom_events: Flag,
    pub(super) zoom_events_capacity: Number,
    pub(super) zoom_sessions_unlimited: Flag,
    pub(super) zoom_sessions_unlimited_capacities: OneOrMany<Number>,
    pub(super) zoom_webinars_plus_unlimited: Flag,
    pub(super) zoom_webinars_plus_unlimited_capacities: OneOrMany<Number>,
    pub(super) zoom_phone: Flag,
    pub(super) zoom_scheduler: Flag,
    pub(super) zoom_docs: Flag,
    pub(super) zoom_mail_calendar: Flag,
    pub(super) zoom_team_chat: Flag,
    pub(super) zoom_visitor_management: Flag,
    pub(super) zoom_whiteboard: Flag,
    pub(super) zoom_whiteboard_plus: Flag,
    pub(super) zoom_clips_plus: Flag,
    pub(super) zoom_translated_captions: Flag,
    pub(super) zoom_customer_managed_key: Flag,
    #[serde(borrow)]
    pub(super) license_info_list: OneOrMany<LicenseInfo<'a>>,
}

/// A page of `GET /report/users`.
#[derive(Debug, Deserialize)]
pub(super) struct HostsPage<'a> {
    #[serde(borrow, default)]
    pub(super) next_page_token: Text<'a>,
    #[serde(default)]
    pub(super) total_records: Number,
    #[serde(borrow)]
    pub(super) users: Vec<Host<'a>>,
}

/// A row of it.
#[derive(Debug, Deserialize)]
pub(super) struct Host<'a> {
    #[serde(borrow, default)]
    pub(super) id: Text<'a>,
    #[serde(borrow, default)]
    pub(super) email: Text<'a>,
    #[serde(default)]
    pub(super) meetings: Number,
}

/// A page of `GET /report/users/{userId}/meetings`.
#[derive(Debug, Deserialize)]
pub(super) struct HostPage<'a> {
    #[serde(borrow, default)]
    pub(super) next_page_token: Text<'a>,
    #[serde(default)]
    pub(super) total_records: Number,
    #[serde(borrow)]
    pub(super) meetings: Vec<TookPlace<'a>>,
}

/// A row of it.
#[derive(Debug, Deserialize)]
pub(super) struct TookPlace<'a> {
    #[serde(borrow, default)]
    pub(super) uuid: Text<'a>,
    #[serde(rename = "type", default)]
    pub(super) kind: Number,
    #[serde(borrow, default)]
    pub(super) start_time: Text<'a>,
}

/// A page of `GET /report/history_meetings`.
#[derive(Debug, Deserialize)]
pub(super) struct HistoryPage<'a> {
    #[serde(borrow, default)]
    pub(super) next_page_token: Text<'a>,
    #[serde(borrow)]
    pub(super) history_meetings: Vec<PastMeeting<'a>>,
}

/// A row of it.
#[derive(Debug, Deserialize)]
pub(super) struct PastMeeting<'a> {
    #[serde(borrow, default)]
    pub(super) meeting_uuid: Text<'a>,
    #[serde(borrow, default)]
    pub(super) host_email: Text<'a>,
    #[serde(borrow, default)]
    pub(super) start_time: Text<'a>,
}

/// A page of `GET /users/{id}/meetings` or `…/webinars`.
#[derive(Debug, Deserialize)]
pub(super) struct ListedPage<'a> {
    #[serde(borrow, default)]
    pub(super) next_page_token: Text<'a>,
    #[serde(default)]
    pub(super) page_number: Number,
    #[serde(default)]
    pub(super) page_count: Number,
    #[serde(default)]
    pub(super) total_records: Number,
    #[serde(borrow, alias = "webinars")]
    pub(super) meetings: Vec<Listed<'a>>,
}

/// A row of it.
#[derive(Debug, Deserialize)]
pub(super) struct Listed<'a> {
    #[serde(borrow, default)]
    pub(super) uuid: Text<'a>,
    #[serde(borrow, default)]
    pub(super) start_time: Text<'a>,
}

/// `GET /accounts/me/plans/usage`. Older answers and master accounts give lists where one object is
/// documented.
#[derive(Debug, Deserialize)]
pub(super) struct PlanUsage<'a> {
    #[serde(rename = "plan_base", borrow, default)]
    pub(super) base: OneOrMany<PlanLine<'a>>,
    #[serde(rename = "plan_zoom_one", borrow, default)]
    pub(super) zoom_one: OneOrMany<PlanLine<'a>>,
    #[serde(rename = "plan_united", borrow, default)]
    pub(super) united: OneOrMany<PlanLine<'a>>,
    #[serde(rename = "plan_webinar", borrow, default)]
    pub(super) webinar: OneOrMany<PlanLine<'a>>,
    #[serde(rename = "plan_large_meeting", borrow, default)]
    pub(super) large_meeting: OneOrMany<PlanLine<'a>>,
    #[serde(rename = "plan_zoom_events", borrow, default)]
    pub(super) zoom_events: OneOrMany<PlanLine<'a>>,
    #[serde(rename = "plan_whiteboard", borrow, default)]
    pub(super) whiteboard: OneOrMany<PlanLine<'a>>,
    #[serde(rename = "plan_ztransl", borrow, default)]
    pub(super) translated_captions: OneOrMany<PlanLine<'a>>,
    #[serde(rename = "plan_zsched", borrow, default)]
    pub(super) scheduler: OneOrMany<PlanLine<'a>>,
}

/// One plan of it.
#[derive(Debug, Deserialize)]
pub(super) struct PlanLine<'a> {
    #[serde(default)]
    pub(super) hosts: Number,
    #[serde(default)]
    pub(super) usage: Number,
    #[serde(default)]
    pub(super) active_hosts: Number,
    #[serde(default)]
    pub(super) pending: Number,
    #[serde(rename = "type", borrow, default)]
    pub(super) plan: Text<'a>,
}

/// `GET /users/summary`.
#[derive(Debug, Deserialize)]
pub(super) struct Summary {
    #[serde(default)]
    pub(super) licensed_users_count: Number,
    #[serde(default)]
    pub(super) basic_users_count: Number,
}

/// The error envelope. `errors` names fields; the token endpoint has another envelope.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Refused<'a> {
    #[serde(borrow, default)]
    pub(super) code: Text<'a>,
    #[serde(borrow, default)]
    pub(super) message: Text<'a>,
    #[serde(borrow, default)]
    pub(super) errors: OneOrMany<FieldRefused<'a>>,
}

/// One field of it.
#[derive(Debug, Deserialize)]
pub(super) struct FieldRefused<'a> {
    #[serde(borrow, default)]
    pub(super) field: Text<'a>,
    #[serde(borrow, default)]
    pub(super) message: Text<'a>,
}
