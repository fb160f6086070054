//! From the wire to the account and back: what a request is about, the fault that hits it, its
//! entry in the log, and the headers of every answer.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use crate::aha::control_http;
use crate::aha::endpoint::Endpoint;
use crate::aha::faults::{Action, Fault, Scene};
use crate::aha::log::LoggedRequest;
use crate::aha::service::State;
use crate::http::{Answer, Reply, Request};

/// What was found out about a request when it arrived.
#[derive(Debug)]
pub(crate) struct Ticket {
    found: Option<(Endpoint, Vec<String>)>,
    fault: Option<Fault>,
}

impl State {
    fn arrive(&mut self, request: &Request) -> (Duration, Ticket) {
        let found = request
            .path
            .strip_prefix("/api/v1")
            .and_then(|path| Endpoint::find(&request.method, path));
        let endpoint = found.as_ref().map(|(endpoint, _)| *endpoint);
        let subject = found.as_ref().and_then(|(_, subjects)| subjects.first());
        let fault = self
            .faults
            .hit(request, endpoint, subject.map(String::as_str));
        let delay = fault
            .as_ref()
            .map_or(Duration::ZERO, |fault| fault.action.delay());
        (delay, Ticket { found, fault })
    }

    fn vendor(&mut self, request: &Request, ticket: &Ticket) -> Reply {
        let action = ticket.fault.as_ref().map(|fault| &fault.action);
        let preempted = action.is_some_and(Action::preempts);
        let reply = if preempted {
            Reply::default()
        } else {
            self.route(request, ticket.found.as_ref())
        };
        let worked_out = reply.status;
        let scene = Scene {
            request,
            now: self.clock.millis(),
        };
        let mut reply = match action {
            None => reply,
            Some(action) => action.spoil(reply, &scene),
        };
        // What took effect did so, whatever the client got to see.
        let status = if preempted { reply.status } else { worked_out };
        self.note(request, ticket, status);
        if let Ok(date) = Timestamp::from_second(self.clock.seconds()) {
            let date = date.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
            reply.set_header("date", date);
        }
        reply
    }

    fn note(&mut self, request: &Request, ticket: &Ticket, status: u16) {
        let endpoint = ticket.found.as_ref().map(|(endpoint, _)| *endpoint);
        let subject = ticket.found.as_ref().and_then(|(_, found)| found.first());
        let body = endpoint.filter(|endpoint| endpoint.writes());
        self.log.push(LoggedRequest {
            number: 0,
            at: self.clock.now(),
            method: request.method.clone(),
            path: request.path.clone(),
            query: request.query.clone(),
            user_agent: request.header("user-agent").map(str::to_owned),
            endpoint,
            subject: subject.cloned(),
            body: body.and_then(|_| serde_json::from_slice(&request.body).ok()),
            status,
            fault: ticket.fault.as_ref().map(|fault| fault.name.clone()),
        });
    }
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
            Some(ticket) => state.vendor(request, &ticket),
            None => control_http::answer(&mut state, request),
        }
    }
}
