//! Connections, by name and inline. What a connection may be at all depends on its parents, and so
//! is checked when it is linked.

use super::Places;
use crate::profile::identifier::Vendor;
use crate::profile::model::{Connection, ConnectionRef, OAuth, Retry};
use crate::profile::name::Name;
use crate::profile::raw::{
    RawConnection, RawConnectionRef, RawInlineConnection, RawLimits, RawOAuth, RawRetry,
};
use crate::settings::endpoint::Endpoint;
use crate::settings::secret_ref::RawSecretRef;
use crate::yaml::read::At;

/// `kind: Connection`.
pub(super) fn check(raw: RawConnection, places: &mut Places) -> Option<Connection> {
    let name = raw.name.0?.value;
    let fields = RawInlineConnection {
        vendor: raw.vendor,
        parent: raw.parent,
        url: raw.url,
        oauth: raw.oauth,
        limits: raw.limits,
        retry: raw.retry,
    };
    Some(fields_of(Some(name), fields, places))
}

/// A profile's connection, by name or inline.
pub(super) fn reference(
    raw: RawConnectionRef,
    vendor: Option<Vendor>,
    places: &mut Places,
) -> ConnectionRef {
    match raw {
        RawConnectionRef::Named(name) => ConnectionRef::Named(name),
        RawConnectionRef::Inline(inline) => {
            let mut connection = fields_of(None, *inline, places);
            connection.vendor = connection.vendor.or(vendor);
            ConnectionRef::Inline(Box::new(connection))
        }
    }
}

fn fields_of(name: Option<Name>, raw: RawInlineConnection, places: &mut Places) -> Connection {
    places.note("vendor", raw.vendor.as_ref());
    places.note("parent", raw.parent.as_ref());
    places.note("url", raw.url.as_ref());
    let (plan, share) = match raw.limits {
        Some(RawLimits { plan, share }) => {
            places.note("limits.plan", plan.as_ref());
            (plan.map(|plan| plan.value), share.map(|share| share.0))
        }
        None => (None, None),
    };
    Connection {
        name,
        vendor: raw.vendor.map(|vendor| vendor.value),
        parent: raw.parent.map(|parent| parent.value),
        url: address(raw.url),
        oauth: raw
            .oauth
            .map(|oauth| oauth_of(oauth, places))
            .unwrap_or_default(),
        plan,
        share,
        retry: raw
            .retry
            .map(|retry| retry_of(&retry, places))
            .unwrap_or_default(),
    }
}

fn retry_of(raw: &RawRetry, places: &mut Places) -> Retry {
    places.note("retry.first_wait", raw.first_wait.as_ref());
    places.note("retry.longest_wait", raw.longest_wait.as_ref());
    Retry {
        attempts: raw.attempts.as_ref().map(|attempts| attempts.value.0),
        first_wait: raw.first_wait.as_ref().map(|wait| wait.value.0),
        longest_wait: raw.longest_wait.as_ref().map(|wait| wait.value.0),
        per_run: raw.per_run.as_ref().map(|most| most.value.0),
        rate_limit_wait: raw.rate_limit_wait.as_ref().map(|wait| wait.value.0),
    }
}

fn oauth_of(raw: RawOAuth, places: &mut Places) -> OAuth {
    places.note("oauth.grant", raw.grant.as_ref());
    places.note("oauth.token_url", raw.token_url.as_ref());
    places.note("oauth.authorize_url", raw.authorize_url.as_ref());
    places.note("oauth.account_id", raw.account_id.as_ref());
    places.note("oauth.client_id", raw.client_id.as_ref());
    places.note("oauth.client_secret", raw.client_secret.as_ref());
    places.note("oauth.token", raw.token.as_ref());
    let secret = |raw: Option<At<RawSecretRef>>| raw.and_then(|raw| raw.value.checked());
    OAuth {
        grant: raw.grant.map(|grant| grant.value),
        token_url: address(raw.token_url),
        authorize_url: address(raw.authorize_url),
        account_id: raw.account_id.map(|id| id.value.0),
        client_id: raw.client_id.map(|id| id.value.0),
        client_secret: secret(raw.client_secret),
        token: secret(raw.token),
    }
}

fn address(raw: Option<At<Endpoint>>) -> Option<String> {
    raw.map(|endpoint| endpoint.value.as_text())
}
