//! Asking the users of software: no agent tells who they are, so people do it, and are told.

use serde_json::Value;

use super::{Site, idle};
use crate::support::mail_server::{MailServer, Wire};
use crate::support::text;

const RULE: &str = "months: 3, total_hours_used: 1, notify_user: true, days_before_auto_reclamation: 7, assignment_group: sam@example.com";

/// The last digest that the group got, once it says this.
fn digest_saying(site: &Site, server: &MailServer, wanted: &str) -> String {
    let sent = || {
        let mail = server.mail();
        let digests = mail.iter().filter_map(|mail| mail["content"].as_str());
        // Long lines are folded on the wire.
        let mut unfolded = digests.map(|content| content.replace("=\r\n", ""));
        unfolded.rfind(|content| content.contains(wanted))
    };
    site.host
        .until(&["notices", "list"], |_: &Value| sent().is_some());
    sent().unwrap()
}

#[test]
fn nothing_is_sent_to_users_and_the_groups_digest_names_what_to_ask_about() {
    let Some(server) = MailServer::start(Wire::Plain, false) else {
        return;
    };
    let mut site = Site::not_started();
    site.host.settings(&format!(
        "notifications:
  smtp: {{host: localhost, port: {}, tls: none, from: seatsync@example.com, to: [ops@example.com]}}
",
        server.port
    ));
    site.rule(RULE);
    let profiles = site.host.path("profiles.d");
    let checked = site.host.seatsync(&["check", profiles.to_str().unwrap()]);
    assert_eq!(checked.status.code(), Some(0), "a warning is no failure");
    let said = text(&checked.stdout) + &text(&checked.stderr);
    assert!(
        said.contains("sends nothing for installed software") && said.contains("candidates answer"),
        "{said}"
    );

    site.start();
    site.until_another_run_has_ended(0);
    site.push(&idle(1));
    site.judge();
    let candidate = site.candidate();
    site.pass(1);
    let digest = digest_saying(&site, &server, "1 unused installation waits");
    assert!(!digest.contains("Ask the users"), "{digest}");

    assert_eq!(
        site.decide(&["reclaim"], &candidate)["state"],
        "awaiting_user"
    );
    site.pass(1);
    let digest = digest_saying(&site, &server, "Ask the users of these");
    let item = candidate["configuration_item"].as_str().unwrap();
    assert!(digest.contains(item), "{digest}");

    site.decide(&["answer", "--give-up"], &candidate);
    site.pass(1);
    let digest = digest_saying(&site, &server, "Remove these");
    assert!(digest.contains(item), "{digest}");
    let recipients: Vec<String> = server
        .mail()
        .iter()
        .map(|mail| mail["to"].to_string())
        .collect();
    assert!(
        recipients
            .iter()
            .all(|to| to.contains("sam@example.com") || to.contains("ops@example.com")),
        "{recipients:?}"
    );
}
