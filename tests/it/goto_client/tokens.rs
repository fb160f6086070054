//! Tokens that die on the way, scopes that are missing, and what is said about it.

use seatsync::connector::facts::{Completeness, Process, Verdict};
use seatsync::connector::{Connector as _, ConnectorError, WriteOptions};
use vendor_sim::goto::{Action, Cast, Endpoint, Fault, LoggedRequest, Refusal};

use super::{Bench, walk};

#[tokio::test]
async fn a_token_that_dies_between_pages_is_renewed_once() {
    let bench = Bench::start().await;
    let refused = Action::Refuse {
        refusal: Refusal::BadToken,
    };
    bench
        .control()
        .set_fault(Fault::on(Endpoint::ListUsers, refused).after(2).times(1));
    let (report, _) = walk(&bench.goto()).await;
    assert_eq!(report.unwrap().completeness, Completeness::Complete);
    assert_eq!(bench.mints(), 2);
}

#[tokio::test]
async fn a_403_that_means_a_dead_token_is_as_good_as_a_401() {
    let bench = Bench::start().await;
    let goto = bench.goto();
    goto.activity_plans().await.unwrap();
    let minted = bench.mints();
    bench.control().expire_tokens();
    // Product APIs answer 403 `InvalidToken` where others answer 401.
    let day = jiff::civil::date(2026, 2, 1);
    let page = goto
        .activity_of_user(&bench.key(Cast::Admin), day)
        .await
        .unwrap();
    assert!(!page.activities.is_empty());
    let asked = bench.requests_to(Endpoint::OrganizerMeetings);
    assert_eq!(
        asked.iter().filter(|request| request.status == 403).count(),
        1
    );
    assert_eq!(bench.mints(), minted + 1);
}

#[tokio::test]
async fn a_token_that_is_never_accepted_ends_the_run_with_a_remedy() {
    let bench = Bench::start().await;
    let refused = Action::Refuse {
        refusal: Refusal::BadToken,
    };
    bench.control().set_fault(Fault::on(Endpoint::Me, refused));
    let error = bench.goto().account().await.unwrap_err();
    assert!(matches!(error, ConnectorError::Unauthorized { .. }));
    assert!(
        error.to_string().contains("personal access token"),
        "{error}"
    );
    assert_eq!(bench.requests_to(Endpoint::Me).len(), 2);
}

#[tokio::test]
async fn a_refused_token_is_told_with_the_connection_that_called_and_a_host_that_is_not_gotos() {
    let bench = Bench::start().await;
    let refused = |endpoint| {
        let action = Action::Refuse {
            refusal: Refusal::BadToken,
        };
        Fault::on(endpoint, action)
    };
    // Both connections have the same credentials, and so one token.
    bench.control().set_fault(refused(Endpoint::CallHistory));
    let plans = bench.goto().activity_plans().await.unwrap();
    let missing: Vec<String> = plans.into_iter().flat_map(|plan| plan.missing).collect();
    let told = missing.join("\n");
    assert!(told.contains("of connection `goto-connect`"), "{told}");
    assert!(!told.contains("connection `goto`"), "{told}");

    bench.control().set_fault(refused(Endpoint::Me));
    let told = bench.goto().account().await.unwrap_err().to_string();
    let host = bench.sim.api_url().trim_start_matches("http://");
    assert!(told.contains("of connection `goto` points"), "{told}");
    assert!(
        told.contains(&format!("it is `{host}` that refuses")) && told.contains("check `url`"),
        "{told}"
    );
}

async fn verdict(bench: &Bench, process: Process) -> Verdict {
    bench
        .goto()
        .validate(process, &WriteOptions::default())
        .await
}

#[tokio::test]
async fn with_all_scopes_every_process_can_work() {
    let bench = Bench::start().await;
    for process in [Process::Download, Process::Activity, Process::Reclaim] {
        let verdict = verdict(&bench, process).await;
        assert!(verdict.ok, "{verdict:?}");
        assert_eq!(verdict.scopes_needed, verdict.scopes_held, "{process:?}");
        let role = "; ada.admin@example.com has SUPER_USER";
        assert!(
            verdict
                .message
                .contains("GoTo asks for the role SUPER_USER")
                && verdict.message.ends_with(role),
            "{verdict:?}"
        );
    }
    let wrote = bench.control().requests().iter().any(LoggedRequest::wrote);
    assert!(!wrote, "validating wrote something");
}

#[tokio::test]
async fn without_the_admin_scope_nothing_works_and_the_remedy_names_its_box() {
    let bench = Bench::start().await;
    bench.control().grant_only(&["collab:"]);
    for process in [Process::Download, Process::Activity, Process::Reclaim] {
        let verdict = verdict(&bench, process).await;
        assert!(!verdict.ok, "{verdict:?}");
        assert!(
            verdict.message.contains("`identity:` (Admin Center"),
            "{}",
            verdict.message
        );
        assert!(!verdict.scopes_held.contains(&"identity:".to_owned()));
    }
}

#[tokio::test]
async fn a_product_that_cannot_be_read_is_named_and_the_others_are_read() {
    let bench = Bench::start().await;
    bench.control().grant_only(&["identity:", "collab:"]);
    let plans = bench.goto().activity_plans().await.unwrap();
    let missing: Vec<String> = plans.into_iter().flat_map(|plan| plan.missing).collect();
    let told = missing.join("\n");
    assert!(told.contains("support sessions are not known"), "{told}");
    assert!(told.contains("calls are not known"), "{told}");
    let verdict = verdict(&bench, Process::Activity).await;
    assert!(
        verdict.ok && verdict.message.contains("calls are not known"),
        "{verdict:?}"
    );
}

#[tokio::test]
async fn an_address_that_is_not_the_apis_is_named() {
    let mut bench = Bench::start().await;
    bench.connection.url = bench.sim.connect_url();
    let error = bench.goto().account().await.unwrap_err().to_string();
    assert!(error.ends_with("`): check `url`"), "{error}");
}

#[tokio::test]
async fn reclaiming_needs_the_scopes_of_the_last_look_before_a_write() {
    let bench = Bench::start().await;
    bench.control().grant_only(&["identity:", "support:"]);
    let refused = verdict(&bench, Process::Reclaim).await;
    assert!(
        !refused.ok && refused.message.contains("`collab:`"),
        "{refused:?}"
    );
    bench.control().grant_only(&["identity:", "collab:"]);
    assert!(verdict(&bench, Process::Reclaim).await.ok);
    let with_connect = WriteOptions {
        goto_connect: true,
        ..WriteOptions::default()
    };
    let goto = bench.goto();
    let refused = goto.validate(Process::Reclaim, &with_connect).await;
    assert!(
        !refused.ok && refused.message.contains("cr.v1.read"),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_login_that_may_not_change_licences_cannot_reclaim() {
    let bench = Bench::start().await;
    bench
        .control()
        .change_roles("ada.admin@example.com", &["RUN_REPORTS"]);
    let refused = verdict(&bench, Process::Reclaim).await;
    assert!(
        !refused.ok
            && refused
                .message
                .ends_with("ada.admin@example.com has RUN_REPORTS"),
        "{refused:?}"
    );
    bench
        .control()
        .change_roles("ada.admin@example.com", &["MANAGE_USERS", "MANAGE_SEATS"]);
    assert!(verdict(&bench, Process::Reclaim).await.ok);
}
