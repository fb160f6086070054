//! The usage socket: ServiceNow's createOrUpdate API for software usage, for agents on this host.
//!
//! A request is judged in a fixed order, so that nobody learns more than they may: path (400, 404),
//! identity (401, 403), rate (429), method (405), formats (415, 406), size, body. An answer of 200 is
//! sent only after the batch is durable. `daemon` makes one [`UsageApi`] and gives [`UsageApi::service`] to
//! [`super::serve::serve`].

mod coding;
mod format;
mod intake;
mod json;
mod path;
mod policy;
mod push;
mod rate;
mod refusal;
mod room;
mod turns;
mod xml;

use std::convert::Infallible;
use std::hash::{BuildHasher, RandomState};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response};
use tower::Service;

use self::coding::Coding;
use self::format::Format;
use self::path::Destination;
use self::policy::Standing;
pub use self::policy::UsagePolicy;
use self::push::Push;
use self::rate::Rates;
use self::refusal::Refusal;
use self::room::{InHand, Place, Share};
use super::peer::Peer;
use super::unserved::Unserved;
use crate::clock::SharedClock;
use crate::metrics::{Metrics, StatusLabel};
use crate::settings;
use crate::store::usage::UsageStore;
use crate::telemetry::spans;
use crate::yaml::diagnostic::Diagnostic;

/// The usage API over one store. Cheap to clone.
#[derive(Debug, Clone)]
pub struct UsageApi {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    store: UsageStore,
    policy: RwLock<Arc<UsagePolicy>>,
    in_hand: InHand,
    rates: Rates,
    clock: SharedClock,
    metrics: Metrics,
    /// Counts requests, from a start that differs from run to run.
    transactions: AtomicU64,
}

const X_TRANSACTION_ID: HeaderName = HeaderName::from_static("x-transaction-id");
const X_IS_LOGGED_IN: HeaderName = HeaderName::from_static("x-is-logged-in");
const X_HTTP_METHOD_OVERRIDE: HeaderName = HeaderName::from_static("x-http-method-override");

impl UsageApi {
    /// An API that stores into `store`, for those whom `policy` lets.
    pub fn new(
        store: UsageStore,
        policy: UsagePolicy,
        clock: SharedClock,
        metrics: Metrics,
    ) -> Self {
        Self {
            shared: Arc::new(Shared {
                store,
                policy: RwLock::new(Arc::new(policy)),
                in_hand: InHand::default(),
                rates: Rates::default(),
                clock,
                metrics,
                transactions: AtomicU64::new(RandomState::new().hash_one(0)),
            }),
        }
    }

    /// Puts another policy in force, from the next request on.
    pub fn set_policy(&self, policy: UsagePolicy) {
        let mut current = self
            .shared
            .policy
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        *current = Arc::new(policy);
    }

    /// Reads the settings in `config` (the default file when absent) anew and puts what they say of
    /// this socket in force. Where they are wrong, what was in force stays.
    pub async fn reload(&self, config: Option<PathBuf>) -> Result<(), Vec<Diagnostic>> {
        // Names may be asked of a directory far away.
        let resolved = tokio::task::spawn_blocking(move || {
            let settings = settings::load(config.as_deref())?;
            let policy =
                UsagePolicy::resolve(&settings.usage, &mut Vec::new()).map_err(|user| {
                    let file = config
                        .as_deref()
                        .unwrap_or(Path::new(settings::DEFAULT_PATH));
                    let message = format!("`usage.bind`: {user}");
                    vec![Diagnostic::error(file, "settings::bind", message)]
                })?;
            Ok::<_, Vec<Diagnostic>>(policy)
        });
        // It ends early only when the daemon does.
        let Ok(resolved) = resolved.await else {
            return Ok(());
        };
        let policy = resolved?;
        // What was told at the start, or at an earlier reload, is not told again.
        let before = self.shared.policy();
        for principal in &policy.unknown {
            if !before.unknown.contains(principal) {
                tracing::warn!("{principal}");
            }
        }
        self.set_policy(policy);
        Ok(())
    }

    /// The answer to what never becomes a request, in the form of all others.
    pub fn unserved(&self, fault: Unserved) -> Response<Vec<u8>> {
        let response = failure(Format::Json, &Refusal::unserved(fault));
        self.shared
            .finish(response, &self.shared.next_transaction())
    }

    /// The service for one connection of `peer`.
    pub fn service(
        &self,
        peer: Arc<Peer>,
    ) -> impl Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future: Send>
    + Clone
    + Send
    + use<> {
        let shared = Arc::clone(&self.shared);
        let share = shared.in_hand.share(peer.uid);
        tower::service_fn(move |request| {
            let (shared, peer, share) = (Arc::clone(&shared), Arc::clone(&peer), share.clone());
            async move { Ok(shared.answer(&peer, &share, request).await) }
        })
    }
}

/// What is known of a request while it is judged.
#[derive(Debug)]
struct Exchange {
    transaction: String,
    /// What the client wants back; JSON where it wants nothing that we have.
    format: Format,
    /// How the user stands under the rate rule, where there is one and the user is known.
    rate: Option<rate::Standing>,
    /// How many items it had, once they are stored.
    items: Option<usize>,
    /// The room of its body, which its answer takes over.
    place: Place,
}

impl Shared {
    /// The policy in force.
    fn policy(&self) -> Arc<UsagePolicy> {
        Arc::clone(&self.policy.read().unwrap_or_else(PoisonError::into_inner))
    }

    async fn answer(
        self: &Arc<Self>,
        peer: &Peer,
        share: &Share,
        request: Request<Body>,
    ) -> Response<Body> {
        let mut exchange = Exchange {
            transaction: self.next_transaction(),
            format: Format::Json,
            rate: None,
            items: None,
            place: Place::default(),
        };
        let span = spans::usage_request();
        let process = self.process(peer, share, request, &mut exchange);
        let answered = span.run(process).await;
        let mut response = match answered {
            Ok(body) => success(exchange.format, body),
            Err(refusal) => {
                tracing::debug!(
                    uid = peer.uid,
                    pid = peer.pid,
                    transaction = exchange.transaction,
                    status = refusal.status.as_u16(),
                    message = %refusal.message,
                    "usage request refused"
                );
                failure(exchange.format, &refusal)
            }
        };
        spans::usage_answered(span, response.status().as_u16(), exchange.items);
        if let Some(rate) = &exchange.rate {
            response.headers_mut().extend(rate.headers());
        }
        self.finish(response, &exchange.transaction)
            .map(|answer| exchange.place.answered(answer))
    }

    /// Counts an answer and gives it what every answer has.
    fn finish(&self, mut response: Response<Vec<u8>>, transaction: &str) -> Response<Vec<u8>> {
        let headers = response.headers_mut();
        if let Ok(transaction) = HeaderValue::from_str(transaction) {
            headers.insert(X_TRANSACTION_ID, transaction);
        }
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        let status = response.status().as_u16();
        let requests = &self.metrics.usage_requests;
        requests.get_or_create(&StatusLabel { status }).inc();
        response
    }

    /// Twelve hex digits, different for every request of this run.
    fn next_transaction(&self) -> String {
        // An odd factor keeps neighbours apart and never meets one twice.
        let count = self
            .transactions
            .fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
        format!("{:012x}", count >> 16)
    }

    async fn process(
        self: &Arc<Self>,
        peer: &Peer,
        share: &Share,
        request: Request<Body>,
        exchange: &mut Exchange,
    ) -> Result<Vec<u8>, Refusal> {
        let answer_in = Format::of_answer(request.headers());
        exchange.format = *answer_in.as_ref().unwrap_or(&Format::Json);
        match path::follow(request.uri().path()) {
            Destination::CreateOrUpdate => {}
            Destination::NoResource => return Err(Refusal::no_resource()),
            Destination::Nowhere => return Err(Refusal::not_found(request.uri().path())),
        }
        let policy = self.policy();
        let rules = match policy.standing(peer) {
            Standing::Unknown => return Err(Refusal::not_authenticated()),
            Standing::Unprivileged => return Err(Refusal::not_authorized()),
            Standing::Privileged(rules) => rules,
        };
        self.refuse_excess(peer.uid, &policy, exchange)?;
        refuse_method(request.method(), request.headers())?;
        let coding = Coding::of_request(request.headers())?;
        let sent_in = Format::of_request(request.headers())?;
        answer_in?;
        coding.refuse_declared(request.headers())?;
        let taken = share
            .take(request.into_body(), coding, &*self.clock)
            .await?;
        let push = Push {
            user: peer.uid,
            rules,
            policy,
            answer_in: exchange.format,
            transaction: exchange.transaction.clone(),
        };
        let stored = self.store(push, share, sent_in, taken).await?;
        exchange.items = Some(stored.items);
        exchange.place = stored.place;
        Ok(stored.answer)
    }

    /// Counts a request where there is a rate rule, and refuses it beyond.
    fn refuse_excess(
        &self,
        uid: u32,
        policy: &UsagePolicy,
        exchange: &mut Exchange,
    ) -> Result<(), Refusal> {
        let Some(limit) = policy.requests_per_hour else {
            return Ok(());
        };
        let standing = self.rates.count(uid, limit, self.clock.now());
        exchange.rate = Some(standing);
        match standing.exceeded() {
            Some((limit, seconds)) => Err(Refusal::too_many_requests(limit, seconds)),
            None => Ok(()),
        }
    }
}

fn success(format: Format, body: Vec<u8>) -> Response<Vec<u8>> {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, format.content_type());
    headers.insert(X_IS_LOGGED_IN, HeaderValue::from_static("true"));
    response
}

fn failure(format: Format, refusal: &Refusal) -> Response<Vec<u8>> {
    let mut response = Response::new(format.encode_refusal(refusal));
    *response.status_mut() = refusal.status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, format.content_type());
    response.headers_mut().extend(refusal.headers());
    response
}

/// POST only. The platform honours an override of the method; here it could only lead away from
/// POST, so one that says anything else is refused.
fn refuse_method(method: &Method, headers: &HeaderMap) -> Result<(), Refusal> {
    if method != Method::POST {
        return Err(Refusal::method(method.as_str()));
    }
    for instead in headers.get_all(X_HTTP_METHOD_OVERRIDE) {
        if !instead.as_bytes().eq_ignore_ascii_case(b"POST") {
            let instead = String::from_utf8_lossy(instead.as_bytes());
            return Err(Refusal::method(&instead));
        }
    }
    Ok(())
}
