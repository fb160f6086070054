//! Exclusions and protections as a person sees them: whom each means, what never meant anybody, and
//! what is about to lapse.

use std::fmt::Write as _;

use jiff::ToSpan as _;
use jiff::tz::TimeZone;
use seatsync::clock::{Clock as _, SystemClock};
use serde_json::Value;
use vendor_sim::ZoomSim;
use vendor_sim::zoom::{Cast, PersonChange, Plan, ZoomSimOptions};

use super::support::{Host, text, zoom_account, zoom_profile};

async fn vendor() -> ZoomSim {
    ZoomSim::start(ZoomSimOptions {
        users: 60,
        seed: 3,
        plan: Plan::Business,
        limits: false,
        ..ZoomSimOptions::default()
    })
    .await
    .unwrap()
}

fn entry<'a>(listing: &'a Value, entry: &str) -> &'a Value {
    let rows = listing["rows"].as_array().unwrap();
    rows.iter()
        .find(|row| row["entry"] == entry)
        .unwrap_or_else(|| panic!("no `{entry}` in {listing:#}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_entry_tells_whom_it_means_and_whether_it_ever_meant_anybody() {
    let vendor = vendor().await;
    let mut host = Host::with_zoom(&vendor);
    let today = SystemClock.now().to_zoned(TimeZone::UTC).date();
    let soon = today.saturating_add(10.days());
    let later = today.saturating_add(200.days());
    host.profile(
        "company.yaml",
        &format!(
            "kind: Exclusions
name: company
identifiers:
  - {{identifier: zoom.basic, reason: costs nothing}}
users:
  - {{domain: '*.example.invalid', reason: no such company}}
  - {{domain: nowhere.invalid, reason: not yet here, expires: {later}}}
"
        ),
    );
    host.start();
    host.until_first_run_is_over("zoom");
    let seats = host.json(&["subscriptions", "list", "--limit", "1000"]);
    let somebody = seats["rows"][0]["email"].as_str().unwrap().to_lowercase();
    let protected = format!(
        "protected:\n  - {{user: {somebody}, reason: the chair}}\nexclusions: {{users: [{{user: nobody@example.com, reason: left, expires: {soon}}}]}}\n"
    );
    host.profile("zoom.yaml", &zoom_profile(&vendor, &protected));
    let reloaded = host.seatsync(&["reload", "--wait"]);
    assert!(reloaded.status.success(), "{}", text(&reloaded.stderr));
    let chair = format!("user:{somebody}");
    let listing = host.until(&["exclusions", "list", "--users"], |listing| {
        let rows = listing["rows"].as_array().unwrap();
        rows.iter()
            .any(|row| row["ever_matched"] == true && row["entry"] == chair.as_str())
    });
    let told = entry(&listing, &chair);
    assert_eq!(told["purpose"], "protection");
    assert_eq!(told["rule"], "Profile zoom");
    assert_eq!(told["reason"], "the chair");
    assert_eq!(told["users"], 1);
    assert_eq!(
        told["matches"][0]["email"].as_str().unwrap().to_lowercase(),
        somebody
    );

    let basic = entry(&listing, "identifier:zoom.basic");
    let identifiers = host.json(&["identifiers", "list"]);
    let counted = identifiers["rows"].as_array().unwrap();
    let counted = counted
        .iter()
        .find(|row| row["identifier"] == "zoom.basic")
        .unwrap();
    assert_eq!(basic["seats"], counted["seats"]);
    assert_eq!(basic["ever_matched"], true);
    assert_eq!(basic["matches"][0]["identifiers"][0], "zoom.basic");

    let nobody = entry(&listing, "user:nobody@example.com");
    assert_eq!(
        (&nobody["ever_matched"], &nobody["seats"]),
        (&false.into(), &0.into())
    );
    assert_eq!(nobody["in_force"], true);

    // What a person should look at is told wherever people look.
    let last = format!("`user:nobody@example.com` of Profile zoom holds until {soon}");
    let never = "`domain:*.example.invalid` of Exclusions company never matched a seat";
    for command in [&["status"][..], &["plan"], &["exclusions", "list"]] {
        let said = text(&host.seatsync(command).stdout);
        assert!(said.contains(&last), "{command:?}: {said}");
        assert!(said.contains(never), "{command:?}: {said}");
        assert!(
            !said.contains(&format!("until {later}")),
            "{command:?}: {said}"
        );
        assert!(
            !said.contains(&format!("`{chair}` of Profile zoom never")),
            "{command:?}: {said}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn before_a_download_nothing_is_said_to_have_never_matched() {
    let vendor = vendor().await;
    let mut host = Host::with_zoom(&vendor);
    let draft = zoom_profile(
        &vendor,
        "exclusions: {users: [{user: nobody@example.com, reason: left}]}\n",
    )
    .replace("state: published", "state: draft");
    host.profile("zoom.yaml", &draft);
    host.start();
    let listing = host.until(&["exclusions", "list"], |listing| {
        listing["rows"]
            .as_array()
            .is_some_and(|rows| !rows.is_empty())
    });
    assert_eq!(listing["rows"][0]["ever_matched"], Value::Null);
    assert_eq!(listing["warnings"].as_array().unwrap().len(), 0);
    let wrong = host.seatsync(&["exclusions", "list", "--profile", "nope"]);
    assert_eq!(wrong.status.code(), Some(1));
    assert!(text(&wrong.stderr).contains("no profile is named `nope`"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_is_the_same_however_its_accents_are_encoded() {
    let vendor = zoom_account(120).await;
    let people = [
        (
            Cast::Idle,
            "Andr\u{c9}.Chair@example.com",
            "andre\u{301}.chair@example.com",
        ),
        (
            Cast::LongIdle,
            "Rene\u{301}.Vice@example.com",
            "REN\u{c9}.vice@example.com",
        ),
    ];
    let mut protected = "protected:\n".to_owned();
    for (cast, at_vendor, in_file) in people {
        let named = PersonChange {
            email: Some(at_vendor.to_owned()),
            ..PersonChange::default()
        };
        let id = vendor.cast(cast).unwrap().id;
        vendor.control().change_person(&id, named).unwrap();
        writeln!(protected, "  - {{user: {in_file}, reason: the chair}}").unwrap();
    }
    let mut host = Host::with_zoom(&vendor);
    host.profile("zoom.yaml", &zoom_profile(&vendor, &protected));
    host.start();
    host.until_first_run_is_over("zoom");
    let listing = host.json(&["exclusions", "list", "--users"]);
    for (cast, _, in_file) in people {
        let id = vendor.cast(cast).unwrap().id;
        let composed = in_file.to_lowercase().replace("e\u{301}", "\u{e9}");
        let told = entry(&listing, &format!("user:{composed}"));
        assert_eq!(told["matches"][0]["external_user_id"], id.as_str());
        let seats = host.json(&["subscriptions", "list", "--user", in_file]);
        assert_eq!(seats["rows"][0]["external_user_id"], id.as_str());
    }
}
