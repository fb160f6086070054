//! The raw shape of the settings to checked ones, every mistake in one go.

use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;
use lettre::message::Mailbox;

use super::guards::{GuardLimits, Guards};
use super::model::{
    ConnectionSettings, ControlSettings, NotificationSettings, Principals, ProfileSettings,
    RateLimit, RetentionSettings, SecretSettings, Settings, SmtpSettings, UsageRoles,
    UsageSettings, WebhookSettings,
};
use super::raw::{
    RawControl, RawGuards, RawNotifications, RawPrincipals, RawRateLimit, RawRetention,
    RawSettings, RawSmtp, RawUsage, RawWebhook,
};
use crate::secret::SecretRef;
use crate::yaml::diagnostic::{Diagnostic, Findings};
use crate::yaml::read::{At, Read, Whole};
use crate::yaml::text::Text;
use crate::yaml::tree;

/// Where the settings are looked for when nobody says otherwise.
pub const DEFAULT_PATH: &str = "/etc/seatsync/seatsync.yaml";

/// The name of the file that stops every write to a vendor while it is there.
const STOP_FILE: &str = "stop-writes";

/// Where that file may lie: beside the settings file, and in the default place.
pub fn stop_files(path: Option<&Path>) -> Vec<PathBuf> {
    let default = Path::new(DEFAULT_PATH);
    let mut files = vec![default.with_file_name(STOP_FILE)];
    let beside = path.unwrap_or(default).with_file_name(STOP_FILE);
    if !files.contains(&beside) {
        files.push(beside);
    }
    files
}

/// The settings in the file at `path`; the defaults when there is no such file and nobody named it.
pub fn load(path: Option<&Path>) -> Result<Settings, Vec<Diagnostic>> {
    let file = path.unwrap_or(Path::new(DEFAULT_PATH));
    match std::fs::read(file) {
        Ok(bytes) => read(file, bytes),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && path.is_none() => {
            Ok(Settings::default())
        }
        Err(error) => {
            let message = format!("the settings cannot be read: {error}");
            Err(vec![Diagnostic::error(file, "settings::file", message)])
        }
    }
}

/// A warning of what the file says and the running daemon does not know yet, because only a restart
/// takes it over. Nothing where the file is wrong, which is told elsewhere.
pub fn not_in_force(in_force: &Settings, path: Option<&Path>) -> Option<Diagnostic> {
    let waiting = in_force.waiting_for_restart(&load(path).ok()?);
    if waiting.is_empty() {
        return None;
    }
    let file = path.unwrap_or(Path::new(DEFAULT_PATH));
    let message = format!(
        "the settings on disk differ from those in force in `{}`",
        waiting.join("`, `")
    );
    let mut found = Diagnostic::error(file, "settings::not_in_force", message);
    found
        .warn()
        .help("a restart takes them over: `systemctl restart seatsync`; a reload takes over only what concerns `usage`");
    Some(found)
}

/// The settings that `bytes`, the content of `file`, say.
pub fn read(file: &Path, bytes: Vec<u8>) -> Result<Settings, Vec<Diagnostic>> {
    let Ok(text) = String::from_utf8(bytes) else {
        let message = "the settings are not UTF-8 text".to_owned();
        return Err(vec![Diagnostic::error(file, "settings::file", message)]);
    };
    let text = Text::new(text);
    let mut findings = Findings::of(file);
    let mut settings = Settings::default();
    let mut documents = text.documents().into_iter();
    if let Some(document) = documents.next()
        && let Some(node) = tree::parse(&text, document, &mut findings)
        && let Some(raw) = RawSettings::read(&node, &mut findings)
    {
        settings = checked(raw, &mut findings);
    }
    if let Some(second) = documents.next() {
        let region = text.start_of(second);
        findings.error("settings::file", region, "settings are one document");
    }
    if findings.errors() == 0 {
        Ok(settings)
    } else {
        Err(findings.into_list(&text))
    }
}

fn checked(raw: RawSettings, to: &mut Findings) -> Settings {
    let default = Settings::default();
    Settings {
        time_zone: match raw.time_zone {
            Some(zone) => time_zone(&zone, to),
            None => default.time_zone,
        },
        writes: raw.writes.unwrap_or(default.writes),
        usage: raw.usage.map(|raw| usage(raw, to)).unwrap_or_default(),
        control: raw.control.map(control).unwrap_or_default(),
        connections: ConnectionSettings {
            allowed_hosts: raw
                .connections
                .and_then(|connections| connections.allowed_hosts)
                .unwrap_or_default()
                .into_iter()
                .filter_map(|host| allowed_host(&host, to))
                .collect(),
        },
        secrets: SecretSettings {
            directories: raw
                .secrets
                .and_then(|secrets| secrets.directories)
                .unwrap_or_default()
                .into_iter()
                .map(|folder| PathBuf::from(folder.0))
                .collect(),
        },
        profiles: ProfileSettings {
            allow_empty: raw
                .profiles
                .and_then(|profiles| profiles.allow_empty)
                .unwrap_or_default(),
        },
        guards: raw.guards.as_ref().map_or(default.guards, ceilings),
        notifications: raw
            .notifications
            .map(|raw| notifications(raw, to))
            .unwrap_or_default(),
        retention: raw.retention.as_ref().map(retention).unwrap_or_default(),
    }
}

fn time_zone(zone: &At<String>, to: &mut Findings) -> TimeZone {
    TimeZone::get(&zone.value).unwrap_or_else(|_| {
        let message = format!("`{}` is not a time zone of this host", zone.value);
        to.error("settings::time_zone", zone.region, message)
            .help("write a name such as `Europe/Berlin`");
        TimeZone::UTC
    })
}

/// A host in lower case, when it is one.
fn allowed_host(host: &At<String>, to: &mut Findings) -> Option<String> {
    let name = host.value.strip_prefix("*.").unwrap_or(&host.value);
    let odd = |c: char| c.is_whitespace() || "/@*?#".contains(c);
    if name.is_empty() || name.contains(odd) {
        let message = format!("`{}` is not a host", host.value);
        to.error("settings::host", host.region, message).help(
            "write a host such as `zoom.example.com`, `*.example.com` or `127.0.0.1:8080`, without `https://`",
        );
        return None;
    }
    Some(host.value.to_lowercase())
}

fn principals(raw: Option<RawPrincipals>, default: Principals) -> Principals {
    match raw {
        Some(raw) => Principals {
            users: raw.users.unwrap_or_default(),
            groups: raw.groups.unwrap_or_default(),
        },
        None => default,
    }
}

fn usage(raw: RawUsage, to: &mut Findings) -> UsageSettings {
    let default = UsageRoles::default();
    let roles = match raw.roles {
        Some(roles) => UsageRoles {
            sam_admin: principals(roles.sam_admin, default.sam_admin),
            sam_developer: principals(roles.sam_developer, default.sam_developer),
            sam_user: principals(roles.sam_user, default.sam_user),
        },
        None => default,
    };
    UsageSettings {
        roles,
        bind: raw
            .bind
            .map(|bindings| bindings.0)
            .unwrap_or_default()
            .into_iter()
            .map(|(user, items)| {
                let items = items.into_iter();
                let items = items.filter_map(|item| configuration_item(item, to));
                (user, items.collect())
            })
            .collect(),
        include_user_in_key: raw.include_user_in_key.unwrap_or_default(),
        strict_batches: raw.strict_batches.unwrap_or_default(),
        newest_wins: raw.newest_wins.unwrap_or_default(),
        rate_limit: raw.rate_limit.as_ref().and_then(rate_limit),
    }
}

/// An id, when it is one: a user that is bound to what is none may report for nothing.
fn configuration_item(item: At<String>, to: &mut Findings) -> Option<String> {
    let is_id = item.value.len() == 32 && item.value.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !is_id {
        let message = format!("`{}` is not the id of a configuration item", item.value);
        to.error("settings::configuration_item", item.region, message)
            .help("write the 32 hexadecimal digits that the agent sends as `configuration_item`");
    }
    is_id.then_some(item.value)
}

fn rate_limit(raw: &RawRateLimit) -> Option<RateLimit> {
    Some(RateLimit {
        requests_per_hour: raw.requests_per_hour.0.as_ref()?.0,
    })
}

fn control(raw: RawControl) -> ControlSettings {
    let default = ControlSettings::default();
    ControlSettings {
        viewers: principals(raw.viewers, default.viewers),
        operators: principals(raw.operators, default.operators),
    }
}

/// The settings' guards: what is not set has its default. Unlike everywhere else, these may be
/// wider than the defaults.
fn ceilings(raw: &RawGuards) -> Guards {
    let mut guards = Guards::default();
    let limits = limits(raw);
    let set = |place: &mut u32, value: Option<u32>| *place = value.unwrap_or(*place);
    let set_percent = |place: &mut u8, value: Option<u8>| *place = value.unwrap_or(*place);
    set_percent(&mut guards.max_per_run.percent, limits.max_per_run_percent);
    set(&mut guards.max_per_run.count, limits.max_per_run_count);
    set(&mut guards.max_per_day, limits.max_per_day);
    set_percent(&mut guards.hold_above.percent, limits.hold_above_percent);
    set(
        &mut guards.hold_above.min_count,
        limits.hold_above_min_count,
    );
    guards.accept_listed_evidence = limits.accept_listed_evidence.unwrap_or_default();
    guards
}

/// What a `guards` mapping sets, wherever it stands.
pub(crate) fn limits(raw: &RawGuards) -> GuardLimits {
    let percent = |value: Option<Whole<0, 100>>| value.and_then(|value| value.0.try_into().ok());
    let run = raw.max_per_run.as_ref();
    let hold = raw.hold_above.as_ref();
    GuardLimits {
        max_per_run_percent: percent(run.and_then(|run| run.percent)),
        max_per_run_count: run.and_then(|run| run.count).map(|count| count.0),
        max_per_day: raw.max_per_day.map(|count| count.0),
        hold_above_percent: percent(hold.and_then(|hold| hold.percent)),
        hold_above_min_count: hold.and_then(|hold| hold.min_count).map(|count| count.0),
        accept_listed_evidence: raw.accept_listed_evidence,
    }
}

fn notifications(raw: RawNotifications, to: &mut Findings) -> NotificationSettings {
    NotificationSettings {
        smtp: raw.smtp.and_then(|raw| smtp(raw, to)),
        webhook: raw.webhook.and_then(webhook),
        answer_url: raw.answer_url.map(|url| url.as_text()),
        templates: raw.templates.map(|folder| PathBuf::from(folder.0)),
    }
}

fn smtp(raw: RawSmtp, to: &mut Findings) -> Option<SmtpSettings> {
    Some(SmtpSettings {
        host: raw.host.0?,
        port: raw
            .port
            .and_then(|port| port.0.try_into().ok())
            .unwrap_or(587),
        tls: raw.tls.unwrap_or_default(),
        from: mail_address(raw.from.0?, to),
        to: raw
            .to
            .unwrap_or_default()
            .into_iter()
            .map(|address| mail_address(address, to))
            .collect(),
        username: raw.username,
        password: raw.password.and_then(|secret| secret.value.checked()),
    })
}

fn mail_address(written: At<String>, to: &mut Findings) -> String {
    if written.value.parse::<Mailbox>().is_err() {
        let message = format!("`{}` is not a mail address", written.value);
        to.error("settings::mail_address", written.region, message)
            .help("write `name@example.com` or `Name <name@example.com>`");
    }
    written.value
}

fn webhook(raw: RawWebhook) -> Option<WebhookSettings> {
    let secret: Option<SecretRef> = raw.secret.and_then(|secret| secret.value.checked());
    Some(WebhookSettings {
        url: raw.url.0?.as_text(),
        secret,
    })
}

fn retention(raw: &RawRetention) -> RetentionSettings {
    let default = RetentionSettings::default();
    RetentionSettings {
        subscriptions: raw.subscriptions.unwrap_or(default.subscriptions),
        activity: raw.activity.unwrap_or(default.activity),
        job_results: raw.job_results.unwrap_or(default.job_results),
        candidates: raw.candidates.unwrap_or(default.candidates),
        events: raw.events.unwrap_or(default.events),
        audit: raw.audit.unwrap_or(default.audit),
        usage: raw.usage.unwrap_or(default.usage),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::model::Principal;

    fn read_text(text: &str) -> Result<Settings, Vec<String>> {
        let found = read(Path::new("seatsync.yaml"), text.as_bytes().to_vec());
        found.map_err(|list| list.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn nothing_at_all_gives_the_defaults() {
        assert_eq!(read_text("").unwrap(), Settings::default());
        assert_eq!(
            read_text("# only a comment\n").unwrap(),
            Settings::default()
        );
        assert_eq!(
            read_text("notifications: {}\nguards:\n").unwrap(),
            Settings::default()
        );
    }

    #[test]
    fn the_documented_file_reads() {
        let settings = read_text(
            r#"
time_zone: Europe/Berlin
writes: true
usage:
  roles: {sam_admin: {groups: [seatsync-usage, 1000], users: [agent]}}
  bind: {agent: [eaa9604d3790200044e0bfc8bcbe5dc1], 33: [0AA9E80D3790200044E0BFC8BCBE5DA0]}
  strict_batches: true
  rate_limit: {requests_per_hour: 600}
control: {viewers: {groups: [staff]}, operators: {groups: [wheel]}}
connections: {allowed_hosts: ["127.0.0.1:8080", "*.Example.com"]}
secrets: {directories: [/etc/seatsync/secrets]}
profiles: {allow_empty: true}
guards: {max_per_run: {count: 50}, max_per_day: 500}
notifications:
  smtp: {host: mail, from: seatsync@example.com, password: {credential: smtp}}
  webhook: {url: "https://hooks.example.com/x", secret: {file: /etc/seatsync/secrets/hook}}
  answer_url: https://seatsync.example.com/answer
  templates: /etc/seatsync/templates
retention: {audit: 3650d}
"#,
        )
        .unwrap();
        assert!(settings.writes);
        assert_eq!(
            settings.usage.roles.sam_admin.groups[1],
            Principal::Id(1000)
        );
        assert_eq!(
            settings.usage.bind[&Principal::Id(33)],
            ["0AA9E80D3790200044E0BFC8BCBE5DA0"]
        );
        let rate_limit = settings.usage.rate_limit.unwrap();
        assert_eq!(rate_limit.requests_per_hour, 600);
        assert_eq!(settings.connections.allowed_hosts[1], "*.example.com");
        assert_eq!(settings.guards.max_per_run.count, 50);
        assert_eq!(settings.guards.max_per_run.percent, 5);
        assert_eq!(settings.retention.audit.whole_days(), 3650);
    }

    #[test]
    fn every_mistake_is_found_in_one_go() {
        let found = read_text(
            "time_zone: Europe/Berln\nwrite: true\nusage: {bind: {33: [zzz]}}\nconnections: {allowed_hosts: [\"https://x\"]}\n\
             notifications: {smtp: {host: mail, password: hunter2}}\n",
        )
        .unwrap_err();
        assert_eq!(found.len(), 6, "{found:#?}");
        assert!(!found.concat().contains("hunter2"));
    }
}
