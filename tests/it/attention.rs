//! Candidates that wait for a person: what puts them there, what takes them away, and for how long they wait.

use seatsync::reclamation::actor::Actor;
use seatsync::reclamation::candidate::{Attention, Event, State};
use seatsync::settings::Guards;
use seatsync::settings::model::NotificationSettings;
use seatsync::store::candidate::Happening;
use seatsync::store::write::{Meaning, NewWrite, WriteEnd, WriteKind, WriteState};
use seatsync::subflow::decide::{Decision, decide};

use super::bed::{Bed, change};
use super::notices::{DAY, asking, in_state, now, press};

fn address(bed: &Bed, user: &str, email: &str) {
    let changed = vendor_sim::zoom::PersonChange {
        email: Some(email.to_owned()),
        ..change()
    };
    bed.zoom().change_person(user, changed).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_without_an_address_cannot_be_asked_until_the_vendor_tells_one() {
    let bed = asking(NotificationSettings::default()).await;
    let ready = in_state(&bed, State::Ready).await.remove(0);
    let user = ready.external_user_id.clone();

    address(&bed, &user, "");
    bed.next_day().await;
    let missing = now(&bed, &ready).await;
    assert_eq!(missing.state, State::AttentionRequired);
    assert_eq!(missing.attention, Some(Attention::NoUser));

    address(&bed, &user, "found.again@example.com");
    bed.next_day().await;
    let found = now(&bed, &ready).await;
    assert_eq!((found.state, found.attention), (State::Ready, None));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_is_asked_where_the_vendor_says_they_are_now() {
    let bed = asking(NotificationSettings::default()).await;
    let ready = in_state(&bed, State::Ready).await.remove(0);
    let user = ready.external_user_id.clone();
    address(&bed, &user, "married@example.com");
    bed.next_day().await;
    let renewed = now(&bed, &ready).await;
    assert_eq!(renewed.email, "married@example.com");

    // Silence in a mailbox that may be somebody else's by now is no consent.
    let asked = press(&bed).await;
    assert_eq!(asked.state, State::AwaitingUser);
    address(&bed, &asked.external_user_id, "moved@example.com");
    bed.next_day().await;
    let unasked = now(&bed, &asked).await;
    assert_eq!(unasked.state, State::AttentionRequired);
    assert_eq!(unasked.attention, Some(Attention::NoticeUndeliverable));
    assert!(
        unasked.reason.contains("another address"),
        "{}",
        unasked.reason
    );
    // Who follows the remedy at once asks there.
    assert_eq!(unasked.email, "moved@example.com");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_nobody_attends_to_is_canceled_after_thirty_days_and_not_before() {
    let bed = asking(NotificationSettings::default()).await;
    let asked = press(&bed).await;
    // Nobody took the question, so silence is no consent.
    bed.clock.advance(DAY * 8);
    bed.run().await;
    let waiting = now(&bed, &asked).await;
    assert_eq!(waiting.state, State::AttentionRequired);

    bed.clock.advance(DAY * 29);
    bed.run().await;
    assert_eq!(now(&bed, &asked).await.state, State::AttentionRequired);
    bed.clock.advance(DAY * 2);
    bed.run().await;
    let over = now(&bed, &asked).await;
    assert_eq!(over.state, State::ClosedCanceled);
    assert!(
        !bed.zoom()
            .requests()
            .iter()
            .any(vendor_sim::zoom::LoggedRequest::wrote)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_decided_of_a_seat_while_the_vendor_is_written_to() {
    let bed = asking(NotificationSettings::default()).await;
    let profile = bed.id("zoom").await;
    let by = Actor::Peer(0);
    let one = in_state(&bed, State::Ready).await.remove(0).id;
    let skip = async || {
        let candidate = bed.store.candidate(one).await.unwrap().unwrap();
        let (guards, now) = (Guards::default(), bed.clock_now());
        let decided = decide(
            &bed.store,
            guards,
            Decision::Skip,
            vec![candidate],
            &by,
            now,
        )
        .await;
        decided.unwrap().remove(0).refused
    };
    let intend = || {
        let write = NewWrite {
            candidate: one,
            kind: WriteKind::Reclaim,
            job: None,
            plan: None,
            asked_by: by.clone(),
            prior: None,
        };
        bed.store.intend(profile, write, bed.clock_now())
    };
    let pressed = Event::Pressed { asks_user: false };
    let press = Happening::new(one, pressed, "a test", &by);
    bed.store
        .happen(vec![press], bed.clock_now())
        .await
        .unwrap();
    let write = intend().await.unwrap().unwrap();

    let refused = skip().await.unwrap();
    assert!(refused.contains("under way"), "{refused}");
    let candidate = bed.store.candidate(one).await.unwrap().unwrap();
    assert_eq!(candidate.state, State::AwaitingRevocation);

    let withdrawn = WriteEnd {
        state: WriteState::Withdrawn,
        outcome: "a test".to_owned(),
        trace_id: None,
        means: None,
    };
    let now = bed.clock_now();
    bed.store
        .end_write(profile, write, withdrawn, now)
        .await
        .unwrap();
    assert_eq!(skip().await, None);
    // Who decided it otherwise between the plan and the write is heard.
    assert_eq!(intend().await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_seat_is_given_back_with_the_end_of_its_write_and_once() {
    let bed = asking(NotificationSettings::default()).await;
    let profile = bed.id("zoom").await;
    let by = Actor::Peer(0);
    let one = in_state(&bed, State::Ready).await.remove(0);
    let now = bed.clock_now();
    let write = NewWrite {
        candidate: one.id,
        kind: WriteKind::Restore,
        job: None,
        plan: None,
        asked_by: by.clone(),
        prior: None,
    };
    let write = bed.store.intend(profile, write, now).await.unwrap();
    // Another undo finds the seat held, by this one's work.
    let found = async || {
        let found = bed.store.note_found_held(one.id, now + DAY, &by, now);
        found.await.unwrap()
    };
    assert!(!found().await);

    let done = WriteEnd {
        state: WriteState::Done,
        outcome: "a test".to_owned(),
        trace_id: None,
        means: Some(Meaning::GivenBack {
            kept_until: now + DAY,
        }),
    };
    let ended = bed.store.end_write(profile, write.unwrap(), done, now);
    ended.await.unwrap();
    let given_back = bed.store.candidate(one.id).await.unwrap().unwrap();
    assert_eq!(given_back.restored_at, Some(now));
    assert_eq!(given_back.kept_until, Some(now + DAY));
    assert!(!found().await);
    let after = bed.store.candidate(one.id).await.unwrap().unwrap();
    assert!(after.reason.contains("by `undo` of"), "{}", after.reason);
}
