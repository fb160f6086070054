//! Who holds which seat, by users and licences together.

use std::collections::{BTreeMap, BTreeSet};

use seatsync::connector::Connector as _;
use seatsync::connector::ConnectorError;
use seatsync::connector::facts::{Completeness, Role, Seat, UserStatus};
use vendor_sim::goto::{Action, Cast, Endpoint, Fault, Shape};

use super::{Bench, merged, walk};

type Seats = BTreeMap<(String, String), Seat>;

async fn seats_of(bench: &Bench) -> Seats {
    let (report, pages) = walk(&bench.goto()).await;
    let report = report.unwrap();
    assert_eq!(report.completeness, Completeness::Complete);
    merged(pages)
}

fn products_of(seats: &Seats, key: &str) -> Vec<String> {
    let of_user = seats.keys().filter(|(user, _)| user == key);
    of_user.map(|(_, product)| product.clone()).collect()
}

#[tokio::test]
async fn every_holder_has_one_seat_per_product_and_nobody_else_has_any() {
    let bench = Bench::start().await;
    let (report, pages) = walk(&bench.goto()).await;
    let report = report.unwrap();
    assert_eq!(report.completeness, Completeness::Complete);
    assert_eq!((report.users, report.vendor_total), (200, Some(200)));
    let seats = merged(pages);
    let mut expected = BTreeSet::new();
    for person in bench.control().people() {
        let has = |code: &str| person.products.iter().any(|known| known == code);
        let comes_along = has("G2W") || has("G2T");
        for product in &person.products {
            let word = match product.as_str() {
                "G2M" if comes_along && person.licenses.len() == 1 => continue,
                "JIVE" | "G2C" => "connect".to_owned(),
                other => other.to_lowercase().replace('-', "_"),
            };
            expected.insert((person.key.clone(), format!("goto.{word}")));
        }
    }
    let found: BTreeSet<(String, String)> = seats.keys().cloned().collect();
    // Somebody with two licences may have GoToMeeting by either.
    let twice = |(key, product): &&(String, String)| {
        product != "goto.g2m"
            || bench
                .control()
                .people()
                .iter()
                .any(|p| p.key == *key && p.licenses.len() == 1)
    };
    let judged = |set: &BTreeSet<(String, String)>| -> BTreeSet<(String, String)> {
        set.iter().filter(twice).cloned().collect()
    };
    assert_eq!(judged(&found), judged(&expected));
    assert_eq!(report.unrecognized, [("goto.grasshopper_x".to_owned(), 1)]);
}

#[tokio::test]
async fn keys_of_26_digits_keep_every_digit() {
    let bench = Bench::start().await;
    let seats = seats_of(&bench).await;
    let key = "78888886011013972886849029";
    assert_eq!(bench.key(Cast::WebinarOrganizer), key);
    assert_eq!(products_of(&seats, key), ["goto.connect", "goto.g2w"]);
    bench.control().set_fault(Fault::on(
        Endpoint::ListUsers,
        Action::Reshape {
            shape: Shape::KeysAsText,
        },
    ));
    // As text the keys are the same.
    let again = walk(&bench.goto()).await;
    assert_eq!(again.0.unwrap().users, 200);
    assert_eq!(
        products_of(&merged(again.1), key),
        ["goto.connect", "goto.g2w"]
    );
}

#[tokio::test]
async fn licences_say_what_can_be_taken_back_and_what_counts() {
    let bench = Bench::start().await;
    let seats = seats_of(&bench).await;
    let seat = |member: Cast, product: &str| &seats[&(bench.key(member), product.to_owned())];
    let idle = seat(Cast::Idle, "goto.g2m");
    assert!(idle.paid && !idle.bundled && idle.status == UserStatus::Active);
    assert_eq!(
        (idle.email.as_str(), idle.display_name.as_str()),
        ("ida.idle@example.com", "Ida Idle")
    );
    for product in ["goto.g2m", "goto.connect"] {
        assert!(seat(Cast::Bundled, product).bundled, "{product}");
    }
    assert!(
        seat(Cast::Managed, "goto.g2m").bundled,
        "another system manages it"
    );
    assert!(!seat(Cast::Ended, "goto.g2m").paid, "the licence has ended");
    assert_eq!(seat(Cast::Invited, "goto.g2w").status, UserStatus::Pending);
    assert_eq!(seat(Cast::Admin, "goto.g2m").role, Role::Owner);
    assert_eq!(seat(Cast::SeatManager, "goto.g2m").role, Role::Admin);
    assert_eq!(products_of(&seats, &bench.key(Cast::Trainer)), ["goto.g2t"]);
    assert_eq!(products_of(&seats, &bench.key(Cast::Suspended)), [""; 0]);
    assert_eq!(
        products_of(&seats, &bench.key(Cast::OpenVoice)),
        ["goto.openvoice"]
    );
}

#[tokio::test]
async fn an_invitee_who_is_not_among_the_users_has_a_seat_too() {
    let bench = Bench::start().await;
    let invited = bench.key(Cast::Invited);
    bench.control().hide_invited(true);
    let seats = seats_of(&bench).await;
    let seat = &seats[&(invited, "goto.g2w".to_owned())];
    assert_eq!(
        (seat.status, seat.email.as_str()),
        (UserStatus::Pending, "")
    );
}

#[tokio::test]
async fn people_who_come_and_go_between_pages_are_neither_lost_nor_doubled() {
    let bench = Bench::start().await;
    bench
        .control()
        .add_person("late@example.com", ("Late", "Comer"), &["G2M"]);
    bench
        .control()
        .shift_pages(2, &["early@example.com"], &["ned.never@example.com"]);
    let gone = bench.key(Cast::NeverHosted);
    let (report, pages) = walk(&bench.goto()).await;
    let report = report.unwrap();
    assert_eq!(report.completeness, Completeness::Complete);
    let mut ids: BTreeSet<String> = pages
        .iter()
        .flat_map(|page| page.seats.iter().map(|seat| seat.external_user_id.clone()))
        .collect();
    // Somebody who left on the way may have been seen before.
    ids.remove(&gone);
    let holders = bench.control().people();
    let holders = holders.iter().filter(|person| !person.licenses.is_empty());
    assert_eq!(ids, holders.map(|person| person.key.clone()).collect());
}

#[tokio::test]
async fn licences_that_name_all_holders_spare_a_second_walk() {
    let bench = Bench::start().await;
    let (report, _) = walk(&bench.goto()).await;
    assert_eq!(report.unwrap().walks, 1);
    let requests = bench.control().requests();
    let offsets: Vec<&Vec<(String, String)>> = requests
        .iter()
        .filter(|request| request.path.ends_with("/users"))
        .map(|request| &request.query)
        .collect();
    let once: BTreeSet<&Vec<(String, String)>> = offsets.iter().copied().collect();
    assert!(once.len() > 1, "{offsets:?}");
    assert_eq!(once.len(), offsets.len(), "no page is asked for twice");
}

#[tokio::test]
async fn a_list_of_users_that_misses_a_holder_is_not_believed() {
    let bench = Bench::start().await;
    // The envelope agrees with itself: only the licences tell that rows are missing.
    bench.control().hide_users(40);
    let (report, _) = walk(&bench.goto()).await;
    let Completeness::Incomplete(reason) = report.unwrap().completeness else {
        panic!("a list without forty holders was believed");
    };
    assert!(
        reason.contains("holders by the list of licences"),
        "{reason}"
    );
    assert!(reason.contains("GoToMeeting"), "{reason}");
}

#[tokio::test]
async fn a_change_that_has_not_spread_is_waited_for() {
    let bench = Bench::start().await;
    bench
        .control()
        .switch(|switches| switches.consistency_delay_ms = 4_000);
    bench
        .control()
        .remove_license("ida.idle@example.com", "G2M");
    let key = bench.key(Cast::Idle);
    let (report, pages) = walk(&bench.goto()).await;
    assert_eq!(report.unwrap().completeness, Completeness::Complete);
    let last = pages.iter().rev().take(4).flat_map(|page| &page.seats);
    assert!(!last.into_iter().any(|seat| seat.external_user_id == key));
}

#[tokio::test]
async fn what_was_bought_is_told_by_product() {
    let bench = Bench::start().await;
    let bought = bench.goto().purchased().await.unwrap();
    let of = |word: &str| {
        bought
            .iter()
            .find(|one| one.identifier.as_str() == word)
            .unwrap()
    };
    let holders = |products: &[&str]| {
        let people = bench.control().people();
        let held = people.iter().map(|person| {
            let licenses = person.licenses.iter();
            licenses
                .filter(|key| products.contains(&key.as_str()))
                .count() as u64
        });
        held.sum::<u64>()
    };
    // GoToMeeting is in three licences that count: its own, the managed one and the bundle.
    let keys = [
        "5200000000000000001",
        "5200000000000000009",
        "5200000000000000012",
    ];
    assert_eq!(of("goto.g2m").assigned, holders(&keys));
    assert_eq!(of("goto.g2w").assigned, holders(&["5200000000000000002"]));
    assert!(of("goto.g2w").bought.unwrap() > of("goto.g2w").assigned);
}

#[tokio::test]
async fn one_of_several_accounts_is_meant_or_nothing_is_read() {
    let mut bench = Bench::start().await;
    bench
        .control()
        .switch(|switches| switches.second_account = true);
    let error = bench.goto().account().await.unwrap_err();
    assert!(matches!(error, ConnectorError::Misconfigured { .. }));
    let message = error.to_string();
    for part in [
        "`goto`",
        "oauth.account_id",
        &bench.sim.second_account_key(),
        "Example Research",
    ] {
        assert!(message.contains(part), "{message}");
    }
    bench.connection.account_id = Some(bench.sim.second_account_key());
    let goto = bench.goto();
    assert_eq!(
        goto.account().await.unwrap().id,
        bench.sim.second_account_key()
    );
    bench.connection.account_id = Some("42".to_owned());
    let error = bench.goto().account().await.unwrap_err();
    assert!(
        error.to_string().contains("does not reach account `42`"),
        "{error}"
    );
}

#[tokio::test]
async fn the_account_key_is_the_same_as_text_and_as_number() {
    let bench = Bench::start().await;
    for as_text in [false, true] {
        bench
            .control()
            .switch(|switches| switches.me_keys_as_text = as_text);
        assert_eq!(
            bench.goto().account().await.unwrap().id,
            bench.sim.account_key()
        );
    }
}
