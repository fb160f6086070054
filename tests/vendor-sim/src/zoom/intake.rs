//! From the wire to the account and back: what a request is about, the fault that hits it, its
//! entry in the log, and the headers of every answer.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use crate::http::{Answer, Reply, Request};
use crate::random::draw;
use crate::zoom::control_http;
use crate::zoom::endpoint::{Endpoint, Label};
use crate::zoom::faults::{Action, Fault};
use crate::zoom::limits::TooMany;
use crate::zoom::log::LoggedRequest;
use crate::zoom::service::State;
use crate::zoom::spoil::Scene;
use crate::zoom::user::Status;

impl State {
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
            let pending = user.status == Status::Pending;
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
                draw(self.seed, self.log.next_number(), 0)
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
        let honest: Option<serde_json::Value> = serde_json::from_slice(&reply.body).ok();
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
        let body: Option<serde_json::Value> = serde_json::from_slice(&reply.body).ok();
        let dropped_nothing = matches!(action, Some(Action::DropRows { .. })) && honest == body;
        let spoilt = action.is_some_and(Action::spoils_page) && !dropped_nothing;
        if entry.status >= 400 {
            entry.code = body.and_then(|body| body.get("code")?.as_i64());
        }
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
