//! What was kept long enough goes; what the next run needs stays.

use jiff::SignedDuration;
use seatsync::reclamation::actor::Actor;
use seatsync::reclamation::candidate::{Candidate, Event, State};
use seatsync::store::candidate::{CandidateFilter, Happening};
use seatsync::store::job::Trigger;
use vendor_sim::zoom::Cast;

use crate::bed::{Bed, name};

fn days(days: i64) -> SignedDuration {
    SignedDuration::from_hours(24 * days)
}

#[tokio::test]
async fn ended_seats_old_activity_and_old_jobs_go() {
    let bed = Bed::start().await;
    bed.publish().await;
    let gone = bed.zoom().cast(Cast::BasicIdle).unwrap();
    bed.zoom().remove_person(&gone.id);
    bed.next_day().await;
    assert_eq!(bed.seats_of(&gone.id).await.len(), 1);
    let first_jobs = bed.jobs().await;
    bed.apply("zoom", |profile| {
        profile["profile"]["suspend"] = true.into();
    })
    .await;
    bed.clock.advance(days(399));
    bed.run().await;
    assert_eq!(bed.seats_of(&gone.id).await.len(), 1);
    bed.clock.advance(days(2));
    bed.run().await;
    assert_eq!(bed.seats_of(&gone.id).await, []);
    let left: i64 = bed
        .database()
        .query_row("SELECT count(*) FROM activities", [], |row| row.get(0))
        .unwrap();
    assert_eq!(left, 0);
    // The last scheduled run is still known: it is not caught up a second time.
    let kept = bed.jobs().await;
    assert!(
        kept.iter().any(|job| job.trigger == Trigger::CatchUp),
        "{kept:#?}"
    );
    assert!(kept.len() < first_jobs.len(), "{kept:#?}");
    let id = bed.id("zoom").await;
    assert!(bed.store.last_complete_walk(id).await.unwrap().is_some());
}

#[tokio::test]
async fn a_profile_removed_long_ago_goes_with_its_data() {
    let bed = Bed::start().await;
    bed.publish().await;
    bed.remove("zoom").await;
    bed.clock.advance(days(399));
    bed.run().await;
    assert!(!bed.seats().await.is_empty());
    bed.clock.advance(days(2));
    bed.run().await;
    assert_eq!(bed.seats().await, []);
    assert_eq!(bed.jobs().await, []);
    let profile = bed.store.desired_profile(&name("zoom")).await.unwrap();
    assert!(profile.is_none());
}

#[tokio::test]
async fn closed_candidates_go_after_their_time_and_open_ones_never() {
    let bed = Bed::start().await;
    bed.publish().await;
    let all = async || -> Vec<Candidate> {
        let filter = CandidateFilter::default();
        bed.store.candidates(filter, None, 1_000).await.unwrap()
    };
    let [skipped, open, ..] = &all().await[..] else {
        panic!("the account has no two unused seats");
    };
    assert_eq!((skipped.state, open.state), (State::Ready, State::Ready));
    let skip = Happening::new(skipped.id, Event::Skipped, "it stays", &Actor::Peer(1000));
    let now = bed.clock_now();
    bed.store.happen(vec![skip], now).await.unwrap();
    // Nothing is judged any more, so that only age moves candidates.
    bed.apply("zoom", |profile| {
        profile["profile"]["suspend"] = true.into();
    })
    .await;
    let known = async |candidate: &Candidate| {
        let found = all().await.into_iter().find(|one| one.id == candidate.id);
        found.map(|one| one.state)
    };
    bed.clock.advance(days(1_094));
    bed.run().await;
    assert_eq!(known(skipped).await, Some(State::ClosedSkipped));
    bed.clock.advance(days(2));
    bed.run().await;
    assert_eq!(known(skipped).await, None);
    assert_eq!(known(open).await, Some(State::Ready));
    bed.clock.advance(days(3_650));
    bed.run().await;
    assert_eq!(known(open).await, Some(State::Ready));
}
