//! The checked settings, defaults applied. A value of these types is valid by construction.

use std::collections::BTreeMap;
use std::path::PathBuf;

use jiff::tz::TimeZone;

use super::guards::Guards;
use crate::secret::SecretRef;
use crate::yaml::duration::Span;

/// The daemon's settings.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// The zone of schedules, windows and last days (default UTC).
    pub time_zone: TimeZone,
    /// Whether anything may be written to a vendor at all (default no).
    pub writes: bool,
    /// The usage socket.
    pub usage: UsageSettings,
    /// The control socket.
    pub control: ControlSettings,
    /// Where connections may go beside the vendors' own domains.
    pub connections: ConnectionSettings,
    /// Where secret files may lie.
    pub secrets: SecretSettings,
    /// The profiles folder.
    pub profiles: ProfileSettings,
    /// Ceilings of the guards.
    pub guards: Guards,
    /// Who is told, and how.
    pub notifications: NotificationSettings,
    /// How long things are kept.
    pub retention: RetentionSettings,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            time_zone: TimeZone::UTC,
            writes: false,
            usage: UsageSettings::default(),
            control: ControlSettings::default(),
            connections: ConnectionSettings::default(),
            secrets: SecretSettings::default(),
            profiles: ProfileSettings::default(),
            guards: Guards::default(),
            notifications: NotificationSettings::default(),
            retention: RetentionSettings::default(),
        }
    }
}

impl Settings {
    /// The keys whose values in `newer` are not in force before a restart. `usage` is taken over by
    /// a reload.
    pub(super) fn waiting_for_restart(&self, newer: &Self) -> Vec<&'static str> {
        let Self {
            time_zone,
            writes,
            usage: _,
            control,
            connections,
            secrets,
            profiles,
            guards,
            notifications,
            retention,
        } = self;
        [
            ("time_zone", *time_zone != newer.time_zone),
            ("writes", *writes != newer.writes),
            ("control", *control != newer.control),
            ("connections", *connections != newer.connections),
            ("secrets", *secrets != newer.secrets),
            ("profiles", *profiles != newer.profiles),
            ("guards", *guards != newer.guards),
            ("notifications", *notifications != newer.notifications),
            ("retention", *retention != newer.retention),
        ]
        .into_iter()
        .filter_map(|(key, differs)| differs.then_some(key))
        .collect()
    }
}

/// A user or group of the host as the settings name it; the socket rooms resolve names to ids.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Principal {
    /// A uid or gid.
    Id(u32),
    /// A user's or group's name.
    Name(String),
}

/// Who holds a role.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Principals {
    /// Users, by name or uid.
    pub users: Vec<Principal>,
    /// Groups, by name or gid; primary and supplementary ones count alike.
    pub groups: Vec<Principal>,
}

impl Principals {
    fn group(name: &str) -> Self {
        Self {
            users: Vec::new(),
            groups: vec![Principal::Name(name.to_owned())],
        }
    }
}

/// Who may push usage records, in the roles of the API that the usage socket speaks. A developer
/// may do what an admin may, an admin what a user may.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageRoles {
    /// May push (default: the group `seatsync-usage`).
    pub sam_admin: Principals,
    /// May push.
    pub sam_developer: Principals,
    /// May not push.
    pub sam_user: Principals,
}

impl Default for UsageRoles {
    fn default() -> Self {
        Self {
            sam_admin: Principals::group("seatsync-usage"),
            sam_developer: Principals::default(),
            sam_user: Principals::default(),
        }
    }
}

/// The usage socket.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UsageSettings {
    /// Who may push.
    pub roles: UsageRoles,
    /// Users who may report only for these configuration items; others may report for any.
    pub bind: BTreeMap<Principal, Vec<String>>,
    /// Keep one record per user beside configuration item, product, month and year.
    pub include_user_in_key: bool,
    /// Refuse a whole batch for one bad item.
    pub strict_batches: bool,
    /// Let the record with the newer last-used date win, not the one that came last.
    pub newest_wins: bool,
    /// How often a user may push (default: as often as it likes).
    pub rate_limit: Option<RateLimit>,
}

/// How often a user may push.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimit {
    /// Requests of each user in each hour of the clock.
    pub requests_per_hour: u32,
}

/// The control socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ControlSettings {
    /// May read (default: nobody beside the operators).
    pub viewers: Principals,
    /// May do everything (default: the group `seatsync-admin`).
    pub operators: Principals,
}

impl Default for ControlSettings {
    fn default() -> Self {
        Self {
            viewers: Principals::default(),
            operators: Principals::group("seatsync-admin"),
        }
    }
}

/// Where connections may go beside the vendors' own domains.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConnectionSettings {
    /// Host names, `*.` for subdomains, with a port where only that one is meant. Loopback is
    /// listed here too, and only loopback may be plain http.
    pub allowed_hosts: Vec<String>,
}

/// Where secret files may lie, beside the service manager's credentials.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SecretSettings {
    /// Absolute folders.
    pub directories: Vec<PathBuf>,
}

/// The profiles folder.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ProfileSettings {
    /// Whether a folder without a single document is meant so.
    pub allow_empty: bool,
}

/// Who is told, and how. Nothing is sent where nothing is set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NotificationSettings {
    /// Mail.
    pub smtp: Option<SmtpSettings>,
    /// A POST per event.
    pub webhook: Option<WebhookSettings>,
    /// Where people answer; a slash and the answer's token are appended to it.
    pub answer_url: Option<String>,
    /// A folder with texts of mail that stand in for the built-in ones.
    pub templates: Option<PathBuf>,
}

/// How mail goes out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SmtpSettings {
    /// The relay's name.
    pub host: String,
    /// Its port (default 587).
    pub port: u16,
    /// How the wire is protected (default STARTTLS).
    pub tls: SmtpTls,
    /// The sender's address, with or without a name.
    pub from: String,
    /// Who is told what concerns no single user; empty for nobody.
    pub to: Vec<String>,
    /// The relay's user.
    pub username: Option<String>,
    /// That user's password.
    pub password: Option<SecretRef>,
}

/// How the wire to the relay is protected.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum SmtpTls {
    /// Plain, then STARTTLS; without it nothing is sent.
    #[default]
    StartTls,
    /// TLS from the first byte.
    Implicit,
    /// None; for a relay on this host.
    None,
}

/// Where events are posted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookSettings {
    /// An https address, or an http one on loopback.
    pub url: String,
    /// Signs the body with HMAC-SHA-256.
    pub secret: Option<SecretRef>,
}

/// How long things are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetentionSettings {
    /// Ended subscriptions, and all data of a removed profile.
    pub subscriptions: Span,
    /// Activity, by day.
    pub activity: Span,
    /// Job results.
    pub job_results: Span,
    /// Closed candidates.
    pub candidates: Span,
    /// Events shown to people.
    pub events: Span,
    /// The audit log.
    pub audit: Span,
    /// Usage records.
    pub usage: Span,
}

impl Default for RetentionSettings {
    fn default() -> Self {
        Self {
            subscriptions: Span::days(400),
            activity: Span::days(400),
            job_results: Span::days(90),
            candidates: Span::days(1_095),
            events: Span::days(90),
            audit: Span::days(1_095),
            usage: Span::days(1_095),
        }
    }
}
