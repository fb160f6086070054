//! Downloads of a Zoom Workplace account: a suite is one subscription, whoever tells it, and the
//! products assigned one by one are one each.

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;
use seatsync::profile::model::SubflowKind;
use seatsync::store::condition::{ConditionKind, ConditionStatus};
use seatsync::store::job::{Job, JobState};
use seatsync::store::subscription::Subscription;
use serde_json::json;
use vendor_sim::zoom::{
    Action, Cast, Endpoint, Fault, Hosted, PersonChange, Population, Product, Refusal,
    ZoomSimOptions,
};

use crate::bed::{Bed, change, name};
use crate::zoom_client::workplace::truth;

fn accounted(options: &mut ZoomSimOptions) {
    options.switches.bundles_listed = false;
    options.switches.team_chat_told = true;
    options.population = Population {
        workplace: 0.3,
        bundle: 0.2,
        ..Population::default()
    };
}

async fn publish(bed: &Bed) {
    bed.apply("zoom", |value| {
        value["profile"]["profile_type"] = json!("zoom_workplace");
    })
    .await;
    bed.run().await;
}

async fn last_download(bed: &Bed) -> Job {
    let mut jobs = bed.jobs().await;
    jobs.retain(|job| job.subflow.as_str() == "download_subscriptions");
    jobs.pop().unwrap()
}

/// Identifiers in force.
async fn held(bed: &Bed, user: &str) -> Vec<String> {
    let seats = bed.seats_of(user).await;
    let mut held: Vec<String> = seats
        .iter()
        .filter(|seat| seat.ended_at.is_none())
        .map(|seat| seat.seat.identifier.to_string())
        .collect();
    held.sort();
    held
}

async fn in_force(bed: &Bed) -> BTreeMap<String, u32> {
    let mut counts = BTreeMap::new();
    for seat in bed.seats().await {
        if seat.ended_at.is_none() {
            *counts.entry(seat.seat.identifier.to_string()).or_default() += 1;
        }
    }
    counts
}

/// What those whom the calls per user are for hold beside the plain licence.
async fn beside_the_licence(bed: &Bed) -> BTreeMap<String, BTreeSet<String>> {
    let base = [
        "zoom.basic",
        "zoom.licensed",
        "zoom.unassigned",
        "zoom.none",
    ];
    let seats = bed.seats().await;
    let mut held = BTreeMap::new();
    let asked = seats.iter().filter(|seat| seat.seat.may_have_add_ons);
    for seat in asked {
        held.insert(seat.seat.external_user_id.clone(), BTreeSet::new());
    }
    for seat in seats.iter().filter(|seat| seat.ended_at.is_none()) {
        let identifier = seat.seat.identifier.as_str();
        if let Some(held) = held.get_mut(&seat.seat.external_user_id)
            && !base.contains(&identifier)
        {
            held.insert(identifier.to_owned());
        }
    }
    held
}

async fn one(bed: &Bed, user: &str, identifier: &str) -> Subscription {
    let seats = bed.seats_of(user).await;
    let found = seats
        .into_iter()
        .find(|seat| seat.seat.identifier.as_str() == identifier);
    found.unwrap()
}

#[tokio::test]
async fn a_suite_is_one_subscription_though_only_the_call_for_its_user_tells_it() {
    let bed = Bed::with(accounted).await;
    publish(&bed).await;
    assert_eq!(last_download(&bed).await.state, JobState::Completed);
    let ready = bed.condition("zoom", ConditionKind::Ready).await;
    assert_eq!(ready.status, ConditionStatus::True, "{ready:?}");
    let suited = bed.zoom().cast(Cast::ZoomOne).unwrap();
    let seat = one(&bed, &suited.id, "zoom.one.16").await;
    assert!(seat.seat.bundled && seat.seat.paid);
    assert!(
        bed.seats_of(&suited.id)
            .await
            .iter()
            .all(|seat| seat.seat.identifier.as_str() != "zoom.licensed"),
        "the base seat stands beside its suite"
    );
    let united = bed.zoom().cast(Cast::United).unwrap();
    assert!(
        held(&bed, &united.id)
            .await
            .contains(&"zoom.united.1".to_owned())
    );
    // One base seat a user, suites included.
    let mut bases = 0;
    for (identifier, seats) in in_force(&bed).await {
        let word = identifier.split('.').nth(1).unwrap();
        if ["basic", "licensed", "unassigned", "none", "one", "united"].contains(&word) {
            bases += seats;
        }
    }
    assert_eq!(bases, 120);
}

#[tokio::test]
async fn the_next_walk_finds_nothing_changed_and_rewrites_no_seat() {
    let bed = Bed::with(accounted).await;
    publish(&bed).await;
    let rows = |bed: &Bed| -> Vec<(i64, String, i64)> {
        bed.database()
            .prepare("SELECT id, identifier, walk FROM subscriptions ORDER BY id")
            .unwrap()
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap()
    };
    let before = rows(&bed);
    assert!(
        before
            .iter()
            .any(|(_, identifier, _)| identifier == "zoom.one.16")
    );
    bed.clock.advance(SignedDuration::from_hours(1));
    let runner = bed.runner();
    let zoom = name("zoom");
    let asked = runner.request(&zoom, SubflowKind::DownloadSubscriptions);
    asked.await.unwrap();
    bed.run().await;
    let counts = last_download(&bed).await.counts;
    assert_eq!((counts.inserted, counts.updated, counts.ended), (0, 0, 0));
    assert_eq!(rows(&bed), before);
}

#[tokio::test]
async fn the_counts_of_the_day_are_those_of_the_suites() {
    let bed = Bed::with(accounted).await;
    publish(&bed).await;
    // Nothing else of the next day changes after the walk.
    let newcomer = PersonChange {
        email: Some("new.one@example.com".into()),
        kind: Some(2),
        zoom_one_type: Some(8),
        ..change()
    };
    bed.zoom().add_person(newcomer).unwrap();
    for _ in 0..3 {
        let counted: BTreeMap<String, u32> = bed
            .database()
            .prepare(
                "SELECT identifier, seats FROM seat_counts
                 WHERE day = (SELECT max(day) FROM seat_counts)",
            )
            .unwrap()
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap();
        assert_eq!(counted, in_force(&bed).await);
        bed.next_day().await;
    }
    assert_eq!(held(&bed, "new.one@example.com").await, ["zoom.one.8"]);
}

#[tokio::test]
async fn suites_and_products_come_change_and_go() {
    let bed = Bed::with(|options| options.switches.bundles_listed = false).await;
    let basic = bed.zoom().cast(Cast::BasicIdle).unwrap();
    // Who gets another role is asked for with the next download.
    let give = |user: &str, role: &str, change: PersonChange| {
        let change = PersonChange {
            role_id: Some(role.to_owned()),
            ..change
        };
        bed.zoom().change_person(user, change).unwrap().unwrap();
    };
    let products = |products: &[Product]| PersonChange {
        products: Some(products.to_vec()),
        ..change()
    };
    let suite = |kind| PersonChange {
        zoom_one_type: Some(kind),
        ..change()
    };
    let idle = bed.zoom().cast(Cast::Idle).unwrap();
    let both = products(&[Product::Phone, Product::MailCalendar]);
    give(&basic.id, "2", both);
    give(&idle.id, "2", products(&[]));
    publish(&bed).await;
    assert_eq!(
        held(&bed, &basic.id).await,
        ["zoom.basic", "zoom.zoom_mail_calendar", "zoom.zoom_phone"]
    );
    assert_eq!(held(&bed, &idle.id).await, ["zoom.licensed"]);
    let scheduling = products(&[Product::ClipsPlus, Product::Scheduler]);
    give(&idle.id, "1", scheduling);
    give(&basic.id, "1", products(&[Product::MailCalendar]));
    bed.next_day().await;
    let without_suite = [
        "zoom.licensed",
        "zoom.zoom_clips_plus",
        "zoom.zoom_scheduler",
    ];
    assert_eq!(held(&bed, &idle.id).await, without_suite);
    assert_eq!(
        held(&bed, &basic.id).await,
        ["zoom.basic", "zoom.zoom_mail_calendar"]
    );
    // A suite takes the place of the licence, and takes the scheduler in.
    give(&idle.id, "2", suite(16));
    bed.next_day().await;
    assert_eq!(
        held(&bed, &idle.id).await,
        ["zoom.one.16", "zoom.zoom_clips_plus"]
    );
    let ended = one(&bed, &idle.id, "zoom.licensed").await;
    assert_eq!(ended.ended_by.as_deref(), Some("add_on_check"));
    let began = one(&bed, &idle.id, "zoom.one.16").await;
    assert!(began.first_seen > ended.first_seen);
    // Nothing asks for them again, and the walk still tells a plain licence.
    bed.next_day().await;
    assert_eq!(
        held(&bed, &idle.id).await,
        ["zoom.one.16", "zoom.zoom_clips_plus"]
    );
    give(&idle.id, "1", suite(0));
    bed.next_day().await;
    assert_eq!(held(&bed, &idle.id).await, without_suite);
    let back = one(&bed, &idle.id, "zoom.licensed").await;
    assert_eq!((back.id, back.first_seen), (ended.id, ended.first_seen));
}

#[tokio::test]
async fn what_hosts_do_moves_their_suite_forward_and_no_product_of_unreported_use() {
    let bed = Bed::with(|options| options.switches.bundles_listed = false).await;
    let suited = bed.zoom().cast(Cast::ZoomOne).unwrap();
    let products = PersonChange {
        products: Some(vec![Product::ClipsPlus]),
        ..change()
    };
    bed.zoom().change_person(&suited.id, products).unwrap();
    let start = "2026-02-20T10:00:00Z".parse().unwrap();
    assert!(bed.zoom().host(&suited.id, &Hosted::meeting(start)));
    publish(&bed).await;
    let suite = one(&bed, &suited.id, "zoom.one.16").await;
    assert_eq!(suite.last_hosted, Some("2026-02-20".parse().unwrap()));
    let clips = one(&bed, &suited.id, "zoom.zoom_clips_plus").await;
    assert_eq!(clips.last_activity, None);
}

#[tokio::test]
async fn without_the_scope_that_tells_suites_the_run_says_so_and_ends_nothing() {
    let bed = Bed::with(accounted).await;
    publish(&bed).await;
    let before = in_force(&bed).await;
    bed.zoom().set_fault(Fault::on(
        Endpoint::GetUser,
        Action::Refuse {
            refusal: Refusal::MissingScope,
        },
    ));
    bed.next_day().await;
    let job = last_download(&bed).await;
    assert_eq!(job.state, JobState::PartiallyCompleted, "{job:#?}");
    let message = job.failure.unwrap().message;
    assert!(message.contains("user:read:user"), "{message}");
    assert_eq!(in_force(&bed).await, before);
}

#[tokio::test]
async fn a_run_that_is_cut_among_the_users_ends_nothing_and_the_next_ones_complete_it() {
    let cuts = [
        (Endpoint::GetUser, Action::TruncateJson { bytes: 40 }),
        (Endpoint::GetSettings, Action::TruncateJson { bytes: 40 }),
        (
            Endpoint::GetUser,
            Action::Refuse {
                refusal: Refusal::Forbidden,
            },
        ),
        (
            Endpoint::GetSettings,
            Action::Refuse {
                refusal: Refusal::InternalError,
            },
        ),
    ];
    for (endpoint, action) in cuts {
        let bed = Bed::with(accounted).await;
        let cut = Fault::on(endpoint, action.clone()).after(30);
        bed.zoom().set_fault(cut);
        publish(&bed).await;
        let job = last_download(&bed).await;
        assert_ne!(job.state, JobState::Completed, "{action:?}");
        let walked = bed.seats().await;
        assert!(walked.iter().all(|seat| seat.ended_at.is_none()));
        bed.zoom().clear_faults();
        for _ in 0..2 {
            bed.next_day().await;
        }
        assert_eq!(last_download(&bed).await.state, JobState::Completed);
        let found = beside_the_licence(&bed).await;
        assert!(found.values().any(|held| held.len() > 3));
        for (user, held) in found {
            let (suite, mut expected) = truth(&bed.zoom().person(&user).unwrap());
            expected.extend(suite);
            assert_eq!(held, expected, "{action:?} {user}");
        }
    }
}

#[tokio::test]
async fn the_old_type_keeps_ignoring_what_only_workplace_counts() {
    let bed = Bed::with(accounted).await;
    bed.publish().await;
    let counts = in_force(&bed).await;
    let known = [
        "basic",
        "licensed",
        "unassigned",
        "none",
        "webinar",
        "large_meeting",
    ];
    for identifier in counts.keys() {
        let word = identifier.split('.').nth(1).unwrap();
        assert!(known.contains(&word), "{identifier}");
    }
    assert_eq!(
        bed.zoom()
            .requests()
            .iter()
            .filter(|request| { request.endpoint == Some(Endpoint::GetUser) })
            .count(),
        0
    );
}
