//! The account as a service: every request passes authentication, rate limits and rights before its
//! operation sees it.

use serde_json::Value;

use crate::aha::cast::Cast;
use crate::aha::endpoint::Endpoint;
use crate::aha::errors;
use crate::aha::faults::Faults;
use crate::aha::generate::Generator;
use crate::aha::groups::{self, Group};
use crate::aha::limits::{Limits, Standing};
use crate::aha::log::LoggedRequest;
use crate::aha::oauth::Tokens;
use crate::aha::options::{AhaSimOptions, Population, Suspended, Switches};
use crate::aha::user::User;
use crate::aha::users::Shift;
use crate::aha::world::World;
use crate::aha::{audits, roles, users};
use crate::clock::SimClock;
use crate::http::{Reply, Request};
use crate::log::Log;

/// Everything an account is, behind one lock: requests are answered one after the other.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) seed: u64,
    pub(crate) domain: String,
    pub(crate) limited: bool,
    pub(crate) switches: Switches,
    pub(crate) clock: SimClock,
    pub(crate) base_url: String,
    /// Seconds since 1970.
    pub(crate) started: i64,
    pub(crate) world: World,
    pub(crate) groups: Vec<Group>,
    /// Paid seats bought; enabling users may raise it.
    pub(crate) seats: u64,
    /// Whose the first API key is.
    pub(crate) token_owner: u32,
    pub(crate) tokens: Tokens,
    pub(crate) limits: Limits,
    pub(crate) faults: Faults,
    pub(crate) log: Log<LoggedRequest>,
    /// What happens to the list between two pages.
    pub(crate) shifts: Vec<Shift>,
    pub(crate) searches: u64,
}

/// A request to one operation, past all checks.
#[derive(Debug)]
pub(crate) struct Call<'a> {
    pub(crate) request: &'a Request,
    pub(crate) subjects: &'a [String],
    /// Whose token it is.
    pub(crate) caller: User,
    /// Milliseconds since 1970.
    pub(crate) now: i64,
}

impl Call<'_> {
    /// What stands in the path, counted from 0.
    pub(crate) fn subject(&self, place: usize) -> &str {
        self.subjects.get(place).map_or("", String::as_str)
    }

    /// The JSON in the body; null when it is none.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.request.body).unwrap_or_default()
    }
}

/// A part of a list, as the query asks for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Page {
    /// From 1.
    pub(crate) number: usize,
    pub(crate) size: usize,
}

impl Page {
    /// How many rows come before it.
    pub(crate) const fn first(self) -> usize {
        (self.number - 1).saturating_mul(self.size)
    }

    /// The `pagination` of an answer out of so many rows.
    pub(crate) fn describe(self, total: usize) -> Value {
        serde_json::json!({
            "total_records": total,
            "total_pages": total.div_ceil(self.size),
            "current_page": self.number,
        })
    }
}

impl State {
    pub(crate) fn new(options: &AhaSimOptions) -> Self {
        let started = options.clock.seconds();
        let population = options.population;
        let generator = Generator::new(options.seed, options.users, population, started);
        let mut state = Self {
            seed: options.seed,
            domain: options.domain.clone(),
            limited: options.limits,
            switches: options.switches.clone(),
            clock: options.clock.clone(),
            base_url: String::new(),
            started,
            world: World::new(generator),
            groups: Vec::new(),
            seats: 0,
            token_owner: Cast::TokenOwner.row().min(options.users.saturating_sub(1)),
            tokens: Tokens::new(options.seed),
            limits: Limits::default(),
            faults: Faults::default(),
            log: Log::default(),
            shifts: Vec::new(),
            searches: 0,
        };
        state.furnish(&population);
        state
    }

    /// Replaces all people by newly generated ones; the tokens stay.
    pub(crate) fn reseed(&mut self, users: u32, seed: u64, population: Population) {
        self.seed = seed;
        self.started = self.clock.seconds();
        self.world = World::new(Generator::new(seed, users, population, self.started));
        self.faults.clear();
        self.log.clear();
        self.shifts.clear();
        self.furnish(&population);
    }

    /// Groups and seats bought, by what is used.
    fn furnish(&mut self, population: &Population) {
        let now = self.clock.millis();
        let mut members = vec![0; usize::try_from(population.groups).unwrap_or_default()];
        let mut used = 0;
        for user in self.world.users(now).filter(User::uses_seat) {
            used += 1;
            let group = user.group.and_then(|group| usize::try_from(group).ok());
            if let Some(members) = group.and_then(|group| members.get_mut(group)) {
                *members += 1;
            }
        }
        self.groups = groups::at_start(population.groups, &members);
        self.seats = population.seats.unwrap_or(used + used / 20);
    }

    /// Seats that users have.
    pub(crate) fn seats_used(&self) -> u64 {
        let now = self.clock.millis();
        self.world.users(now).filter(User::uses_seat).count() as u64
    }

    /// Answers a request that no fault pre-empted.
    pub(crate) fn route(
        &mut self,
        request: &Request,
        found: Option<&(Endpoint, Vec<String>)>,
    ) -> Reply {
        match (request.method.as_str(), request.path.as_str()) {
            ("GET" | "POST", "/oauth/authorize") => self.authorize(request, self.clock.millis()),
            ("POST", "/oauth/token") => self.token(request),
            _ if request.path.starts_with("/api/v1") => self.api(request, found),
            _ => errors::not_found(),
        }
    }

    fn api(&mut self, request: &Request, found: Option<&(Endpoint, Vec<String>)>) -> Reply {
        let now = self.clock.millis();
        let (standing, passes) = self.take(now);
        let mut reply = if passes {
            self.checked(request, found, now)
        } else {
            errors::too_many()
        };
        standing.mark(&mut reply);
        if reply.headers.contains(&json_type()) {
            reply.set_header("content-type", "application/json; charset=utf-8");
        }
        reply
    }

    fn take(&mut self, now: i64) -> (Standing, bool) {
        if self.limited {
            self.limits.take(now)
        } else {
            (Limits::unlimited(now), true)
        }
    }

    fn checked(
        &mut self,
        request: &Request,
        found: Option<&(Endpoint, Vec<String>)>,
        now: i64,
    ) -> Reply {
        if self.switches.user_agent_required && request.header("user-agent").is_none() {
            return errors::bad_request("Name your application in User-Agent");
        }
        let Some(caller) = self.caller(request, now) else {
            return errors::unauthorized(self.switches.unauthorized);
        };
        match self.switches.suspended {
            Suspended::No => {}
            Suspended::Forbidden => return errors::forbidden(),
            Suspended::PaymentRequired => return errors::payment_required(),
        }
        let Some((endpoint, subjects)) = found else {
            return errors::not_found();
        };
        let call = Call {
            request,
            subjects,
            caller,
            now,
        };
        self.operate(*endpoint, &call)
    }

    fn operate(&mut self, endpoint: Endpoint, call: &Call<'_>) -> Reply {
        match endpoint {
            Endpoint::Me => users::me(self, call),
            Endpoint::ListUsers => users::list(self, call),
            _ if !call.caller.administrator.administer_account => errors::forbidden(),
            Endpoint::GetUser => users::get(self, call),
            Endpoint::UpdateUser => users::update(self, call),
            Endpoint::ListProductRoles => roles::list(self, call),
            Endpoint::AddProductRole => roles::add(self, call),
            Endpoint::RemoveProductRole => roles::remove(self, call),
            Endpoint::ListSeatGroups => groups::list(self, call),
            Endpoint::ModifySeatGroup => groups::modify(self, call),
            Endpoint::ListAudits => audits::list(self, call),
            Endpoint::ListHistoricalAudits => audits::history(self, call),
            Endpoint::SearchHistoricalAudits => audits::search(self),
        }
    }

    /// The page that a query asks for.
    pub(crate) fn page(&self, request: &Request) -> Result<Page, Reply> {
        const MOST: usize = 200;
        let number_of = |name: &str, usual: usize| match request.param(name) {
            None | Some("") => Ok(usual),
            Some(text) => text
                .parse::<usize>()
                .map(|number| number.max(1))
                .map_err(|_| errors::bad_request(&format!("{name} is not a number"))),
        };
        let size = number_of("per_page", 30)?;
        if size > MOST && self.switches.over_max_per_page == super::OverMax::Refuse {
            return Err(errors::bad_request("per_page must not be more than 200"));
        }
        Ok(Page {
            number: number_of("page", 1)?,
            size: size.min(MOST),
        })
    }
}

/// What JSON replies are marked with before the account adds its own.
fn json_type() -> (std::borrow::Cow<'static, str>, String) {
    ("content-type".into(), "application/json".to_owned())
}
