//! Every state of a candidate and the transitions between them, through the command line.

use jiff::ToSpan as _;
use serde_json::Value;
use vendor_sim::aha::Cast;
use vendor_sim::zoom::{Action, Endpoint, Fault, Hosted, HostedKind, PersonChange};
use vendor_sim::{AhaSim, AhaSimOptions};

use super::reclaim::{host, last_reclaim, release, rule, vendor};
use super::support::{Host, aha_profile, text, zoom_profile};

/// A ready candidate of a licensed seat.
struct Ready {
    id: String,
    user: String,
    email: String,
}

fn ready(host: &Host) -> Vec<Ready> {
    host.until_first_run_is_over("zoom");
    last_reclaim(host, |job| job["state"] == "completed");
    let listing = host.json(&[
        "candidates",
        "list",
        "--identifier",
        "zoom.licensed",
        "--state",
        "ready",
    ]);
    let rows = listing["rows"].as_array().unwrap();
    rows.iter()
        .map(|row| Ready {
            id: row["id"].to_string(),
            user: row["external_user_id"].as_str().unwrap().to_owned(),
            email: row["email"].as_str().unwrap().to_owned(),
        })
        .collect()
}

fn release_digest(host: &Host, plan: &Value) {
    let digest = plan[0]["digest"].as_str().unwrap();
    host.json(&["release", "zoom", "--plan", digest]);
}

fn state(host: &Host, candidate: &Ready) -> String {
    let shown = host.json(&["candidates", "show", &candidate.id]);
    shown["state"].as_str().unwrap().to_owned()
}

/// Takes a decision on one candidate; the state after it.
fn decide(host: &Host, command: &[&str], candidate: &Ready) -> String {
    let command = [&["candidates"], command, &[candidate.id.as_str()]].concat();
    let answer = host.json(&command);
    let state = answer["decided"][0]["candidate"]["state"].as_str();
    state.unwrap_or_else(|| panic!("{answer:#}")).to_owned()
}

/// Waits until no job runs or waits for its turn.
fn until_idle(host: &Host) {
    host.until(&["jobs", "list"], |jobs| {
        let rows = jobs["rows"].as_array().unwrap();
        rows.iter()
            .all(|job| job["state"] != "in_progress" && job["state"] != "pending")
    });
}

fn run_subflow(host: &Host, subflow: &str) {
    until_idle(host);
    host.json(&["jobs", "run", "zoom", "--subflow", subflow]);
}

/// Runs the chain once more, up to the candidates.
fn run_again(host: &Host) {
    for subflow in [
        "download_subscriptions",
        "pull_user_activity",
        "refresh_candidates",
    ] {
        run_subflow(host, subflow);
    }
}

fn basic() -> PersonChange {
    PersonChange {
        kind: Some(1),
        ..PersonChange::default()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_asked_may_keep_or_give_up_and_others_decide_or_lose_the_seat() {
    let vendor = vendor().await;
    let mut host = host(&vendor, "mode: manual");
    host.profile(
        "rule.yaml",
        "{kind: ReclamationRule, name: licensed, identifiers: [zoom.licensed], notify_user: true, assignment_group: sam@example.com}\n",
    );
    host.start();
    let candidates = ready(&host);
    let [
        kept,
        removed,
        gives_up,
        lost,
        lost_late,
        excluded,
        skipped,
        left,
        ..,
    ] = candidates.as_slice()
    else {
        panic!("{} candidates are too few", candidates.len());
    };
    for asked in [kept, removed, gives_up] {
        assert_eq!(decide(&host, &["reclaim"], asked), "awaiting_user");
    }
    assert_eq!(
        decide(&host, &["answer", "--keep"], kept),
        "awaiting_approval"
    );
    assert_eq!(decide(&host, &["decide", "--keep"], kept), "closed_skipped");
    assert_eq!(
        decide(&host, &["answer", "--keep"], removed),
        "awaiting_approval"
    );
    assert_eq!(
        decide(&host, &["decide", "--remove"], removed),
        "awaiting_revocation"
    );
    assert_eq!(
        decide(&host, &["answer", "--give-up"], gives_up),
        "awaiting_revocation"
    );
    assert_eq!(decide(&host, &["close"], gives_up), "closed_complete");
    assert_eq!(decide(&host, &["skip"], skipped), "closed_skipped");
    decide(&host, &["reclaim"], lost_late);
    assert_eq!(
        decide(&host, &["answer", "--give-up"], lost_late),
        "awaiting_revocation"
    );
    let impossible = host.seatsync(&["candidates", "decide", "--keep", &left.id]);
    assert_eq!(impossible.status.code(), Some(1));
    let said = text(&impossible.stdout);
    assert!(
        said.contains("its user must have asked to keep it"),
        "{said}"
    );

    for gone in [lost, lost_late] {
        vendor.control().change_person(&gone.user, basic()).unwrap();
    }
    let extra = format!(
        "subflows: {{reclaim_subscriptions: {{enabled: true}}}}\nexclusions: {{users: [{{user: {}, reason: room}}]}}\n",
        excluded.user
    );
    host.profile("zoom.yaml", &zoom_profile(&vendor, &extra));
    host.json(&["reload", "--wait"]);
    run_again(&host);
    assert_eq!(state(&host, lost), "closed_skipped");
    assert_eq!(state(&host, lost_late), "closed_complete");
    assert_eq!(state(&host, excluded), "closed_skipped");
    assert_eq!(state(&host, left), "ready");
    // Who kept or skipped the seat is not found again during the cool-down.
    let again = host.json(&["candidates", "list"]);
    for closed in [kept, skipped] {
        assert!(!again.to_string().contains(&closed.user));
    }
    let explained = text(&host.seatsync(&["explain", "zoom", &kept.user]).stdout);
    assert!(
        explained.contains("`not_kept` does not hold"),
        "{explained}"
    );

    std::fs::remove_file(host.path("profiles.d").join("zoom.yaml")).unwrap();
    host.json(&["reload", "--wait"]);
    host.until(&["candidates", "show", &left.id], |shown| {
        shown["state"] == "closed_skipped"
    });
    assert!(
        !vendor
            .control()
            .requests()
            .iter()
            .any(vendor_sim::zoom::LoggedRequest::wrote)
    );
    assert_eq!(host.json(&["audit", "verify"])["broken"], Value::Null);
    assert_eq!(host.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_aha_an_access_cancels_and_a_press_deactivates_and_undoing_activates() {
    let vendor = AhaSim::start(AhaSimOptions {
        users: 120,
        limits: false,
        ..AhaSimOptions::default()
    })
    .await
    .unwrap();
    let mut host = Host::with_aha(&vendor);
    host.settings("writes: true\nconnections: {allowed_hosts: [127.0.0.1]}\n");
    let profile = aha_profile(&vendor).replace(
        "connection: aha\n---",
        "connection: aha\nsubflows: {reclaim_subscriptions: {enabled: true}}\nreclamation: {notify_user: false}\n---",
    );
    host.profile("aha.yaml", &profile);
    host.start();
    last_reclaim(&host, |job| job["state"] == "completed");
    let of = |member| {
        let user = vendor.cast(member).unwrap();
        let listing = host.json(&["candidates", "list", "--user", &user.id]);
        Ready {
            id: listing["rows"][0]["id"].to_string(),
            user: user.id,
            email: user.email,
        }
    };
    let (idle, back, never) = (of(Cast::LongIdle), of(Cast::Idle), of(Cast::NeverSignedIn));
    let protected = [
        Cast::TokenOwner,
        Cast::SecondAdmin,
        Cast::NearlyIdle,
        Cast::NewAccount,
    ];
    for member in protected {
        assert_eq!(of(member).id, "null", "{member:?} is no candidate");
    }
    vendor.control().sign_in(&back.user, vendor.control().now());
    host.json(&["jobs", "run", "aha"]);
    host.until(&["candidates", "show", &back.id], |shown| {
        shown["state"] == "closed_canceled"
    });
    decide(&host, &["reclaim"], &idle);
    decide(&host, &["reclaim"], &never);
    let plans = host.until(&["plan", "--seats", "aha"], |plans| {
        plans[0]["steps"]
            .as_array()
            .is_some_and(|steps| steps.len() == 2)
    });
    host.until(&["status", "aha"], |status| {
        status.to_string().contains("first plan")
    });
    host.json(&[
        "release",
        "aha",
        "--plan",
        plans[0]["digest"].as_str().unwrap(),
    ]);
    for gone in [&idle, &never] {
        let shown = host.until(&["candidates", "show", &gone.id], |shown| {
            shown["state"] == "closed_complete"
        });
        assert!(
            shown["writes"][0]["outcome"]
                .as_str()
                .unwrap()
                .contains("cannot sign in")
        );
        assert!(!vendor.control().person(&gone.user).unwrap().enabled);
    }
    let job = last_reclaim(&host, |job| job["counts"]["ended"] == 2);
    let undone = host.json(&["undo", "--run", job["id"].as_str().unwrap()]);
    let restored = undone["restored"].as_array().unwrap();
    assert!(restored.iter().all(|one| one["ok"] == true), "{undone:#}");
    assert!(restored[0]["message"].as_str().unwrap().contains("charges"));
    assert!(vendor.control().person(&idle.user).unwrap().enabled);
    host.json(&["jobs", "run", "aha"]);
    let ended = host.json(&["subscriptions", "list", "--ended"]);
    assert!(!ended.to_string().contains(&idle.user), "it is held again");
    assert_eq!(host.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_write_requires_attention_until_it_is_resumed() {
    let vendor = vendor().await;
    let mut host = host(&vendor, "mode: manual");
    host.start();
    let candidates = ready(&host);
    let refused = &candidates[0];
    let no_room = Action::Answer {
        status: 400,
        body: Some(serde_json::json!({"code": 2033, "message": "No Basic place is left."})),
        headers: std::collections::BTreeMap::new(),
        after_effect: false,
    };
    vendor
        .control()
        .set_fault(Fault::on(Endpoint::UpdateUser, no_room));
    assert_eq!(decide(&host, &["reclaim"], refused), "awaiting_revocation");
    release(&host);
    let shown = host.until(&["candidates", "show", &refused.id], |shown| {
        shown["state"] == "attention_required"
    });
    assert_eq!(shown["attention"], "reclaim_failed");
    assert_eq!(shown["writes"][0]["state"], "refused");
    let outcome = shown["writes"][0]["outcome"].as_str().unwrap();
    assert!(
        outcome.contains("2033") && outcome.contains("make room"),
        "{outcome}"
    );
    let job = last_reclaim(&host, |job| job["state"] == "partially_completed");
    assert!(job["failure"]["message"].as_str().unwrap().contains("2033"));
    vendor.control().clear_faults();
    assert_eq!(decide(&host, &["resume"], refused), "ready");
    assert_eq!(decide(&host, &["reclaim"], refused), "awaiting_revocation");
    host.until(&["candidates", "show", &refused.id], |shown| {
        shown["state"] == "closed_complete"
    });
    assert_eq!(vendor.control().person(&refused.user).unwrap().kind, 1);
    assert_eq!(host.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_seat_pressed_while_a_reclaim_runs_is_taken_by_the_next_one() {
    let vendor = vendor().await;
    let mut host = host(&vendor, "mode: manual");
    host.start();
    let candidates = ready(&host);
    let [first, second, ..] = candidates.as_slice() else {
        panic!("too few candidates");
    };
    decide(&host, &["reclaim"], first);
    let slow = Action::Delay { millis: 2_000 };
    vendor
        .control()
        .set_fault(Fault::on(Endpoint::UpdateUser, slow).times(1));
    release(&host);
    host.until(&["candidates", "show", &first.id], |shown| {
        shown["writes"][0]["state"] == "intended"
    });
    assert_eq!(decide(&host, &["reclaim"], second), "awaiting_revocation");
    for seat in [first, second] {
        host.until(&["candidates", "show", &seat.id], |shown| {
            shown["state"] == "closed_complete"
        });
        assert_eq!(vendor.control().person(&seat.user).unwrap().kind, 1);
    }
    let jobs = host.json(&["jobs", "results", "--subflow", "reclaim_subscriptions"]);
    assert!(jobs.to_string().contains("\"decision\""), "{jobs:#}");
    assert_eq!(host.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plan_that_waits_as_a_whole_was_not_acted_on() {
    let vendor = vendor().await;
    // So much is free already: nothing is taken.
    let mut host = host(&vendor, "mode: manual, keep_spare: 1%");
    host.start();
    let candidates = ready(&host);
    decide(&host, &["reclaim"], &candidates[0]);
    let plan = host.until(&["plan", "--seats", "zoom"], |plans| {
        plans[0]["steps"]
            .as_array()
            .is_some_and(|steps| !steps.is_empty())
    });
    assert_eq!(plan[0]["steps"][0]["withheld"]["guard"], "keep_spare");
    release_digest(&host, &plan);
    until_idle(&host);
    // Another plan is still the first.
    decide(&host, &["reclaim"], &candidates[1]);
    let plan = host.until(&["plan", "--seats", "zoom"], |plans| {
        plans[0]["steps"]
            .as_array()
            .is_some_and(|steps| steps.len() == 2)
    });
    assert_eq!(plan[0]["held"], true, "{plan:#}");
    assert_eq!(host.stop(), Some(0));
}

/// The seats of the licence that nobody holds, by what the vendor told last and what was written since.
fn free(host: &Host) -> u64 {
    let listed = host.json(&["identifiers", "list", "--profile", "zoom"]);
    let rows = listed["rows"].as_array().unwrap();
    let licensed = rows.iter().find(|row| row["identifier"] == "zoom.licensed");
    let count = |key: &str| licensed.unwrap()[key].as_u64().unwrap();
    count("bought") - count("assigned")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_taken_and_given_back_counts_as_spare_before_the_next_download() {
    let vendor = vendor().await;
    let mut host = host(&vendor, "mode: manual");
    host.start();
    let candidates = ready(&host);
    let [first, second, ..] = candidates.as_slice() else {
        panic!("too few candidates");
    };
    let wanted = free(&host) + 1;
    host.profile(
        "rule.yaml",
        &rule(&format!("mode: manual, keep_spare: {wanted}")),
    );
    host.json(&["reload", "--wait"]);
    decide(&host, &["reclaim"], first);
    release(&host);
    host.until(&["candidates", "show", &first.id], |shown| {
        shown["state"] == "closed_complete"
    });
    assert_eq!(free(&host), wanted);

    decide(&host, &["reclaim"], second);
    run_subflow(&host, "reclaim_subscriptions");
    assert_eq!(state(&host, second), "awaiting_revocation");
    assert_eq!(vendor.control().person(&second.user).unwrap().kind, 2);
    let plan = host.json(&["plan", "--seats", "zoom"]);
    assert_eq!(plan[0]["steps"][0]["withheld"]["guard"], "keep_spare");

    let undone = host.json(&["undo", &first.id]);
    assert_eq!(undone["restored"][0]["ok"], true, "{undone:#}");
    assert_eq!(free(&host), wanted - 1);
    run_subflow(&host, "reclaim_subscriptions");
    host.until(&["candidates", "show", &second.id], |shown| {
        shown["state"] == "closed_complete"
    });
    let downloads = host.json(&["jobs", "results", "--subflow", "download_subscriptions"]);
    assert_eq!(downloads["rows"].as_array().unwrap().len(), 1);
    assert_eq!(host.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_candidate_saves_follows_the_entitlements() {
    let vendor = vendor().await;
    let mut host = host(&vendor, "mode: manual");
    let few = "{kind: Entitlement, name: few, software_model: zoom-licensed, quantity: 10, unit_cost: '149.90', currency: EUR, start: 2020-01-01}\n";
    let many = few
        .replace("name: few", "name: many")
        .replace("10,", "500,");
    host.profile("few.yaml", few);
    host.start();
    let candidate = ready(&host).remove(0);
    let saved = || {
        let shown = host.json(&["candidates", "show", &candidate.id]);
        let word = |key: &str| shown["savings"][key].as_str().unwrap_or("-").to_owned();
        (word("entitlement"), word("amount"))
    };
    let after = |file: &str, content: Option<&str>| {
        match content {
            Some(content) => host.profile(file, content),
            None => std::fs::remove_file(host.path("profiles.d").join(file)).unwrap(),
        }
        host.json(&["reload", "--wait"]);
        run_subflow(&host, "refresh_candidates");
        saved()
    };
    let pair = |entitlement: &str, amount: &str| (entitlement.to_owned(), amount.to_owned());
    assert_eq!(saved(), pair("few", "149.90"));
    let dearer = few.replace("149.90", "160.00");
    assert_eq!(after("few.yaml", Some(&dearer)), pair("few", "160.00"));
    // Most seats have the price of the largest.
    let cheap = many.replace("149.90", "99.50");
    assert_eq!(after("many.yaml", Some(&cheap)), pair("many", "99.50"));
    assert_eq!(after("many.yaml", None), pair("few", "160.00"));
    assert_eq!(after("few.yaml", None), pair("-", "-"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn use_that_is_seen_only_just_before_the_write_cancels_it() {
    let vendor = vendor().await;
    let mut host = host(&vendor, "mode: manual");
    host.start();
    let candidates = ready(&host);
    let [active, instant, meets, ..] = candidates.as_slice() else {
        panic!("too few candidates");
    };
    let hour_ago = vendor.control().now().saturating_sub(1.hours()).unwrap();
    vendor
        .control()
        .host(&active.user, &Hosted::meeting(hour_ago));
    // No list of a user shows it, and the reports by day do not tell it yet.
    let on_the_spot = Hosted {
        kind: HostedKind::Instant,
        ..Hosted::meeting(hour_ago)
    };
    vendor.control().host(&instant.user, &on_the_spot);
    let tomorrow = vendor.control().now().saturating_add(24.hours()).unwrap();
    vendor
        .control()
        .host(&meets.user, &Hosted::meeting(tomorrow));
    host.json(&["candidates", "reclaim", &active.id, &instant.id, &meets.id]);
    release(&host);
    for used in [active, instant] {
        host.until(&["candidates", "show", &used.id], |shown| {
            shown["state"] == "closed_canceled"
        });
    }
    let waits = host.until(&["candidates", "show", &meets.id], |shown| {
        shown["writes"][0]["state"] == "withdrawn"
    });
    assert_eq!(waits["state"], "awaiting_revocation");
    let outcome = waits["writes"][0]["outcome"].as_str().unwrap();
    assert!(outcome.contains("has a meeting on"), "{outcome}");
    // The next run looks again, so the plan has it still, and tells what the last one found.
    let plans = host.json(&["plan", "--seats", "zoom"]);
    assert_eq!(
        plans[0]["steps"][0]["withdrawn"]["reason"], outcome,
        "{plans}"
    );
    let shown = host.seatsync(&["plan", "--seats", "zoom"]);
    let shown = text(&shown.stdout);
    assert!(shown.contains("goes     last time, 20"), "{shown}");
    assert!(shown.contains(outcome), "{shown}");
    assert!(
        !vendor
            .control()
            .requests()
            .iter()
            .any(vendor_sim::zoom::LoggedRequest::wrote)
    );
    assert_eq!(host.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reviewed_list_is_acted_on_once_and_what_changed_since_is_dropped() {
    let vendor = vendor().await;
    let mut host = host(&vendor, "mode: approved");
    host.start();
    let candidates = ready(&host);
    let (first, changed) = (&candidates[0], &candidates[1]);
    let until = seatsync::clock::Clock::now(&seatsync::clock::SystemClock)
        .saturating_add(240.hours())
        .unwrap();
    let until = until.to_string()[..10].to_owned();
    let exported = host.path("approval.yaml");
    let exported = exported.to_str().unwrap();
    host.json(&[
        "candidates",
        "export",
        "--profile",
        "zoom",
        "--approval",
        "feb",
        "--expires",
        &until,
        "--out",
        exported,
        &first.id,
        &changed.id,
    ]);
    let checked = host.seatsync(&["check", exported]);
    assert!(checked.status.success(), "{}", text(&checked.stdout));
    let document = std::fs::read_to_string(exported).unwrap();
    let seat = format!("user: {}", changed.email);
    assert!(document.contains(&seat), "{document}");
    let line = document.lines().find(|line| line.contains(&seat)).unwrap();
    let indent = &line[..line.len() - line.trim_start().len()];
    let document = document.replace(&seat, &format!("{seat}\n{indent}last_activity: 2020-01-01"));
    host.profile("approval.yaml", &document);
    host.json(&["reload", "--wait"]);
    host.json(&["jobs", "run", "zoom", "--subflow", "reclaim_subscriptions"]);
    release(&host);
    let shown = host.until(&["candidates", "show", &first.id], |shown| {
        shown["state"] == "closed_complete"
    });
    assert_eq!(shown["pressed_by"], "Approval feb");
    assert_eq!(state(&host, changed), "ready");
    host.until_log("its last activity is another one than the list says");
    let others = host.json(&["candidates", "list", "--state", "ready"]);
    assert!(
        !others["rows"].as_array().unwrap().is_empty(),
        "nobody else is pressed"
    );
    assert_eq!(host.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_file_that_stops_writes_and_files_that_do_not_load_hold_everything() {
    let vendor = vendor().await;
    let mut host = host(&vendor, "mode: manual");
    host.start();
    let candidates = ready(&host);
    let pressed = &candidates[0];
    std::fs::write(host.path("stop-writes"), "").unwrap();
    decide(&host, &["reclaim"], pressed);
    let held = |guard: &str| {
        host.until(&["plan", "--seats", "zoom"], |plans| {
            let reports = plans[0]["guards"].as_array().unwrap();
            reports
                .iter()
                .any(|r| r["guard"] == guard && r["verdict"] == "holds")
        })
    };
    let plan = held("switch");
    let digest = plan[0]["digest"].as_str().unwrap();
    let refused = host.seatsync(&["release", "zoom", "--plan", digest]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        text(&refused.stderr).contains("stop-writes"),
        "{}",
        text(&refused.stderr)
    );
    std::fs::remove_file(host.path("stop-writes")).unwrap();
    host.profile(
        "company.yaml",
        "{kind: Exclusions, name: company, users: [{user: a@example.com}]}\n",
    );
    host.seatsync(&["reload", "--wait"]);
    held("files");
    assert!(
        !vendor
            .control()
            .requests()
            .iter()
            .any(vendor_sim::zoom::LoggedRequest::wrote)
    );
    std::fs::remove_file(host.path("profiles.d").join("company.yaml")).unwrap();
    host.json(&["reload", "--wait"]);
    host.json(&["jobs", "run", "zoom", "--subflow", "reclaim_subscriptions"]);
    release(&host);
    host.until(&["candidates", "show", &pressed.id], |shown| {
        shown["state"] == "closed_complete"
    });
    assert_eq!(host.stop(), Some(0));
}
