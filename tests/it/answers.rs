//! The page where a seat's user answers: from a mail that went over STARTTLS with a password, to the
//! candidate's state.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;

use super::reclaim::{host, press, vendor};
use super::support::Host;
use super::support::mail_server::{LOGIN, MailServer, Wire};

const BASE: &str = "https://seats.example.com/answer";

/// The status and text of one exchange with the answers socket.
fn exchange(host: &Host, method: &str, path: &str, body: &str) -> (u16, String) {
    let mut stream = UnixStream::connect(host.path("run").join("answers.sock")).unwrap();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nhost: seats.example.com\r\nconnection: close\r\n\
         content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let status = text.split(' ').nth(1).unwrap().parse().unwrap();
    (status, text)
}

fn state(host: &Host, id: &str) -> String {
    let shown = host.json(&["candidates", "show", id]);
    shown["state"].as_str().unwrap().to_owned()
}

/// A host whose users are asked by mail and answer by a link.
fn asking(vendor: &vendor_sim::ZoomSim, server: &MailServer, tls: &str) -> Host {
    let mut host = host(vendor, "mode: manual");
    host.trust(server.authority());
    host.profile(
        "rule.yaml",
        "{kind: ReclamationRule, name: licensed, identifiers: [zoom.licensed], notify_user: true}\n",
    );
    let password = host.path("password");
    std::fs::write(&password, LOGIN.1).unwrap();
    let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(&password, private).unwrap();
    host.settings(&format!(
        "writes: true
connections: {{allowed_hosts: [127.0.0.1]}}
secrets: {{directories: [{}]}}
notifications:
  smtp:
    host: localhost
    port: {}
    tls: {tls}
    from: seatsync@example.com
    to: [ops@example.com]
    username: {}
    password: {{file: {}}}
  answer_url: {BASE}
",
        host.path("").display(),
        server.port,
        LOGIN.0,
        password.display(),
    ));
    host.start();
    host
}

/// The candidate of some ready seat, pressed.
fn ask(host: &Host) -> (String, String) {
    host.until_first_run_is_over("zoom");
    let ready = host.until(&["candidates", "list", "--state", "ready"], |listing| {
        listing["rows"]
            .as_array()
            .is_some_and(|rows| !rows.is_empty())
    });
    let email = ready["rows"][0]["email"].as_str().unwrap().to_owned();
    (press(host, &email), email)
}

/// The path of the link in the only mail that `email` got.
fn link(host: &Host, server: &MailServer, id: &str, email: &str) -> String {
    host.until(&["candidates", "show", id], |shown| {
        shown["notices"][0]["ways"][0]["state"] == "accepted"
    });
    let mail = server.mail();
    let to_user: Vec<_> = mail.iter().filter(|one| one["to"][0] == email).collect();
    assert_eq!(to_user.len(), 1, "{mail:#?}");
    assert_eq!(to_user[0]["tls"], true);
    assert_eq!(to_user[0]["login"], true);
    let content = to_user[0]["content"].as_str().unwrap().replace("=\r\n", "");
    let start =
        content.find(BASE).expect("the mail has the link") + "https://seats.example.com".len();
    content[start..]
        .split_whitespace()
        .next()
        .unwrap()
        .to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_gives_a_seat_up_by_the_link_once_and_reading_the_page_changes_nothing() {
    let Some(server) = MailServer::start(Wire::StartTls, true) else {
        return;
    };
    let vendor = vendor().await;
    let mut host = asking(&vendor, &server, "starttls");
    let (id, email) = ask(&host);
    let path = link(&host, &server, &id, &email);

    for method in ["GET", "HEAD", "GET"] {
        let (status, page) = exchange(&host, method, &path, "");
        assert_eq!(status, 200, "{page}");
        assert!(page.contains("referrer-policy: no-referrer"), "{page}");
        assert!(!page.contains(&email), "a link may be forwarded: {page}");
        assert_eq!(state(&host, &id), "awaiting_user");
    }
    for (method, body) in [("PUT", "answer=keep"), ("DELETE", "")] {
        assert_eq!(exchange(&host, method, &path, body).0, 405);
    }
    for body in ["", "answer=perhaps", "answer=keep&answer=give_up"] {
        assert_eq!(exchange(&host, "POST", &path, body).0, 400, "{body}");
    }
    let forged = path.replacen(&format!("/{id}."), "/999.", 1);
    assert_eq!(exchange(&host, "POST", &forged, "answer=give_up").0, 404);
    assert_eq!(exchange(&host, "GET", "/", "").0, 404);
    assert_eq!(state(&host, &id), "awaiting_user");

    // What the link says outlives the daemon.
    assert_eq!(host.stop(), Some(0));
    host.start();
    let (status, page) = exchange(&host, "POST", &path, "answer=give_up");
    assert_eq!(status, 200, "{page}");
    assert_eq!(state(&host, &id), "awaiting_revocation");
    for method in ["GET", "POST"] {
        let (status, page) = exchange(&host, method, &path, "answer=keep");
        assert_eq!(status, 410, "{page}");
    }
    assert_eq!(state(&host, &id), "awaiting_revocation");
    let audit = host.json(&["audit", "list", "--candidate", &id]);
    let by_the_user = audit["rows"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|entry| entry["who"] == "its user, by the link");
    assert_eq!(by_the_user.count(), 1, "{audit:#}");
    assert!(
        !host.log().contains(path.rsplit('/').next().unwrap()),
        "the log has the link"
    );
    assert!(!host.log().contains(LOGIN.1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trial_goes_over_tls_and_a_wrong_password_sends_nothing() {
    let Some(server) = MailServer::start(Wire::Tls, true) else {
        return;
    };
    let vendor = vendor().await;
    let mut host = asking(&vendor, &server, "implicit");
    let trial = host.json(&["notices", "test"]);
    let accepted = |listing: &serde_json::Value| {
        let rows = listing["rows"].as_array().unwrap();
        let one = rows.iter().find(|row| row["uid"] == trial["uid"]);
        one.is_some_and(|row| row["ways"][0]["state"] == "accepted")
    };
    host.until(&["notices", "list"], accepted);
    assert_eq!(server.mail().len(), 1);

    std::fs::write(host.path("password"), "wrong").unwrap();
    let trial = host.json(&["notices", "test"]);
    let refused = |listing: &serde_json::Value| {
        let rows = listing["rows"].as_array().unwrap();
        let one = rows.iter().find(|row| row["uid"] == trial["uid"]);
        one.and_then(|row| row["ways"][0]["said"].as_str())
            .is_some_and(|said| said.contains("535") && said.contains("notifications.smtp"))
    };
    host.until(&["notices", "list"], refused);
    assert_eq!(server.mail().len(), 1);
    assert_eq!(host.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_an_answer_url_there_is_no_answers_socket() {
    let vendor = vendor().await;
    let mut host = host(&vendor, "mode: manual");
    host.start();
    assert!(!host.path("run").join("answers.sock").exists());
    let refused = host.seatsync(&["notices", "test"]);
    assert_eq!(refused.status.code(), Some(1));
    let said = super::support::text(&refused.stderr);
    assert!(said.contains("notifications.smtp"), "{said}");
}
