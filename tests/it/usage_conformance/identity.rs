//! Rows 96 to 104: who may push what. The kernel says who a peer is; where the tests run as root,
//! processes of other users ask over the real socket, and everywhere the same is asked of the service.

use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use axum::body::Body;
use axum::http::Request;
use seatsync::api::peer::Peer;
use seatsync::api::usage::UsagePolicy;
use seatsync::settings::model::{Principal, Principals, UsageRoles, UsageSettings};
use serde_json::json;

use super::support::{
    Answer, CI1, CI2, PATH, Setup, UNREADABLE, Usage, body_of, example, head, start_with, statuses,
    whole, with,
};

fn principals(users: &[u32], groups: &[u32]) -> Principals {
    Principals {
        users: users.iter().copied().map(Principal::Id).collect(),
        groups: groups.iter().copied().map(Principal::Id).collect(),
    }
}

/// 2001 and group 500 are admins, 2002 is a developer, 2003 a user; 2001 and 2002 are bound to CI1.
fn settings() -> UsageSettings {
    UsageSettings {
        roles: UsageRoles {
            sam_admin: principals(&[2001], &[500]),
            sam_developer: principals(&[2002], &[]),
            sam_user: principals(&[2003], &[]),
        },
        bind: [2001, 2002]
            .map(|uid| (Principal::Id(uid), vec![CI1.to_owned()]))
            .into(),
        ..UsageSettings::default()
    }
}

/// (uid, gid, supplementary groups).
type Who = (u32, u32, &'static [u32]);

const PRIVILEGED: [Who; 5] = [
    (2001, 4000, &[]),
    (2002, 4000, &[]),
    (4001, 500, &[]),
    (4001, 4000, &[4002, 500]),
    (0, 0, &[]),
];
const UNPRIVILEGED: [Who; 2] = [(2003, 4000, &[]), (4711, 4000, &[4002])];

fn peer((uid, gid, groups): Who) -> Peer {
    Peer {
        uid,
        gid,
        groups: groups.to_vec(),
        pid: None,
    }
}

fn request(method: &str, path: &str, fields: &[(&str, &str)], body: &str) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in fields {
        request = request.header(*name, *value);
    }
    request.body(Body::from(body.to_owned())).unwrap()
}

fn push(body: &str) -> Request<Body> {
    request("POST", PATH, &[], body)
}

const FORBIDDEN: &str = "User Not Authorized";

#[tokio::test]
async fn the_peers_role_decides() {
    let usage = start_with(settings());
    let body = body_of(&example());
    // row 96
    for who in PRIVILEGED {
        let answer = usage.as_peer(peer(who), push(&body)).await;
        assert_eq!(answer.status, 200, "{who:?}");
    }
    // row 97
    for who in UNPRIVILEGED {
        let answer = usage.as_peer(peer(who), push("not json")).await;
        let detail = answer.refused(403, FORBIDDEN);
        assert_eq!(detail, "Failed API level ACL Validation");
    }
    // row 99
    let nobody = peer((65534, 500, &[500]));
    let answer = usage.as_peer(nobody, push(&body)).await;
    let detail = answer.refused(401, "User Not Authenticated");
    assert_eq!(detail, "Required to provide Auth information");
    let challenge = answer.header("www-authenticate");
    assert_eq!(challenge, Some("basic realm=\"service-now\""));
    // row 101
    let fields = [("authorization", "Basic YTpi"), ("x-sn-apikey", "key")];
    let admin = request("POST", PATH, &fields, &body);
    assert_eq!(usage.as_peer(peer(PRIVILEGED[0]), admin).await.status, 200);
    // row 102
    let other = request("POST", PATH, &fields, &body);
    let answer = usage.as_peer(peer(UNPRIVILEGED[1]), other).await;
    answer.refused(403, FORBIDDEN);
}

#[tokio::test]
async fn a_request_is_judged_in_one_order() {
    // row 103
    let usage = start_with(settings());
    let (nobody, admin) = (peer(UNPRIVILEGED[1]), peer(PRIVILEGED[0]));
    let wrong = &[
        ("content-type", "text/plain"),
        ("accept", "text/html"),
        ("content-length", "99999999"),
    ][..];
    for (peer, method, path, fields, status) in [
        (&nobody, "GET", "/x", wrong, 404),
        (&nobody, "GET", "/api/x", wrong, 400),
        (&nobody, "GET", PATH, wrong, 403),
        (&nobody, "POST", PATH, wrong, 403),
        (&admin, "GET", PATH, wrong, 405),
        (&admin, "POST", PATH, wrong, 415),
        (&admin, "POST", PATH, &wrong[1..], 406),
        (&admin, "POST", PATH, &wrong[2..], 400),
    ] {
        let request = request(method, path, fields, "not json");
        let answer = usage.as_peer(peer.clone(), request).await;
        assert_eq!(answer.status, status, "{method} {path} {fields:?}");
        if fields.len() == 1 {
            let detail = answer.refused(400, UNREADABLE);
            assert!(detail.starts_with("Rejected large"), "{detail}");
        }
    }
}

#[tokio::test]
async fn a_bound_user_reports_for_its_own_items_only() {
    // row 104
    let usage = start_with(settings());
    let foreign = with(example(), &json!({"configuration_item": CI2}));
    let body = json!({"items": [example(), foreign]}).to_string();
    let bound = usage
        .as_peer(peer(PRIVILEGED[0]), push(&body))
        .await
        .items();
    assert_eq!(statuses(&bound), ["INSERT", "ERROR"]);
    assert_eq!(
        bound[1]["errors"][0]["error"],
        "FORBIDDEN_CONFIGURATION_ITEM"
    );
    let developer = usage
        .as_peer(peer(PRIVILEGED[1]), push(&body))
        .await
        .items();
    assert_eq!(statuses(&developer), ["UPDATE", "INSERT"]);
}

#[tokio::test]
async fn another_policy_is_in_force_from_the_next_request_on() {
    let usage = start_with(settings());
    let developer = peer(PRIVILEGED[1]);
    let body = r#"{"items":[]}"#;
    let before = usage.as_peer(developer.clone(), push(body)).await;
    assert_eq!(before.status, 200);
    usage.api.set_policy(UsagePolicy::default());
    assert_eq!(usage.as_peer(developer, push(body)).await.status, 403);
}

/// Becomes the user that its arguments name, and sends its input to a socket: the answer, or the
/// word for what the kernel says.
const CLIENT: &str = r"
import os, socket, sys
path, uid, gid, groups = sys.argv[1:]
os.setgroups([int(group) for group in groups.split()])
os.setgid(int(gid))
os.setuid(int(uid))
client = socket.socket(socket.AF_UNIX)
try:
    client.connect(path)
except PermissionError as error:
    print('EACCES')
    sys.exit()
client.sendall(sys.stdin.buffer.read())
while True:
    piece = client.recv(65536)
    if not piece:
        break
    sys.stdout.buffer.write(piece)
";

/// What another user is told over the real socket.
async fn as_user(usage: &Usage, (uid, gid, groups): Who, request: String) -> String {
    let groups: Vec<String> = groups.iter().map(ToString::to_string).collect();
    let mut client = Command::new("python3");
    client
        .args(["-c", CLIENT])
        .arg(&usage.path)
        .args([uid.to_string(), gid.to_string(), groups.join(" ")])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let run = move || {
        let mut client = client.spawn().unwrap();
        let mut input = client.stdin.take().unwrap();
        input.write_all(request.as_bytes()).unwrap();
        drop(input);
        let mut told = String::new();
        client
            .stdout
            .take()
            .unwrap()
            .read_to_string(&mut told)
            .unwrap();
        assert!(client.wait().unwrap().success());
        told
    };
    tokio::task::spawn_blocking(run).await.unwrap()
}

fn cannot_be_others() -> bool {
    let is_root = rustix::process::geteuid().is_root();
    let python = Command::new("python3").arg("--version").output();
    let cannot = !is_root || !python.is_ok_and(|python| python.status.success());
    if cannot {
        eprintln!("SKIP: not root, or without python3, so that no process can be another user");
    }
    cannot
}

/// A socket that every user can reach by its path.
fn reachable(mode: u32) -> Usage {
    let usage = Setup {
        settings: settings(),
        mode,
        ..Setup::default()
    }
    .start();
    let open = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(usage.folder.path(), open).unwrap();
    usage
}

#[tokio::test]
async fn the_kernel_says_who_a_peer_is() {
    if cannot_be_others() {
        return;
    }
    let usage = reachable(0o666);
    let body = body_of(&example());
    let fields = format!(
        "Connection: close\r\nAuthorization: Basic YWRtaW46YWRtaW4=\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    let request = format!("{}{body}", head(&fields));
    for who in PRIVILEGED {
        let told = as_user(&usage, who, request.clone()).await;
        assert_eq!(Answer::parse(&told).status, 200, "{who:?}: {told}");
    }
    for who in UNPRIVILEGED {
        let told = as_user(&usage, who, request.clone()).await;
        Answer::parse(&told).refused(403, FORBIDDEN);
    }
    let told = as_user(&usage, (65534, 500, &[]), request).await;
    Answer::parse(&told).refused(401, "User Not Authenticated");
}

#[tokio::test]
async fn who_is_not_in_the_sockets_group_cannot_connect() {
    // row 98
    if cannot_be_others() {
        return;
    }
    let usage = reachable(0o660);
    let told = as_user(&usage, PRIVILEGED[0], whole("")).await;
    assert_eq!(told, "EACCES\n");
}
