//! The answers socket: where a seat's user says whether it is still needed. One page and one POST, for
//! the site's reverse proxy. Whoever holds the link may answer; reading the page changes nothing, since
//! mail scanners follow links.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Form, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY};
use axum::http::{HeaderName, Response as HttpResponse, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde::Deserialize;

use super::unserved::Unserved;
use crate::clock::SharedClock;
use crate::notice::answer_link::AnswerLink;
use crate::reclamation::actor::Actor;
use crate::reclamation::candidate::{Candidate, State as CandidateState};
use crate::secret::seal::Sealer;
use crate::settings::Settings;
use crate::store::Store;
use crate::subflow::decide::{self, Decision};

/// What the answers socket asks and tells.
#[derive(Debug, Clone)]
pub struct Answers {
    /// Candidates.
    pub store: Store,
    /// The daemon's settings.
    pub settings: Arc<Settings>,
    /// Made the links.
    pub sealer: Sealer,
    /// Now.
    pub clock: SharedClock,
}

/// The body of an answer.
#[derive(Debug, Deserialize)]
struct Answered {
    answer: Answer,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Answer {
    Keep,
    GiveUp,
}

impl From<Answer> for Decision {
    fn from(answer: Answer) -> Self {
        match answer {
            Answer::Keep => Self::AnswerKeep,
            Answer::GiveUp => Self::AnswerGiveUp,
        }
    }
}

/// The service of one connection, for [`super::serve::serve`]. A link's token is the last piece of the
/// path, whatever the proxy leaves before it.
pub fn service(answers: &Answers) -> Router {
    Router::new().fallback_service(get(ask).post(answer).with_state(answers.clone()))
}

/// What somebody is told who sends no request that can be served.
pub fn unserved(fault: Unserved) -> HttpResponse<Vec<u8>> {
    let mut response = HttpResponse::new(format!("{}\n", fault.reason()).into_bytes());
    *response.status_mut() = fault.status();
    response
}

/// Shows the question. Changes nothing.
async fn ask(State(answers): State<Answers>, uri: Uri) -> Response {
    match answers.asked(&uri).await {
        Ok(candidate) => page(StatusCode::OK, &question(&candidate)),
        Err(closed) => closed.into_response(),
    }
}

/// Takes the answer.
async fn answer(
    State(answers): State<Answers>,
    uri: Uri,
    form: Result<Form<Answered>, axum::extract::rejection::FormRejection>,
) -> Response {
    let Ok(Form(Answered { answer })) = form else {
        return Closed::NoAnswer.into_response();
    };
    match answers.take(&uri, answer).await {
        Ok(()) => page(StatusCode::OK, &thanks(answer)),
        Err(closed) => closed.into_response(),
    }
}

/// Why there is nothing to answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Closed {
    /// No link of ours.
    Unknown,
    /// It was answered, or the question is over.
    Over,
    /// The form says neither.
    NoAnswer,
    /// The daemon failed.
    Failed,
}

impl IntoResponse for Closed {
    fn into_response(self) -> Response {
        let (status, heading, words) = match self {
            Self::Unknown => (
                StatusCode::NOT_FOUND,
                "This link is not known",
                "Check that the whole link was opened, as it stands in the mail.",
            ),
            Self::Over => (
                StatusCode::GONE,
                "This question is over",
                "It was answered already, or the seat does not need an answer any more. Nothing was changed now.",
            ),
            Self::NoAnswer => (
                StatusCode::BAD_REQUEST,
                "No answer was given",
                "Go back and choose one of the two. Nothing was changed.",
            ),
            Self::Failed => (
                StatusCode::SERVICE_UNAVAILABLE,
                "Please try again later",
                "The answer could not be recorded. Nothing was changed.",
            ),
        };
        page(status, &format!("<h1>{heading}</h1><p>{words}</p>"))
    }
}

impl Answers {
    /// The candidate that a link asks about, while its answer is waited for.
    async fn asked(&self, uri: &Uri) -> Result<Candidate, Closed> {
        let token = uri.path().rsplit('/').next().unwrap_or_default();
        let link = AnswerLink::of_token(token, &self.sealer)
            .map_err(|error| failed(&error))?
            .ok_or(Closed::Unknown)?;
        let candidate = self
            .store
            .candidate(link.candidate)
            .await
            .map_err(|error| failed(&error))?
            .ok_or(Closed::Over)?;
        let is_asked =
            candidate.state == CandidateState::AwaitingUser && candidate.round == link.round;
        is_asked.then_some(candidate).ok_or(Closed::Over)
    }

    async fn take(&self, uri: &Uri, answer: Answer) -> Result<(), Closed> {
        let candidate = self.asked(uri).await?;
        let id = candidate.id;
        let guards = self.settings.guards;
        let now = self.clock.now();
        let decided = decide::decide(
            &self.store,
            guards,
            answer.into(),
            vec![candidate],
            &Actor::SeatUser,
            now,
        )
        .await
        .map_err(|error| failed(&error))?;
        // Two answers at once: the other one was first.
        if decided.iter().any(|one| one.refused.is_some()) {
            return Err(Closed::Over);
        }
        tracing::info!(candidate = id, ?answer, "a user answered");
        self.store
            .announce_audit()
            .await
            .map_err(|error| failed(&error))
    }
}

fn failed(error: &dyn std::fmt::Display) -> Closed {
    tracing::error!(%error, "an answer could not be taken");
    Closed::Failed
}

/// Says no name: a link may be forwarded.
fn question(candidate: &Candidate) -> String {
    let used = candidate.last_activity.map_or_else(
        || format!("No use of it is known since {}.", candidate.reference.day),
        |day| format!("It was last used on {day}."),
    );
    let until = candidate
        .answer_by
        .map(|by| format!(" An answer is waited for until {}.", by.strftime("%F")))
        .unwrap_or_default();
    format!(
        "<h1>Do you still need this seat?</h1>\
         <p>Your seat of <code>{}</code>. {used}{until}</p>\
         <form method=\"post\">\
         <button name=\"answer\" value=\"keep\">I keep it</button>\
         <button name=\"answer\" value=\"give_up\">I give it up</button>\
         </form>\
         <p>If you keep it, whom the seats are assigned to may look at it again.</p>",
        escaped(candidate.identifier.as_str())
    )
}

fn thanks(answer: Answer) -> String {
    let words = match answer {
        Answer::Keep => "You asked to keep the seat. Whom the seats are assigned to decides on it.",
        Answer::GiveUp => "You gave the seat up. It will be taken back.",
    };
    format!("<h1>Thank you</h1><p>{words}</p>")
}

fn escaped(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '&' => "&amp;".to_owned(),
            '<' => "&lt;".to_owned(),
            '>' => "&gt;".to_owned(),
            '"' => "&quot;".to_owned(),
            c => c.to_string(),
        })
        .collect()
}

const STYLE: &str = "body{font:1.1rem/1.5 system-ui,sans-serif;max-width:36rem;margin:3rem auto;padding:0 1rem;color-scheme:light dark}\
    button{font:inherit;padding:.6rem 1.2rem;margin:.5rem .8rem .5rem 0;cursor:pointer}";

/// Nothing of the link may leave by a referrer, a cache or a frame.
fn page(status: StatusCode, body: &str) -> Response {
    let html = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\
         <meta name=\"robots\" content=\"noindex\"><title>Seat</title><style>{STYLE}</style>\
         <body>{body}</body></html>\n"
    );
    let headers = [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CACHE_CONTROL, "no-store"),
        (REFERRER_POLICY, "no-referrer"),
        (
            CONTENT_SECURITY_POLICY,
            "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
        ),
        (HeaderName::from_static("x-content-type-options"), "nosniff"),
    ];
    (status, headers, html).into_response()
}
