//! What files look like: one shape per kind, as dumb as the file. [`super::check`] gives them
//! meaning; the JSON Schema is made from them.

pub mod rules;
pub mod words;

use schemars::{JsonSchema, Schema, SchemaGenerator};

use self::rules::RawReclamation;
use self::words::{Day, Domain, PercentText, Prose, SpanWithin, User};
use super::cron::CronText;
use super::identifier::{Identifier, ProfileType, Vendor};
use super::model::{Grant, Kind, Plan, ProfileState};
use super::name::Name;
use crate::settings::endpoint::Endpoint;
use crate::settings::secret_ref::RawSecretRef;
use crate::yaml::diagnostic::Findings;
use crate::yaml::duration::Span;
use crate::yaml::macros::record;
use crate::yaml::read::{self, At, Need, Read, Whole};
use crate::yaml::tree::{Node, Value};

record! {
    /// One integration with a vendor account: its subflows, exclusions and rules.
    pub struct RawProfile {
        /// `Profile`.
        kind: Need<Kind>,
        /// Its identity: 1 to 63 lower-case letters, digits and hyphens.
        name: Need<At<Name>>,
        /// The version of this format.
        version: Option<Whole<1, 1>>,
        /// For people; the name when absent.
        display_name: Option<Prose>,
        /// Which integration it is.
        r#type: Need<At<ProfileType>>,
        /// `draft` (the default) is loaded and checked; `published` runs.
        state: Option<ProfileState>,
        /// Keep the data, run nothing.
        suspend: Option<bool>,
        /// Names it had before; its history follows it.
        formerly: Option<Vec<At<Name>>>,
        /// The name of a Connection, or one written here.
        connection: Need<At<RawConnectionRef>>,
        /// GoToConnect's own second connection; type `goto` only.
        connect_connection: Option<At<RawConnectionRef>>,
        /// What runs, and when.
        subflows: Option<RawSubflows>,
        /// Out of the position, the candidates and reclaim, for this profile.
        exclusions: Option<RawProfileExclusions>,
        /// Counted and paid, never a candidate, never written to.
        protected: Option<Vec<At<RawUserEntry>>>,
        /// When a seat of this profile counts as unused; overrides every rule.
        reclamation: Option<At<RawReclamation>>,
    }
}

record! {
    /// The three kinds of work.
    pub struct RawSubflows {
        /// Who holds which seat. Always on.
        download_subscriptions: Option<RawSubflow>,
        /// Who used them, and when. On by default; type `aha` has none.
        pull_user_activity: Option<At<RawActivity>>,
        /// Taking unused seats back. Off by default.
        reclaim_subscriptions: Option<At<RawReclaim>>,
    }
}

record! {
    /// One kind of work.
    pub struct RawSubflow {
        /// Whether it runs.
        enabled: Option<At<bool>>,
        /// Five cron fields: minute hour day month weekday. Default: daily, at night.
        schedule: Option<At<CronText>>,
    }
}

record! {
    /// Taking unused seats back.
    pub struct RawReclaim {
        /// Whether the vendor is written to. Candidates are found in any case.
        enabled: Option<At<bool>>,
        /// Five cron fields: minute hour day month weekday. Default: after the candidates are found.
        schedule: Option<At<CronText>>,
        /// Zoom: whether an unused Basic user is deleted. A Basic user holds no bought seat.
        delete_basic_users: Option<At<bool>>,
        /// GoTo: whether the mail that tells users of a licence taken away is kept back.
        suppress_email: Option<At<bool>>,
        /// GoTo: whether licences of GoToConnect are taken back too. Phone settings are lost seven
        /// days later.
        goto_connect: Option<At<bool>>,
    }
}

record! {
    /// Pulling activity.
    pub struct RawActivity {
        /// Whether it runs.
        enabled: Option<At<bool>>,
        /// Five cron fields: minute hour day month weekday. Default: after the download.
        schedule: Option<At<CronText>>,
        /// How far back activity is looked at; 60d when absent.
        analyze_from: Option<At<Span>>,
    }
}

record! {
    /// What a profile itself excludes.
    pub struct RawProfileExclusions {
        /// Whole identifiers.
        identifiers: Option<Vec<At<RawIdentifierEntry>>>,
        /// Users and domains.
        users: Option<Vec<At<RawUserEntry>>>,
    }
}

record! {
    /// A user or domain, and why.
    pub struct RawUserEntry one_of(user, domain) {
        /// An e-mail address or the vendor's user id.
        user: Option<At<User>>,
        /// A mail domain, exactly; `*.` in front takes its subdomains.
        domain: Option<At<Domain>>,
        /// Why, in the team's words.
        reason: Need<Prose>,
        /// The last day it holds.
        expires: Option<At<Day>>,
    }
}

record! {
    /// An identifier, and why.
    pub struct RawIdentifierEntry {
        /// Which.
        identifier: Need<At<Identifier>>,
        /// Why, in the team's words.
        reason: Need<Prose>,
        /// The last day it holds.
        expires: Option<At<Day>>,
    }
}

record! {
    /// An identifier in profiles of one type, and why.
    pub struct RawTypedIdentifierEntry {
        /// Only in profiles of this type; in every profile when absent.
        profile_type: Option<At<ProfileType>>,
        /// Which.
        identifier: Need<At<Identifier>>,
        /// Why, in the team's words.
        reason: Need<Prose>,
        /// The last day it holds.
        expires: Option<At<Day>>,
    }
}

record! {
    /// Organisation-wide exclusions.
    pub struct RawExclusions {
        /// `Exclusions`.
        kind: Need<Kind>,
        /// Its identity: 1 to 63 lower-case letters, digits and hyphens.
        name: Need<At<Name>>,
        /// The version of this format.
        version: Option<Whole<1, 1>>,
        /// Identifiers, in every profile of a type.
        identifiers: Option<Vec<At<RawTypedIdentifierEntry>>>,
        /// Users and domains, in every profile.
        users: Option<Vec<At<RawUserEntry>>>,
        /// Counted and paid, never a candidate, never written to, in every profile.
        protected: Option<Vec<At<RawUserEntry>>>,
    }
}

record! {
    /// A named alias of a vendor account.
    pub struct RawConnection {
        /// `Connection`.
        kind: Need<Kind>,
        /// Its identity: 1 to 63 lower-case letters, digits and hyphens.
        name: Need<At<Name>>,
        /// The version of this format.
        version: Option<Whole<1, 1>>,
        /// Whose API it is; from the parent when absent.
        vendor: Option<At<Vendor>>,
        /// The connection it inherits from, leaf by leaf.
        parent: Option<At<Name>>,
        /// API base; each vendor but Aha! has a default.
        url: Option<At<Endpoint>>,
        /// How it authorises. Setting `grant` inherits nothing of the parent's.
        oauth: Option<RawOAuth>,
        /// How much of the vendor's rate limit is ours.
        limits: Option<RawLimits>,
        /// How patient calls are with a vendor in trouble.
        retry: Option<RawRetry>,
    }
}

record! {
    /// A connection written in a profile.
    pub struct RawInlineConnection {
        /// Whose API it is; the profile's type says it when absent.
        vendor: Option<At<Vendor>>,
        /// The connection it inherits from, leaf by leaf.
        parent: Option<At<Name>>,
        /// API base; each vendor but Aha! has a default.
        url: Option<At<Endpoint>>,
        /// How it authorises. Setting `grant` inherits nothing of the parent's.
        oauth: Option<RawOAuth>,
        /// How much of the vendor's rate limit is ours.
        limits: Option<RawLimits>,
        /// How patient calls are with a vendor in trouble.
        retry: Option<RawRetry>,
    }
}

record! {
    /// How a connection authorises.
    pub struct RawOAuth {
        /// Zoom: `account_credentials` or `authorization_code`; GoTo: `authorization_code` or
        /// `personal_access_token`; Aha!: `authorization_code` or `api_key`.
        grant: Option<At<Grant>>,
        /// Where tokens come from; defaulted like `url`.
        token_url: Option<At<Endpoint>>,
        /// Where a person consents; defaulted like `url`.
        authorize_url: Option<At<Endpoint>>,
        /// Zoom's account id.
        account_id: Option<At<Prose>>,
        /// The app's id.
        client_id: Option<At<Prose>>,
        /// Where the app's secret is.
        client_secret: Option<At<RawSecretRef>>,
        /// Where the personal access token or API key is.
        token: Option<At<RawSecretRef>>,
    }
}

record! {
    /// How much of the vendor's rate limit is ours.
    pub struct RawLimits {
        /// Zoom's plan, which its API does not tell.
        plan: Option<At<Plan>>,
        /// Our part of it; 25% when absent.
        share: Option<PercentText>,
    }
}

record! {
    /// How patient calls are with a vendor in trouble.
    pub struct RawRetry {
        /// How often one request is sent at most, the first time included; 5 when absent, 1 never
        /// repeats.
        attempts: Option<At<Whole<1, 10>>>,
        /// The wait before the first repetition; it doubles each time, with jitter. Half a second
        /// when absent.
        first_wait: Option<At<SpanWithin<1, 300>>>,
        /// The longest wait between two repetitions; `30s` when absent.
        longest_wait: Option<At<SpanWithin<1, 600>>>,
        /// Repetitions that one run may make, and a tenth of its successes on top; 20 when absent.
        per_run: Option<At<Whole<0, 1000>>>,
        /// The longest that a run waits for the vendor's rate limit; beyond it the run is put off.
        /// `5m` when absent.
        rate_limit_wait: Option<At<SpanWithin<1, 3600>>>,
    }
}

/// A connection by name, or written in the profile.
#[derive(Debug, Clone)]
pub enum RawConnectionRef {
    /// By name.
    Named(Name),
    /// Written there.
    Inline(Box<RawInlineConnection>),
}

impl Read for RawConnectionRef {
    fn read(node: &Node, to: &mut Findings) -> Option<Self> {
        match node.value {
            Value::Text(_) => Name::read(node, to).map(Self::Named),
            Value::Map(_) => {
                RawInlineConnection::read(node, to).map(|inline| Self::Inline(Box::new(inline)))
            }
            _ => {
                read::mismatch(node, "the name of a connection as text, or a mapping", to);
                None
            }
        }
    }
}

impl JsonSchema for RawConnectionRef {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "ConnectionRef".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let name = generator.subschema_for::<Name>();
        let inline = generator.subschema_for::<RawInlineConnection>();
        schemars::json_schema!({"anyOf": [name, inline]})
    }
}
