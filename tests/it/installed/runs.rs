//! When software is judged: by night, when the rules change, when somebody asks, and after a stop.

use std::os::unix::net::UnixStream;

use jiff::{SignedDuration, ToSpan as _};
use seatsync::clock::{Clock as _, SystemClock};
use seatsync::store::Store;
use seatsync::store::installed_run::NewInstalledRun;
use seatsync::store::job::Trigger;

use super::{CAD, MODELS, Site, idle, last_used};
use crate::support::agent::post;
use crate::support::{Host, text};

fn triggers(site: &Site) -> Vec<String> {
    let runs = site.runs();
    let words = runs.iter().rev().map(|run| run["trigger"].as_str());
    words.map(|word| word.unwrap().to_owned()).collect()
}

#[test]
fn it_is_judged_when_the_rules_change_every_night_and_once_after_downtime() {
    let mut site = Site::with("total_hours_used: 1");
    site.push(&idle(1));
    site.pass(1);
    assert_eq!(site.candidate()["state"], "ready");
    site.stop();
    site.clock.advance(SignedDuration::from_hours(5 * 24));
    site.start();
    site.until_another_run_has_ended(2);
    assert_eq!(triggers(&site), ["publish", "schedule", "catch_up"]);

    let candidate = site.candidate();
    site.rule("total_hours_used: 0");
    site.host.json(&["reload", "--wait"]);
    site.until_another_run_has_ended(3);
    assert_eq!(triggers(&site)[3], "publish");
    let closed = site.shown(&candidate);
    assert_eq!(closed["state"], "closed_skipped", "{closed:#}");
    let why = closed["reason"].as_str().unwrap();
    assert!(
        why.contains("its rule changed") && why.contains("at most 0 h"),
        "{why}"
    );

    site.rule("total_hours_used: 1");
    site.host.json(&["reload", "--wait"]);
    site.until_another_run_has_ended(4);
    let candidate = site.candidate();
    site.rule("total_hours_used: 1, create_candidates: false");
    site.host.json(&["reload", "--wait"]);
    site.until_another_run_has_ended(5);
    let closed = site.shown(&candidate);
    assert_eq!(closed["state"], "closed_skipped");
    let why = closed["reason"].as_str().unwrap();
    assert!(
        why.contains("`create_candidates` of ReclamationRule idle"),
        "{why}"
    );
}

#[test]
fn a_rule_that_is_gone_closes_what_it_found_and_then_nothing_runs() {
    let site = Site::with("total_hours_used: 1");
    site.push(&idle(1));
    site.judge();
    let candidate = site.candidate();
    site.host.profile("rule.yaml", "# nothing\n");
    site.host.json(&["reload", "--wait"]);
    site.host.until(
        &["candidates", "show", &candidate["id"].to_string()],
        |shown| shown["state"] == "closed_skipped",
    );
    let before = site.runs().len();
    site.clock.advance(SignedDuration::from_hours(3 * 24));
    let refused = site.host.seatsync(&["jobs", "run", "--installed"]);
    assert_eq!(refused.status.code(), Some(1));
    let said = text(&refused.stderr);
    assert!(
        said.contains("no rule decides for installed software"),
        "{said}"
    );
    let runs = site.runs();
    assert_eq!(runs.len(), before + 1, "{runs:#?}");
    assert_eq!(runs[0]["state"], "refused");
}

#[test]
fn what_is_closed_goes_after_its_time_and_what_was_removed_stays_known_as_long_as_its_records() {
    let mut site = Site::not_started();
    site.host
        .settings("retention: {candidates: 30d, usage: 200d}\n");
    site.rule("total_hours_used: 1");
    site.start();
    site.until_another_run_has_ended(0);
    site.push(&[idle(1), idle(2)].concat());
    site.judge();
    let all = site.candidates(&[]);
    site.decide(&["skip"], &all[0]);
    site.decide(&["reclaim"], &all[1]);
    site.decide(&["close"], &all[1]);
    let left = |days: i64, wanted: usize| {
        // What is let go ages by the host's own count, which one look notes at a time.
        for _ in 0..days {
            site.clock.advance(SignedDuration::from_hours(24));
        }
        site.host.until(
            &["candidates", "list", "--installed", "--closed"],
            |closed| closed["rows"].as_array().unwrap().len() == wanted,
        )
    };
    let removed = left(40, 1);
    assert_eq!(removed["rows"][0]["state"], "closed_complete");
    left(200, 0);
}

#[test]
fn a_run_whose_end_could_not_be_recorded_does_not_keep_others_away() {
    let site = Site::with("total_hours_used: 1");
    site.push(&idle(1));
    let database = rusqlite::Connection::open(site.host.path("state/seatsync.db")).unwrap();
    let lost = "UPDATE installed_runs SET state = 'in_progress', ended_at = NULL";
    assert_eq!(database.execute(lost, []).unwrap(), 1);
    drop(database);
    let refused = site.host.seatsync(&["jobs", "run", "--installed"]);
    assert!(text(&refused.stderr).contains("is being judged already"));
    site.clock.advance(SignedDuration::from_hours(24));
    site.host.until(&["jobs", "list", "--installed"], |runs| {
        let rows = runs["rows"].as_array().unwrap();
        rows.iter()
            .any(|run| run["trigger"] == "rerun" && run["state"] == "completed")
    });
    assert_eq!(site.candidate()["state"], "ready");
}

/// With the host's own clock, for it is a process of its own.
#[test]
fn a_daemon_that_runs_once_judges_what_is_due() {
    let mut host = Host::new();
    host.profile("models.yaml", MODELS);
    host.start();
    let long_ago = SystemClock.now() - (24 * 200).hours();
    let long_ago = long_ago.strftime("%Y-%m-%d %H:%M:%S").to_string();
    let mut agent = UnixStream::connect(host.usage_socket()).unwrap();
    post(&mut agent, &[last_used(1, CAD, &long_ago)]).unwrap();
    drop(agent);
    assert_eq!(host.stop(), Some(0));
    host.profile(
        "rule.yaml",
        "{kind: ReclamationRule, name: r, software_models: [cad], reclamation_type: last_used_date}\n",
    );
    let once = host.daemon_command().arg("--once").output().unwrap();
    assert!(once.status.success(), "{}", text(&once.stderr));
    assert!(text(&once.stderr).contains("installed software was judged"));
    host.start();
    let found = host.json(&["candidates", "list", "--installed"]);
    assert_eq!(found["rows"].as_array().unwrap().len(), 1);
    let runs = host.json(&["jobs", "results", "--installed"]);
    assert_eq!(runs["rows"].as_array().unwrap().len(), 1, "{runs:#}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_a_crash_cut_runs_again_and_a_second_one_is_refused() {
    let mut site = Site::not_started();
    site.rule("total_hours_used: 1");
    let state = site.host.path("state");
    std::fs::create_dir(&state).unwrap();
    let store = Store::open(&state).unwrap();
    let now = site.now();
    let run = || NewInstalledRun {
        trigger: Trigger::Manual,
        due_at: now,
        rules: String::new(),
    };
    let cut = store.enqueue_installed(run(), now).await.unwrap();
    store.claim_installed(now).await.unwrap().unwrap();
    let second = store.enqueue_installed(run(), now).await.unwrap();
    let why = second.failure.unwrap().message;
    assert!(
        why.contains(&cut.id) && why.contains("is not started"),
        "{why}"
    );
    store.close().await;
    drop(store);
    site.clock.advance(SignedDuration::from_secs(60));
    let site = tokio::task::spawn_blocking(move || {
        site.start();
        site
    });
    let site = site.await.unwrap();
    let ended = site.host.until(&["jobs", "list", "--installed"], |runs| {
        let rows = runs["rows"].as_array().unwrap();
        rows.iter()
            .any(|run| run["trigger"] == "rerun" && run["state"] == "completed")
    });
    let rows = ended["rows"].as_array().unwrap();
    let first = rows.iter().find(|run| run["id"] == cut.id).unwrap();
    assert_eq!(first["state"], "interrupted");
}
