//! Connections: parents merged leaf by leaf, the vendor's defaults applied, and the rules that keep
//! a secret with the address it was meant for.

use std::collections::BTreeMap;

use super::{Documents, Problems, find, inline_name, nearest};
use crate::profile::identifier::Vendor;
use crate::profile::load::LoadedDocument;
use crate::profile::model::{
    Connection, ConnectionRef, Document, Grant, Kind, OAuth, Profile, ResolvedConnection, Retry,
    SecretRef,
};
use crate::profile::name::Name;
use crate::settings::Settings;
use crate::settings::endpoint::Endpoint;

/// Our part of the vendor's rate limit when no file says: others share the account.
pub(in crate::profile) const DEFAULT_SHARE: u8 = 25;

/// Where the service manager puts credentials.
const CREDENTIALS: &str = "/run/credentials";

/// A connection with its parents merged in; what is still absent has a default or is needed.
#[derive(Debug, Clone, Default)]
struct Merged {
    vendor: Option<Vendor>,
    url: Option<String>,
    oauth: OAuth,
    plan: Option<crate::profile::model::Plan>,
    share: Option<u8>,
    retry: Retry,
    /// A parent's secret was left behind because the child points elsewhere.
    secret_left: bool,
}

/// What merging came to: the connection, or why it cannot be used.
type Outcome = Result<Merged, Vec<String>>;

/// All connections of a set.
pub(super) struct Connections<'a> {
    documents: &'a Documents<'a>,
    settings: &'a Settings,
    merged: BTreeMap<Name, Outcome>,
    /// Named connections that profiles use, so that what one lacks is told once.
    resolved: BTreeMap<(Name, bool), Result<ResolvedConnection, Vec<String>>>,
}

impl<'a> Connections<'a> {
    /// Merges every connection document.
    pub(super) fn new(
        documents: &'a Documents<'a>,
        settings: &'a Settings,
        problems: &mut Problems<'_>,
    ) -> Self {
        let mut connections = Self {
            documents,
            settings,
            merged: BTreeMap::new(),
            resolved: BTreeMap::new(),
        };
        for (id, document) in documents {
            if let Document::Connection(connection) = document.document.as_ref() {
                let mut chain = Vec::new();
                // Why it failed is kept for the profiles that use it.
                let _ =
                    connections.merge_named(&id.name, document, connection, &mut chain, problems);
            }
        }
        connections
    }

    /// A profile's connections; `None` with `reasons` where one cannot be used.
    pub(super) fn of_profile(
        &mut self,
        document: &LoadedDocument,
        profile: &Profile,
        reasons: &mut Vec<String>,
        problems: &mut Problems<'_>,
    ) -> Option<(ResolvedConnection, Option<ResolvedConnection>)> {
        let first = self.one(document, profile, Which::First, reasons, problems);
        let second = profile
            .connect_connection
            .as_ref()
            .map(|_| self.one(document, profile, Which::Connect, reasons, problems));
        match second {
            None => Some((first?, None)),
            Some(second) => Some((first?, Some(second?))),
        }
    }

    fn one(
        &mut self,
        document: &LoadedDocument,
        profile: &Profile,
        which: Which,
        reasons: &mut Vec<String>,
        problems: &mut Problems<'_>,
    ) -> Option<ResolvedConnection> {
        let reference = match which {
            Which::First => &profile.connection,
            Which::Connect => profile.connect_connection.as_ref()?,
        };
        let resolved = match reference {
            ConnectionRef::Named(name) => self.named(document, name, which, problems),
            ConnectionRef::Inline(connection) => {
                let mut chain = Vec::new();
                let merged = self.merge(document, connection, &mut chain, problems);
                let name = inline_name(profile, reference);
                merged.and_then(|merged| {
                    let site = Site {
                        document,
                        place: which.key(),
                    };
                    complete(&merged, &name, which, &site, problems)
                })
            }
        };
        let resolved = match resolved {
            Ok(resolved) => resolved,
            Err(mut why) => {
                reasons.append(&mut why);
                return None;
            }
        };
        let wanted = profile.profile_type.vendor();
        if resolved.vendor != wanted {
            let message = format!(
                "connection `{}` is {}'s; a profile of type `{}` needs one of {wanted}",
                resolved.name, resolved.vendor, profile.profile_type
            );
            let place = [which.key()];
            reasons.push(problems.error(document, &place, "profile::vendor", message, None));
            return None;
        }
        Some(resolved)
    }

    fn named(
        &mut self,
        document: &LoadedDocument,
        name: &Name,
        which: Which,
        problems: &mut Problems<'_>,
    ) -> Result<ResolvedConnection, Vec<String>> {
        let Some(target) = find(self.documents, Kind::Connection, name) else {
            if problems.is_broken(Kind::Connection, name) {
                return Err(vec![format!("connection `{name}` does not load")]);
            }
            let message = format!("there is no connection `{name}`");
            let help = nearest(self.documents, Kind::Connection, name)
                .map(|near| format!("did you mean `{near}`?"));
            let place = [which.key()];
            let reason = problems.error(
                document,
                &place,
                "profile::unknown_connection",
                message,
                help,
            );
            return Err(vec![reason]);
        };
        let key = (name.clone(), which == Which::Connect);
        if let Some(known) = self.resolved.get(&key) {
            return known.clone();
        }
        let merged = self.merged.get(name).cloned().unwrap_or(Err(Vec::new()));
        let resolved = merged
            .map_err(|why| {
                let why = why.join("; ");
                vec![format!("connection `{name}` cannot be used: {why}")]
            })
            .and_then(|merged| {
                let site = Site {
                    document: target,
                    place: "name",
                };
                complete(&merged, name.as_str(), which, &site, problems)
            });
        self.resolved.insert(key, resolved.clone());
        resolved
    }

    fn merge_named(
        &mut self,
        name: &Name,
        document: &LoadedDocument,
        connection: &Connection,
        chain: &mut Vec<Name>,
        problems: &mut Problems<'_>,
    ) -> Outcome {
        if let Some(known) = self.merged.get(name) {
            return known.clone();
        }
        chain.push(name.clone());
        let outcome = self.merge(document, connection, chain, problems);
        chain.pop();
        self.merged.insert(name.clone(), outcome.clone());
        outcome
    }

    /// `chain` holds the names from the first child to this one, so that a circle is seen.
    fn merge(
        &mut self,
        document: &LoadedDocument,
        connection: &Connection,
        chain: &mut Vec<Name>,
        problems: &mut Problems<'_>,
    ) -> Outcome {
        let parent = match &connection.parent {
            Some(name) => self.parent(document, name, chain, problems)?,
            None => Merged::default(),
        };
        let mut why = Vec::new();
        if let (Some(theirs), Some(ours)) = (parent.vendor, connection.vendor)
            && theirs != ours
        {
            let message = format!("its parent is {theirs}'s, and this is {ours}'s");
            why.push(problems.error(document, &["vendor"], "profile::vendor", message, None));
        }
        let merged = inherit(parent, connection);
        if let Some(vendor) = merged.vendor {
            self.check_leaves(document, connection, vendor, &mut why, problems);
        } else {
            let message = "`vendor` is missing: neither this connection nor a parent says it";
            let message = message.to_owned();
            why.push(problems.error(document, &["name"], "profile::vendor", message, None));
        }
        if why.is_empty() { Ok(merged) } else { Err(why) }
    }

    fn parent(
        &mut self,
        document: &LoadedDocument,
        name: &Name,
        chain: &mut Vec<Name>,
        problems: &mut Problems<'_>,
    ) -> Result<Merged, Vec<String>> {
        if chain.contains(name) {
            let circle: Vec<&str> = chain.iter().map(Name::as_str).collect();
            let message = format!(
                "its parents go round in a circle: {} → {name}",
                circle.join(" → ")
            );
            let place = ["parent"];
            return Err(vec![problems.error(
                document,
                &place,
                "profile::parent_circle",
                message,
                None,
            )]);
        }
        let found = find(self.documents, Kind::Connection, name);
        let Some((parent, connection)) = found.and_then(|parent| match parent.document.as_ref() {
            Document::Connection(connection) => Some((parent, connection)),
            _ => None,
        }) else {
            if problems.is_broken(Kind::Connection, name) {
                return Err(vec![format!("its parent `{name}` does not load")]);
            }
            let message = format!("there is no connection `{name}` to inherit from");
            let help = nearest(self.documents, Kind::Connection, name)
                .map(|near| format!("did you mean `{near}`?"));
            let place = ["parent"];
            return Err(vec![problems.error(
                document,
                &place,
                "profile::unknown_parent",
                message,
                help,
            )]);
        };
        self.merge_named(name, parent, connection, chain, problems)
            .map_err(|why| {
                let why = why.join("; ");
                vec![format!("its parent `{name}` cannot be used: {why}")]
            })
    }

    /// What one document sets by itself: where it points, and where its secrets are.
    fn check_leaves(
        &self,
        document: &LoadedDocument,
        connection: &Connection,
        vendor: Vendor,
        why: &mut Vec<String>,
        problems: &mut Problems<'_>,
    ) {
        let addresses = [
            ("url", &connection.url),
            ("oauth.token_url", &connection.oauth.token_url),
            ("oauth.authorize_url", &connection.oauth.authorize_url),
        ];
        for (place, address) in addresses {
            let Some(Ok(endpoint)) = address.as_ref().map(|text| text.parse::<Endpoint>()) else {
                continue;
            };
            let allowed = &self.settings.connections.allowed_hosts;
            if !endpoint.is_allowed(own_domains(vendor), allowed) {
                let message = format!("`{}` is not a host of {vendor}", endpoint.host());
                let help = format!(
                    "credentials are sent there: an administrator has to list it in `connections.allowed_hosts` of the settings and restart the daemon; built in are {}",
                    own_domains(vendor).join(", ")
                );
                why.push(problems.error(
                    document,
                    &[place],
                    "profile::forbidden_host",
                    message,
                    Some(help),
                ));
            }
        }
        let secrets = [
            ("oauth.client_secret", &connection.oauth.client_secret),
            ("oauth.token", &connection.oauth.token),
        ];
        for (place, secret) in secrets {
            let Some(SecretRef::File(path)) = secret else {
                continue;
            };
            let folders = &self.settings.secrets.directories;
            let allowed = path.starts_with(CREDENTIALS)
                || folders.iter().any(|folder| path.starts_with(folder));
            if !allowed {
                let message = format!("`{}` is not where secrets may lie", path.display());
                let help = format!(
                    "put it under `{CREDENTIALS}`, or have an administrator list its folder in `secrets.directories` of the settings and restart the daemon"
                );
                why.push(problems.error(
                    document,
                    &[place],
                    "profile::forbidden_secret",
                    message,
                    Some(help),
                ));
            }
        }
    }
}

/// Which of a profile's connections is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Which {
    First,
    Connect,
}

impl Which {
    fn key(self) -> &'static str {
        match self {
            Self::First => "connection",
            Self::Connect => "connect_connection",
        }
    }
}

/// The vendor's own domains; `plan` and `check` need no settings for these.
fn own_domains(vendor: Vendor) -> &'static [&'static str] {
    match vendor {
        Vendor::Zoom => &["zoom.us", "zoomgov.com"],
        Vendor::GoTo => &["goto.com", "getgo.com", "logmeininc.com"],
        Vendor::Aha => &["aha.io"],
    }
}

/// A child that sets `oauth.grant` starts a fresh `oauth`. A child that points elsewhere, at
/// another account or as another app, inherits no secret: a secret goes only where the document
/// that names it sends it.
fn inherit(parent: Merged, child: &Connection) -> Merged {
    let mut oauth = match child.oauth.grant {
        Some(_) => OAuth::default(),
        None => parent.oauth,
    };
    let points_elsewhere = child.url.is_some()
        || child.oauth.token_url.is_some()
        || child.oauth.authorize_url.is_some()
        || child.oauth.account_id.is_some()
        || child.oauth.client_id.is_some();
    let mut secret_left = parent.secret_left;
    if points_elsewhere {
        secret_left |= oauth.client_secret.is_some() || oauth.token.is_some();
        oauth.client_secret = None;
        oauth.token = None;
    }
    let own = child.oauth.clone();
    Merged {
        vendor: child.vendor.or(parent.vendor),
        url: child.url.clone().or(parent.url),
        oauth: OAuth {
            grant: own.grant.or(oauth.grant),
            token_url: own.token_url.or(oauth.token_url),
            authorize_url: own.authorize_url.or(oauth.authorize_url),
            account_id: own.account_id.or(oauth.account_id),
            client_id: own.client_id.or(oauth.client_id),
            client_secret: own.client_secret.or(oauth.client_secret),
            token: own.token.or(oauth.token),
        },
        plan: child.plan.or(parent.plan),
        share: child.share.or(parent.share),
        retry: child.retry.or(parent.retry),
        secret_left,
    }
}

/// Where what a connection lacks is told.
struct Site<'a> {
    document: &'a LoadedDocument,
    place: &'static str,
}

/// Applies the vendor's defaults and reports what is lacking for the grant.
fn complete(
    merged: &Merged,
    name: &str,
    which: Which,
    site: &Site<'_>,
    problems: &mut Problems<'_>,
) -> Result<ResolvedConnection, Vec<String>> {
    let Some(vendor) = merged.vendor else {
        return Err(vec![format!("connection `{name}` has no vendor")]);
    };
    let mut why = Vec::new();
    let mut tell = |places: &[&str], message: String, help: Option<String>| {
        let code = "profile::incomplete_connection";
        why.push(problems.error(site.document, places, code, message, help));
    };
    let grants = grants(vendor);
    let words: Vec<&str> = grants.iter().map(|grant| grant.as_str()).collect();
    let words = words.join("`, `");
    let oauth = &merged.oauth;
    match oauth.grant {
        None => tell(
            &[site.place],
            format!("connection `{name}` has no `oauth.grant`"),
            Some(format!("{vendor} knows `{words}`")),
        ),
        Some(grant) if !grants.contains(&grant) => tell(
            &["oauth.grant", site.place],
            format!("{vendor} has no grant `{}`", grant.as_str()),
            Some(format!("{vendor} knows `{words}`")),
        ),
        Some(grant) => lacking(oauth, grant, vendor).for_each(|leaf| {
            let secret = matches!(leaf, "client_secret" | "token");
            let help = (merged.secret_left && secret).then(|| {
                "a connection that sets `url`, `token_url`, `authorize_url`, `account_id` or `client_id` inherits no secret: name its own".to_owned()
            });
            let message = format!(
                "connection `{name}` lacks `oauth.{leaf}`, which grant `{}` needs",
                grant.as_str()
            );
            tell(&[site.place], message, help);
        }),
    }
    for (leaf, place) in misplaced(merged, vendor) {
        let message = format!("`{leaf}` means nothing to {vendor} with this grant");
        tell(&[place, site.place], message, Some("remove it".to_owned()));
    }
    if let (Some(first), Some(longest)) = (merged.retry.first_wait, merged.retry.longest_wait)
        && first > longest
    {
        let message = format!(
            "connection `{name}` waits `{first}` before the first repetition, longer than its longest wait `{longest}`"
        );
        let help = "raise `retry.longest_wait`, or lower `retry.first_wait`".to_owned();
        let places = ["retry.longest_wait", "retry.first_wait", site.place];
        tell(&places, message, Some(help));
    }
    let defaults = Defaults::of(vendor, which, merged.url.as_deref());
    let Some(defaults) = defaults else {
        let message = format!("connection `{name}` lacks `url`");
        let help = "every Aha! account has its own: `https://ACCOUNT.aha.io/api/v1`".to_owned();
        tell(&[site.place], message, Some(help));
        return Err(why);
    };
    let Some(grant) = oauth.grant.filter(|_| why.is_empty()) else {
        return Err(why);
    };
    let resolved = ResolvedConnection {
        name: name.to_owned(),
        vendor,
        url: defaults.url,
        grant,
        token_url: oauth.token_url.clone().unwrap_or(defaults.token_url),
        authorize_url: oauth
            .authorize_url
            .clone()
            .unwrap_or(defaults.authorize_url),
        account_id: oauth.account_id.clone(),
        client_id: oauth.client_id.clone(),
        client_secret: oauth.client_secret.clone(),
        token: oauth.token.clone(),
        plan: merged.plan.unwrap_or_default(),
        share: merged.share.unwrap_or(DEFAULT_SHARE),
        retry: merged.retry,
    };
    if let Some((message, help)) = secret_astray(&resolved) {
        let places = ["url", site.place];
        let code = "profile::default_token_url";
        problems.warning(site.document, &places, code, message, Some(help));
    }
    Ok(resolved)
}

/// Whether an address is one of the vendor's own hosts, as opposed to one that an administrator allowed.
pub fn is_vendors_own(vendor: Vendor, address: &str) -> bool {
    let address = address.parse::<Endpoint>();
    address.is_ok_and(|address| address.is_allowed(own_domains(vendor), &[]))
}

/// What to say, and what to do, where a connection calls a host that is not the vendor's own and yet
/// sends its secret to the vendor's public one, because no file says where else.
pub fn secret_astray(connection: &ResolvedConnection) -> Option<(String, String)> {
    let is_own = |address: &str| is_vendors_own(connection.vendor, address);
    let secret = connection
        .client_secret
        .as_ref()
        .map(|_| "client_secret")
        .or_else(|| connection.token.as_ref().map(|_| "token"))?;
    if connection.grant == Grant::ApiKey
        || is_own(&connection.url)
        || !is_own(&connection.token_url)
    {
        return None;
    }
    let ResolvedConnection {
        name,
        url,
        token_url,
        vendor,
        ..
    } = connection;
    Some((
        format!(
            "connection `{name}` calls `{url}`, which is no host of {vendor}, but `{secret}` goes to `{token_url}`"
        ),
        "write `oauth.token_url`: the address beside `url` that gives tokens, or this one if it is meant".to_owned(),
    ))
}

fn grants(vendor: Vendor) -> &'static [Grant] {
    match vendor {
        Vendor::Zoom => &[Grant::AccountCredentials, Grant::AuthorizationCode],
        Vendor::GoTo => &[Grant::AuthorizationCode, Grant::PersonalAccessToken],
        Vendor::Aha => &[Grant::AuthorizationCode, Grant::ApiKey],
    }
}

/// The leaves a grant needs and does not have.
fn lacking(oauth: &OAuth, grant: Grant, vendor: Vendor) -> impl Iterator<Item = &'static str> {
    let app = grant != Grant::ApiKey;
    // GoTo accepts public clients, which have no secret.
    let app_secret = app && (vendor != Vendor::GoTo || grant == Grant::PersonalAccessToken);
    let own_token = matches!(grant, Grant::PersonalAccessToken | Grant::ApiKey);
    let account = grant == Grant::AccountCredentials;
    [
        (account && oauth.account_id.is_none(), "account_id"),
        (app && oauth.client_id.is_none(), "client_id"),
        (app_secret && oauth.client_secret.is_none(), "client_secret"),
        (own_token && oauth.token.is_none(), "token"),
    ]
    .into_iter()
    .filter_map(|(lacks, leaf)| lacks.then_some(leaf))
}

/// The leaves that are set and mean nothing, with their places.
fn misplaced(
    merged: &Merged,
    vendor: Vendor,
) -> impl Iterator<Item = (&'static str, &'static str)> {
    let oauth = &merged.oauth;
    let own_token = matches!(
        oauth.grant,
        None | Some(Grant::PersonalAccessToken | Grant::ApiKey)
    );
    let zoom = vendor == Vendor::Zoom;
    [
        (!own_token && oauth.token.is_some(), "token", "oauth.token"),
        (
            vendor == Vendor::Aha && oauth.account_id.is_some(),
            "account_id",
            "oauth.account_id",
        ),
        (!zoom && merged.plan.is_some(), "plan", "limits.plan"),
    ]
    .into_iter()
    .filter_map(|(wrong, leaf, place)| wrong.then_some((leaf, place)))
}

/// Where a vendor is when no file says.
struct Defaults {
    url: String,
    token_url: String,
    authorize_url: String,
}

impl Defaults {
    /// `None` where the vendor has no common address and the files give none.
    fn of(vendor: Vendor, which: Which, url: Option<&str>) -> Option<Self> {
        let (default, login) = match vendor {
            Vendor::Zoom => {
                let host = url.and_then(|url| url.parse::<Endpoint>().ok());
                let government = host.is_some_and(|url| url.is_allowed(&["zoomgov.com"], &[]));
                let login = if government { "zoomgov.com" } else { "zoom.us" };
                (Some("https://api.zoom.us/v2"), format!("https://{login}"))
            }
            Vendor::GoTo => {
                let url = match which {
                    Which::First => "https://api.getgo.com",
                    Which::Connect => "https://api.goto.com",
                };
                (
                    Some(url),
                    "https://authentication.logmeininc.com".to_owned(),
                )
            }
            Vendor::Aha => (None, origin(url?)),
        };
        Some(Self {
            url: url.or(default)?.to_owned(),
            token_url: format!("{login}/oauth/token"),
            authorize_url: format!("{login}/oauth/authorize"),
        })
    }
}

/// Scheme, host and port of an address.
fn origin(url: &str) -> String {
    let after_scheme = url.find("://").map_or(0, |at| at + 3);
    let path = url
        .get(after_scheme..)
        .and_then(|rest| rest.find('/'))
        .map_or(url.len(), |at| after_scheme + at);
    url.get(..path).unwrap_or(url).to_owned()
}
