//! Addresses in files: what may be written at all, and where the settings let it point.

use std::borrow::Cow;
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use url::{Host, Url};

use crate::yaml::diagnostic::Findings;
use crate::yaml::read::{self, Read};
use crate::yaml::tree::Node;

/// An https address, or an http one on loopback, without user, query or fragment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    url: Url,
}

/// Why a text is not an [`Endpoint`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// Not an address.
    #[error("`{0}` is not an address: write `https://` and a host")]
    NotAnAddress(String),
    /// Not https.
    #[error("`{0}` is not https; only loopback may be plain http")]
    NotHttps(String),
    /// An `@`, and so a user name or password in it. It is not repeated: it may be a secret.
    #[error("the address holds a user name or password; credentials belong into `oauth`")]
    Credentials,
    /// More than scheme, host, port and path. It is not repeated: queries hold tokens.
    #[error("the address has a query or fragment; write scheme, host and path only")]
    Query,
}

impl Endpoint {
    /// The address without a trailing slash.
    pub fn as_text(&self) -> String {
        self.url.as_str().trim_end_matches('/').to_owned()
    }

    /// Whether it is this host.
    pub fn is_loopback(&self) -> bool {
        is_loopback(&self.url)
    }

    /// The host as it is compared and shown.
    pub fn host(&self) -> &str {
        self.url.host_str().unwrap_or_default()
    }

    /// Whether a connection may go there: under one of the vendor's own domains on the usual port,
    /// or where `allowed_hosts` says. Loopback is never built in.
    pub fn is_allowed(&self, own_domains: &[&str], allowed_hosts: &[String]) -> bool {
        let built_in = !self.is_loopback()
            && self.url.port().is_none()
            && own_domains
                .iter()
                .any(|domain| lies_under(self.host(), domain));
        built_in || allowed_hosts.iter().any(|allowed| self.matches(allowed))
    }

    fn matches(&self, allowed: &str) -> bool {
        let allowed = allowed.to_lowercase();
        let (pattern, port) = split_port(&allowed);
        if port.is_some_and(|port| self.url.port_or_known_default() != Some(port)) {
            return false;
        }
        match pattern.strip_prefix("*.") {
            Some(domain) => self.host() != domain && lies_under(self.host(), domain),
            None => self.host() == pattern,
        }
    }
}

fn lies_under(host: &str, domain: &str) -> bool {
    let below = host.strip_suffix(domain);
    below.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

/// Splits `host:port`; the colons of an IPv6 address stand in brackets.
fn split_port(text: &str) -> (&str, Option<u16>) {
    match text.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => match port.parse() {
            Ok(port) => (host, Some(port)),
            Err(_) => (text, None),
        },
        _ => (text, None),
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => IpAddr::V4(address).is_loopback(),
        Some(Host::Ipv6(address)) => IpAddr::V6(address).is_loopback(),
        None => false,
    }
}

impl Read for Endpoint {
    fn read(node: &Node, to: &mut Findings) -> Option<Self> {
        if node
            .text()
            .is_some_and(|text| text.contains(['@', '?', '#']))
        {
            to.hide(node.region);
        }
        read::parsed(node, "settings::url", to)
    }
}

impl JsonSchema for Endpoint {
    fn schema_name() -> Cow<'static, str> {
        "Endpoint".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        schemars::json_schema!({"type": "string", "pattern": "^[Hh][Tt][Tt][Pp][Ss]?://"})
    }
}

impl FromStr for Endpoint {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Self, EndpointError> {
        if text.contains('@') {
            return Err(EndpointError::Credentials);
        }
        if text.contains(['?', '#']) {
            return Err(EndpointError::Query);
        }
        let not_an_address = || EndpointError::NotAnAddress(text.to_owned());
        let url = Url::parse(text).map_err(|_| not_an_address())?;
        if url.host_str().is_none_or(str::is_empty) {
            return Err(not_an_address());
        }
        match url.scheme() {
            "https" => Ok(Self { url }),
            "http" if is_loopback(&url) => Ok(Self { url }),
            "http" => Err(EndpointError::NotHttps(text.to_owned())),
            _ => Err(not_an_address()),
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.as_text())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(url: &str, hosts: &[&str]) -> bool {
        let hosts: Vec<String> = hosts.iter().map(|host| (*host).to_owned()).collect();
        url.parse::<Endpoint>()
            .unwrap()
            .is_allowed(&["zoom.us", "zoomgov.com"], &hosts)
    }

    #[test]
    fn a_vendors_own_domains_are_built_in_and_look_alikes_are_not() {
        assert!(allowed("https://api.zoom.us/v2", &[]));
        assert!(allowed("https://zoom.us", &[]));
        assert!(allowed("https://API.ZOOMGOV.COM", &[]));
        assert!(!allowed("https://evilzoom.us", &[]));
        assert!(!allowed("https://zoom.us.example.com", &[]));
        assert!(!allowed("https://zoom.us./v2", &[]));
        assert!(!allowed("https://api.zoom.us:8443", &[]));
        assert!(!allowed("https://api.goto.com", &[]));
    }

    #[test]
    fn the_settings_add_hosts_with_ports_and_subdomains() {
        assert!(allowed("https://proxy.example.com", &["proxy.example.com"]));
        assert!(allowed("https://a.example.com", &["*.example.com"]));
        assert!(!allowed("https://example.com", &["*.example.com"]));
        assert!(!allowed(
            "https://proxy.example.com:1",
            &["proxy.example.com:2"]
        ));
        assert!(allowed("http://127.0.0.1:9", &["127.0.0.1"]));
        assert!(allowed("http://[::1]:9", &["[::1]:9"]));
        assert!(!allowed("http://127.0.0.1:9", &[]));
        assert!(!allowed("http://localhost:9", &["127.0.0.1"]));
    }

    #[test]
    fn plain_http_and_hidden_credentials_are_refused() {
        let refused = |text: &str| text.parse::<Endpoint>().unwrap_err();
        assert!(matches!(
            refused("http://api.zoom.us"),
            EndpointError::NotHttps(_)
        ));
        let secret = refused("https://zoom.us:hunter2@example.com");
        assert_eq!(secret, EndpointError::Credentials);
        assert!(!secret.to_string().contains("hunter2"));
        let token = refused("https://zoom.us/?token=hunter2");
        assert_eq!(token, EndpointError::Query);
        assert!(!token.to_string().contains("hunter2"));
        // Neither is repeated when something else is wrong with it too.
        assert_eq!(refused("zoom.us#hunter2"), EndpointError::Query);
        assert!(matches!(refused("zoom.us"), EndpointError::NotAnAddress(_)));
        assert!(matches!(
            refused("file:///etc/passwd"),
            EndpointError::NotAnAddress(_)
        ));
    }
}
