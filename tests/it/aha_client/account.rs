//! Whose key it is: the account behind it, the rights that each process needs, and what was bought.

use seatsync::connector::facts::{Process, Purchased, Verdict};
use seatsync::connector::{Connector as _, ConnectorError, WriteOptions};
use vendor_sim::aha::{Action, Cast, Endpoint, Fault, NonAdmin, PersonChange, Refusal};

use super::{Bench, impatient, walk};

async fn verdict(bench: &Bench, process: Process) -> Verdict {
    bench
        .aha()
        .validate(process, &WriteOptions::default())
        .await
}

#[tokio::test]
async fn the_account_is_known_by_its_domain_and_asked_for_once_a_run() {
    let bench = Bench::start().await;
    let aha = bench.aha();
    assert_eq!(aha.account().await.unwrap().id, "example");
    walk(&aha).await.0.unwrap();
    assert_eq!(bench.requests_to(Endpoint::Me).len(), 1);
}

#[tokio::test]
async fn an_address_that_names_none_of_several_accounts_is_no_connection() {
    let bench = Bench::with(impatient(), |sim| {
        sim.switches.other_accounts = vec!["another".to_owned()];
    })
    .await;
    let error = bench.aha().account().await.unwrap_err();
    assert!(
        matches!(error, ConnectorError::Misconfigured { .. }),
        "{error:?}"
    );
    assert!(
        error.to_string().contains("`example`, `another`"),
        "{error}"
    );
}

#[tokio::test]
async fn a_suspended_account_is_told_by_whose_key_it_is() {
    let bench = Bench::start().await;
    let set = Action::Set {
        pointer: "/user/accounts/0/account/enabled".to_owned(),
        value: serde_json::json!(false),
    };
    bench.control().set_fault(Fault::on(Endpoint::Me, set));
    let error = bench.aha().account().await.unwrap_err();
    assert!(
        error
            .to_string()
            .contains("the Aha! account `example` is suspended"),
        "{error}"
    );
}

#[tokio::test]
async fn an_administrators_key_can_do_everything_and_proving_it_writes_nothing() {
    let bench = Bench::start().await;
    let owner = bench.sim.cast(Cast::TokenOwner).unwrap().email;
    for process in [Process::Download, Process::Activity, Process::Reclaim] {
        let verdict = verdict(&bench, process).await;
        assert!(verdict.ok, "{verdict:?}");
        assert_eq!(verdict.scopes_held, verdict.scopes_needed);
    }
    let download = verdict(&bench, Process::Download).await;
    assert_eq!(
        download.message,
        format!("Aha! lists 200 users to `{owner}`, whose key this is")
    );
    let requests = bench.control().requests();
    assert!(requests.iter().all(|request| request.method == "GET"));
}

#[tokio::test]
async fn a_key_without_rights_is_told_per_process_with_the_remedy() {
    for non_admin in [NonAdmin::Refused, NonAdmin::CallerOnly] {
        let bench = Bench::with_key_of(Cast::Member, impatient(), |sim| {
            sim.switches.non_admin = non_admin;
        })
        .await;
        for process in [Process::Download, Process::Activity, Process::Reclaim] {
            let verdict = verdict(&bench, process).await;
            assert!(!verdict.ok && verdict.scopes_held.is_empty(), "{verdict:?}");
            assert!(!verdict.scopes_needed.is_empty(), "{verdict:?}");
            assert!(verdict.message.contains("administrator"), "{verdict:?}");
        }
    }
}

#[tokio::test]
async fn rights_lost_for_reclaiming_leave_the_others() {
    let bench = Bench::start().await;
    let owner = bench.sim.cast(Cast::TokenOwner).unwrap();
    let set = Action::Set {
        pointer: "/user/administrator_roles/administer_account".to_owned(),
        value: serde_json::json!(false),
    };
    let fault = Fault::on(Endpoint::GetUser, set).for_user(&owner.id);
    bench.control().set_fault(fault);
    assert!(verdict(&bench, Process::Download).await.ok);
    let reclaim = verdict(&bench, Process::Reclaim).await;
    assert!(!reclaim.ok && reclaim.scopes_held.is_empty());
    assert!(
        reclaim.message.contains("may not administer the account"),
        "{reclaim:?}"
    );
}

#[tokio::test]
async fn an_outage_is_not_a_want_of_rights() {
    let bench = Bench::start().await;
    let html = Action::Html {
        status: 503,
        after_effect: false,
    };
    bench
        .control()
        .set_fault(Fault::on(Endpoint::GetUser, html));
    let verdict = verdict(&bench, Process::Download).await;
    assert!(
        !verdict.ok && verdict.scopes_needed.is_empty(),
        "{verdict:?}"
    );
    assert!(verdict.message.contains("cannot be reached"), "{verdict:?}");
}

async fn bought(bench: &Bench) -> Purchased {
    let aha = bench.aha();
    walk(&aha).await.0.unwrap();
    let [seats] = aha.purchased().await.unwrap().try_into().unwrap();
    assert_eq!(seats.identifier.as_str(), "aha.paid_seat");
    seats
}

#[tokio::test]
async fn seat_groups_tell_what_was_bought_where_they_hold_everybody() {
    let bench = Bench::with(impatient(), |sim| sim.population.grouped = 1.0).await;
    let used = bench.control().seats().used;
    let seats = bought(&bench).await;
    assert_eq!(seats.assigned, used);
    assert!(seats.bought.unwrap() > used, "{seats:?}");

    // A group that others administer is not listed, and its seats are missing.
    bench
        .control()
        .switch(|switches| switches.groups_administered = Some(1));
    assert_eq!(bought(&bench).await.bought, None);

    bench
        .control()
        .switch(|switches| switches.groups_administered = None);
    let outside = PersonChange {
        paid_seat: Some(true),
        ..PersonChange::default()
    };
    bench.control().add_person(outside).unwrap();
    let seats = bought(&bench).await;
    assert_eq!((seats.bought, seats.assigned), (None, used + 1));
}

#[tokio::test]
async fn an_account_without_seat_groups_tells_what_is_used() {
    let bench = Bench::start().await;
    let forbidden = Action::Refuse {
        refusal: Refusal::Forbidden,
    };
    bench
        .control()
        .set_fault(Fault::on(Endpoint::ListSeatGroups, forbidden));
    let seats = bought(&bench).await;
    assert_eq!(
        (seats.bought, seats.assigned),
        (None, bench.control().seats().used)
    );
}

#[tokio::test]
async fn an_address_that_is_not_the_apis_is_named_once() {
    for path in ["", "/elsewhere"] {
        let mut bench = Bench::start().await;
        bench.connection.url = format!("{}{path}", bench.sim.base_url());
        let error = bench.aha().account().await.unwrap_err().to_string();
        assert_eq!(error.matches("check `url`").count(), 1, "{error}");
    }
    let bench = Bench::start().await;
    let nothing = Action::Html {
        status: 404,
        after_effect: false,
    };
    bench.control().set_fault(Fault::on(Endpoint::Me, nothing));
    let error = bench.aha().account().await.unwrap_err().to_string();
    assert_eq!(error.matches("check `url`").count(), 1, "{error}");
}
