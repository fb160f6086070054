//! Zoom: consent by the loopback address and by a pasted one.

use vendor_sim::zoom::AppKind;

use super::super::support::{browser, text};
use super::{App, authorize, start_zoom};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_consents_in_a_browser_and_the_profile_comes_to_life() {
    let vendor = start_zoom().await;
    let mut host = App::at_zoom(&vendor).host();
    host.start();
    let status = host.until(&["status", "zoom"], |status| {
        let conditions = status["conditions"].as_array();
        conditions.is_some_and(|all| {
            all.iter()
                .any(|c| c["type"] == "Stalled" && c["status"] == "True")
        })
    });
    let told = status.to_string();
    assert!(told.contains("run `seatsync authorize zoom`"), "{told}");
    let shown = text(&host.seatsync(&["status"]).stdout);
    assert!(
        shown.contains("nobody has authorised connection `zoom`"),
        "{shown}"
    );

    let asked = authorize(&host, "zoom", &["--port", "0"]);
    let callback = browser::consent(&asked.page).await;
    let (place, _) = callback.split_once("/callback").unwrap();
    let stranger = browser::open(&format!("{place}/callback?code=x&state=y")).await;
    assert_eq!(stranger.status, 400);
    assert_eq!(browser::open(&format!("{place}/other")).await.status, 404);
    let page = browser::open(&callback).await;
    assert_eq!(page.status, 200);
    assert!(page.body.contains("close this page"), "{}", page.body);
    let done = asked.done();
    assert_eq!(done["started"], serde_json::json!(["zoom"]));
    assert_eq!(done["authorization"]["account"], vendor.account_id());
    host.until_first_run_is_over("zoom");

    let connections = host.json(&["connections", "list"]);
    let connection = &connections["rows"][0];
    assert_eq!(connection["profiles"], serde_json::json!(["zoom"]));
    assert_eq!(connection["warning"], serde_json::Value::Null);
    let principal = connection["authorization"]["principal"].as_str().unwrap();
    let table = text(&host.seatsync(&["connections", "list"]).stdout);
    assert!(table.contains(principal), "{table}");

    // A restart needs nobody.
    assert_eq!(host.stop(), Some(0), "{}", host.log());
    host.start();
    let validated = host.json(&["validate", "zoom"]);
    assert_eq!(validated["account"], vendor.account_id());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_only_https_is_registered_the_address_is_pasted() {
    let vendor = start_zoom().await;
    let client_id = vendor.app(AppKind::General).unwrap().client_id.clone();
    let registered = "https://seatsync.example.com/callback";
    vendor.control().change_app(&client_id, |app| {
        app.redirect_uris = vec![registered.to_owned()];
    });
    let mut host = App::at_zoom(&vendor).host();
    host.start();
    host.until(&["connections", "list"], |all| {
        all["rows"][0]["name"] == "zoom"
    });
    let mut asked = authorize(&host, "zoom", &["--redirect-uri", registered]);
    let address = browser::consent(&asked.page).await;
    assert!(address.starts_with(registered), "{address}");
    asked.paste(&address);
    let done = asked.done();
    assert_eq!(done["connection"], "zoom");

    let unknown = host.seatsync(&["authorize", "other", "--paste"]);
    assert_eq!(unknown.status.code(), Some(1));
    let message = text(&unknown.stderr);
    assert!(
        message.contains("no profile uses a connection `other`"),
        "{message}"
    );
}
