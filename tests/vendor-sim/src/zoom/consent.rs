//! The authorization page and the codes it gives out.

use crate::consent::{Decision, Page, send_back};
use crate::http::{Reply, Request, first};
use crate::oauth::{Challenge, same_redirect};
use crate::zoom::oauth::{App, AppKind, OAuth, Refusal};
use crate::zoom::options::Switches;

/// Seconds an authorization code lives.
const CODE_SECONDS: i64 = 300;

/// What an authorization code stands for.
#[derive(Debug, Clone)]
pub(crate) struct Code {
    client_id: String,
    redirect_uri: String,
    challenge: Option<Challenge>,
    expires: i64,
}

impl OAuth {
    /// `/oauth/authorize`: the page, and the administrator's answer to it.
    pub(crate) fn authorize(&mut self, request: &Request, now: i64, switches: &Switches) -> Reply {
        let page = |text: &str| Reply::text(400, "text/html;charset=UTF-8", text);
        let app = self.apps.iter().find(|app| {
            Some(app.client_id.as_str()) == request.param("client_id")
                && app.kind == AppKind::General
        });
        let Some(app) = app.cloned() else {
            return page("<html><body>Invalid client_id: (4,702)</body></html>");
        };
        let redirect_uri = request.param("redirect_uri").unwrap_or_default();
        if !app
            .redirect_uris
            .iter()
            .any(|known| same_redirect(known, redirect_uri))
        {
            return page("<html><body>Invalid redirect: (4,709)</body></html>");
        }
        if request.param("response_type") != Some("code") {
            return page("<html><body>Invalid response_type: (4,706)</body></html>");
        }
        if !app.active {
            return page("<html><body>This app is disabled: (4,738)</body></html>");
        }
        let challenge = Challenge::of(request);
        if challenge.is_none() && app.client_secret.is_none() {
            return send_back(redirect_uri, "error=invalid_request", request);
        }
        match switches.consent.decided(request) {
            None => Page {
                vendor: "Zoom",
                client_id: &app.client_id,
                on_behalf_of: &format!("account {}", self.account_id),
                scopes: &app.scopes,
            }
            .show(request),
            Some(Decision::Denied) => send_back(redirect_uri, "error=access_denied", request),
            Some(Decision::Allowed) => {
                let code = self.secret(24);
                self.issued.push(code.clone());
                let stands_for = Code {
                    client_id: app.client_id,
                    redirect_uri: redirect_uri.to_owned(),
                    challenge,
                    expires: now + CODE_SECONDS,
                };
                self.codes.insert(code.clone(), stands_for);
                send_back(redirect_uri, &format!("code={code}"), request)
            }
        }
    }

    /// Exchanges a code, whatever comes of it.
    pub(crate) fn spend_code(
        &mut self,
        app: &App,
        form: &[(String, String)],
        now: i64,
    ) -> Result<(), Refusal> {
        let text = first(form, "code").ok_or(Refusal::Account)?;
        // Single use: gone even if the rest of the request is wrong.
        let code = self.codes.remove(text).ok_or(Refusal::Dead)?;
        self.issued
            .extend(first(form, "code_verifier").map(str::to_owned));
        let verified = match &code.challenge {
            Some(challenge) => {
                first(form, "code_verifier").is_some_and(|verifier| challenge.answered_by(verifier))
            }
            None => app.client_secret.is_some(),
        };
        let same_place = first(form, "redirect_uri") == Some(&code.redirect_uri);
        if code.client_id != app.client_id || code.expires <= now || !verified || !same_place {
            return Err(Refusal::Dead);
        }
        if app.active {
            Ok(())
        } else {
            Err(Refusal::Dead)
        }
    }
}
