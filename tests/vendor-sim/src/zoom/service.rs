//! The account as a service: every request passes authentication, rate limits, scopes and the plan
//! before its operation sees it, and is logged with its fate.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use crate::clock::SimClock;
use crate::http::{Answer, Reply, Request};
use crate::zoom::control_http;
use crate::zoom::endpoint::{Endpoint, Label, all_scopes};
use crate::zoom::errors::ApiError;
use crate::zoom::faults::{Action, Fault, Faults};
use crate::zoom::generate::Generator;
use crate::zoom::limits::{Allowance, Limits, TooMany};
use crate::zoom::log::{Log, LoggedRequest};
use crate::zoom::oauth::{Caller, OAuth};
use crate::zoom::options::{Plan, Population, Switches, ZoomSimOptions};
use crate::zoom::oracle::Oracle;
use crate::zoom::paging::{Page, Walks};
use crate::zoom::pools::Seats;
use crate::zoom::spoil::Scene;
use crate::zoom::world::World;
use crate::zoom::{features, history, meetings, metrics, reports, seats, settings, users, writes};

/// Everything an account is, behind one lock: requests are answered one after the other.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) seed: u64,
    pub(crate) plan: Plan,
    pub(crate) limited: bool,
    pub(crate) switches: Switches,
    pub(crate) population: Population,
    pub(crate) clock: SimClock,
    pub(crate) base_url: String,
    pub(crate) world: World,
    pub(crate) seats: Seats,
    pub(crate) oauth: OAuth,
    pub(crate) limits: Limits,
    pub(crate) walks: Walks,
    pub(crate) faults: Faults,
    pub(crate) log: Log,
    pub(crate) oracle: Oracle,
    /// What administrators and apps changed, oldest first.
    pub(crate) operations: Vec<Operation>,
    /// Users with a DELETE under way: until when on the vendor's clock, in milliseconds.
    pub(crate) deleting: BTreeMap<String, i64>,
    /// DELETE requests that arrived and are not answered yet, by what stands in their path.
    in_flight: BTreeMap<String, u32>,
    /// The page that the request at hand turned.
    turned: Option<Turned>,
}

/// A page of a walk that was answered.
#[derive(Debug, Clone)]
pub(crate) struct Turned {
    pub(crate) walk: u64,
    pub(crate) key: String,
    pub(crate) position: u64,
    pub(crate) last: bool,
}

/// An entry of the administrators' audit log.
#[derive(Debug, Clone)]
pub(crate) struct Operation {
    pub(crate) at: i64,
    pub(crate) action: &'static str,
    pub(crate) category: &'static str,
    pub(crate) detail: String,
}

/// A request to one operation, past all checks.
#[derive(Debug)]
pub(crate) struct Call<'a> {
    pub(crate) request: &'a Request,
    pub(crate) endpoint: Endpoint,
    pub(crate) subject: Option<String>,
    /// Milliseconds since 1970.
    pub(crate) now: i64,
}

impl Call<'_> {
    /// What stands in the path for the user, group or account.
    pub(crate) fn subject(&self) -> &str {
        self.subject.as_deref().unwrap_or_default()
    }

    pub(crate) const fn seconds(&self) -> i64 {
        self.now.div_euclid(1000)
    }

    /// The JSON object in the body.
    pub(crate) fn json(&self) -> Result<serde_json::Value, ApiError> {
        serde_json::from_slice(&self.request.body)
            .ok()
            .filter(serde_json::Value::is_object)
            .ok_or_else(|| ApiError::bad(300, "Request Body should be a valid JSON object."))
    }
}

impl State {
    pub(crate) fn new(options: &ZoomSimOptions, base_url: String) -> Self {
        let start = options.clock.seconds();
        let generator = Generator::new(options.seed, options.users, &options.population, start);
        Self {
            seed: options.seed,
            plan: options.plan,
            limited: options.limits,
            switches: options.switches.clone(),
            population: options.population,
            clock: options.clock.clone(),
            base_url,
            world: World::new(generator),
            seats: Seats::new(options.pools.clone()),
            oauth: OAuth::new(options.seed, &all_scopes()),
            limits: Limits::default(),
            walks: Walks::new(options.seed),
            faults: Faults::default(),
            log: Log::default(),
            oracle: Oracle::default(),
            operations: Vec::new(),
            deleting: BTreeMap::new(),
            in_flight: BTreeMap::new(),
            turned: None,
        }
    }

    /// Replaces all people by newly generated ones.
    pub(crate) fn reseed(&mut self, users: u32, seed: u64, population: &Population) {
        let start = self.clock.seconds();
        self.seed = seed;
        self.population = *population;
        self.world = World::new(Generator::new(seed, users, population, start));
        self.seats = Seats::new(self.seats.configured.clone());
        self.walks = Walks::new(seed);
        self.faults.clear();
        self.log.clear();
        self.oracle = Oracle::default();
        self.operations.clear();
        self.deleting.clear();
    }

    /// The token of a walk's next page; empty when there is none.
    pub(crate) fn next_token(&mut self, page: &Page, position: Option<u64>, now: i64) -> String {
        self.turn(page, position);
        self.walks.token(page.walk, position, now)
    }

    /// Notes that a page was turned, and whether another follows.
    pub(crate) fn turn(&mut self, page: &Page, next: Option<u64>) {
        self.turned = Some(Turned {
            walk: page.walk,
            key: page.key.clone(),
            position: page.position,
            last: next.is_none(),
        });
    }

    /// Notes a change for the audit log.
    pub(crate) fn audit(
        &mut self,
        now: i64,
        action: &'static str,
        category: &'static str,
        detail: String,
    ) {
        self.operations.push(Operation {
            at: now.div_euclid(1000),
            action,
            category,
            detail,
        });
    }

    fn api(
        &mut self,
        request: &Request,
        endpoint: Endpoint,
        subject: Option<String>,
        entry: &mut LoggedRequest,
    ) -> Reply {
        let now = self.clock.millis();
        let caller = match self
            .oauth
            .caller(request, now.div_euclid(1000), &self.switches)
        {
            Ok(caller) => caller,
            Err(refused) => return refused.reply(),
        };
        entry.client_id = Some(caller.client_id.clone());
        let allowance = match self.allowance(endpoint, now) {
            Ok(allowance) => allowance,
            Err(refused) => return refused,
        };
        let call = Call {
            request,
            endpoint,
            subject,
            now,
        };
        let mut reply = match self.checked(&caller, &call) {
            Ok(reply) => reply,
            Err(refused) => refused.reply(),
        };
        allowance.mark(&mut reply);
        reply
    }

    fn allowance(&mut self, endpoint: Endpoint, now: i64) -> Result<Allowance, Reply> {
        if !self.limited {
            return Ok(Limits::unlimited(endpoint, self.plan));
        }
        let neighbour = self.switches.noisy_neighbour;
        self.limits.take(endpoint, self.plan, neighbour, now)
    }

    fn checked(&mut self, caller: &Caller, call: &Call<'_>) -> Result<Reply, ApiError> {
        let endpoint = call.endpoint;
        if !endpoint.allowed_by(&caller.scopes) {
            return Err(ApiError::missing_scope(endpoint));
        }
        match endpoint.label() {
            Label::Heavy if self.plan == Plan::Free => {
                return Err(ApiError::paid_only(&self.oauth.account_id));
            }
            Label::ResourceIntensive if self.plan != Plan::Business || !self.switches.dashboard => {
                return Err(ApiError::bad(
                    200,
                    "This API is only available for Business or higher accounts that have \
                     enabled the Dashboard feature.",
                ));
            }
            _ => {}
        }
        match endpoint {
            Endpoint::ListUsers => users::list(self, call),
            Endpoint::GetUser => users::get(self, call),
            Endpoint::ListGroups => users::groups(self, call),
            Endpoint::GroupMembers => users::group_members(self, call),
            Endpoint::UserSummary => Ok(seats::summary(self, call)),
            Endpoint::PlanUsage => seats::plan_usage(self, call),
            Endpoint::GetSettings => settings::get(self, call),
            Endpoint::UpdateSettings => settings::update(self, call),
            Endpoint::UpdateUser => writes::update(self, call),
            Endpoint::UpdateStatus => writes::update_status(self, call),
            Endpoint::DeleteUser => writes::delete(self, call),
            Endpoint::BulkFeatures => features::bulk(self, call),
            Endpoint::UserMeetings => meetings::list(self, call),
            Endpoint::UserWebinars => meetings::webinars(self, call),
            Endpoint::UpcomingEvents => meetings::upcoming_events(self, call),
            Endpoint::ReportUsers => reports::users(self, call),
            Endpoint::ReportUserMeetings => history::of_user(self, call),
            Endpoint::HistoryMeetings => history::list(self, call),
            Endpoint::ReportActivities => reports::activities(self, call),
            Endpoint::OperationLogs => reports::operations(self, call),
            Endpoint::MetricsMeetings | Endpoint::MetricsWebinars => metrics::list(self, call),
        }
    }

    /// Answers a request that no fault pre-empted.
    fn route(
        &mut self,
        request: &Request,
        found: Option<(Endpoint, Option<String>)>,
        entry: &mut LoggedRequest,
    ) -> Reply {
        let now = self.clock.seconds();
        if let Some((endpoint, subject)) = found {
            return self.api(request, endpoint, subject, entry);
        }
        let api_url = format!("{}/v2", self.base_url);
        match (request.method.as_str(), request.path.as_str()) {
            ("POST", "/oauth/token") => self.oauth.token(request, now, &self.switches, &api_url),
            ("GET", "/oauth/authorize") => self.oauth.authorize(request, now, &self.switches),
            ("POST", "/oauth/revoke") => self.oauth.revoke(request),
            _ => ApiError::new(404, 2300, "This API endpoint is not recognized.").reply(),
        }
    }

    fn entry(
        &self,
        request: &Request,
        found: Option<&(Endpoint, Option<String>)>,
    ) -> LoggedRequest {
        let now = self.clock.millis();
        let endpoint = found.map(|(endpoint, _)| *endpoint);
        let subject = found.and_then(|(_, subject)| subject.clone());
        let user_id = subject.as_deref().and_then(|key| {
            let user = self.world.find(key, now)?;
            let pending = user.status == crate::zoom::user::Status::Pending;
            Some(if pending {
                user.email.to_lowercase()
            } else {
                user.id
            })
        });
        let writes = endpoint.is_some_and(Endpoint::writes);
        LoggedRequest {
            number: self.log.next_number(),
            at: Timestamp::from_millisecond(now).unwrap_or_default(),
            method: request.method.clone(),
            path: request.path.clone(),
            query: request.query.clone(),
            endpoint,
            label: endpoint.map(Endpoint::label),
            user: subject,
            user_id,
            body: writes
                .then(|| serde_json::from_slice(&request.body).ok())
                .flatten(),
            status: 0,
            code: None,
            tracking_id: format!(
                "v=2.0;clid=us02;rid=WEB_{:016x}",
                crate::random::draw(self.seed, self.log.next_number(), 0)
            ),
            fault: None,
            client_id: None,
        }
    }

    fn vendor(&mut self, request: &Request, ticket: Ticket) -> Reply {
        let mut entry = self.entry(request, ticket.found.as_ref());
        let endpoint = entry.endpoint;
        let action = ticket.fault.as_ref().map(|fault| &fault.action);
        let reply = if action.is_some_and(Action::preempts) {
            Reply::default()
        } else if ticket.second_delete {
            TooMany::Concurrent.reply(Label::Light, 0, self.clock.millis())
        } else {
            self.route(request, ticket.found, &mut entry)
        };
        let worked_out = reply.status;
        let mut reply = match action {
            None => reply,
            Some(action) => action.spoil(
                reply,
                &Scene {
                    request,
                    endpoint,
                    user: entry.user.as_deref(),
                    plan: self.plan,
                    now: self.clock.millis(),
                },
            ),
        };
        entry.status = match action {
            // It took effect, whatever the client got to see.
            Some(action) if !action.preempts() => worked_out,
            _ => reply.status,
        };
        if entry.status >= 400 {
            let body: Option<serde_json::Value> = serde_json::from_slice(&reply.body).ok();
            entry.code = body.and_then(|body| body.get("code")?.as_i64());
        }
        let spoilt = action.is_some_and(Action::spoils_page);
        entry.fault = ticket.fault.as_ref().map(|fault| fault.name.clone());
        let turned = self.turned.take();
        self.oracle
            .saw(&entry, turned.as_ref(), spoilt, &self.world);
        self.dress(&mut reply, &entry.tracking_id);
        self.log.push(entry);
        reply
    }

    /// The headers of every answer.
    fn dress(&self, reply: &mut Reply, tracking_id: &str) {
        reply.set_header("x-zm-trackingid", tracking_id);
        let shown = self.clock.seconds() + self.switches.date_skew_seconds;
        if let Ok(date) = Timestamp::from_second(shown) {
            reply.set_header(
                "date",
                date.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string(),
            );
        }
    }

    fn arrive(&mut self, request: &Request) -> (Duration, Ticket) {
        let found = request
            .path
            .strip_prefix("/v2")
            .and_then(|path| Endpoint::find(&request.method, path));
        let subject = found.as_ref().and_then(|(_, subject)| subject.clone());
        let endpoint = found.as_ref().map(|(endpoint, _)| *endpoint);
        let fault = self.faults.hit(request, endpoint, subject.as_deref());
        let delay = fault
            .as_ref()
            .map_or(Duration::ZERO, |fault| fault.action.delay());
        let deletes = (endpoint == Some(Endpoint::DeleteUser))
            .then_some(subject)
            .flatten();
        let second_delete = deletes.as_ref().is_some_and(|user| {
            let under_way = self.in_flight.entry(user.clone()).or_default();
            *under_way += 1;
            let locked = self
                .deleting
                .get(user)
                .is_some_and(|until| *until > self.clock.millis());
            *under_way > 1 || locked
        });
        let ticket = Ticket {
            found,
            fault,
            deletes,
            second_delete,
        };
        (delay, ticket)
    }

    fn answer(&mut self, request: &Request, mut ticket: Ticket) -> Reply {
        let deletes = ticket.deletes.take();
        let reply = self.vendor(request, ticket);
        if let Some(user) = deletes
            && let Some(under_way) = self.in_flight.get_mut(&user)
        {
            *under_way = under_way.saturating_sub(1);
        }
        reply
    }
}

/// What was found out about a request when it arrived.
#[derive(Debug)]
pub(crate) struct Ticket {
    found: Option<(Endpoint, Option<String>)>,
    fault: Option<Fault>,
    /// The user a DELETE is about.
    deletes: Option<String>,
    second_delete: bool,
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
        let (delay, ticket) = self.state().arrive(request);
        (delay, Some(ticket))
    }

    fn answer(&self, request: &Request, ticket: Option<Ticket>) -> Reply {
        let mut state = self.state();
        match ticket {
            Some(ticket) => state.answer(request, ticket),
            None => control_http::answer(&mut state, request),
        }
    }
}
