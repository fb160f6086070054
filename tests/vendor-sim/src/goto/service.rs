//! The account as a service: every request passes authentication, scopes and rate limits before
//! its operation sees it, and is logged with its fate.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;

use crate::clock::SimClock;
use crate::goto::endpoint::{Endpoint, all_scopes};
use crate::goto::errors::ApiError;
use crate::goto::faults::{Action, Fault, Faults, Scene};
use crate::goto::licenses::Plan;
use crate::goto::limits::{Limits, TooMany};
use crate::goto::log::LoggedRequest;
use crate::goto::oauth::OAuth;
use crate::goto::options::{GoToSimOptions, Switches};
use crate::goto::world::{ACCOUNT, SECOND_ACCOUNT, World};
use crate::goto::{
    admin, assist, calls, connect, control_http, meetings, scim, training, webinars, writes,
};
use crate::http::{Answer, Reply, Request, first};
use crate::log::Log;
use crate::oauth::form_body;
use crate::random::{Ppm, draw};

/// Everything an account is, behind one lock: requests are answered one after the other.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) limited: bool,
    pub(crate) switches: Switches,
    pub(crate) clock: SimClock,
    pub(crate) base_url: String,
    pub(crate) world: World,
    pub(crate) oauth: OAuth,
    pub(crate) limits: Limits,
    pub(crate) faults: Faults,
    pub(crate) log: Log<LoggedRequest>,
    /// Changes to the account that wait for the list of users to be read so far.
    pub(crate) shifts: Vec<Shift>,
    /// Whether the list of users leaves the invited out.
    pub(crate) hide_invited: bool,
    /// How many it leaves out at its end.
    pub(crate) hidden_users: usize,
    /// Seats of a licence that were bought, where not the usual spare.
    pub(crate) bought: BTreeMap<Plan, u64>,
}

/// What happens to the account between two pages of the list of users.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shift {
    /// Pages still to be answered before.
    pub(crate) after: u32,
    /// Addresses of people who come, at the front of the list.
    pub(crate) join: Vec<String>,
    /// Addresses of people who go.
    pub(crate) leave: Vec<String>,
}

/// A request to one operation, past all checks.
#[derive(Debug)]
pub(crate) struct Call<'a> {
    pub(crate) request: &'a Request,
    pub(crate) endpoint: Endpoint,
    /// What varies in the path, in order.
    pub(crate) parts: &'a [String],
    /// Milliseconds since 1970.
    pub(crate) now: i64,
}

impl Call<'_> {
    pub(crate) fn part(&self, at: usize) -> &str {
        self.parts.get(at).map_or("", String::as_str)
    }

    pub(crate) const fn seconds(&self) -> i64 {
        self.now.div_euclid(1000)
    }

    /// A whole number in the query.
    pub(crate) fn number(&self, name: &str, default: u64) -> Result<u64, ApiError> {
        match self.request.param(name) {
            None | Some("") => Ok(default),
            Some(text) => text
                .parse()
                .map_err(|_| ApiError::invalid(format!("{name} is not a number"))),
        }
    }

    /// A time in the query, in seconds since 1970.
    pub(crate) fn time(&self, name: &str) -> Result<i64, ApiError> {
        let text = self.request.param(name).unwrap_or_default();
        let time: Timestamp = text
            .parse()
            .map_err(|_| ApiError::invalid(format!("{name} is not a time")))?;
        Ok(time.as_second())
    }

    /// Two times in the query, the second after the first.
    pub(crate) fn window(&self, from: &str, to: &str) -> Result<(i64, i64), ApiError> {
        let (first, last) = (self.time(from)?, self.time(to)?);
        if last < first {
            return Err(ApiError::invalid(format!("{to} is before {from}")));
        }
        Ok((first, last))
    }
}

/// A key in a path. One with letters breaks what is behind the gateway.
pub(crate) fn key(text: &str) -> Result<u128, ApiError> {
    text.parse().map_err(|_| ApiError::malformed_key())
}

/// A time as most answers write it.
pub(crate) fn zulu(seconds: i64) -> String {
    Timestamp::from_second(seconds)
        .unwrap_or_default()
        .to_string()
}

impl State {
    pub(crate) fn new(options: &GoToSimOptions, base_url: String) -> Self {
        let start = options.clock.seconds();
        let world = World::new(options.seed, options.users, &options.population, start);
        let principal = world.person(0).map_or_else(
            || "admin@example.com".to_owned(),
            |admin| admin.email.clone(),
        );
        Self {
            limited: options.limits,
            switches: options.switches.clone(),
            clock: options.clock.clone(),
            base_url,
            world,
            oauth: OAuth::new(options.seed, all_scopes(), principal),
            limits: Limits::default(),
            faults: Faults::default(),
            log: Log::default(),
            shifts: Vec::new(),
            hide_invited: false,
            hidden_users: 0,
            bought: BTreeMap::new(),
        }
    }

    /// Checks that the account in a path is one of this login's, and whether it is the main one.
    pub(crate) fn is_main(&self, account: &str) -> Result<bool, ApiError> {
        match key(account)? {
            ACCOUNT => Ok(true),
            SECOND_ACCOUNT if self.switches.second_account => Ok(false),
            _ => Err(ApiError::gateway(
                403,
                "not.authorized",
                "Not authorized for the account",
            )),
        }
    }

    fn entry(&self, request: &Request, found: Option<&(Endpoint, Vec<String>)>) -> LoggedRequest {
        let endpoint = found.map(|(endpoint, _)| *endpoint);
        let takes_body = endpoint.is_some() && request.method != "GET";
        LoggedRequest {
            number: 0,
            at: self.clock.now(),
            method: request.method.clone(),
            path: request.path.clone(),
            query: request.query.clone(),
            endpoint,
            family: endpoint.map(Endpoint::family),
            user: found.and_then(|(_, parts)| parts.last().cloned()),
            body: takes_body
                .then(|| serde_json::from_slice(&request.body).ok())
                .flatten(),
            grant: (request.path == "/oauth/token")
                .then(|| first(&form_body(request), "grant_type").map(str::to_owned))
                .flatten(),
            status: 0,
            fault: None,
        }
    }

    fn vendor(&mut self, request: &Request, ticket: &Ticket) -> Reply {
        let mut entry = self.entry(request, ticket.found.as_ref());
        let endpoint = entry.endpoint;
        let action = ticket.fault.as_ref().map(|fault| &fault.action);
        let preempted = action.is_some_and(Action::preempts);
        let reply = if preempted {
            Reply::default()
        } else {
            self.route(request, ticket.found.as_ref())
        };
        let worked_out = reply.status;
        let mut reply = match action {
            None => reply,
            Some(action) => action.spoil(reply, &Scene { request, endpoint }),
        };
        entry.status = if action.is_some() && !preempted {
            worked_out
        } else {
            reply.status
        };
        entry.fault = ticket.fault.as_ref().map(|fault| fault.name.clone());
        let date = self.clock.now().strftime("%a, %d %b %Y %H:%M:%S GMT");
        reply.set_header("date", date.to_string());
        self.log.push(entry);
        reply
    }

    fn route(&mut self, request: &Request, found: Option<&(Endpoint, Vec<String>)>) -> Reply {
        let now = self.clock.seconds();
        if let Some((endpoint, parts)) = found {
            let call = Call {
                request,
                endpoint: *endpoint,
                parts,
                now: self.clock.millis(),
            };
            return self.api(&call);
        }
        match (request.method.as_str(), request.path.as_str()) {
            ("POST", "/oauth/token") => self.oauth.token(request, now, &self.switches),
            ("GET" | "POST", "/oauth/authorize") => {
                self.oauth.authorize(request, now, &self.switches)
            }
            ("POST", "/oauth/revoke") => self.oauth.revoke(request),
            (_, path) if path.starts_with("/oauth/v2/") => Reply::json(
                self.switches.old_host_status,
                &json!({"message": "This endpoint is no longer valid, see https://developer.goto.com/guides/Authentication/New_Token_Retrieval_Migration_Guide/"}),
            ),
            _ => ApiError::unrouted().reply(),
        }
    }

    fn api(&mut self, call: &Call<'_>) -> Reply {
        let family = call.endpoint.family();
        let lacking = match self.oauth.scopes(call.request, call.seconds()) {
            None => return ApiError::bad_token(family).reply(),
            Some(held) => call
                .endpoint
                .scopes()
                .iter()
                .find(|scope| !held.iter().any(|known| known == *scope)),
        };
        if self.limited && !self.limits.take(family, call.seconds()) {
            return TooMany::Bare.reply();
        }
        if let Some(scope) = lacking {
            return ApiError::missing_scope(family, scope).reply();
        }
        let rate = f64::from(self.switches.gateway_errors_ppm) / 1_000_000.0;
        let dice = draw(self.world.seed, self.log.next_number(), 99);
        if Ppm::of(rate).holds(dice) {
            let status = if dice & 1 == 0 { 502 } else { 504 };
            return ApiError::gateway(status, "GATEWAY", "upstream failed").reply();
        }
        match self.operation(call) {
            Ok(reply) => reply,
            Err(refused) => refused.reply(),
        }
    }

    fn operation(&mut self, call: &Call<'_>) -> Result<Reply, ApiError> {
        match call.endpoint {
            Endpoint::Me => Ok(admin::me(self)),
            Endpoint::ListUsers => admin::users(self, call),
            Endpoint::GetUser => admin::user(self, call),
            Endpoint::ListLicenses => admin::licenses(self, call),
            Endpoint::AddUsers => writes::add_users(self, call),
            Endpoint::UpdateUser => writes::update_user(self, call),
            Endpoint::DeleteUser => writes::delete_user(self, call),
            Endpoint::AssignLicense | Endpoint::PostLicense => writes::assign(self, call),
            Endpoint::RemoveLicense => writes::remove(self, call),
            Endpoint::ScimMe => Ok(scim::me(self)),
            Endpoint::ScimUsers => Ok(scim::users(self, call)),
            Endpoint::OwnMeetings | Endpoint::OrganizerMeetings | Endpoint::GroupMeetings => {
                meetings::history(self, call)
            }
            Endpoint::AccountWebinars | Endpoint::OrganizerWebinars => {
                webinars::scheduled(self, call)
            }
            Endpoint::OrganizerSessions => webinars::sessions(self, call),
            Endpoint::TrainingSessions => training::sessions(self, call),
            Endpoint::AssistSessions | Endpoint::ExtendedSessions => assist::sessions(self, call),
            Endpoint::UserActivity => connect::user_activity(self, call),
            Endpoint::UserCalls => connect::user_calls(self, call),
            Endpoint::ConnectUsers => connect::users(self, call),
            Endpoint::ConnectMe => Ok(connect::me(self)),
            Endpoint::UserLines => connect::lines(self, call),
            Endpoint::CallEvents | Endpoint::CallHistory => calls::list(self, call),
        }
    }
}

/// What was found out about a request when it arrived.
#[derive(Debug)]
pub(crate) struct Ticket {
    found: Option<(Endpoint, Vec<String>)>,
    fault: Option<Fault>,
}

/// The account behind its lock.
#[derive(Debug)]
pub(crate) struct Account {
    state: Mutex<State>,
}

impl Account {
    pub(crate) const fn new(state: State) -> Self {
        Self {
            state: Mutex::new(state),
        }
    }

    /// The state; a panic elsewhere does not take the simulator down with it.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Answer for Account {
    /// None for the control surface.
    type Ticket = Option<Ticket>;

    fn arrive(&self, request: &Request) -> (Duration, Option<Ticket>) {
        if request.path.starts_with("/_sim") {
            return (Duration::ZERO, None);
        }
        let found = Endpoint::find(&request.method, &request.path);
        let endpoint = found.as_ref().map(|(endpoint, _)| *endpoint);
        let user = found.as_ref().and_then(|(_, parts)| parts.last());
        let user = user.map(String::as_str);
        let fault = self.state().faults.hit(request, endpoint, user);
        let delay = fault
            .as_ref()
            .map_or(Duration::ZERO, |fault| fault.action.delay());
        (delay, Some(Ticket { found, fault }))
    }

    fn answer(&self, request: &Request, ticket: Option<Ticket>) -> Reply {
        let mut state = self.state();
        match ticket {
            Some(ticket) => state.vendor(request, &ticket),
            None => control_http::answer(&mut state, request),
        }
    }
}
