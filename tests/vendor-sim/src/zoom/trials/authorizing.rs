//! OAuth: grants, expiry, rotation, revocation, scopes.

use jiff::SignedDuration;
use serde_json::Value;

use super::{Trial, friday};
use crate::consent::Consent;
use crate::zoom::endpoint::Endpoint;
use crate::zoom::oauth::AppKind;

const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
/// RFC 7636, appendix B.
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const CALLBACK: &str = "http://127.0.0.1:53682/callback";

impl Trial {
    fn authorize(&self, more: &str) -> String {
        let apps = self.control.apps();
        let app = apps
            .iter()
            .find(|app| app.kind == AppKind::General)
            .unwrap();
        let target = format!(
            "/oauth/authorize?response_type=code&client_id={}&redirect_uri={CALLBACK}&state=s%20t{more}",
            app.client_id
        );
        let asked = self.raw("GET", &target, "", "");
        assert_eq!(asked.status, 200, "a person is asked first");
        let reply = self.raw("POST", &target, "decision=allow", "");
        let location = reply.headers.iter().find(|(name, _)| name == "location");
        location.map_or_else(String::new, |(_, location)| location.clone())
    }

    fn code(&self) -> String {
        let more = format!("&code_challenge={CHALLENGE}&code_challenge_method=S256");
        let location = self.authorize(&more);
        let query = location.strip_prefix(&format!("{CALLBACK}?")).unwrap();
        assert!(query.ends_with("&state=s%20t"), "{query}");
        query
            .split('&')
            .next()
            .unwrap()
            .strip_prefix("code=")
            .unwrap()
            .to_owned()
    }

    fn exchange(&self, code: &str, verifier: &str) -> (u16, Value) {
        let form = format!(
            "grant_type=authorization_code&code={code}&redirect_uri={CALLBACK}&code_verifier={verifier}"
        );
        self.token(AppKind::General, &form)
    }

    fn refresh(&self, token: &str) -> (u16, Value) {
        let form = format!("grant_type=refresh_token&refresh_token={token}");
        self.token(AppKind::General, &form)
    }
}

fn text(body: &Value, name: &str) -> String {
    body[name].as_str().unwrap_or_default().to_owned()
}

#[test]
fn account_credentials() {
    let trial = Trial::new(&friday());
    let form = format!(
        "grant_type=account_credentials&account_id={}",
        trial.account_id()
    );
    let (status, body) = trial.token(AppKind::ServerToServer, &form);
    assert_eq!((status, body["expires_in"].as_i64()), (200, Some(3600)));
    assert_eq!(body["token_type"], "bearer");
    assert!(body.get("refresh_token").is_none());
    assert!(
        text(&body, "scope")
            .split(' ')
            .any(|scope| scope == "user:read:list_users:admin")
    );
    assert_eq!(body["api_url"], "http://127.0.0.1:1/v2");
    for (kind, form, error) in [
        (
            AppKind::ServerToServer,
            "grant_type=account_credentials&account_id=x",
            "invalid_request",
        ),
        (AppKind::General, form.as_str(), "unsupported_grant_type"),
        (
            AppKind::ServerToServer,
            "grant_type=client_credentials",
            "unsupported_grant_type",
        ),
    ] {
        let (status, body) = trial.token(kind, form);
        assert_eq!((status, text(&body, "error").as_str()), (400, error));
    }
    let wrong = trial.raw("POST", "/oauth/token", &form, "Basic eDp5");
    assert_eq!(
        (wrong.status, text(&super::body(&wrong), "error").as_str()),
        (400, "invalid_client")
    );
}

#[test]
fn a_token_lives_an_hour_of_the_vendors_time() {
    let trial = Trial::new(&friday());
    trial.control.advance(SignedDuration::from_secs(3599));
    trial.get("/users");
    assert_eq!(trial.refused("GET", "/users/me", ""), (404, 1001));
    trial.control.advance(SignedDuration::from_secs(1));
    assert_eq!(trial.refused("GET", "/users", ""), (401, 124));
    trial
        .control
        .switch(|switches| switches.expired_token_status = 400);
    assert_eq!(trial.refused("GET", "/users", ""), (400, 124));
    let in_query = trial.raw(
        "GET",
        &format!("/v2/users?access_token={}", trial.mint()),
        "",
        "",
    );
    assert_eq!(in_query.status, 401);
}

#[test]
fn codes_are_single_use_and_bound_to_their_verifier() {
    let trial = Trial::new(&friday());
    let code = trial.code();
    let (status, body) = trial.exchange(&code, VERIFIER);
    assert_eq!(status, 200, "{body}");
    assert!(!text(&body, "refresh_token").is_empty());
    assert_eq!(
        text(&trial.exchange(&code, VERIFIER).1, "error"),
        "invalid_grant"
    );
    assert_eq!(
        trial.exchange(&trial.code(), &VERIFIER.replace('d', "e")).0,
        400
    );
    let late = trial.code();
    trial.control.advance(SignedDuration::from_mins(5));
    assert_eq!(trial.exchange(&late, VERIFIER).0, 400);
    trial
        .control
        .switch(|switches| switches.consent = Consent::Deny);
    let app = trial.control.apps().pop().unwrap();
    let target = format!(
        "/oauth/authorize?response_type=code&client_id={}&redirect_uri={CALLBACK}&state=s",
        app.client_id
    );
    let reply = trial.raw("GET", &target, "", "");
    let denied = (
        "location".into(),
        format!("{CALLBACK}?error=access_denied&state=s"),
    );
    assert!(reply.headers.contains(&denied), "{:?}", reply.headers);
}

#[test]
fn a_refresh_token_is_spent_by_use() {
    let trial = Trial::new(&friday());
    let first = text(&trial.exchange(&trial.code(), VERIFIER).1, "refresh_token");
    let (status, body) = trial.refresh(&first);
    assert_eq!(status, 200, "{body}");
    let second = text(&body, "refresh_token");
    assert_ne!(first, second);
    let (status, body) = trial.refresh(&first);
    assert_eq!(
        (status, text(&body, "error").as_str()),
        (400, "invalid_grant")
    );
    assert_eq!(text(&body, "reason"), "Invalid Token!");
    trial.control.advance(SignedDuration::from_hours(90 * 24));
    assert_eq!(trial.refresh(&second).0, 400);
}

#[test]
fn revocation_ends_the_authorization() {
    let mut trial = Trial::new(&friday());
    let (_, body) = trial.exchange(&trial.code(), VERIFIER);
    trial.token = text(&body, "access_token");
    assert_eq!(trial.get("/users/me")["role_id"], "0");
    let form = format!("token={}", trial.token);
    let reply = trial.raw(
        "POST",
        "/oauth/revoke",
        &form,
        &trial.basic(AppKind::General),
    );
    assert_eq!(super::body(&reply)["status"], "success");
    assert_eq!(trial.refused("GET", "/users", ""), (401, 124));
    assert_eq!(trial.refresh(&text(&body, "refresh_token")).0, 400);
}

#[test]
fn a_missing_scope_is_a_bad_request_that_names_it() {
    let mut trial = Trial::new(&friday());
    let client_id = trial.control.apps()[0].client_id.clone();
    trial.control.change_app(&client_id, |app| {
        app.scopes = vec![
            "user:read:admin".to_owned(),
            "report:read:list_users:admin".to_owned(),
        ];
    });
    // Live tokens keep what they have.
    trial.get("/users/summary");
    trial.token = trial.mint();
    trial.get("/users");
    trial.get("/report/users?from=2026-11-19&to=2026-11-19");
    let (status, body) = trial.call("GET", "/report/activities", "");
    assert_eq!((status, body["code"].as_i64()), (400, Some(4711)));
    let named = &Endpoint::ReportActivities.granular_scopes()[0];
    assert!(
        text(&body, "message").contains(&format!("[{named}, {named}:admin]")),
        "{body}"
    );
}

#[test]
fn a_deactivated_app_is_dead_and_new_tokens_may_kill_old_ones() {
    let trial = Trial::new(&friday());
    trial
        .control
        .switch(|switches| switches.new_token_kills_old = true);
    let second = trial.mint();
    assert_eq!(trial.refused("GET", "/users", ""), (401, 124));
    let mut trial = trial;
    trial.token = second;
    trial.get("/users");
    let client_id = trial.control.apps()[0].client_id.clone();
    assert!(
        trial
            .control
            .change_app(&client_id, |app| app.active = false)
    );
    assert_eq!(trial.refused("GET", "/users", ""), (401, 124));
    let form = format!(
        "grant_type=account_credentials&account_id={}",
        trial.account_id()
    );
    assert_eq!(trial.token(AppKind::ServerToServer, &form).0, 400);
}
