//! Downloads against the simulated Zoom account: what is new, changed, gone and back, what may not
//! be believed, and what exclusions mean.

use seatsync::reclamation::actor::Actor;
use seatsync::store::condition::{ConditionKind, ConditionStatus};
use seatsync::store::job::{Counts, JobState};
use seatsync::store::subscription::{SeatSource, Subscription, SubscriptionFilter};
use serde_json::json;
use vendor_sim::zoom::{Action, Cast, Endpoint, Fault, PersonChange};

use crate::bed::{Bed, change, name};

/// The counts of the last download.
async fn counts(bed: &Bed) -> Counts {
    let jobs = bed.jobs().await;
    let download = jobs
        .iter()
        .rev()
        .find(|job| job.subflow.as_str() == "download_subscriptions");
    download.unwrap().counts.clone()
}

fn held(seats: &[Subscription]) -> Vec<&Subscription> {
    seats
        .iter()
        .filter(|seat| seat.ended_at.is_none())
        .collect()
}

#[tokio::test]
async fn publishing_downloads_every_seat_then_the_activity() {
    let bed = Bed::start().await;
    let report = bed.publish().await;
    assert!(!report.failed(), "{:#?}", report.jobs);
    let jobs = bed.jobs().await;
    let ran: Vec<_> = jobs
        .iter()
        .map(|job| (job.subflow.as_str(), job.state.as_str()))
        .collect();
    assert_eq!(
        ran,
        [
            ("download_subscriptions", "completed"),
            ("pull_user_activity", "completed"),
            ("refresh_candidates", "completed")
        ]
    );
    let seats = bed.seats().await;
    let users = seats
        .iter()
        .filter(|seat| seat.source == SeatSource::Walk)
        .count();
    assert_eq!(users, 120);
    let first = &seats[0];
    assert_eq!(first.first_seen, "2026-03-02T09:00:00Z".parse().unwrap());
    assert_eq!(first.last_seen, Some(first.first_seen));
    let complete = bed.condition("zoom", ConditionKind::Complete).await;
    assert_eq!(complete.status, ConditionStatus::True, "{complete:?}");
    let ready = bed.condition("zoom", ConditionKind::Ready).await;
    assert_eq!(ready.status, ConditionStatus::True, "{ready:?}");
    assert_eq!(
        std::fs::read_dir(bed.state().join("staging"))
            .unwrap()
            .count(),
        0
    );
}

#[tokio::test]
async fn a_second_download_with_nothing_changed_writes_no_seat() {
    let bed = Bed::start().await;
    bed.publish().await;
    let rows = |bed: &Bed| -> Vec<(i64, i64)> {
        bed.database()
            .prepare("SELECT id, walk FROM subscriptions ORDER BY id")
            .unwrap()
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap()
    };
    let before = rows(&bed);
    bed.clock.advance(jiff::SignedDuration::from_hours(1));
    bed.runner()
        .request(
            &name("zoom"),
            seatsync::profile::model::SubflowKind::DownloadSubscriptions,
        )
        .await
        .unwrap();
    bed.run().await;
    let counts = counts(&bed).await;
    assert_eq!((counts.inserted, counts.updated, counts.ended), (0, 0, 0));
    assert_eq!(rows(&bed), before);
    let seat = bed.seats().await.remove(0);
    assert_eq!(
        seat.last_seen,
        Some("2026-03-02T10:00:00Z".parse().unwrap())
    );
}

#[tokio::test]
async fn changes_ends_and_returns_are_told_apart() {
    let bed = Bed::start().await;
    bed.publish().await;
    let idle = bed.zoom().cast(Cast::Idle).unwrap();
    let basic = bed.zoom().cast(Cast::BasicIdle).unwrap();
    bed.zoom()
        .change_person(
            &idle.id,
            PersonChange {
                dept: Some("Moved".into()),
                ..change()
            },
        )
        .unwrap();
    bed.zoom().remove_person(&basic.id);
    let added = PersonChange {
        email: Some("new.one@example.com".into()),
        ..change()
    };
    bed.zoom().add_person(added).unwrap();
    bed.next_day().await;
    let tally = counts(&bed).await;
    assert_eq!((tally.inserted, tally.ended), (1, 1), "{tally:?}");
    assert!(tally.updated >= 1, "{tally:?}");
    let moved = bed.seats_of(&idle.id).await.remove(0);
    assert_eq!(moved.seat.department.as_deref(), Some("Moved"));
    let gone = bed.seats_of(&basic.id).await.remove(0);
    assert_eq!(gone.ended_by.as_deref(), Some("download"));
    assert_eq!(
        gone.last_seen,
        Some("2026-03-02T09:00:00Z".parse().unwrap())
    );
    let back = PersonChange {
        status: Some("active".into()),
        ..change()
    };
    bed.zoom().change_person(&basic.id, back).unwrap();
    bed.next_day().await;
    let back = bed.seats_of(&basic.id).await.remove(0);
    assert_eq!((back.id, back.ended_at), (gone.id, None));
    assert_eq!(back.first_seen, gone.first_seen);
}

#[tokio::test]
async fn an_invitation_becomes_the_users_seat() {
    let bed = Bed::start().await;
    let invited = PersonChange {
        email: Some("Invited.One@example.com".into()),
        status: Some("pending".into()),
        ..change()
    };
    let person = bed.zoom().add_person(invited).unwrap().unwrap();
    bed.publish().await;
    let before = bed.seats_of("invited.one@example.com").await.remove(0);
    assert_eq!(
        before.seat.external_user_id,
        "pending:invited.one@example.com"
    );
    let accepted = PersonChange {
        status: Some("active".into()),
        ..change()
    };
    bed.zoom().change_person(&person.id, accepted).unwrap();
    bed.next_day().await;
    let seats = bed.seats_of("invited.one@example.com").await;
    assert_eq!(seats.len(), 1, "{seats:#?}");
    assert_eq!(seats[0].seat.external_user_id, person.id);
    assert_eq!(
        (seats[0].id, seats[0].first_seen),
        (before.id, before.first_seen)
    );
}

#[tokio::test]
async fn a_walk_that_falls_short_ends_nothing() {
    let bed = Bed::start().await;
    bed.publish().await;
    let before = bed.seats().await;
    bed.zoom()
        .set_fault(Fault::on(Endpoint::ListUsers, Action::DropRows { rows: 1 }));
    bed.clock.advance(jiff::SignedDuration::from_hours(24));
    let report = bed.run().await;
    assert_eq!(report.jobs[0].state, JobState::Failed, "{:#?}", report.jobs);
    let complete = bed.condition("zoom", ConditionKind::Complete).await;
    assert_eq!(
        (complete.status, complete.reason.as_str()),
        (ConditionStatus::False, "Incomplete")
    );
    let after = bed.seats().await;
    assert_eq!(after, before);
}

#[tokio::test]
async fn too_few_users_are_held_until_a_person_releases_them() {
    let bed = Bed::start().await;
    bed.publish().await;
    let users = held(&bed.seats().await).len();
    for seat in bed
        .seats()
        .await
        .iter()
        .filter(|s| s.seat.identifier.as_str() == "zoom.basic")
        .take(20)
    {
        bed.zoom().remove_person(&seat.seat.external_user_id);
    }
    let report = bed.next_day().await;
    assert_eq!(report.jobs[0].state, JobState::Failed);
    let complete = bed.condition("zoom", ConditionKind::Complete).await;
    assert_eq!(complete.reason, "TooFewUsers", "{complete:?}");
    assert!(
        complete.message.contains("seatsync release zoom"),
        "{complete:?}"
    );
    assert_eq!(held(&bed.seats().await).len(), users);
    let id = bed.id("zoom").await;
    let released = bed
        .store
        .release_walk(id, &Actor::Peer(0), bed.clock_now())
        .await
        .unwrap();
    assert_eq!(released.map(|walk| walk.users), Some(100));
    bed.next_day().await;
    assert_eq!(counts(&bed).await.ended, 20);
    let complete = bed.condition("zoom", ConditionKind::Complete).await;
    assert_eq!(complete.status, ConditionStatus::True, "{complete:?}");
}

#[tokio::test]
async fn excluded_and_protected_seats_are_kept_and_marked() {
    let bed = Bed::start().await;
    let idle = bed.zoom().cast(Cast::Idle).unwrap();
    let regular = bed.zoom().cast(Cast::Regular).unwrap();
    bed.apply("zoom", |profile| {
        profile["exclusions"] = json!([
            {"origin": "Exclusions company", "target": {"identifier": "zoom.basic"},
             "reason": "free", "expires": null},
            {"origin": "Profile zoom", "target": {"users": {"user": idle.email.to_lowercase()}},
             "reason": "meeting room", "expires": "2026-03-04"},
        ]);
        profile["protected"] = json!([
            {"origin": "Profile zoom", "entry": {"user": regular.email.to_lowercase(),
             "reason": "board", "expires": null}},
        ]);
    })
    .await;
    bed.run().await;
    let seats = bed.seats().await;
    let excluded = seats.iter().filter(|seat| seat.excluded.is_some()).count();
    let basic = seats
        .iter()
        .filter(|seat| seat.seat.identifier.as_str() == "zoom.basic")
        .count();
    assert_eq!(excluded, basic + 1);
    assert_eq!(
        counts(&bed).await.excluded,
        u64::try_from(excluded).unwrap()
    );
    let one = bed.seats_of(&idle.id).await.remove(0).excluded.unwrap();
    assert_eq!(
        (one.rule.as_str(), one.reason.as_str()),
        ("Profile zoom", "meeting room")
    );
    let kept = bed.seats_of(&regular.id).await.remove(0);
    assert_eq!(kept.protected.unwrap().reason, "board");

    // A changed address does not lose the entry.
    let renamed = PersonChange {
        email: Some("another.name@example.com".into()),
        ..change()
    };
    bed.zoom().change_person(&idle.id, renamed).unwrap();
    bed.next_day().await;
    let renamed = bed.seats_of(&idle.id).await.remove(0);
    assert_eq!(renamed.seat.email, "another.name@example.com");
    assert!(renamed.excluded.is_some());

    // After its last day it is over, without a download.
    bed.clock.set("2026-03-05T00:00:01Z".parse().unwrap());
    bed.run().await;
    assert!(bed.seats_of(&idle.id).await.remove(0).excluded.is_none());
    assert!(
        bed.seats_of(&regular.id)
            .await
            .remove(0)
            .protected
            .is_some()
    );
}

#[tokio::test]
async fn changed_exclusions_reach_seats_without_a_download() {
    let bed = Bed::start().await;
    bed.publish().await;
    let calls = bed.zoom().requests().len();
    bed.apply("zoom", |profile| {
        profile["exclusions"] = json!([
            {"origin": "Exclusions company", "target": {"users": {"subdomains": "example.com"}},
             "reason": "everybody", "expires": null},
            {"origin": "Exclusions company", "target": {"users": {"domain": "example.com"}},
             "reason": "everybody", "expires": null},
        ]);
    })
    .await;
    bed.run().await;
    let excluded = SubscriptionFilter {
        excluded: Some(true),
        ..SubscriptionFilter::default()
    };
    let excluded = bed
        .store
        .subscriptions(excluded, None, 1_000)
        .await
        .unwrap();
    let counted = bed.store.identifiers(None).await.unwrap();
    let counted: u64 = counted.iter().map(|identifier| identifier.excluded).sum();
    assert_eq!(u64::try_from(excluded.len()).unwrap(), counted);
    assert!(counted > 50, "{counted}");
    assert_eq!(bed.zoom().requests().len(), calls);
}

#[tokio::test]
async fn add_ons_are_asked_for_when_users_are_new_or_changed_then_in_turn() {
    let bed = Bed::with(|options| options.users = 400).await;
    bed.publish().await;
    let host = bed.zoom().cast(Cast::WebinarHost).unwrap();
    let held: Vec<String> = bed
        .seats_of(&host.id)
        .await
        .iter()
        .map(|seat| seat.seat.identifier.to_string())
        .collect();
    assert_eq!(held, ["zoom.licensed", "zoom.webinar.500"]);
    let asked = |bed: &Bed| {
        let requests = bed.zoom().requests();
        requests
            .iter()
            .filter(|request| request.endpoint == Some(Endpoint::GetSettings))
            .count()
    };
    let licensed = bed
        .seats()
        .await
        .iter()
        .filter(|seat| seat.seat.may_have_add_ons)
        .count();
    let first = asked(&bed);
    // Validating asks for one.
    assert!((licensed..=licensed + 1).contains(&first), "{first}");
    let without = PersonChange {
        webinar: Some(0),
        ..change()
    };
    bed.zoom().change_person(&host.id, without).unwrap();
    let fresh = PersonChange {
        email: Some("fresh@example.com".into()),
        kind: Some(2),
        webinar: Some(1000),
        ..change()
    };
    bed.zoom().add_person(fresh).unwrap();
    bed.next_day().await;
    let today = asked(&bed) - first;
    assert!(today <= (licensed + 1).div_ceil(30) + 5, "{today}");
    assert_eq!(bed.seats_of("fresh@example.com").await.len(), 2);
    for _ in 0..32 {
        bed.next_day().await;
    }
    let webinar = bed.seats_of(&host.id).await.remove(1);
    assert_eq!(webinar.ended_by.as_deref(), Some("add_on_check"));
}

#[tokio::test]
async fn an_add_on_ends_with_the_seat_that_carries_it() {
    let bed = Bed::start().await;
    bed.publish().await;
    let host = bed.zoom().cast(Cast::WebinarIdle).unwrap();
    bed.zoom().remove_person(&host.id);
    bed.next_day().await;
    let seats = bed.seats_of(&host.id).await;
    assert_eq!(seats.len(), 2);
    assert!(
        seats.iter().all(|seat| seat.ended_at.is_some()),
        "{seats:#?}"
    );
}
