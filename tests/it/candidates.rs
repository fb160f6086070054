//! Which seats become candidates.

use std::collections::BTreeMap;

use jiff::civil::Date;
use seatsync::store::audit::{AuditAction, AuditFilter};
use seatsync::store::candidate::CandidateFilter;
use serde_json::json;

use super::bed::Bed;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_unused_seat_of_a_large_account_is_found_once() {
    let bed = Bed::with(|sim| {
        sim.users = 1_300;
        sim.population.licensed = 1.0;
        sim.population.hosts = 0.0;
    })
    .await;
    bed.apply("zoom", |profile| {
        profile["profile"]["reclamation"] = json!({ "notify_user": false });
    })
    .await;
    bed.run().await;
    let found = async || {
        let all = CandidateFilter::default();
        let candidates = bed.store.candidates(all, None, 5_000).await.unwrap();
        let days: BTreeMap<Option<i64>, Date> = candidates
            .iter()
            .map(|one| (one.subscription, one.reference.day))
            .collect();
        assert_eq!(days.len(), candidates.len(), "a seat has two");
        days
    };
    let first = found().await;
    // More than are recorded at once, twice over.
    assert!(first.len() > 1_000, "{}", first.len());
    let opened = AuditFilter {
        action: Some(AuditAction::CandidateOpened),
        ..AuditFilter::default()
    };
    let told = bed.store.audit_entries(opened, None, 5_000).await;
    assert_eq!(told.unwrap().len(), first.len());
    let verified = bed.store.verify_audit(None).await.unwrap();
    assert!(verified.is_proved(), "{verified:?}");

    // Whom the next day adds was used too lately the day before.
    bed.next_day().await;
    let last = first.values().max().unwrap();
    let mut later = found().await;
    later.retain(|seat, day| !first.contains_key(seat) && *day <= *last);
    assert_eq!(later, BTreeMap::new());
}
