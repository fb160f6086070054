//! Tokens: grants, lives, scopes, and the many ways to say no.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::SignedDuration;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::{Trial, admin, friday, json, text};
use crate::goto::options::Refresh;

const HISTORY: &str =
    "/G2M/rest/historicalMeetings?startDate=2026-11-01T00:00:00Z&endDate=2026-11-10T00:00:00Z";

fn code_for(trial: &Trial, verifier: &str) -> String {
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier));
    let client_id = trial.with_client(|client| client.client_id.clone());
    let target = format!(
        "/oauth/authorize?response_type=code&client_id={client_id}&state=s&code_challenge={challenge}\
         &code_challenge_method=S256&redirect_uri=http%3A%2F%2F127.0.0.1%3A4711%2Fcallback"
    );
    let page = trial.send("GET", &target, &[], "");
    assert_eq!(page.status, 200);
    assert!(String::from_utf8_lossy(&page.body).contains("ada.admin@example.com"));
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let reply = trial.send("POST", &target, &form, "decision=allow");
    assert_eq!(reply.status, 302);
    let (_, location) = reply
        .headers
        .iter()
        .find(|(name, _)| name == "location")
        .unwrap();
    let rest = location.split_once("code=").unwrap().1;
    rest.split_once('&').unwrap().0.to_owned()
}

fn exchange(code: &str, verifier: &str) -> String {
    format!(
        "grant_type=authorization_code&code={code}&code_verifier={verifier}\
         &redirect_uri=http%3A%2F%2F127.0.0.1%3A4711%2Fcallback"
    )
}

#[test]
fn a_code_works_once_and_only_with_its_verifier() {
    let trial = Trial::new(&friday());
    let verifier = "v".repeat(43);
    let code = code_for(&trial, &verifier);
    let (status, answer) = trial.grant(&exchange(&code, &verifier));
    assert_eq!((status, &answer["token_type"]), (200, &json!("Bearer")));
    assert_eq!(answer["principal"], "ada.admin@example.com");
    assert!(answer["refresh_token"].is_string());
    let (status, answer) = trial.grant(&exchange(&code, &verifier));
    assert_eq!((status, &answer["error"]), (400, &json!("invalid_grant")));
    let code = code_for(&trial, &verifier);
    assert_eq!(trial.grant(&exchange(&code, &"w".repeat(43))).0, 400);
}

#[test]
fn refresh_tokens_stay_rotate_or_are_spent_as_switched() {
    for (refresh, has_new, old_works) in [
        (Refresh::Keep, false, true),
        (Refresh::Rotate, true, true),
        (Refresh::SingleUse, true, false),
    ] {
        let trial = Trial::new(&friday());
        trial.control.switch(|switches| switches.refresh = refresh);
        let verifier = "v".repeat(43);
        let (_, answer) = trial.grant(&exchange(&code_for(&trial, &verifier), &verifier));
        let form = format!(
            "grant_type=refresh_token&refresh_token={}",
            text(&answer["refresh_token"])
        );
        let (status, answer) = trial.grant(&form);
        assert_eq!(status, 200);
        assert_eq!(
            answer.get("refresh_token").is_some(),
            has_new,
            "{refresh:?}"
        );
        assert_eq!(trial.grant(&form).0 == 200, old_works, "{refresh:?}");
        trial.control.advance(SignedDuration::from_hours(24 * 31));
        assert_eq!(trial.grant(&form).0, 400, "30 days are over");
    }
}

#[test]
fn client_credentials_do_not_exist_and_the_old_host_is_off() {
    let trial = Trial::new(&friday());
    let (status, answer) = trial.grant("grant_type=client_credentials");
    assert_eq!(
        (status, &answer["error"]),
        (400, &json!("unsupported_grant_type"))
    );
    trial
        .control
        .switch(|switches| switches.personal_access_tokens = false);
    let (status, answer) = trial.grant("grant_type=personal_access_token&pat=x");
    assert_eq!(
        (status, &answer["error"]),
        (400, &json!("unauthorized_client"))
    );
    let reply = trial.send("POST", "/oauth/v2/token", &[], "");
    assert_eq!(reply.status, 410);
    assert!(text(&json(&reply)["message"]).contains("no longer valid"));
}

#[test]
fn each_api_refuses_a_dead_token_and_a_missing_scope_in_its_own_way() {
    let mut trial = Trial::new(&friday());
    let users = admin("users");
    let report = "/api.goto.com/call-reports/v1/reports/user-activity?startTime=2026-11-01T00:00:00Z&endTime=2026-11-10T00:00:00Z";
    trial.control.grant_only(&["support:"]);
    trial.renew();
    let lacking = [
        (users.as_str(), 401, "errorCode", "not.authenticated"),
        (HISTORY, 403, "int_err_code", "AccessDenied"),
        (report, 403, "errorCode", "AUTHZ_INSUFFICIENT_SCOPE"),
    ];
    for (target, status, member, code) in lacking {
        let found = trial.call("GET", target, "");
        assert_eq!(
            (found.0, &found.1[member]),
            (status, &json!(code)),
            "{target}"
        );
    }
    trial.control.expire_tokens();
    let dead = [
        (users.as_str(), 401, "errorCode", "not.authenticated"),
        (HISTORY, 403, "int_err_code", "InvalidToken"),
        (report, 401, "errorCode", "AUTHN_INVALID_TOKEN"),
    ];
    for (target, status, member, code) in dead {
        let found = trial.call("GET", target, "");
        assert_eq!(
            (found.0, &found.1[member]),
            (status, &json!(code)),
            "{target}"
        );
    }
    let (status, answer) = trial.call("GET", "/api.goto.com/admin/rest/v1/me", "");
    assert_eq!((status, &answer["errorCode"]), (404, &json!("NOT_FOUND")));
}

#[test]
fn ten_calls_a_second_fit_and_each_api_has_its_own_ten() {
    let trial = Trial::new(&friday());
    trial.control.enforce_limits(true);
    for _ in 0..10 {
        assert_eq!(trial.call("GET", "/admin/rest/v1/me", "").0, 200);
    }
    let refused = trial.raw("GET", "/admin/rest/v1/me", "");
    assert_eq!((refused.status, refused.body.len()), (429, 0));
    assert!(
        !refused
            .headers
            .iter()
            .any(|(name, _)| name == "retry-after")
    );
    assert_eq!(trial.call("GET", HISTORY, "").0, 200);
    trial.control.advance(SignedDuration::from_secs(1));
    assert_eq!(trial.call("GET", "/admin/rest/v1/me", "").0, 200);
}
