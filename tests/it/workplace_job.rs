//! A Zoom Workplace profile on the real daemon: from a file in the folder to what the commands say.

use serde_json::Value;
use vendor_sim::zoom::{Cast, PersonChange, Population, Product};
use vendor_sim::{ZoomSim, ZoomSimOptions};

use super::support::{Host, text, zoom_profile};

async fn vendor() -> ZoomSim {
    let mut options = ZoomSimOptions {
        users: 120,
        limits: false,
        population: Population {
            workplace: 0.3,
            bundle: 0.2,
            ..Population::default()
        },
        ..ZoomSimOptions::default()
    };
    options.switches.bundles_listed = false;
    ZoomSim::start(options).await.unwrap()
}

fn workplace(vendor: &ZoomSim, more: &str) -> String {
    zoom_profile(vendor, more).replace("type: zoom\n", "type: zoom_workplace\n")
}

/// Seats in force of each identifier of Zoom Workplace alone.
fn workplace_seats(host: &Host) -> Vec<(String, u64)> {
    let listed = host.json(&["identifiers", "list", "--profile", "zoom"]);
    let rows = listed["rows"].as_array().unwrap().iter();
    rows.map(|row| {
        let identifier = row["identifier"].as_str().unwrap().to_owned();
        (identifier, row["seats"].as_u64().unwrap())
    })
    .filter(|(identifier, seats)| {
        let word = identifier.split('.').nth(1).unwrap();
        *seats > 0 && (word.starts_with("zoom_") || ["one", "united"].contains(&word))
    })
    .collect()
}

fn fact<'a>(explained: &'a str, name: &str) -> Vec<&'a str> {
    let lines = explained.lines();
    lines.filter(|line| line.contains(name)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_workplace_profile_comes_down_and_says_of_what_it_knows_no_use() {
    let vendor = vendor().await;
    let suited = vendor.cast(Cast::ZoomOne).unwrap();
    let clips = PersonChange {
        products: Some(vec![Product::ClipsPlus]),
        ..PersonChange::default()
    };
    let control = vendor.control();
    control.change_person(&suited.id, clips).unwrap();
    let mut host = Host::with_zoom(&vendor);
    host.profile("zoom.yaml", &workplace(&vendor, ""));
    host.start();
    let status = host.until_first_run_is_over("zoom");
    assert_eq!(status["profile_type"], "zoom_workplace");
    assert!(workplace_seats(&host).len() > 10);

    let explained = text(&host.seatsync(&["explain", "zoom", &suited.email]).stdout);
    assert!(explained.contains("in zoom: zoom.one.16"), "{explained}");
    assert!(
        explained.contains("in zoom: zoom.zoom_clips_plus"),
        "{explained}"
    );
    assert!(!explained.contains("zoom.licensed"), "{explained}");
    let [suite, clips] = fact(&explained, "counts as use").try_into().unwrap();
    assert!(suite.contains("meeting, webinar"), "{suite}");
    assert!(suite.contains("never found unused"), "{suite}");
    assert!(clips.contains("nothing that the vendor reports"), "{clips}");

    let validated = host.json(&["validate", "zoom"]);
    let verdicts = validated["verdicts"].as_array().unwrap();
    let download = verdicts.iter().find(|one| one["process"] == "download");
    let download = download.unwrap();
    assert_eq!(download["ok"], true, "{validated:#}");
    let needed = download["scopes_needed"].to_string();
    assert!(needed.contains("user:read:user:admin"), "{needed}");

    let reclaim = host.seatsync(&["jobs", "run", "zoom", "--subflow", "reclaim_subscriptions"]);
    assert!(!reclaim.status.success());
    let said = text(&reclaim.stderr);
    assert!(said.contains("is switched off"), "{said}");
    let requests = control.requests();
    assert!(requests.iter().all(|request| !request.wrote()));
    assert_eq!(host.stop(), Some(0), "{}", host.log());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_profile_that_becomes_one_of_the_old_type_forgets_what_that_does_not_count() {
    let vendor = vendor().await;
    let mut host = Host::with_zoom(&vendor);
    host.profile("zoom.yaml", &workplace(&vendor, ""));
    host.start();
    host.until_first_run_is_over("zoom");
    assert!(!workplace_seats(&host).is_empty());
    let last = |status: &Value| status["subflows"][0]["last"]["id"].clone();
    let before = last(&host.json(&["status", "zoom"]));
    assert!(before.is_string(), "{before}");
    // Applying another type downloads at once.
    host.profile("zoom.yaml", &zoom_profile(&vendor, ""));
    let reload = host.seatsync(&["reload", "--wait"]);
    assert!(reload.status.success(), "{}", text(&reload.stderr));
    host.until(&["status", "zoom"], |status| {
        last(status) != before && status["subflows"][0]["last"]["state"] == "completed"
    });
    assert_eq!(workplace_seats(&host), []);
}
