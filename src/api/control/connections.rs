//! Connections: which there are, and how a person authorises one.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{Extension, State};

use super::answer::Refusal;
use super::model::{
    AuthorizationBegun, AuthorizationDone, AuthorizationRequest, ConnectionStatus, Listing,
    Redirected,
};
use super::{Asker, Control};
use crate::connector::ConnectorError;
use crate::connector::authorize::AuthorizeError;
use crate::profile::link::secret_astray;
use crate::profile::model::{DesiredProfile, Grant, ProfileState, ResolvedConnection, SubflowKind};
use crate::store::document::RecordedProfile;

impl From<AuthorizeError> for Refusal {
    fn from(error: AuthorizeError) -> Self {
        let message = error.to_string();
        match error {
            AuthorizeError::RedirectUri(_) | AuthorizeError::NotARedirect(_) => {
                Self::bad_request(message)
            }
            AuthorizeError::Connector(
                ConnectorError::Secret(_) | ConnectorError::Unavailable { .. },
            ) => Self::internal(message),
            _ => Self::conflict(message),
        }
    }
}

/// `GET /v1/connections`.
pub(super) async fn list(
    State(control): State<Control>,
) -> Result<Json<Listing<ConnectionStatus>>, Refusal> {
    let profiles = control.store.desired_profiles().await?;
    let rows = stand(&control, &profiles);
    Ok(Json(Listing { rows, next: None }))
}

/// `POST /v1/authorizations`.
pub(super) async fn begin(
    State(control): State<Control>,
    Extension(Asker(by)): Extension<Asker>,
    Json(request): Json<AuthorizationRequest>,
) -> Result<Json<AuthorizationBegun>, Refusal> {
    let profiles = control.store.desired_profiles().await?;
    let connections = used_by(&profiles);
    let Some((connection, _)) = connections.get(request.connection.as_str()) else {
        return Err(Refusal::not_found(format!(
            "no profile uses a connection `{}`: `seatsync connections list` shows them",
            request.connection
        )));
    };
    let connectors = &control.connectors;
    let begun =
        connectors.begin_authorization(connection, &request.redirect_uri, &by.to_string())?;
    tracing::info!(connection = %connection.name, %by, "an authorisation began");
    Ok(Json(AuthorizationBegun {
        connection: connection.name.clone(),
        vendor: connection.vendor.to_string(),
        url: begun.url,
        state: begun.state,
        ends_at: begun.ends_at,
    }))
}

/// `POST /v1/authorizations/complete`.
pub(super) async fn complete(
    State(control): State<Control>,
    Extension(Asker(by)): Extension<Asker>,
    Json(redirected): Json<Redirected>,
) -> Result<Json<AuthorizationDone>, Refusal> {
    let connectors = &control.connectors;
    let done = connectors
        .complete_authorization(&redirected.address, &by.to_string())
        .await?;
    let principal = done.facts.principal.as_deref();
    tracing::info!(connection = %done.connection, %by, principal, "a connection was authorised");
    let started = start_what_waited(&control, &done.connection).await?;
    Ok(Json(AuthorizationDone {
        connection: done.connection,
        authorization: done.facts,
        started,
    }))
}

/// How the connections of recorded profiles stand.
pub(super) fn stand(control: &Control, profiles: &[RecordedProfile]) -> Vec<ConnectionStatus> {
    let now = control.clock.now();
    let facts = control.grants.all_facts();
    used_by(profiles)
        .into_values()
        .map(|(connection, profiles)| {
            let needs_person = connection.grant == Grant::AuthorizationCode;
            let authorization = facts.get(&connection.name).filter(|_| needs_person);
            let consent = match authorization {
                Some(facts) => facts.warning(&connection.name, now),
                None if needs_person => Some(format!(
                    "nobody has authorised connection `{0}` yet: run `seatsync authorize {0}`",
                    connection.name
                )),
                None => None,
            };
            let astray =
                secret_astray(connection).map(|(message, help)| format!("{message}: {help}"));
            let warnings: Vec<String> = astray.into_iter().chain(consent).collect();
            let warning = (!warnings.is_empty()).then(|| warnings.join("; "));
            ConnectionStatus {
                name: connection.name.clone(),
                vendor: connection.vendor.to_string(),
                url: connection.url.clone(),
                grant: connection.grant.as_str().to_owned(),
                client_id: connection.client_id.clone(),
                share: connection.share,
                retry: control.connectors.retry_of(connection).into(),
                profiles,
                authorization: authorization.cloned(),
                warning,
            }
        })
        .collect()
}

/// Each connection with the profiles that use it. Those of removed profiles are left out.
pub(super) fn used_by(
    profiles: &[RecordedProfile],
) -> BTreeMap<&str, (&ResolvedConnection, Vec<String>)> {
    let mut found: BTreeMap<&str, (&ResolvedConnection, Vec<String>)> = BTreeMap::new();
    for profile in profiles.iter().filter(|p| p.orphaned_at.is_none()) {
        for connection in connections_of(&profile.desired) {
            let (_, users) = found
                .entry(&connection.name)
                .or_insert_with(|| (connection, Vec::new()));
            users.push(profile.name.to_string());
        }
    }
    found
}

fn connections_of(desired: &DesiredProfile) -> impl Iterator<Item = &ResolvedConnection> {
    std::iter::once(&desired.connection).chain(&desired.connect_connection)
}

/// Starts the download of every profile that could not run without the consent.
async fn start_what_waited(control: &Control, connection: &str) -> Result<Vec<String>, Refusal> {
    let mut started = Vec::new();
    for profile in control.store.desired_profiles().await? {
        let published = profile.desired.profile.state == ProfileState::Published;
        let uses = connections_of(&profile.desired).any(|used| used.name == connection);
        if !published || !uses {
            continue;
        }
        let download = SubflowKind::DownloadSubscriptions;
        match control.runner.request(&profile.name, download).await {
            Ok(_) => started.push(profile.name.to_string()),
            Err(error) => tracing::debug!(profile = %profile.name, %error, "no download started"),
        }
    }
    Ok(started)
}
