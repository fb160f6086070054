//! The control API: HTTP/1.1 and JSON under `/v1/`, for the command line, for metrics and health.
//! Viewers may read, operators may do everything; `/health` is for any peer that can connect.

mod answer;
mod audit;
mod backup;
mod candidates;
mod connections;
mod doctor;
mod events;
mod exclusions;
mod folder;
mod installed;
mod jobs;
mod licences;
pub mod model;
mod notices;
mod page;
mod plan;
mod position;
mod profiles;
mod report;
mod rules;
mod seats;
mod snapshot;
mod undo;
mod usage;
mod users;

use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Extension, Request, State};
use axum::http::{HeaderValue, Method, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use jiff::Timestamp;

use super::peer::Peer;
use super::role::{ControlAccess, ControlRole};
use super::usage::UsageApi;
use crate::clock::SharedClock;
use crate::connector::Connectors;
use crate::job::{InstalledRunner, Runner};
use crate::metrics::{Metrics, Snapshot};
use crate::reclamation::actor::Actor;
use crate::reconcile::ReconcileHandle;
use crate::sandbox::Sandbox;
use crate::settings::Settings;
use crate::store::Store;
use crate::store::grant::GrantVault;
use crate::store::usage::UsageStore;
use answer::Refusal;
pub use answer::unserved;
use model::{Health, VERSION_HEADER};

/// What the control API asks and tells.
#[derive(Debug, Clone)]
pub struct Control {
    /// Subscriptions, jobs, conditions.
    pub store: Store,
    /// Usage records.
    pub usage: UsageStore,
    /// The usage socket's API.
    pub usage_api: UsageApi,
    /// The profiles folder's keeper.
    pub reconcile: ReconcileHandle,
    /// The jobs' runner.
    pub runner: Runner,
    /// Who judges installed software.
    pub installed: InstalledRunner,
    /// The way to the vendors.
    pub connectors: Arc<Connectors>,
    /// People's consents.
    pub grants: GrantVault,
    /// The daemon's settings.
    pub settings: Arc<Settings>,
    /// Who may do what.
    pub access: Arc<ControlAccess>,
    /// This process's counters.
    pub metrics: Metrics,
    /// Now.
    pub clock: SharedClock,
    /// When the daemon started.
    pub started_at: Timestamp,
    /// What the process gave up.
    pub sandbox: Sandbox,
    /// The profiles folder.
    pub folder: PathBuf,
    /// The settings file, where it was named at start.
    pub config: Option<PathBuf>,
}

/// The service of one connection, for [`super::serve::serve`].
pub fn service(control: &Control, peer: &Peer) -> Router {
    let role = control.access.role(peer);
    let guarded = Router::new()
        .route("/metrics", get(metrics))
        .route("/v1/status", get(profiles::status))
        .route("/v1/status/{profile}", get(profiles::status_of))
        .route("/v1/reload", post(folder::reload))
        .route("/v1/plan", get(folder::plan))
        .route("/v1/plans", get(plan::all))
        .route("/v1/profiles/{profile}/validate", post(profiles::validate))
        .route("/v1/profiles/{profile}/release", post(profiles::release))
        .route("/v1/profiles/{profile}/rebind", post(profiles::rebind))
        .route("/v1/profiles/{profile}/plan", get(plan::of_profile))
        .route(
            "/v1/profiles/{profile}/approval",
            post(candidates::approval),
        )
        .route("/v1/candidates", get(candidates::list))
        .route("/v1/candidates/{id}", get(candidates::one))
        .route("/v1/candidates/decide", post(candidates::decide))
        .route("/v1/installed/candidates", get(installed::list))
        .route(
            "/v1/installed/items/{item}/explain",
            get(installed::explain),
        )
        .route(
            "/v1/installed/runs",
            get(installed::runs).post(installed::request),
        )
        .route("/v1/installed/runs/{id}", get(installed::run))
        .route("/v1/audit", get(audit::list))
        .route("/v1/audit/verify", get(audit::verify))
        .route("/v1/forget", post(audit::forget))
        .route("/v1/backup", post(backup::take))
        .route("/v1/db/check", post(backup::check))
        .route("/v1/notices", get(notices::list))
        .route("/v1/notices/trial", post(notices::trial))
        .route("/v1/snapshot", post(snapshot::export))
        .route("/v1/rules", get(rules::list))
        .route("/v1/undo", post(undo::undo))
        .route("/v1/connections", get(connections::list))
        .route("/v1/authorizations", post(connections::begin))
        .route("/v1/authorizations/complete", post(connections::complete))
        .route("/v1/jobs", get(jobs::list).post(jobs::request))
        .route("/v1/jobs/{id}", get(jobs::one))
        .route("/v1/subscriptions", get(seats::list))
        .route("/v1/identifiers", get(licences::identifiers))
        .route("/v1/models", get(licences::models))
        .route("/v1/entitlements", get(licences::entitlements))
        .route("/v1/position", get(position::get).post(position::calculate))
        .route("/v1/position/rows", get(position::rows))
        .route("/v1/position/runs", get(position::runs))
        .route("/v1/users", get(users::list))
        .route("/v1/events", get(events::list))
        .route("/v1/doctor", get(doctor::get))
        .route("/v1/report", get(report::get))
        .route("/v1/report/candidates", get(report::candidates))
        .route("/v1/explain", get(seats::explain))
        .route("/v1/exclusions", get(exclusions::list))
        .route("/v1/usage", get(usage::list))
        .route("/v1/usage/summary", get(usage::summary))
        .route("/v1/usage/products", get(usage::products))
        .route("/v1/usage/devices", get(usage::devices))
        .route("/v1/usage/export", get(usage::export))
        .layer(middleware::from_fn(move |request: Request, next: Next| {
            permit(role, request, next)
        }));
    Router::new()
        .route("/health", get(health))
        .merge(guarded)
        .layer(Extension(Asker(Actor::Peer(peer.uid))))
        .fallback(unknown)
        .layer(middleware::map_response(name_version))
        .with_state(control.clone())
}

/// Who asks, for the record of a decision.
#[derive(Debug, Clone)]
struct Asker(Actor);

/// Lets a request through that the peer's role allows.
async fn permit(role: Option<ControlRole>, request: Request, next: Next) -> Response {
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    let allowed = match role {
        Some(ControlRole::Operator) => true,
        Some(ControlRole::Viewer) => reads,
        None => false,
    };
    if allowed {
        return next.run(request).await;
    }
    let what = if reads { "read" } else { "change" };
    Refusal::forbidden(format!(
        "this user may not {what} anything here: add it to `control.{}` in seatsync.yaml, or to the group named there",
        if reads { "viewers" } else { "operators" }
    ))
    .into_response()
}

async fn name_version(mut response: Response) -> Response {
    let version = HeaderValue::from_static(env!("CARGO_PKG_VERSION"));
    response.headers_mut().insert(VERSION_HEADER, version);
    response
}

async fn unknown(request: Request) -> Refusal {
    Refusal::not_found(format!("there is no `{}`", request.uri().path()))
}

async fn health(State(control): State<Control>) -> Response {
    let health = match control.store.ping().await.and(control.usage.ping().await) {
        Ok(()) => Health {
            ok: true,
            message: "the daemon serves".to_owned(),
        },
        Err(error) => Health {
            ok: false,
            message: error.to_string(),
        },
    };
    let status = if health.ok {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, axum::Json(health)).into_response()
}

/// The service of whoever scrapes through a socket of its own: the metrics, and nothing else.
pub fn metrics_only(control: &Control) -> Router {
    Router::new()
        .route("/metrics", get(metrics))
        .fallback(unknown)
        .with_state(control.clone())
}

async fn metrics(State(control): State<Control>) -> Result<Response, Refusal> {
    let snapshot: Snapshot = profiles::snapshot(&control).await?;
    let text = control
        .metrics
        .render(snapshot)
        .map_err(|error| Refusal::internal(format!("cannot write the metrics: {error}")))?;
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    Ok(([("content-type", kind)], text).into_response())
}
