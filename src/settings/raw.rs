//! What the settings file looks like; [`super::check`] gives it meaning.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator};

use crate::yaml::diagnostic::Findings;
use crate::yaml::duration::Span;
use crate::yaml::macros::{readable_words, record};
use crate::yaml::read::{self, At, Need, Read, Whole};
use crate::yaml::tree::{Node, Value};

use super::endpoint::Endpoint;
use super::model::{Principal, SmtpTls};
use super::secret_ref::{AbsolutePath, RawSecretRef};

record! {
    /// The daemon's settings.
    pub struct RawSettings {
        /// The version of this format.
        version: Option<Whole<1, 1>>,
        /// The zone of schedules, windows and last days, for instance `Europe/Berlin`; UTC when
        /// absent.
        time_zone: Option<At<String>>,
        /// Whether anything may be written to a vendor at all; no when absent.
        writes: Option<bool>,
        /// The usage socket.
        usage: Option<RawUsage>,
        /// The control socket.
        control: Option<RawControl>,
        /// Where connections may go beside the vendors' own domains.
        connections: Option<RawConnections>,
        /// Where secret files may lie.
        secrets: Option<RawSecrets>,
        /// The profiles folder.
        profiles: Option<RawProfiles>,
        /// Ceilings of the guards.
        guards: Option<RawGuards>,
        /// Who is told, and how.
        notifications: Option<RawNotifications>,
        /// How long things are kept.
        retention: Option<RawRetention>,
    }
}

record! {
    /// The usage socket.
    pub struct RawUsage {
        /// Who may push usage records.
        roles: Option<RawRoles>,
        /// Users, by name or uid, who may report only for these configuration items.
        bind: Option<Bindings>,
        /// Keep one record per user beside configuration item, product, month and year.
        include_user_in_key: Option<bool>,
        /// Refuse a whole batch for one bad item.
        strict_batches: Option<bool>,
        /// Let the record with the newer last-used date win.
        newest_wins: Option<bool>,
        /// How often a user may push; as often as it likes when absent.
        rate_limit: Option<RawRateLimit>,
    }
}

record! {
    /// How often a user may push.
    pub struct RawRateLimit {
        /// Requests of each user in each hour of the clock.
        requests_per_hour: Need<Whole<1, 1_000_000>>,
    }
}

record! {
    /// Who holds which role of the usage API.
    pub struct RawRoles {
        /// May push; the group `seatsync-usage` when absent.
        sam_admin: Option<RawPrincipals>,
        /// May push.
        sam_developer: Option<RawPrincipals>,
        /// May not push.
        sam_user: Option<RawPrincipals>,
    }
}

record! {
    /// Users and groups of this host.
    pub struct RawPrincipals {
        /// Names or uids.
        users: Option<Vec<Principal>>,
        /// Names or gids.
        groups: Option<Vec<Principal>>,
    }
}

record! {
    /// The control socket.
    pub struct RawControl {
        /// May read.
        viewers: Option<RawPrincipals>,
        /// May do everything; the group `seatsync-admin` when absent.
        operators: Option<RawPrincipals>,
    }
}

record! {
    /// Where connections may go beside the vendors' own domains.
    pub struct RawConnections {
        /// Host names, `*.` for subdomains, `:port` where only that one is meant.
        allowed_hosts: Option<Vec<At<String>>>,
    }
}

record! {
    /// Where secret files may lie.
    pub struct RawSecrets {
        /// Absolute folders.
        directories: Option<Vec<AbsolutePath>>,
    }
}

record! {
    /// The profiles folder.
    pub struct RawProfiles {
        /// Whether a folder without a single document is meant so.
        allow_empty: Option<bool>,
    }
}

record! {
    /// Numbers that stop a reclaim.
    pub struct RawGuards {
        /// Seats of one identifier written to in one run; the smaller of the two wins.
        max_per_run: Option<RawShare>,
        /// Seats of one profile written to in one day.
        max_per_day: Option<Whole<0, 1_000_000>>,
        /// Above so many new candidates the profile is held.
        hold_above: Option<RawTripwire>,
        /// Whether activity that is only scheduled may stand for a whole window; never in
        /// automatic mode.
        accept_listed_evidence: Option<bool>,
    }
}

record! {
    /// A part of the seats, and never more than a number of them.
    pub struct RawShare {
        /// Per cent.
        percent: Option<Whole<0, 100>>,
        /// Seats.
        count: Option<Whole<0, 1_000_000>>,
    }
}

record! {
    /// A part of the seats, and at least a number of them.
    pub struct RawTripwire {
        /// Per cent.
        percent: Option<Whole<0, 100>>,
        /// Fewer new candidates than this never hold.
        min_count: Option<Whole<0, 1_000_000>>,
    }
}

record! {
    /// Who is told, and how.
    pub struct RawNotifications {
        /// Mail.
        smtp: Option<RawSmtp>,
        /// A POST per event.
        webhook: Option<RawWebhook>,
        /// Where people answer.
        answer_url: Option<Endpoint>,
        /// A folder with texts of mail that stand in for the built-in ones.
        templates: Option<AbsolutePath>,
    }
}

record! {
    /// How mail goes out.
    pub struct RawSmtp {
        /// The relay's name.
        host: Need<String>,
        /// Its port; 587 when absent.
        port: Option<Whole<1, 65_535>>,
        /// How the wire is protected; `starttls` when absent.
        tls: Option<SmtpTls>,
        /// The sender's address.
        from: Need<At<String>>,
        /// Who is told what concerns no single user.
        to: Option<Vec<At<String>>>,
        /// The relay's user.
        username: Option<String>,
        /// Where that user's password is.
        password: Option<At<RawSecretRef>>,
    }
}

readable_words!(SmtpTls, "SmtpTls", {
    "starttls" => SmtpTls::StartTls,
    "implicit" => SmtpTls::Implicit,
    "none" => SmtpTls::None,
});

record! {
    /// Where events are posted.
    pub struct RawWebhook {
        /// An https address, or an http one on loopback.
        url: Need<Endpoint>,
        /// Where the secret is that signs the body.
        secret: Option<At<RawSecretRef>>,
    }
}

record! {
    /// How long things are kept.
    pub struct RawRetention {
        /// Ended subscriptions, and all data of a removed profile; 400d when absent.
        subscriptions: Option<Span>,
        /// Activity, by day; 400d when absent.
        activity: Option<Span>,
        /// Job results; 90d when absent.
        job_results: Option<Span>,
        /// Closed candidates; 1095d when absent.
        candidates: Option<Span>,
        /// Events shown to people; 90d when absent.
        events: Option<Span>,
        /// The audit log; 1095d when absent.
        audit: Option<Span>,
        /// Usage records; 1095d when absent.
        usage: Option<Span>,
    }
}

impl Read for Principal {
    fn read(node: &Node, to: &mut Findings) -> Option<Self> {
        match &node.value {
            Value::Int(_) => Whole::<0, { u32::MAX - 1 }>::read(node, to).map(|id| Self::Id(id.0)),
            Value::Text(name) if !name.trim().is_empty() => Some(Self::Name(name.to_string())),
            _ => {
                read::mismatch(node, "a name as text, or a number", to);
                None
            }
        }
    }
}

impl JsonSchema for Principal {
    fn schema_name() -> Cow<'static, str> {
        "Principal".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        schemars::json_schema!({"anyOf": [
            {"type": "string", "pattern": r"\S"},
            {"type": "integer", "minimum": 0, "maximum": u32::MAX - 1},
        ]})
    }
}

/// Users and the configuration items that each may report for.
#[derive(Debug, Clone)]
pub struct Bindings(pub Vec<(Principal, Vec<At<String>>)>);

impl Read for Bindings {
    fn read(node: &Node, to: &mut Findings) -> Option<Self> {
        let Value::Map(entries) = &node.value else {
            read::mismatch(node, "a mapping of users to configuration items", to);
            return None;
        };
        let mut bindings: Vec<(Principal, Vec<At<String>>)> = Vec::new();
        for (key, value) in entries {
            let (Some(user), Some(items)) = (Principal::read(key, to), Vec::read(value, to)) else {
                continue;
            };
            if bindings.iter().any(|(known, _)| *known == user) {
                to.error(
                    "yaml::duplicate_key",
                    key.region,
                    "this user is given twice",
                );
            }
            bindings.push((user, items));
        }
        Some(Self(bindings))
    }
}

impl JsonSchema for Bindings {
    fn schema_name() -> Cow<'static, str> {
        "Bindings".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        schemars::json_schema!({
            "type": "object",
            "additionalProperties": {"type": "array", "items": {"type": "string", "pattern": "^[0-9a-fA-F]{32}$"}},
        })
    }
}
