//! Activity against the simulated Zoom account, whose truth is known.

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use seatsync::connector::facts::{ActivityKind, Grade};
use seatsync::store::job::{Job, JobState};
use seatsync::subflow::coverage;
use vendor_sim::zoom::{Cast, Endpoint, Hosted, PersonChange};

use crate::bed::{Bed, change, name};

fn day(at: Timestamp) -> Date {
    at.to_zoned(TimeZone::UTC).date()
}

/// Days asked for in reports of hosts, walks' later pages and validation's look aside.
fn days_read(bed: &Bed) -> BTreeSet<String> {
    bed.zoom()
        .requests()
        .iter()
        .filter(|request| request.endpoint == Some(Endpoint::ReportUsers))
        .filter(|request| request.query.contains(&("page_size".into(), "30".into())))
        .filter_map(|request| {
            let from = request.query.iter().find(|(key, _)| key == "from")?;
            Some(from.1.clone())
        })
        .collect()
}

async fn last_pull(bed: &Bed) -> Job {
    let jobs = bed.jobs().await;
    let last = jobs
        .into_iter()
        .rev()
        .find(|job| job.subflow.as_str() == "pull_user_activity");
    last.unwrap()
}

#[tokio::test]
async fn a_seats_last_activity_is_the_truth_within_the_window() {
    let bed = Bed::start().await;
    bed.publish().await;
    let today = day(bed.clock_now());
    let first = today.checked_sub(jiff::ToSpan::days(60)).unwrap();
    let mut compared = 0;
    for truth in bed.zoom().truth() {
        for seat in bed.seats_of(&truth.id).await {
            let hosted = match seat.seat.identifier.as_str() {
                "zoom.licensed" | "zoom.basic" => truth.last_meeting.max(truth.last_webinar),
                text if text.starts_with("zoom.webinar") => truth.last_webinar,
                _ => None,
            };
            let expected = hosted.map(day).filter(|day| *day >= first && *day < today);
            // What happened today is not reported before tomorrow.
            if hosted.map(day) == Some(today) {
                continue;
            }
            assert_eq!(
                seat.last_hosted, expected,
                "{} {truth:?}",
                seat.seat.identifier
            );
            compared += usize::from(expected.is_some());
        }
    }
    assert!(compared > 10, "{compared}");
    let idle = bed.zoom().cast(Cast::Idle).unwrap();
    assert_eq!(bed.seats_of(&idle.id).await[0].last_activity, None);
}

#[tokio::test]
async fn the_first_run_reads_the_window_and_the_next_ones_the_late_days() {
    let bed = Bed::start().await;
    bed.publish().await;
    assert_eq!(days_read(&bed).len(), 60);
    let id = bed.id("zoom").await;
    let spans = bed.store.coverage(id).await.unwrap();
    let covers = |from: &str| {
        let from = from.parse().unwrap();
        coverage::covers(
            &spans,
            ActivityKind::Meeting,
            Grade::Hosted,
            from,
            bed.clock_now(),
        )
    };
    assert!(covers("2026-01-02"));
    assert!(!covers("2026-01-01"));
    bed.zoom().clear_requests();
    bed.next_day().await;
    let expected = ["2026-02-28", "2026-03-01", "2026-03-02"];
    assert_eq!(days_read(&bed), expected.map(String::from).into());
}

#[tokio::test]
async fn a_late_row_is_seen_and_nothing_moves_back() {
    let bed = Bed::start().await;
    let idle = bed.zoom().cast(Cast::Idle).unwrap();
    bed.zoom().switch(|switches| switches.report_lag_hours = 40);
    let yesterday: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
    bed.zoom().host(&idle.id, &Hosted::meeting(yesterday));
    bed.publish().await;
    assert_eq!(bed.seats_of(&idle.id).await[0].last_hosted, None);
    bed.next_day().await;
    let seen = bed.seats_of(&idle.id).await[0].last_hosted;
    assert_eq!(seen, Some("2026-03-01".parse().unwrap()));
    for _ in 0..5 {
        bed.next_day().await;
    }
    assert_eq!(bed.seats_of(&idle.id).await[0].last_hosted, seen);
}

#[tokio::test]
async fn webinars_are_joined_by_address_in_any_case() {
    let bed = Bed::start().await;
    let host = bed.zoom().cast(Cast::WebinarIdle).unwrap();
    let shouting = PersonChange {
        email: Some("Webinar.IDLE@Example.com".into()),
        ..change()
    };
    bed.zoom().change_person(&host.id, shouting).unwrap();
    let at: Timestamp = "2026-02-20T12:00:00Z".parse().unwrap();
    bed.zoom().host(&host.id, &Hosted::webinar(at));
    bed.publish().await;
    let seats = bed.seats_of(&host.id).await;
    assert_eq!(seats.len(), 2);
    for seat in &seats {
        assert_eq!(seat.last_hosted, Some(day(at)), "{}", seat.seat.identifier);
    }
    let pull = last_pull(&bed).await;
    assert_eq!(pull.state, JobState::Completed);
}

#[tokio::test]
async fn activity_of_people_who_are_gone_is_counted_as_unresolved() {
    let bed = Bed::with(|options| options.population.former = 0.05).await;
    bed.publish().await;
    assert!(last_pull(&bed).await.counts.unresolved > 0);
}

#[tokio::test]
async fn without_report_scopes_lists_tell_what_is_scheduled_and_the_job_says_so() {
    let bed = Bed::start().await;
    let id = bed.sim.client_id().to_owned();
    bed.zoom().change_app(&id, |app| {
        app.scopes.retain(|scope| !scope.starts_with("report:"));
    });
    bed.publish().await;
    let pull = last_pull(&bed).await;
    assert_eq!(pull.state, JobState::PartiallyCompleted, "{pull:?}");
    let message = pull.failure.unwrap().message;
    assert!(
        message.contains("only scheduled meetings are known"),
        "{message}"
    );
    let profile = bed.id("zoom").await;
    let spans = bed.store.coverage(profile).await.unwrap();
    assert!(
        spans.iter().all(|span| span.grade == Grade::Listed),
        "{spans:?}"
    );
    let seats = bed.seats().await;
    assert!(seats.iter().any(|seat| seat.last_activity.is_some()));
    assert!(seats.iter().all(|seat| seat.last_hosted.is_none()));
}

#[tokio::test]
async fn everything_known_of_a_user_can_be_told() {
    let bed = Bed::start().await;
    let regular = bed.zoom().cast(Cast::Regular).unwrap();
    bed.apply("zoom", |profile| {
        profile["protected"] = serde_json::json!([
            {"origin": "Profile zoom", "entry": {"user": regular.email.to_lowercase(),
             "reason": "board", "expires": null}},
        ]);
    })
    .await;
    bed.run().await;
    let id = bed.id("zoom").await;
    let facts = bed
        .store
        .user_facts(id, &name("zoom"), &regular.email.to_uppercase())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(facts.seats[0].seat.external_user_id, regular.id);
    assert_eq!(facts.entries[0].reason, "board");
    assert!(facts.activity[0].days > 20, "{:?}", facts.activity);
    assert!(!facts.coverage.is_empty());
    assert_eq!(facts.last_complete_walk.unwrap().users, 120);
    assert!(facts.add_ons_checked_at.is_some());
    let nobody = bed
        .store
        .user_facts(id, &name("zoom"), "nobody@example.com")
        .await;
    assert_eq!(nobody.unwrap(), None);
}

#[tokio::test]
async fn a_day_of_ten_thousand_users_costs_at_most_a_hundred_calls() {
    let bed = Bed::with(|options| {
        options.users = 10_000;
        // Settings are counted apart; few licensed users keep this test short.
        options.population.licensed = 0.01;
        options.population.hosts = 0.30;
    })
    .await;
    bed.apply("zoom", |profile| {
        profile["profile"]["subflows"]["analyze_from"] = "2d".into();
    })
    .await;
    let runner = || bed.runner_with_pages_of(300);
    runner().run_due_to_completion().await.unwrap();
    for _ in 0..2 {
        bed.zoom().clear_requests();
        bed.clock.advance(jiff::SignedDuration::from_hours(24));
        bed.apply("zoom", |_| {}).await;
        let report = runner().run_due_to_completion().await.unwrap();
        assert_eq!(report.jobs.len(), 3);
    }
    let requests = bed.zoom().requests();
    let settings = requests
        .iter()
        .filter(|request| request.endpoint == Some(Endpoint::GetSettings))
        .count();
    let calls = requests
        .iter()
        .filter(|request| request.endpoint.is_some())
        .count()
        - settings;
    assert!(calls <= 100, "{calls} calls");
    let counted: u64 = bed
        .jobs()
        .await
        .iter()
        .rev()
        .take(3)
        .map(|job| job.counts.vendor_calls)
        .sum();
    assert_eq!(usize::try_from(counted).unwrap(), calls + settings);
}
