//! The account as a service: every request passes authentication, rate limits, scopes and the plan
//! before its operation sees it, and is logged with its fate.

use std::collections::BTreeMap;

use crate::clock::SimClock;
use crate::http::{Reply, Request};
use crate::log::Log;
use crate::zoom::endpoint::{Endpoint, Label, all_scopes};
use crate::zoom::errors::ApiError;
use crate::zoom::faults::Faults;
use crate::zoom::generate::Generator;
use crate::zoom::limits::{Allowance, Limits};
use crate::zoom::log::LoggedRequest;
use crate::zoom::oauth::{AppKind, Caller, OAuth};
use crate::zoom::options::{Plan, Population, Switches, ZoomSimOptions};
use crate::zoom::oracle::Oracle;
use crate::zoom::paging::{Page, Walks};
use crate::zoom::pools::Seats;
use crate::zoom::world::World;
use crate::zoom::{
    features, groups, history, meetings, metrics, reports, seats, settings, users, writes,
};

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
    pub(crate) log: Log<LoggedRequest>,
    pub(crate) oracle: Oracle,
    /// What administrators and apps changed, oldest first.
    pub(crate) operations: Vec<Operation>,
    /// Users with a DELETE under way: until when on the vendor's clock, in milliseconds.
    pub(crate) deleting: BTreeMap<String, i64>,
    /// DELETE requests that arrived and are not answered yet, by what stands in their path.
    pub(crate) in_flight: BTreeMap<String, u32>,
    /// The page that the request at hand turned.
    pub(crate) turned: Option<Turned>,
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
            subject: self.meant(subject, endpoint, &caller),
            now,
        };
        let mut reply = match self.checked(&caller, &call) {
            Ok(reply) => reply,
            Err(refused) => refused.reply(),
        };
        allowance.mark(&mut reply);
        reply
    }

    /// In user paths `me` is the person who authorized a general app. A server-to-server app has
    /// no person behind it, so there it is nobody.
    fn meant(
        &self,
        subject: Option<String>,
        endpoint: Endpoint,
        caller: &Caller,
    ) -> Option<String> {
        let general = self
            .oauth
            .apps
            .iter()
            .any(|app| app.kind == AppKind::General && app.client_id == caller.client_id);
        let me = subject.as_deref() == Some("me") && endpoint != Endpoint::PlanUsage;
        if me && general {
            return Some(self.world.generator.id(0));
        }
        subject
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
            Endpoint::ListGroups => groups::list(self, call),
            Endpoint::GroupMembers => groups::members(self, call),
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
    pub(crate) fn route(
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
            ("GET" | "POST", "/oauth/authorize") => {
                self.oauth.authorize(request, now, &self.switches)
            }
            ("POST", "/oauth/revoke") => self.oauth.revoke(request),
            _ => ApiError::new(404, 2300, "This API endpoint is not recognized.").reply(),
        }
    }
}
