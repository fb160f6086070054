//! How patient a connection is, as its file says: the calls are counted by the vendor.

use vendor_sim::ZoomSim;
use vendor_sim::zoom::{Action, Endpoint, Fault, ZoomSimOptions};

use super::support::programs::both;
use super::support::{Host, text, zoom_profile};

async fn vendor() -> ZoomSim {
    let options = ZoomSimOptions {
        users: 40,
        seed: 5,
        limits: false,
        ..ZoomSimOptions::default()
    };
    ZoomSim::start(options).await.unwrap()
}

/// A draft, so that nothing calls but what the test asks for; the policy is its parent's.
fn write_profile(host: &Host, vendor: &ZoomSim, retry: &str) {
    let profile = zoom_profile(vendor, "").replace("published", "draft");
    let inheriting = format!("{profile}parent: patient\n");
    let parent =
        format!("---\n{{kind: Connection, name: patient, vendor: zoom, retry: {retry}}}\n");
    host.profile("zoom.yaml", &(inheriting + &parent));
}

fn calls(vendor: &ZoomSim, path: &str) -> usize {
    let requests = vendor.control().requests();
    requests.iter().filter(|r| r.path == path).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_is_sent_as_often_as_the_connection_says() {
    let vendor = vendor().await;
    let mut host = Host::with_zoom(&vendor);
    write_profile(&host, &vendor, "{attempts: 2}");
    host.start();
    let connections = host.until(&["connections", "list"], |all| {
        all["rows"][0]["name"] == "zoom"
    });
    assert_eq!(connections["rows"][0]["retry"]["attempts"], 2);
    assert_eq!(
        connections["rows"][0]["retry"]["per_run"], 20,
        "the default"
    );

    let broken = || Action::Html {
        status: 503,
        after_effect: false,
    };
    vendor
        .control()
        .set_fault(Fault::on(Endpoint::ListUsers, broken()));
    host.seatsync(&["validate", "zoom"]);
    assert_eq!(calls(&vendor, "/v2/users"), 2);

    write_profile(&host, &vendor, "{attempts: 1, rate_limit_wait: 1s}");
    let plan = text(&host.seatsync(&["plan"]).stdout);
    assert!(plan.contains("retry.attempts: `2` → `1`"), "{plan}");
    host.json(&["reload", "--wait"]);
    vendor.control().clear_requests();
    host.seatsync(&["validate", "zoom"]);
    assert_eq!(
        calls(&vendor, "/v2/users"),
        1,
        "the new policy holds at once"
    );

    // Getting a token is as patient as any call, though the token is shared.
    vendor.control().clear_faults();
    vendor
        .control()
        .set_fault(Fault::on_path("/oauth/token", broken()));
    vendor.control().expire_tokens();
    vendor.control().clear_requests();
    let refused = host.seatsync(&["validate", "zoom"]);
    assert!(both(&refused).contains("503"), "{}", both(&refused));
    let asked = calls(&vendor, "/oauth/token");
    assert_eq!(asked, 3, "once for each process that is validated");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_waits_for_the_rate_limit_no_longer_than_the_connection_says() {
    let vendor = vendor().await;
    let mut host = Host::with_zoom(&vendor);
    write_profile(&host, &vendor, "{rate_limit_wait: 1s}");
    host.start();
    host.until(&["connections", "list"], |all| {
        all["rows"][0]["name"] == "zoom"
    });
    let throttled = Action::Answer {
        status: 429,
        body: None,
        headers: [("Retry-After".to_owned(), "20".to_owned())].into(),
        after_effect: false,
    };
    vendor
        .control()
        .set_fault(Fault::on(Endpoint::ListUsers, throttled));
    let told = both(&host.seatsync(&["validate", "zoom"]));
    assert!(told.contains("rate limit"), "{told}");
    assert_eq!(calls(&vendor, "/v2/users"), 1);
}

#[test]
fn a_policy_out_of_bounds_is_refused_with_what_would_do() {
    for (retry, code, remedy) in [
        (
            "{attempts: 0}",
            "yaml::range",
            "write a whole number from 1 to 10",
        ),
        (
            "{attempts: 11}",
            "yaml::range",
            "write a whole number from 1 to 10",
        ),
        (
            "{per_run: -1}",
            "yaml::range",
            "write a whole number from 0 to 1000",
        ),
        (
            "{first_wait: 10m}",
            "profile::duration_range",
            "write a duration from `1s` to `5m`",
        ),
        (
            "{longest_wait: 0s}",
            "profile::duration_range",
            "write a duration from `1s` to `10m`",
        ),
        (
            "{rate_limit_wait: 2h}",
            "profile::duration_range",
            "write a duration from `1s` to `1h`",
        ),
        ("{first_wait: 1500ms}", "yaml::duration", "60d"),
        (
            "{atempts: 3}",
            "yaml::unknown_key",
            "did you mean `attempts`?",
        ),
        (
            "{longest_wait: 5s}",
            "profile::incomplete_connection",
            "raise `retry.longest_wait`",
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let parent = "{kind: Connection, name: patient, vendor: zoom, retry: {first_wait: 1m}}";
        let child = format!(
            "{{kind: Connection, name: zoom, parent: patient, retry: {retry}, \
             oauth: {{grant: account_credentials, account_id: a, client_id: b, client_secret: {{env: C}}}}}}"
        );
        let profile = "{kind: Profile, name: zoom, type: zoom, connection: zoom}";
        let text = [parent, &child, profile].join("\n---\n");
        std::fs::write(folder.path().join("zoom.yaml"), text).unwrap();
        let output = std::process::Command::new(super::support::SEATSYNC)
            .arg("check")
            .arg(folder.path())
            .output()
            .unwrap();
        let told = both(&output);
        assert_eq!(output.status.code(), Some(1), "{retry}: {told}");
        assert!(
            told.contains(code) && told.contains(remedy),
            "{retry}: {told}"
        );
    }
}
