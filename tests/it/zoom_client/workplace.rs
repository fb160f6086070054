//! Zoom Workplace: suites, and products and add-ons assigned one by one, against what the simulated
//! account truly has.

use std::collections::BTreeSet;

use seatsync::connector::facts::{Completeness, Process};
use seatsync::connector::{Connector as _, ConnectorError, WriteOptions};
use seatsync::profile::identifier::{Identifier, ProfileType};
use serde_json::{Value, json};
use vendor_sim::zoom::{
    Action, Cast, Control, Endpoint, Fault, Person, PersonChange, Population, Product, Refusal,
};

use super::{Bench, merged, walk};

/// What the person truly has: the suite, and what was assigned by itself.
pub(crate) fn truth(person: &Person) -> (Option<String>, BTreeSet<String>) {
    let one = person.zoom_one_type.map(|kind| format!("zoom.one.{kind}"));
    let united = person.plan_united_type.as_deref();
    let suite = one.or_else(|| united.map(|kind| format!("zoom.united.{kind}")));
    let sized = [
        ("webinar", person.webinar),
        ("large_meeting", person.large_meeting),
        ("zoom_events", person.events),
        ("zoom_webinars_plus", person.webinars_plus),
    ];
    let sized = sized
        .into_iter()
        .filter_map(|(word, capacity)| Some(format!("zoom.{word}.{}", capacity?)));
    let products = person.products.iter();
    let products = products.map(|product| format!("zoom.{}", product.switch()));
    (suite, sized.chain(products).collect())
}

fn words(identifiers: &[Identifier]) -> BTreeSet<String> {
    identifiers.iter().map(Identifier::to_string).collect()
}

fn give(control: &Control, member: Cast, change: PersonChange) -> Person {
    let person = control.cast(member).unwrap();
    control.change_person(&person.id, change).unwrap().unwrap()
}

fn everywhere(control: &Control) {
    control.reseed(
        200,
        7,
        &Population {
            workplace: 0.5,
            bundle: 0.3,
            ..Population::default()
        },
    );
}

#[tokio::test]
async fn every_product_and_suite_of_an_account_comes_down() {
    for (listed, sessions) in [(true, false), (false, true)] {
        let bench = Bench::start().await;
        everywhere(bench.control());
        bench.control().switch(|switches| {
            switches.team_chat_told = true;
            switches.bundles_listed = listed;
            switches.webinars_plus_as_sessions = sessions;
        });
        let zoom = bench.zoom_for(ProfileType::ZoomWorkplace);
        let (report, pages) = walk(&zoom).await;
        assert_eq!(report.unwrap().completeness, Completeness::Complete);
        let mut seen = BTreeSet::new();
        for seat in merged(pages).values().filter(|seat| seat.may_have_add_ons) {
            let person = bench.control().person(&seat.external_user_id).unwrap();
            let (suite, held) = truth(&person);
            let report = zoom.add_ons(&seat.external_user_id).await.unwrap();
            assert_eq!(words(&report.identifiers), held, "{person:?}");
            let told = report.suite.as_ref().map(Identifier::to_string);
            assert_eq!(told, suite, "{person:?}");
            if listed
                || suite
                    .as_deref()
                    .is_none_or(|suite| suite.starts_with("zoom.united"))
            {
                let walked = seat.identifier.as_str();
                let expected = suite.as_deref().unwrap_or(walked);
                assert_eq!((walked, seat.bundled), (expected, suite.is_some()));
            } else {
                assert_eq!(seat.identifier.as_str(), "zoom.licensed", "{person:?}");
            }
            seen.extend(held);
            seen.extend(suite);
        }
        for product in Product::ALL {
            let word = format!("zoom.{}", product.switch());
            assert!(seen.contains(&word), "nobody holds {word}: {seen:?}");
        }
        for word in [
            "zoom.one.16",
            "zoom.united.1",
            "zoom.zoom_webinars_plus.500",
        ] {
            assert!(seen.contains(word), "nobody holds {word}: {seen:?}");
        }
    }
}

#[tokio::test]
async fn what_zoom_names_by_itself_is_a_seat_beside_the_suite() {
    let bench = Bench::start().await;
    let control = bench.control();
    let person = give(
        control,
        Cast::ZoomOne,
        PersonChange {
            products: Some(vec![Product::Scheduler, Product::Docs, Product::Phone]),
            ..PersonChange::default()
        },
    );
    let zoom = bench.zoom_for(ProfileType::ZoomWorkplace);
    let unnamed = zoom.add_ons(&person.id).await.unwrap();
    // By its switches alone, this came with the suite.
    assert_eq!(words(&unnamed.identifiers), BTreeSet::new());
    control.switch(|switches| switches.licences_named = true);
    let named = zoom.add_ons(&person.id).await.unwrap();
    let expected = ["zoom.zoom_docs", "zoom.zoom_scheduler"].map(str::to_owned);
    assert_eq!(words(&named.identifiers), BTreeSet::from(expected));
    assert_eq!(named.suite.unwrap().as_str(), "zoom.one.16");
}

#[tokio::test]
async fn a_basic_user_may_hold_products_and_the_old_type_keeps_ignoring_them() {
    let bench = Bench::start().await;
    let control = bench.control();
    let phone = PersonChange {
        products: Some(vec![Product::Phone, Product::VisitorManagement]),
        ..PersonChange::default()
    };
    for member in [Cast::BasicIdle, Cast::NoMeetings, Cast::Regular] {
        let person = give(control, member, phone.clone());
        let new = bench.zoom_for(ProfileType::ZoomWorkplace);
        let found = words(&new.add_ons(&person.id).await.unwrap().identifiers);
        let expected = ["zoom.zoom_phone", "zoom.zoom_visitor_management"];
        assert_eq!(found, expected.map(str::to_owned).into(), "{member:?}");
        let old = bench.zoom();
        let report = old.add_ons(&person.id).await.unwrap();
        assert_eq!((report.identifiers, report.suite), (Vec::new(), None));
    }
    let calls = bench.requests_to(Endpoint::GetUser).len();
    let one = control.cast(Cast::ZoomOne).unwrap();
    let report = bench.zoom().add_ons(&one.id).await.unwrap();
    assert_eq!((report.identifiers, report.suite), (Vec::new(), None));
    assert_eq!(bench.requests_to(Endpoint::GetUser).len(), calls);
    let (_, pages) = walk(&bench.zoom()).await;
    let seats = merged(pages);
    assert_eq!(seats[&one.id].identifier.as_str(), "zoom.licensed");
    let basic = control.cast(Cast::BasicIdle).unwrap();
    assert!(!seats[&basic.id].may_have_add_ons);
}

#[tokio::test]
async fn what_was_bought_is_told_per_suite_and_product() {
    let bench = Bench::start().await;
    everywhere(bench.control());
    let zoom = bench.zoom_for(ProfileType::ZoomWorkplace);
    let bought = zoom.purchased().await.unwrap();
    for word in [
        "zoom.licensed",
        "zoom.one",
        "zoom.united",
        "zoom.zoom_scheduler",
        "zoom.zoom_translated_captions",
        "zoom.zoom_whiteboard",
    ] {
        let found = bought.iter().find(|one| one.identifier.as_str() == word);
        let found = found.unwrap_or_else(|| panic!("{word} is not told: {bought:?}"));
        assert!(found.bought.unwrap() >= found.assigned && found.assigned > 0);
    }
}

fn answer(body: Value) -> Action {
    Action::Answer {
        status: 200,
        body: Some(body),
        headers: std::collections::BTreeMap::new(),
        after_effect: false,
    }
}

#[tokio::test]
async fn faults_of_either_call_are_facts_or_errors_and_never_an_empty_answer() {
    let bench = Bench::start().await;
    let control = bench.control();
    let person = control.cast(Cast::Phone).unwrap();
    let zoom = bench.zoom_for(ProfileType::ZoomWorkplace);
    for endpoint in [Endpoint::GetUser, Endpoint::GetSettings] {
        let refuse = |refusal| Fault::on(endpoint, Action::Refuse { refusal });
        control.set_fault(refuse(Refusal::NoSuchUser));
        let gone = zoom.add_ons(&person.id).await.unwrap();
        assert!(gone.gone && gone.identifiers.is_empty(), "{endpoint:?}");
        control.clear_faults();
        control.set_fault(refuse(Refusal::MissingScope));
        let error = zoom.add_ons(&person.id).await.unwrap_err();
        assert!(error.to_string().contains("user:read:"), "{error}");
        control.clear_faults();
        for body in [json!([1, 2]), json!({"id": "somebody else"}), json!("x")] {
            if endpoint == Endpoint::GetSettings && body.is_object() {
                continue;
            }
            control.set_fault(Fault::on(endpoint, answer(body.clone())));
            let error = zoom.add_ons(&person.id).await.unwrap_err();
            assert!(
                matches!(error, ConnectorError::Malformed { .. }),
                "{body}: {error:?}"
            );
            control.clear_faults();
        }
    }
    // Odd values of what may be absent are read as absent.
    let odd = json!({"feature": {"zoom_phone": "true", "zoom_docs": null, "license_info_list": "x",
        "zoom_webinars_plus_unlimited": true, "zoom_webinars_plus_unlimited_capacities": 7}});
    control.set_fault(Fault::on(Endpoint::GetSettings, answer(odd)));
    let report = zoom.add_ons(&person.id).await.unwrap();
    let expected = ["zoom.zoom_phone", "zoom.zoom_webinars_plus"].map(str::to_owned);
    assert_eq!(words(&report.identifiers), BTreeSet::from(expected));
}

#[tokio::test]
async fn validating_names_the_scope_that_tells_suites() {
    let bench = Bench::start().await;
    let client_id = bench.sim.client_id().to_owned();
    let grant = |scopes: &[&str]| {
        let scopes = scopes.iter().map(|&scope| scope.to_owned()).collect();
        let control = bench.control();
        control.change_app(&client_id, |app| app.scopes = scopes);
    };
    let listing = ["user:read:list_users:admin", "user:read:settings:admin"];
    grant(&listing);
    let zoom = bench.zoom_for(ProfileType::ZoomWorkplace);
    let verdict = zoom
        .validate(Process::Download, &WriteOptions::default())
        .await;
    assert!(!verdict.ok, "{verdict:?}");
    assert!(
        verdict.message.contains("user:read:user"),
        "{}",
        verdict.message
    );
    // The old type has no use for it.
    assert!(
        bench
            .zoom()
            .validate(Process::Download, &WriteOptions::default())
            .await
            .ok
    );
    grant(&[listing[0], listing[1], "user:read:user:admin"]);
    let verdict = zoom
        .validate(Process::Download, &WriteOptions::default())
        .await;
    assert!(verdict.ok, "{verdict:?}");
    assert_eq!(verdict.scopes_needed.len(), 3);
    assert!(verdict.message.contains("suites, products and add-ons"));
    let requests = bench.control().requests();
    assert!(requests.iter().all(|request| !request.wrote()));
}
