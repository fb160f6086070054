//! What checked documents are. The daemon records these, and every later room reads them; a value
//! of these types is valid by construction.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::duration::Span;
use super::folding::folded_address;
use super::identifier::{Identifier, ProfileType, Vendor};
use super::licence::{Entitlement, SoftwareModel};
use super::name::Name;
use super::user_directory::UserDirectory;

pub use crate::secret::SecretRef;

/// A published profile runs; a draft is loaded and checked, nothing more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProfileState {
    /// Loaded and checked; nothing runs. The default.
    Draft,
    /// Validated, then its subflows run.
    Published,
}

/// The kinds of work that are done for a profile: its three subflows, and the calculation of
/// candidates between them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SubflowKind {
    /// Who holds which seat.
    DownloadSubscriptions,
    /// Who used them, and when.
    PullUserActivity,
    /// Which of them are unused: a calculation that calls no vendor.
    RefreshCandidates,
    /// Taking unused seats back.
    ReclaimSubscriptions,
}

impl SubflowKind {
    /// Every kind, in the order of the chain.
    pub const ALL: [Self; 4] = [
        Self::DownloadSubscriptions,
        Self::PullUserActivity,
        Self::RefreshCandidates,
        Self::ReclaimSubscriptions,
    ];

    /// The word in files and messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::DownloadSubscriptions => "download_subscriptions",
            Self::PullUserActivity => "pull_user_activity",
            Self::RefreshCandidates => "refresh_candidates",
            Self::ReclaimSubscriptions => "reclaim_subscriptions",
        }
    }
}

/// One subflow of a profile, defaults applied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subflow {
    /// Whether it runs.
    pub enabled: bool,
    /// Five-field cron text, checked; `None` takes the daily default spread by the profile's name.
    pub schedule: Option<String>,
}

/// The subflows of a profile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subflows {
    /// Always enabled.
    pub download_subscriptions: Subflow,
    /// On by default, except for Aha!, whose users call carries the last access.
    pub pull_user_activity: Subflow,
    /// How far back activity is looked at (default 60 days).
    pub analyze_from: Span,
    /// Off by default.
    pub reclaim_subscriptions: Subflow,
    /// What a reclaim may do beyond taking a bought seat back.
    #[serde(default)]
    pub reclaim_options: ReclaimOptions,
}

/// What a reclaim may do beyond taking a bought seat back. Everything is off by default.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReclaimOptions {
    /// Zoom: delete unused Basic users, who hold no bought seat.
    pub delete_basic_users: bool,
    /// GoTo: keep back the mail that tells users of a licence taken away.
    pub suppress_email: bool,
    /// GoTo: take licences of GoToConnect back too.
    pub goto_connect: bool,
}

/// Which users an entry means. E-mail addresses and domains are kept lower case.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UserPattern {
    /// One user, by e-mail address or the vendor's user id.
    User(String),
    /// Every user of exactly this mail domain.
    Domain(String),
    /// Every user of any subdomain of this domain (written `*.example.com`), the domain itself not.
    Subdomains(String),
}

impl UserPattern {
    /// Whether it means the user with this id and e-mail address.
    pub fn matches(&self, external_user_id: &str, email: &str) -> bool {
        let email = folded_address(email);
        let domain = email.rsplit_once('@').map_or("", |(_, domain)| domain);
        match self {
            Self::User(user) => *user == email || user == external_user_id,
            Self::Domain(wanted) => domain == wanted,
            Self::Subdomains(parent) => domain
                .strip_suffix(parent.as_str())
                .is_some_and(|rest| rest.len() > 1 && rest.ends_with('.')),
        }
    }
}

/// A user or domain that is excluded or protected, with the reason a person gave.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct UserEntry {
    /// Who.
    #[serde(flatten)]
    pub pattern: UserPattern,
    /// Why, in the team's words.
    pub reason: String,
    /// The last day it holds, in the settings' zone.
    pub expires: Option<Date>,
}

/// An identifier that is excluded.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct IdentifierEntry {
    /// Which.
    pub identifier: Identifier,
    /// Only for profiles of this type; every profile when absent.
    pub profile_type: Option<ProfileType>,
    /// Why, in the team's words.
    pub reason: String,
    /// The last day it holds, in the settings' zone.
    pub expires: Option<Date>,
}

/// What a profile itself excludes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExclusionLists {
    /// Whole identifiers.
    pub identifiers: Vec<IdentifierEntry>,
    /// Users and domains.
    pub users: Vec<UserEntry>,
}

/// A connection by name, or written inline in the profile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConnectionRef {
    /// The name of a `Connection` document.
    Named(Name),
    /// Written in the profile; it belongs to that profile alone.
    Inline(Box<Connection>),
}

/// `kind: Profile`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// Its identity.
    pub name: Name,
    /// For people; the name when the file gives none.
    pub display_name: String,
    /// Which integration it is.
    pub profile_type: ProfileType,
    /// Draft or published.
    pub state: ProfileState,
    /// Keep the data, run nothing.
    pub suspend: bool,
    /// Names it had before; its history follows it.
    pub formerly: Vec<Name>,
    /// Where it connects to.
    pub connection: ConnectionRef,
    /// GoToConnect's own second connection.
    pub connect_connection: Option<ConnectionRef>,
    /// What runs, and when.
    pub subflows: Subflows,
    /// Out of the position, the candidates and reclaim.
    pub exclusions: ExclusionLists,
    /// Counted and paid, never a candidate, never written to.
    pub protected: Vec<UserEntry>,
    /// The profile's own reclamation settings, overriding rules; canonical JSON of the checked mapping.
    pub reclamation: Option<serde_json::Value>,
}

/// How a connection authorises.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Grant {
    /// Zoom's server-to-server grant.
    AccountCredentials,
    /// OAuth 2 authorization code with PKCE.
    AuthorizationCode,
    /// GoTo's personal access token.
    PersonalAccessToken,
    /// Aha!'s API key.
    ApiKey,
}

impl Grant {
    /// The word in files.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AccountCredentials => "account_credentials",
            Self::AuthorizationCode => "authorization_code",
            Self::PersonalAccessToken => "personal_access_token",
            Self::ApiKey => "api_key",
        }
    }
}

/// The vendor's plan, which decides its rate limits. Only Zoom's API does not tell it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Plan {
    /// Zoom's free plan.
    Free,
    /// Zoom Pro; the default.
    #[default]
    Pro,
    /// Zoom Business and above.
    Business,
}

/// The `oauth` mapping as one document wrote it; every leaf may be inherited.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OAuth {
    /// How it authorises; setting it starts a fresh `oauth`.
    pub grant: Option<Grant>,
    /// Where tokens come from.
    pub token_url: Option<String>,
    /// Where a person consents.
    pub authorize_url: Option<String>,
    /// Zoom's account id.
    pub account_id: Option<String>,
    /// The app's id.
    pub client_id: Option<String>,
    /// The app's secret.
    pub client_secret: Option<SecretRef>,
    /// A personal access token or API key, for the grants that have one.
    pub token: Option<SecretRef>,
}

/// `kind: Connection` as one document wrote it; leaves it does not set come from its parent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connection {
    /// Its identity; `None` inline.
    pub name: Option<Name>,
    /// Whose API it is; may come from the parent.
    pub vendor: Option<Vendor>,
    /// The connection it inherits from.
    pub parent: Option<Name>,
    /// API base.
    pub url: Option<String>,
    /// How it authorises.
    pub oauth: OAuth,
    /// The vendor's plan.
    pub plan: Option<Plan>,
    /// Per cent of the vendor's rate limit that is ours, 1 to 100.
    pub share: Option<u8>,
    /// How patient its calls are.
    #[serde(default, skip_serializing_if = "Retry::is_unset")]
    pub retry: Retry,
}

/// The `retry` mapping of a connection: how patient its calls are with a vendor in trouble. What no
/// document of the line says is the connector's to choose.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retry {
    /// How often one request is sent at most, the first time included, 1 to 10.
    pub attempts: Option<u32>,
    /// The wait before the first repetition, 1 s to 5 min.
    pub first_wait: Option<Span>,
    /// The longest wait between two repetitions, 1 s to 10 min.
    pub longest_wait: Option<Span>,
    /// Repetitions that one run may make before successes earn more, at most 1,000.
    pub per_run: Option<u32>,
    /// The longest wait for the vendor's rate limit, 1 s to 1 h.
    pub rate_limit_wait: Option<Span>,
}

impl Retry {
    /// Whether no leaf is set.
    pub fn is_unset(&self) -> bool {
        *self == Self::default()
    }

    /// These leaves, and where they are not set, the parent's.
    #[must_use]
    pub fn or(self, parent: Self) -> Self {
        Self {
            attempts: self.attempts.or(parent.attempts),
            first_wait: self.first_wait.or(parent.first_wait),
            longest_wait: self.longest_wait.or(parent.longest_wait),
            per_run: self.per_run.or(parent.per_run),
            rate_limit_wait: self.rate_limit_wait.or(parent.rate_limit_wait),
        }
    }
}

/// A connection with its parents merged in and the vendor's defaults applied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResolvedConnection {
    /// The document's name, or `profile/<name>` when inline.
    pub name: String,
    /// Whose API it is.
    pub vendor: Vendor,
    /// API base without a trailing slash.
    pub url: String,
    /// How it authorises.
    pub grant: Grant,
    /// Where tokens come from.
    pub token_url: String,
    /// Where a person consents.
    pub authorize_url: String,
    /// Zoom's account id.
    pub account_id: Option<String>,
    /// The app's id.
    pub client_id: Option<String>,
    /// The app's secret.
    pub client_secret: Option<SecretRef>,
    /// A personal access token or API key.
    pub token: Option<SecretRef>,
    /// The vendor's plan.
    pub plan: Plan,
    /// Per cent of the vendor's rate limit that is ours, 1 to 100 (default 25).
    pub share: u8,
    /// How patient its calls are.
    #[serde(default, skip_serializing_if = "Retry::is_unset")]
    pub retry: Retry,
}

/// `kind: Exclusions`: organisation-wide.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exclusions {
    /// Its identity.
    pub name: Name,
    /// What is excluded, in every profile it reaches.
    #[serde(flatten)]
    pub lists: ExclusionLists,
    /// Protected in every profile.
    pub protected: Vec<UserEntry>,
}

/// A document of a kind whose work is done by a later room; kept as canonical JSON of the checked
/// mapping, so that a change of it is a change of the desired state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckedDocument {
    /// Its identity.
    pub name: Name,
    /// The checked mapping with `kind` and `name` left out.
    pub spec: serde_json::Value,
}

/// The kinds of document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Kind {
    /// One integration.
    Profile,
    /// A named alias of a vendor account.
    Connection,
    /// Organisation-wide exclusions.
    Exclusions,
    /// When a seat counts as unused.
    ReclamationRule,
    /// Publisher and product of identifiers.
    SoftwareModel,
    /// Purchased rights.
    Entitlement,
    /// Who the people are.
    UserDirectory,
    /// A reviewed list of seats.
    Approval,
}

impl Kind {
    /// The word in files.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Profile => "Profile",
            Self::Connection => "Connection",
            Self::Exclusions => "Exclusions",
            Self::ReclamationRule => "ReclamationRule",
            Self::SoftwareModel => "SoftwareModel",
            Self::Entitlement => "Entitlement",
            Self::UserDirectory => "UserDirectory",
            Self::Approval => "Approval",
        }
    }
}

/// One checked document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "document")]
pub enum Document {
    /// One integration.
    Profile(Box<Profile>),
    /// A named alias of a vendor account.
    Connection(Box<Connection>),
    /// Organisation-wide exclusions.
    Exclusions(Exclusions),
    /// When a seat counts as unused.
    ReclamationRule(CheckedDocument),
    /// Publisher and product of identifiers.
    SoftwareModel(SoftwareModel),
    /// Purchased rights.
    Entitlement(Entitlement),
    /// Who the people are.
    UserDirectory(Box<UserDirectory>),
    /// A reviewed list of seats.
    Approval(CheckedDocument),
}

/// A document's identity.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct DocumentId {
    /// What it is.
    pub kind: Kind,
    /// Its name, unique within the kind.
    pub name: Name,
}

/// A profile with everything it needs to run: what is recorded, and what jobs read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DesiredProfile {
    /// The profile's own document.
    pub profile: Profile,
    /// Its connection, parents merged in.
    pub connection: ResolvedConnection,
    /// GoToConnect's second connection.
    pub connect_connection: Option<ResolvedConnection>,
    /// Exclusions that reach it: its own and the organisation's, each with the rule it came from.
    pub exclusions: Vec<Exclusion>,
    /// Protected entries that reach it.
    pub protected: Vec<Protection>,
    /// Reclamation rules that reach it; the profile's own settings stand above them.
    #[serde(default)]
    pub rules: Vec<ReachingRule>,
    /// Reviewed lists of its seats, by the names of their documents.
    #[serde(default)]
    pub approvals: BTreeMap<Name, serde_json::Value>,
}

/// A reclamation rule that reaches a profile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReachingRule {
    /// Its document's name.
    pub name: Name,
    /// For which identifiers it decides.
    pub identifiers: BTreeSet<Identifier>,
    /// What it decides: canonical JSON of the checked mapping.
    pub spec: serde_json::Value,
}

/// One exclusion that reaches a profile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exclusion {
    /// Where it is written, for people: `Profile zoom-emea` or `Exclusions company`.
    pub origin: String,
    /// What it matches.
    pub target: ExclusionTarget,
    /// Why, in the team's words.
    pub reason: String,
    /// The last day it holds.
    pub expires: Option<Date>,
}

/// What an exclusion matches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExclusionTarget {
    /// Every seat of this identifier.
    Identifier(Identifier),
    /// Every seat of these users.
    Users(UserPattern),
}

/// One protected entry that reaches a profile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Protection {
    /// Where it is written, for people.
    pub origin: String,
    /// Who and why.
    pub entry: UserEntry,
}

/// Everything that is wanted, linked: what reconciling compares with what is recorded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProfileSet {
    /// Every document that loaded, by identity.
    pub documents: BTreeMap<DocumentId, Document>,
    /// The profiles that could be linked.
    pub profiles: BTreeMap<Name, DesiredProfile>,
    /// Profiles that could not be linked, with the reasons.
    pub failed: BTreeMap<Name, Vec<String>>,
    /// Documents that did not load; the ones in `documents` are their last good versions.
    pub broken: BTreeSet<DocumentId>,
}
