//! Whom a vendor knows a person as who consented: asked once, right after the consent.

use reqwest::header::{ACCEPT, AUTHORIZATION};
use reqwest::{Method, Url};
use serde::Deserialize;

use super::http::HttpClient;
use super::token::AccessToken;
use crate::profile::identifier::Vendor;
use crate::profile::model::ResolvedConnection;

/// A person at the vendor.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Principal {
    /// The e-mail address.
    pub(super) name: Option<String>,
    /// The vendor account that the consent is for, where it is only one.
    pub(super) account: Option<String>,
}

/// The three vendors' answers, as far as they matter here.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Me {
    email: Option<String>,
    account_id: Option<String>,
    user: Option<User>,
}

/// The person, where the vendor wraps it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct User {
    email: Option<String>,
}

/// Asks once; the reason when the vendor does not tell.
pub(super) async fn of(
    http: &HttpClient,
    connection: &ResolvedConnection,
    token: &AccessToken,
) -> Result<Principal, String> {
    // Zoom's guide on users, GoTo's on the Admin API, Aha!'s API reference.
    let path: &[&str] = match connection.vendor {
        Vendor::Zoom => &["users", "me"],
        Vendor::GoTo => &["admin", "rest", "v1", "me"],
        Vendor::Aha => &["me"],
    };
    let mut url = Url::parse(&connection.url).map_err(|error| error.to_string())?;
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.pop_if_empty().extend(path);
    }
    let request = http
        .client()
        .map_err(|error| error.to_string())?
        .request(Method::GET, url)
        .header(AUTHORIZATION, token.authorization.clone())
        .header(ACCEPT, "application/json")
        .build()
        .map_err(|error| error.without_url().to_string())?;
    let answer = http.exchange(request).await.map_err(|e| e.to_string())?;
    if answer.status != 200 {
        return Err(format!("it answers {}", answer.status));
    }
    let me: Me =
        serde_json::from_slice(&answer.body).map_err(|_| "its answer cannot be read".to_owned())?;
    let name = me.email.or_else(|| me.user.and_then(|user| user.email));
    Ok(Principal {
        name: Some(name.ok_or_else(|| "its answer names nobody".to_owned())?),
        account: me.account_id,
    })
}
