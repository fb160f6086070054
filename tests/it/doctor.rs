//! `seatsync doctor` on the real daemon: what is found, with which exit code, and that it clears.

use serde_json::Value;
use vendor_sim::{ZoomSim, ZoomSimOptions};

use super::support::{Host, text, zoom_profile};

/// The words of the checks that found something, and the exit code.
fn found(host: &Host) -> (Vec<String>, Option<i32>) {
    let output = host.seatsync(&["doctor", "--format", "json"]);
    let health: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", text(&output.stderr)));
    let findings = health["findings"].as_array().unwrap().iter();
    let words = findings.map(|one| one["check"].as_str().unwrap().to_owned());
    (words.collect(), output.status.code())
}

fn reload(host: &Host) {
    assert!(host.seatsync(&["reload", "--wait"]).status.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_found_with_a_remedy_and_clears_when_it_is_mended() {
    let options = ZoomSimOptions {
        users: 120,
        limits: false,
        ..ZoomSimOptions::default()
    };
    let vendor = ZoomSim::start(options).await.unwrap();
    let mut host = Host::with_zoom(&vendor);
    host.start();
    host.until_first_run_is_over("zoom");
    assert_eq!(found(&host), (Vec::new(), Some(0)));

    let hide = "exclusions: {identifiers: [{identifier: zoom.licensed, reason: test}]}\n";
    host.profile("zoom.yaml", &zoom_profile(&vendor, hide));
    reload(&host);
    host.until(&["identifiers", "list"], |listed| {
        let rows = listed["rows"].as_array().unwrap();
        rows.iter()
            .any(|row| row["identifier"] == "zoom.licensed" && row["excluded"] == row["seats"])
    });
    let (words, code) = found(&host);
    assert!(words.contains(&"hidden_product".to_owned()), "{words:?}");
    assert_eq!(code, Some(5));
    let shown = text(&host.seatsync(&["doctor"]).stdout);
    assert!(
        shown.contains("seatsync exclusions list --profile zoom"),
        "{shown}"
    );

    host.profile("zoom.yaml", &zoom_profile(&vendor, ""));
    host.profile(
        "strange.yaml",
        "{kind: Entitlement, name: past, software_model: zoom-licensed, quantity: 1, start: 2019-01-01, end: 2019-12-31}\n",
    );
    reload(&host);
    host.until(&["identifiers", "list"], |listed| {
        let rows = listed["rows"].as_array().unwrap();
        rows.iter()
            .all(|row| row["identifier"] != "zoom.licensed" || row["excluded"] == 0)
    });
    let (words, _) = found(&host);
    assert!(!words.contains(&"hidden_product".to_owned()), "{words:?}");
}
