//! The authorization page and the codes it gives out.

use crate::http::{Reply, Request, first};
use crate::oauth::{Challenge, escape, same_redirect};
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
    /// `GET /oauth/authorize`: the administrator consents at once, as the switch says.
    pub(crate) fn authorize(&mut self, request: &Request, now: i64, switches: &Switches) -> Reply {
        let page = |text: &str| Reply::text(400, "text/html;charset=UTF-8", text);
        let app = self.apps.iter().find(|app| {
            Some(app.client_id.as_str()) == request.param("client_id")
                && app.kind == AppKind::General
        });
        let Some(app) = app.cloned() else {
            return page("<html><body>Invalid client_id: (4,702)</body></html>");
        };
        let redirect_uri = request.param("redirect_uri").unwrap_or_default().to_owned();
        if !app
            .redirect_uris
            .iter()
            .any(|known| same_redirect(known, &redirect_uri))
        {
            return page("<html><body>Invalid redirect: (4,709)</body></html>");
        }
        if request.param("response_type") != Some("code") {
            return page("<html><body>Invalid response_type: (4,706)</body></html>");
        }
        let challenge = Challenge::of(request);
        let mut back = if !app.active {
            return page("<html><body>This app is disabled: (4,738)</body></html>");
        } else if !switches.consent {
            "error=access_denied".to_owned()
        } else if challenge.is_none() && app.client_secret.is_none() {
            "error=invalid_request".to_owned()
        } else {
            let code = self.secret(24);
            self.issued.push(code.clone());
            self.codes.insert(
                code.clone(),
                Code {
                    client_id: app.client_id,
                    redirect_uri: redirect_uri.clone(),
                    challenge,
                    expires: now + CODE_SECONDS,
                },
            );
            format!("code={code}")
        };
        if let Some(state) = request.param("state") {
            back.push_str("&state=");
            back.push_str(&escape(state));
        }
        let mut reply = Reply::empty(302);
        let joint = if redirect_uri.contains('?') { '&' } else { '?' };
        reply.set_header("location", format!("{redirect_uri}{joint}{back}"));
        reply
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
