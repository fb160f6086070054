//! Jobs: when they run, what stops them, how they end, and what is said about it.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use seatsync::clock::SystemClock;
use seatsync::clock::sleep;
use seatsync::connector::facts::Process;
use seatsync::job::RequestError;
use seatsync::profile::model::SubflowKind::{
    DownloadSubscriptions, PullUserActivity, ReclaimSubscriptions, RefreshCandidates,
};
use seatsync::reclamation::actor::Actor;
use seatsync::store::condition::{ConditionKind, ConditionStatus};
use seatsync::store::job::{Counts, Failure, JobState, Trigger};
use seatsync::store::queue::{NewJob, PutOff, Queued};
use tokio_util::sync::CancellationToken;
use vendor_sim::zoom::{Action, Endpoint, Fault, Label, TooMany};

use crate::bed::{Bed, name};

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

#[tokio::test]
async fn what_is_due_runs_once_whoever_notices_it() {
    let bed = Bed::start().await;
    bed.publish().await;
    bed.clock.set(at("2026-03-03T04:00:00Z"));
    let report = bed.run().await;
    assert_eq!(report.jobs.len(), 3);
    assert_eq!(report.jobs[0].due_at, at("2026-03-03T03:00:00Z"));
    assert_eq!(bed.run().await.jobs, []);
    assert_eq!(bed.run().await.jobs, []);
}

#[tokio::test]
async fn runs_missed_while_down_are_caught_up_once() {
    let bed = Bed::start().await;
    bed.publish().await;
    bed.clock.set(at("2026-03-07T12:00:00Z"));
    let report = bed.run().await;
    let ran: Vec<_> = report
        .jobs
        .iter()
        .map(|job| (job.subflow, job.trigger, job.due_at))
        .collect();
    let due = at("2026-03-07T03:00:00Z");
    assert_eq!(
        ran,
        [
            (DownloadSubscriptions, Trigger::CatchUp, due),
            (PullUserActivity, Trigger::Chain, due),
            (RefreshCandidates, Trigger::Chain, due)
        ]
    );
}

#[tokio::test]
async fn a_second_run_of_a_waiting_or_running_job_is_refused_and_recorded() {
    let bed = Bed::start().await;
    bed.publish().await;
    let runner = bed.runner();
    let first = runner
        .request(&name("zoom"), DownloadSubscriptions)
        .await
        .unwrap();
    let refused = runner.request(&name("zoom"), DownloadSubscriptions).await;
    let Err(RequestError::Refused(refused)) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(refused.state, JobState::Refused);
    bed.store.claim(bed.clock_now()).await.unwrap().unwrap();
    let error = runner
        .request(&name("zoom"), DownloadSubscriptions)
        .await
        .unwrap_err()
        .to_string();
    assert!(
        error.contains(&first.id) && error.contains("runs since"),
        "{error}"
    );
    let refused = bed.jobs().await;
    assert_eq!(
        refused
            .iter()
            .filter(|job| job.state == JobState::Refused)
            .count(),
        2
    );
}

#[tokio::test]
async fn a_job_that_was_put_off_runs_when_a_person_asks_for_it() {
    let bed = Bed::start().await;
    bed.publish().await;
    let runner = bed.runner();
    let asked = runner
        .request(&name("zoom"), DownloadSubscriptions)
        .await
        .unwrap();
    let now = bed.clock_now();
    bed.store.claim(now).await.unwrap().unwrap();
    let put_off = PutOff {
        until: now + SignedDuration::from_hours(9),
        costs_attempt: false,
        counts: Counts::default(),
        failure: Failure::default(),
    };
    bed.store.put_off(&asked.id, put_off, now).await.unwrap();
    assert!(bed.store.claim(now).await.unwrap().is_none());
    let again = runner
        .request(&name("zoom"), DownloadSubscriptions)
        .await
        .unwrap();
    assert_eq!((again.id, again.failure), (asked.id, None));
    assert!(bed.store.claim(now).await.unwrap().is_some());
}

#[tokio::test]
async fn what_a_decision_asks_for_follows_the_run_that_does_not_know_of_it() {
    let bed = Bed::start().await;
    bed.publish().await;
    let now = bed.clock_now();
    let decided = || async {
        let decision = NewJob {
            profile: bed.store.desired_profiles().await.unwrap()[0].id,
            subflow: DownloadSubscriptions,
            trigger: Trigger::Decision,
            due_at: now,
        };
        let queued = bed.store.enqueue(vec![decision], now).await.unwrap();
        queued.into_iter().next().unwrap()
    };
    let Queued::New(first) = decided().await else {
        panic!("nothing ran");
    };
    assert_eq!(decided().await, Queued::Known, "it has not begun");
    bed.store.claim(now).await.unwrap().unwrap();
    let Queued::New(follows) = decided().await else {
        panic!("what runs made its plan before");
    };
    assert_eq!(decided().await, Queued::Known, "one is enough");
    assert!(bed.store.claim(now).await.unwrap().is_none(), "one at once");
    // The run that is put off makes a new plan, so nothing is left for the one behind it.
    let put_off = PutOff {
        until: now,
        costs_attempt: false,
        counts: Counts::default(),
        failure: Failure::default(),
    };
    bed.store.put_off(&first.id, put_off, now).await.unwrap();
    let job = bed.store.job(&follows.id).await.unwrap().unwrap();
    assert_eq!(job.state, JobState::Refused);
    let claimed = bed.store.claim(now).await.unwrap().unwrap();
    assert_eq!(claimed.id, first.id);
}

#[tokio::test]
async fn what_a_crash_cut_is_interrupted_and_runs_again() {
    let bed = Bed::start().await;
    bed.publish().await;
    bed.clock.set(at("2026-03-03T04:00:00Z"));
    let id = bed.id("zoom").await;
    let due = NewJob {
        profile: id,
        subflow: DownloadSubscriptions,
        trigger: Trigger::Schedule,
        due_at: at("2026-03-03T03:00:00Z"),
    };
    let queued = bed.store.enqueue(vec![due], bed.clock_now()).await.unwrap();
    assert!(matches!(queued[0], Queued::New(_)));
    let cut = bed.store.claim(bed.clock_now()).await.unwrap().unwrap();
    std::fs::write(bed.state().join("staging").join("left.db"), b"x").unwrap();
    let report = bed.run().await;
    let again = &report.jobs[0];
    assert_eq!(
        (again.trigger, again.state),
        (Trigger::Rerun, JobState::Completed)
    );
    assert_eq!(again.due_at, cut.due_at);
    let cut = bed.store.job(&cut.id).await.unwrap().unwrap();
    assert_eq!(cut.state, JobState::Interrupted);
    assert!(!bed.state().join("staging").join("left.db").exists());
    assert_eq!(bed.run().await.jobs, []);
}

#[tokio::test]
async fn a_stop_interrupts_what_runs_and_the_next_start_runs_it_again() {
    let bed = Bed::start().await;
    bed.zoom()
        .set_fault(Fault::on(Endpoint::ListUsers, Action::Hang).after(2));
    bed.apply("zoom", |_| {}).await;
    let runner = bed.runner_on(Arc::new(bed.clock.clone()));
    let stop = CancellationToken::new();
    let mut progress = runner.progress();
    let running = tokio::spawn(runner.run(stop.clone()));
    let walking = progress.wait_for(|jobs| jobs.values().any(|job| job.done > 0));
    let seen = walking.await.unwrap().values().next().cloned().unwrap();
    assert_eq!(seen.to_string(), "pages of users: 1");
    stop.cancel();
    running.await.unwrap();
    let jobs = bed.jobs().await;
    assert_eq!(
        jobs.iter().map(|job| job.state).collect::<Vec<_>>(),
        [JobState::Interrupted, JobState::Pending]
    );
    assert_eq!(bed.seats().await, []);
    bed.zoom().clear_faults();
    let report = bed.run().await;
    assert_eq!(report.jobs[0].state, JobState::Completed);
    assert!(bed.seats().await.len() >= 120);
}

#[tokio::test]
async fn a_used_up_rate_limit_puts_the_job_off_and_costs_no_attempt() {
    let bed = Bed::start().await;
    bed.publish().await;
    bed.clock.set(at("2026-03-03T04:00:00Z"));
    let daily = Action::TooMany {
        kind: TooMany::Daily,
    };
    bed.zoom()
        .set_fault(Fault::on(Endpoint::ReportUsers, daily));
    let report = bed.run().await;
    assert_eq!(report.jobs[0].state, JobState::Completed);
    let waiting = &report.jobs[1];
    assert_eq!((waiting.state, waiting.attempts), (JobState::Pending, 0));
    assert_eq!(waiting.not_before, at("2026-03-04T00:00:00Z"));
    assert!(report.failed());
    assert_eq!(bed.run().await.jobs, []);
    bed.zoom().clear_faults();
    bed.clock.set(at("2026-03-04T00:00:01Z"));
    let report = bed.run().await;
    assert_eq!(report.jobs[0].id, waiting.id);
    assert_eq!(report.jobs[0].state, JobState::Completed);
}

#[tokio::test]
async fn an_outage_is_waited_out_three_times_then_the_job_fails() {
    let bed = Bed::start().await;
    bed.publish().await;
    let before = bed.seats().await;
    bed.clock.set(at("2026-03-03T04:00:00Z"));
    let bad_gateway = Action::Html {
        status: 502,
        after_effect: false,
    };
    bed.zoom()
        .set_fault(Fault::on(Endpoint::ListUsers, bad_gateway));
    let mut states = Vec::new();
    for _ in 0..4 {
        let report = bed.run().await;
        states.push((report.jobs[0].state, report.jobs[0].attempts));
        bed.clock.advance(SignedDuration::from_hours(3));
    }
    assert_eq!(
        states,
        [
            (JobState::Pending, 1),
            (JobState::Pending, 2),
            (JobState::Pending, 3),
            (JobState::Failed, 3)
        ]
    );
    let jobs = bed.jobs().await;
    let failed = jobs
        .iter()
        .find(|job| job.state == JobState::Failed)
        .unwrap();
    let failure = failed.failure.as_ref().unwrap();
    assert_eq!(failure.status, Some(502), "{failure:?}");
    assert!(failed.counts.retries > 0);
    let ready = bed.condition("zoom", ConditionKind::Ready).await;
    assert_eq!(
        (ready.status, ready.reason.as_str()),
        (ConditionStatus::False, "Failed")
    );
    assert_eq!(bed.seats().await, before);
}

#[tokio::test]
async fn refused_credentials_stall_the_profile_until_they_are_right() {
    let bed = Bed::start().await;
    let id = bed.sim.client_id().to_owned();
    let right = bed.sim.client_secret().to_owned();
    bed.zoom()
        .change_app(&id, |app| app.client_secret = Some("another".into()));
    let report = bed.publish().await;
    assert_eq!(report.jobs[0].state, JobState::Failed);
    let stalled = bed.condition("zoom", ConditionKind::Stalled).await;
    assert_eq!(
        (stalled.status, stalled.reason.as_str()),
        (ConditionStatus::True, "Unauthorized")
    );
    assert!(!stalled.message.contains(&right), "{}", stalled.message);
    bed.zoom()
        .change_app(&id, |app| app.client_secret = Some(right));
    // A changed profile is tried at once.
    bed.apply("zoom", |profile| {
        profile["profile"]["display_name"] = "Z".into();
    })
    .await;
    let report = bed.run().await;
    assert_eq!(report.jobs[0].trigger, Trigger::Publish);
    assert_eq!(report.jobs[0].state, JobState::Completed);
    let stalled = bed.condition("zoom", ConditionKind::Stalled).await;
    assert_eq!(stalled.status, ConditionStatus::False);
}

#[tokio::test]
async fn a_process_without_its_scope_degrades_alone() {
    let bed = Bed::start().await;
    let id = bed.sim.client_id().to_owned();
    bed.zoom().change_app(&id, |app| {
        app.scopes.retain(|scope| scope.starts_with("user:read"));
    });
    bed.apply("zoom", |profile| {
        profile["profile"]["subflows"]["reclaim_subscriptions"]["enabled"] = true.into();
    })
    .await;
    let report = bed.run().await;
    let states: Vec<_> = report.jobs.iter().map(|job| job.state).collect();
    assert_eq!(
        states,
        [JobState::Completed, JobState::Failed],
        "{report:#?}"
    );
    let works = |process| {
        let bed = &bed;
        async move {
            let condition = bed
                .condition("zoom", ConditionKind::Validated(process))
                .await;
            condition.status == ConditionStatus::True
        }
    };
    assert!(works(Process::Download).await);
    assert!(!works(Process::Activity).await);
    assert!(!works(Process::Reclaim).await);
    assert_eq!(
        bed.condition("zoom", ConditionKind::Complete).await.status,
        ConditionStatus::True
    );
    let runner = bed.runner();
    runner
        .request(&name("zoom"), ReclaimSubscriptions)
        .await
        .unwrap();
    let report = runner.run_due_to_completion().await.unwrap();
    let job = report.jobs.last().unwrap();
    assert_eq!(job.state, JobState::Failed);
    let message = job.failure.as_ref().unwrap().message.as_str();
    assert!(message.contains("is not granted"), "{message}");
}

#[tokio::test]
async fn what_is_suspended_switched_off_or_removed_runs_nothing_and_keeps_its_data() {
    let bed = Bed::start().await;
    bed.publish().await;
    let seats = bed.seats().await;
    bed.apply("zoom", |profile| {
        profile["profile"]["suspend"] = true.into();
    })
    .await;
    assert_eq!(bed.next_day().await.jobs, []);
    let refused = bed
        .runner()
        .request(&name("zoom"), DownloadSubscriptions)
        .await;
    assert!(refused.unwrap_err().to_string().contains("suspended"));

    bed.apply("zoom", |profile| {
        profile["profile"]["subflows"]["pull_user_activity"]["enabled"] = false.into();
    })
    .await;
    let report = bed.next_day().await;
    let ran: Vec<_> = report.jobs.iter().map(|job| job.subflow).collect();
    assert_eq!(ran, [DownloadSubscriptions, RefreshCandidates]);
    let refused = bed.runner().request(&name("zoom"), PullUserActivity).await;
    assert!(refused.unwrap_err().to_string().contains("switched off"));

    bed.runner()
        .request(&name("zoom"), DownloadSubscriptions)
        .await
        .unwrap();
    bed.remove("zoom").await;
    assert_eq!(bed.next_day().await.jobs, []);
    let last = bed.jobs().await.pop().unwrap();
    assert_eq!(last.state, JobState::Refused);
    assert!(last.failure.unwrap().message.contains("was removed"));
    assert_eq!(bed.seats().await.len(), seats.len());

    bed.apply("zoom", |_| {}).await;
    let back = bed.run().await;
    assert_eq!(back.jobs[0].trigger, Trigger::Publish);
}

#[tokio::test]
async fn a_draft_runs_nothing_until_it_is_published() {
    let bed = Bed::start().await;
    bed.apply("zoom", |profile| {
        profile["profile"]["state"] = "draft".into();
    })
    .await;
    assert_eq!(bed.next_day().await.jobs, []);
    assert_eq!(bed.zoom().requests(), []);
    bed.apply("zoom", |_| {}).await;
    let report = bed.run().await;
    assert_eq!(report.jobs[0].trigger, Trigger::Publish);
}

#[tokio::test]
async fn another_account_behind_the_connection_holds_the_profile() {
    let bed = Bed::start().await;
    bed.apply("zoom", |_| {}).await;
    let id = bed.id("zoom").await;
    bed.store
        .bind_account(id, "first-seen", bed.clock_now())
        .await
        .unwrap();
    let report = bed.run().await;
    assert_eq!(report.jobs[0].state, JobState::Failed);
    let held = bed.condition("zoom", ConditionKind::Held).await;
    assert_eq!(
        (held.status, held.reason.as_str()),
        (ConditionStatus::True, "OtherAccount")
    );
    assert!(
        held.message.contains("seatsync rebind zoom"),
        "{}",
        held.message
    );
    assert_eq!(bed.seats().await, []);
    let now = bed.clock_now();
    bed.store
        .unbind_account(id, &Actor::Peer(0), now)
        .await
        .unwrap();
    let report = bed.next_day().await;
    assert_eq!(report.jobs[0].state, JobState::Completed);
    let held = bed.condition("zoom", ConditionKind::Held).await;
    assert_eq!(held.status, ConditionStatus::False);
}

#[tokio::test]
async fn two_profiles_on_one_account_stall_until_one_gives_way() {
    let bed = Bed::start().await;
    bed.publish().await;
    bed.apply("zoom-twin", |_| {}).await;
    let report = bed.run().await;
    assert_eq!(report.jobs[0].state, JobState::Failed, "{report:#?}");
    for profile in ["zoom", "zoom-twin"] {
        let stalled = bed.condition(profile, ConditionKind::Stalled).await;
        assert_eq!(
            (stalled.status, stalled.reason.as_str()),
            (ConditionStatus::True, "SharedAccount"),
            "{profile}"
        );
    }
    assert_eq!(bed.next_day().await.jobs, []);
    bed.apply("zoom-twin", |profile| {
        profile["profile"]["state"] = "draft".into();
    })
    .await;
    let report = bed.run().await;
    assert_eq!(report.jobs[0].profile, name("zoom"));
    assert_eq!(report.jobs[0].state, JobState::Completed);
    let stalled = bed.condition("zoom", ConditionKind::Stalled).await;
    assert_eq!(stalled.status, ConditionStatus::False);
}

#[tokio::test]
async fn a_draft_is_proved_beside_the_profile_that_it_is_to_follow() {
    let bed = Bed::start().await;
    bed.publish().await;
    bed.apply("zoom-next", |profile| {
        profile["profile"]["state"] = "draft".into();
    })
    .await;
    let validation = bed.runner().validate(&name("zoom-next")).await.unwrap();
    assert!(validation.verdicts.iter().all(|verdict| verdict.ok));
    let conditions = bed.store.conditions(&name("zoom-next")).await.unwrap();
    let stalled = conditions
        .iter()
        .find(|condition| condition.kind == ConditionKind::Stalled);
    assert!(
        stalled.is_none_or(|stalled| stalled.status != ConditionStatus::True),
        "{stalled:?}"
    );
    // Published, it would count the same seats twice.
    bed.apply("zoom-next", |_| {}).await;
    let report = bed.run().await;
    assert_eq!(report.jobs, [], "both wait");
    for profile in ["zoom", "zoom-next"] {
        let stalled = bed.condition(profile, ConditionKind::Stalled).await;
        assert_eq!(stalled.reason, "SharedAccount", "{profile}");
    }
}

#[tokio::test]
async fn the_runner_wakes_when_something_is_due() {
    let bed = Bed::start().await;
    bed.publish().await;
    let runner = bed.runner_on(Arc::new(bed.clock.clone()));
    let stop = CancellationToken::new();
    let running = tokio::spawn(runner.clone().run(stop.clone()));
    runner.wake();
    bed.clock.set(at("2026-03-03T03:00:00Z"));
    let mut states = Vec::new();
    for _ in 0..600 {
        states = bed
            .jobs()
            .await
            .iter()
            .map(|job| (job.trigger, job.state))
            .collect();
        if states.len() == 6 && states[5].1 == JobState::Completed {
            break;
        }
        sleep(&SystemClock, SignedDuration::from_millis(50)).await;
    }
    stop.cancel();
    running.await.unwrap();
    assert_eq!(
        states[3..],
        [
            (Trigger::Schedule, JobState::Completed),
            (Trigger::Chain, JobState::Completed),
            (Trigger::Chain, JobState::Completed)
        ]
    );
}

#[tokio::test]
async fn validating_says_what_each_process_needs_and_holds() {
    let bed = Bed::start().await;
    bed.apply("zoom", |_| {}).await;
    let validation = bed.runner().validate(&name("zoom")).await.unwrap();
    assert_eq!(validation.account.id, bed.sim.account_id());
    assert_eq!(validation.verdicts.len(), 3);
    for verdict in &validation.verdicts {
        assert!(verdict.ok, "{verdict:?}");
        assert!(!verdict.scopes_held.is_empty(), "{verdict:?}");
    }
}

#[tokio::test]
async fn a_changed_connection_is_proved_at_once_and_refuted_when_it_is_refused() {
    let bed = Bed::start().await;
    bed.publish().await;
    assert_eq!(bed.run().await.jobs, []);
    bed.apply("zoom", |value| {
        value["connection"]["client_id"] = "mistyped".into();
    })
    .await;
    let report = bed.run().await;
    assert_eq!(report.jobs[0].state, JobState::Failed);
    for (kind, status) in [
        (ConditionKind::Ready, ConditionStatus::False),
        (ConditionKind::Stalled, ConditionStatus::True),
        (
            ConditionKind::Validated(Process::Download),
            ConditionStatus::False,
        ),
        (
            ConditionKind::Validated(Process::Activity),
            ConditionStatus::Unknown,
        ),
    ] {
        assert_eq!(bed.condition("zoom", kind).await.status, status, "{kind}");
    }
    // Once is enough: it waits for a person, or for its schedule.
    assert_eq!(bed.run().await.jobs, []);
}

#[tokio::test]
async fn a_reclaim_that_may_go_further_is_proved_at_once() {
    let bed = Bed::start().await;
    bed.publish().await;
    bed.apply("zoom", |value| {
        value["profile"]["subflows"]["reclaim_subscriptions"]["enabled"] = true.into();
    })
    .await;
    bed.runner().validate(&name("zoom")).await.unwrap();
    let reclaim = ConditionKind::Validated(Process::Reclaim);
    let proved = bed.condition("zoom", reclaim).await;
    assert_eq!(proved.status, ConditionStatus::True, "{proved:?}");
    bed.zoom().change_app(bed.sim.client_id(), |app| {
        app.scopes
            .retain(|scope| !scope.starts_with("user:delete:") && scope != "user:write:admin");
    });
    bed.apply("zoom", |value| {
        value["profile"]["subflows"]["reclaim_subscriptions"]["enabled"] = true.into();
        value["profile"]["subflows"]["reclaim_options"] = serde_json::json!({
            "delete_basic_users": true, "suppress_email": false, "goto_connect": false
        });
    })
    .await;
    bed.run().await;
    let refused = bed.condition("zoom", reclaim).await;
    assert_eq!(refused.status, ConditionStatus::False, "{refused:?}");
    assert!(
        refused.message.contains("user:delete:user:admin"),
        "{}",
        refused.message
    );
}

#[tokio::test]
async fn a_changed_exclusion_is_no_reason_to_ask_the_vendor() {
    let bed = Bed::start().await;
    bed.publish().await;
    bed.zoom().clear_requests();
    bed.apply("zoom", |value| {
        value["exclusions"] = serde_json::json!([{
            "origin": "Profile zoom", "target": {"identifier": "zoom.basic"}, "reason": "free"
        }]);
    })
    .await;
    assert_eq!(bed.run().await.jobs, []);
    assert!(bed.zoom().requests().is_empty());
    let ready = bed.condition("zoom", ConditionKind::Ready).await;
    assert_eq!(ready.status, ConditionStatus::True);
}

#[tokio::test]
async fn a_repaired_secret_frees_the_profile_as_soon_as_it_is_validated() {
    let bed = Bed::start().await;
    bed.publish().await;
    let secret = bed.sim.client_secret().to_owned();
    let rotated = |to: &str| {
        let to = Some(to.to_owned());
        bed.zoom()
            .change_app(bed.sim.client_id(), |app| app.client_secret = to);
        bed.zoom().expire_tokens();
    };
    rotated("another");
    bed.next_day().await;
    let stalled = bed.condition("zoom", ConditionKind::Stalled).await;
    assert_eq!(stalled.status, ConditionStatus::True);
    let validated = ConditionKind::Validated(Process::Download);
    let refuted = bed.condition("zoom", validated).await;
    assert_eq!(refuted.status, ConditionStatus::False);

    rotated(&secret);
    bed.runner().validate(&name("zoom")).await.unwrap();
    for (kind, status) in [
        (ConditionKind::Stalled, ConditionStatus::False),
        (validated, ConditionStatus::True),
        (ConditionKind::Ready, ConditionStatus::Unknown),
    ] {
        assert_eq!(bed.condition("zoom", kind).await.status, status, "{kind}");
    }
    // And goes on where it was stopped.
    assert_eq!(bed.run().await.jobs[0].state, JobState::Completed);
    let ready = bed.condition("zoom", ConditionKind::Ready).await;
    assert_eq!(ready.status, ConditionStatus::True);
}

#[tokio::test]
async fn a_validation_that_fails_otherwise_says_so_in_the_status() {
    let bed = Bed::start().await;
    bed.publish().await;
    bed.zoom()
        .change_app(bed.sim.client_id(), |app| app.active = false);
    bed.zoom().expire_tokens();
    bed.next_day().await;
    let before = bed.condition("zoom", ConditionKind::Stalled).await;
    assert_eq!(before.status, ConditionStatus::True);
    bed.zoom().change_app(bed.sim.client_id(), |app| {
        app.active = true;
        app.client_secret = Some("another".to_owned());
    });
    let error = bed.runner().validate(&name("zoom")).await.unwrap_err();
    for kind in [
        ConditionKind::Stalled,
        ConditionKind::Validated(Process::Download),
    ] {
        let now = bed.condition("zoom", kind).await;
        assert_eq!(now.message, error.to_string(), "{kind}");
        assert_ne!(now.message, before.message, "{kind}");
    }
}

#[tokio::test]
async fn a_run_that_works_does_not_hide_that_the_file_does_not_load() {
    use seatsync::store::condition::Condition;

    let bed = Bed::start().await;
    bed.publish().await;
    let broken = Condition {
        kind: ConditionKind::Stalled,
        status: ConditionStatus::True,
        reason: "DocumentBroken".to_owned(),
        message: "it does not load".to_owned(),
        at: bed.clock_now(),
        observed_revision: String::new(),
    };
    bed.store
        .set_condition(&name("zoom"), broken)
        .await
        .unwrap();
    bed.next_day().await;
    let stalled = bed.condition("zoom", ConditionKind::Stalled).await;
    assert_eq!(stalled.reason, "DocumentBroken");
}

#[tokio::test]
async fn complete_counts_the_seats_that_are_in_force() {
    let bed = Bed::start().await;
    bed.publish().await;
    let held = bed.seats().await.len();
    let complete = bed.condition("zoom", ConditionKind::Complete).await;
    let expected = format!("with {held} seats");
    assert!(
        complete.message.ends_with(&expected),
        "{}",
        complete.message
    );
}

#[tokio::test]
async fn what_was_used_of_a_daily_limit_outlives_a_restart() {
    let bed = Bed::start().await;
    bed.apply("zoom", |_| {}).await;
    let run = || async {
        let runner = bed.runner_within_limits();
        runner.run_due_to_completion().await.unwrap()
    };
    run().await;
    let made = bed.zoom().calls(Label::Heavy);
    let noted: i64 = bed
        .database()
        .query_row(
            "SELECT calls FROM daily_use WHERE budget = 'heavy'",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert!(made > 100, "{made}");
    assert_eq!(noted, i64::try_from(made).unwrap());

    // A quarter of 30,000 is the share of the day; and every day is to be read again.
    bed.database()
        .execute_batch("UPDATE daily_use SET calls = 7500; DELETE FROM activity_days")
        .unwrap();
    bed.zoom().clear_requests();
    let requested = bed.runner();
    requested
        .request(&name("zoom"), PullUserActivity)
        .await
        .unwrap();
    let report = run().await;
    let failure = report.jobs[0].failure.clone().unwrap();
    assert!(
        failure
            .message
            .contains("used up until 2026-03-03T00:00:00Z"),
        "{failure:?}"
    );
    assert_eq!(report.jobs[0].not_before, at("2026-03-03T00:00:00Z"));
    assert_eq!(bed.zoom().calls(Label::Heavy), 0);

    bed.clock.set(at("2026-03-03T00:00:01Z"));
    assert_eq!(run().await.jobs[0].state, JobState::Completed);
}
