//! `seatsync check` and `seatsync schema` as they are called: what they print, and how they end.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

/// A folder with `files`, which are checked from inside it, so that what is printed is the same
/// everywhere.
fn folder(files: &[(&str, &[u8])]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    folder
}

fn seatsync(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_seatsync"))
        .current_dir(folder)
        .args(arguments)
        .env_remove("SEATSYNC_CONFIG")
        .env("RUST_BACKTRACE", "0")
        .output()
        .unwrap()
}

/// Compares with the snapshot of the test, or with the one named.
macro_rules! snapshot {
    ($name:literal, $told:expr) => {{
        let told = $told;
        insta::assert_snapshot!($name, told);
    }};
    ($told:expr) => {{
        let told = $told;
        insta::assert_snapshot!(told);
    }};
}

/// What was printed and the exit code, as one text.
fn told(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    format!(
        "{}{}exit code {}\n",
        text(&output.stdout),
        text(&output.stderr),
        output.status.code().unwrap()
    )
}

fn check(files: &[(&str, &[u8])]) -> String {
    told(&seatsync(folder(files).path(), &["check", "."]))
}

const CONNECTION: &str = "kind: Connection
name: zoom
vendor: zoom
oauth:
  grant: account_credentials
  account_id: abc
  client_id: xyz
  client_secret: {credential: zoom}
";

const PROFILE: &str = "kind: Profile
name: zoom-emea
type: zoom
connection: zoom
";

fn with_connection(profile: &str) -> String {
    check(&[
        ("connection.yaml", CONNECTION.as_bytes()),
        ("profile.yaml", profile.as_bytes()),
    ])
}

#[test]
fn files_that_are_right_are_told_so() {
    snapshot!(with_connection(PROFILE));
}

#[test]
fn every_mistake_of_a_profile_is_told_in_one_go() {
    snapshot!(with_connection(
        "kind: Profile
name: Zoom EMEA
type: zom
state: publishd
conection: zoom
connection: zoom
connection: zoom-2
subflows:
  download_subscriptions: {enabled: false, schedule: \"61 6 * * *\"}
  pull_user_activity: {analyze_from: 60, enabled: yes}
  reclaim_subscriptions: {schedule: \"0 0 31 2 *\"}
exclusions:
  identifiers: [{identifier: zoom_basic, reason: free}, {identifier: zoom.basic}]
  users: [{user: a@b.c, domain: x.y, reason: z}, {reason: q}, {domain: \"@x\", reason: \" \", expires: 2027-02-30}]
reclamation: {last_activity_threshold: 2d, windows: [\"mon..fri 9-16\"], guards: {max_per_run: {percent: 101}}}
"
    ));
}

#[test]
fn a_type_says_what_a_profile_can_have() {
    snapshot!(check(&[(
        "a.yaml",
        b"kind: Profile
name: zoom
type: zoom
connection: {oauth: {grant: api_key, token: {env: A}}}
connect_connection: {}
subflows: {pull_user_activity: {analyze_from: 365d}}
exclusions: {identifiers: [{identifier: goto.g2m, reason: x}]}
---
kind: Profile
name: aha
type: aha
connection: {oauth: {grant: api_key, account_id: x}, limits: {plan: pro}}
subflows: {pull_user_activity: {enabled: true}}
---
kind: Profile
name: goto
type: goto
connection: {oauth: {grant: personal_access_token, client_id: y, token: {env: A}}}
" as &[u8]
    )]));
}

#[test]
fn connections_inherit_and_no_secret_goes_astray() {
    snapshot!(check(&[(
        "a.yaml",
        b"kind: Connection
name: base
vendor: zoom
oauth: {grant: account_credentials, account_id: a, client_id: b, client_secret: {env: SECRET}}
---
{kind: Connection, name: same-app, parent: base, limits: {share: 10%}}
---
{kind: Connection, name: elsewhere, parent: base, oauth: {account_id: other}}
---
{kind: Connection, name: fresh, parent: base, oauth: {grant: authorization_code}}
---
{kind: Connection, name: round, parent: about}
---
{kind: Connection, name: about, parent: round}
---
{kind: Connection, name: orphan, parent: bsae}
---
{kind: Connection, name: stranger, parent: base, vendor: aha}
---
{kind: Connection, name: evil, parent: base, url: \"https://zoom.us.example.com\"}
---
{kind: Connection, name: plain, vendor: zoom, url: \"http://api.zoom.us/v2\"}
---
{kind: Connection, name: loop, vendor: zoom, url: \"http://127.0.0.1:9/v2\"}
---
{kind: Connection, name: hidden, vendor: zoom, url: \"https://user:hunter2@zoom.us\"}
---
{kind: Connection, name: thief, parent: base, oauth: {client_secret: {file: /etc/shadow}}}
---
{kind: Profile, name: p1, type: zoom, connection: same-app}
---
{kind: Profile, name: p2, type: zoom, connection: elsewhere}
---
{kind: Profile, name: p3, type: zoom, connection: fresh}
---
{kind: Profile, name: p4, type: aha, connection: same-app}
---
{kind: Profile, name: p5, type: zoom, connection: same-ap}
---
{kind: Profile, name: p6, type: zoom, connection: evil}
" as &[u8]
    )]));
}

#[test]
fn the_settings_say_where_connections_may_go() {
    let folder = folder(&[
        (
            "profiles/a.yaml",
            b"kind: Profile
name: sim
type: zoom
connection:
  url: http://127.0.0.1:8080/v2
  oauth:
    grant: account_credentials
    token_url: https://login.example.com/oauth/token
    account_id: a
    client_id: b
    client_secret: {file: /srv/secrets/zoom}
reclamation: {guards: {max_per_day: 500, accept_listed_evidence: true}}
" as &[u8],
        ),
        (
            "seatsync.yaml",
            b"connections: {allowed_hosts: [\"127.0.0.1:8080\", \"*.example.com\"]}\nsecrets: {directories: [/srv/secrets]}\n",
        ),
        ("wrong.yaml", b"conections: {}\ntime_zone: Mars\n"),
    ]);
    let without = seatsync(folder.path(), &["check", "profiles"]);
    let with = seatsync(
        folder.path(),
        &["check", "--config", "seatsync.yaml", "profiles"],
    );
    let wrong = seatsync(
        folder.path(),
        &["check", "--config", "wrong.yaml", "profiles"],
    );
    snapshot!(format!(
        "{}\n=== with settings\n{}\n=== with wrong settings\n{}",
        told(&without),
        told(&with),
        told(&wrong)
    ));
}

#[test]
fn a_secret_in_a_file_is_refused_and_never_printed() {
    let file: &[u8] = b"kind: Connection
name: zoom
vendor: zoom
oauth: {grant: account_credentials, acount_id: a, client_id: b, client_secret: hunter2-a}
---
kind: Connection
name: zoom-2
vendor: zoom
oauth:
  grant: account_credentials
  client_secret: {literal: hunter2-b}
  token: [hunter2-c]
  apikey: hunter2-d
---
kind: Connection
name: zoom-4
vendor: zoom
url: https://api.zoom.us/v2?token=hunter2-f
oauth:
  grant: account_credentials
  token_url: https://hunter2-g:x@zoom.us/oauth/token
  authorize_url: https://zoom.us/oauth/authorize#hunter2-h
  client_secret: {env: hunter2-i!}
  token: {credential: ../hunter2-j}
---
kind: Connection
name: zoom-5
vendor: zoom
oauth: {client_secret: {file: hunter2-k}}
---
kind: Connection
name: zoom-3
oauth: {client_secret: \"hunter2-e
";
    let folder = folder(&[("a.yaml", file)]);
    for format in ["table", "json", "github", "sarif"] {
        let output = told(&seatsync(
            folder.path(),
            &["check", "--format", format, "."],
        ));
        assert!(!output.contains("hunter2"), "{output}");
    }
    snapshot!(told(&seatsync(folder.path(), &["check", "."])));
}

#[test]
fn text_that_is_not_yaml_is_told_by_file_and_place() {
    let bomb: String = (0..20).fold("a0: &a0 [x, x]\n".to_owned(), |text, at| {
        let last = format!("*a{at}, ").repeat(8);
        format!("{text}a{next}: &a{next} [{last}]\n", next = at + 1)
    });
    let deep = format!("kind: {}1{}\n", "[".repeat(60), "]".repeat(60));
    let many = format!("kind: [{}]\n", "1,".repeat(70_000));
    snapshot!(check(&[
        ("anchors.yaml", bomb.as_bytes()),
        ("bytes.yaml", b"kind: Profile\nname: caf\xe9\n"),
        ("control.yaml", b"kind: Profile\nname: a\x07b\n"),
        ("deep.yaml", deep.as_bytes()),
        ("empty.yaml", b""),
        (
            "key.yaml",
            b"? [a, b]\n: c\n1: 2\nkind: Exclusions\nname: x\n"
        ),
        ("list.yaml", b"- kind: Profile\n"),
        ("many.yaml", many.as_bytes()),
        ("mark.yaml", b"\xef\xbb\xbfkind: Exclusions\nname: marked\n"),
        ("no-kind.yaml", b"name: x\n"),
        ("null.yaml", b"~\n"),
        ("plain.yaml", b"just text\n"),
        ("self.yaml", b"kind: &a [*a]\n"),
        (
            "tab.yaml",
            b"kind: Profile\nsubflows:\n\tpull_user_activity: {}\n"
        ),
        ("tag.yaml", b"kind: !!python/object x\n"),
        (
            "truncated.yaml",
            b"kind: Profile\nname: x\nprotected: [{user: a@b.c, rea"
        ),
        (
            "two.yaml",
            b"kind: Exclusions\nname: first\n...\nkind: Exclusions\nname: second\n"
        ),
        (
            "windows.yaml",
            b"kind: Exclusions\r\nname: windows\r\nusers: x\r\n"
        ),
        ("wrong-kind.yaml", b"kind: Profil\nname: x\n"),
    ]));
}

#[test]
fn two_documents_of_one_name_are_told_with_both_places() {
    snapshot!(check(&[
        ("connection.yaml", CONNECTION.as_bytes()),
        ("a/profile.yaml", PROFILE.as_bytes()),
        ("b/profile.yml", PROFILE.as_bytes()),
        ("c.yaml", b"{kind: Profile, name: third, type: zoom, connection: zoom, formerly: [zoom-emea, fourth]}\n---\n{kind: Profile, name: fifth, type: zoom, connection: zoom, formerly: [fourth]}\n"),
    ]));
}

#[test]
fn rules_that_meet_in_a_seat_are_told() {
    snapshot!(check(&[
        ("connection.yaml", CONNECTION.as_bytes()),
        ("profile.yaml", PROFILE.as_bytes()),
        (
            "rules.yaml",
            b"{kind: ReclamationRule, name: one, identifiers: [zoom.licensed, zoom.licensed]}
---
{kind: ReclamationRule, name: two, identifiers: [zoom.webinar.500, zoom.licensed], profiles: [zoom-emea, zoom-apac]}
---
{kind: ReclamationRule, name: three, identifiers: [zoom.licensed]}
---
{kind: ReclamationRule, name: four, identifiers: [], mode: automatic, guards: {accept_listed_evidence: true}, keep_spare: 0%}
---
{kind: SoftwareModel, name: pro, publisher: Zoom, product: Pro, identifiers: [{is: zoom.licensed, starts_with: zoom.}]}
---
{kind: Entitlement, name: bought, software_model: prro, quantity: -1, unit_cost: 149.90, currency: Euro, period: yearly, start: 2027-12-31, end: 2027-01-01}
---
{kind: UserDirectory, name: hr, file: ../hr.csv, columns: {mail: mail}, resolution: [{match: employee_id, transform: replace_domain}]}
---
{kind: Approval, name: feb, profile: zoom-emea, plan: \"sha256:12\", expires: soon, seats: [{id: 1, user: a@b.c, identifier: zoom.licensed, last_activity: never}]}
" as &[u8],
        ),
    ]));
}

#[test]
fn what_cannot_be_read_is_told() {
    let folder = folder(&[
        ("connection.yaml", CONNECTION.as_bytes()),
        ("large.yaml", &vec![b'#'; 10 * 1024 * 1024]),
        (".hidden.yaml", b"kind: nothing\n"),
        ("readme.md", b"# kind: nothing\n"),
        ("below/.git/config.yaml", b"kind: nothing\n"),
    ]);
    symlink("gone.yaml", folder.path().join("link.yaml")).unwrap();
    symlink(".", folder.path().join("circle")).unwrap();
    symlink("connection.yaml", folder.path().join("again.yaml")).unwrap();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        folder.path().join("pipe.yaml"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR,
        0,
    )
    .unwrap();
    snapshot!(told(&seatsync(folder.path(), &["check", "."])));
}

#[test]
fn a_file_without_read_permission_is_told() {
    if rustix::process::geteuid().is_root() {
        return;
    }
    let folder = folder(&[("a.yaml", PROFILE.as_bytes())]);
    let path = folder.path().join("a.yaml");
    fs::set_permissions(path, PermissionsExt::from_mode(0o000)).unwrap();
    let output = told(&seatsync(folder.path(), &["check", "."]));
    assert!(output.contains("cannot be read"), "{output}");
    assert!(output.contains("exit code 1"), "{output}");
}

#[test]
fn an_empty_or_missing_path_and_a_wrong_option_are_told() {
    let folder = folder(&[("empty/readme.md", b"")]);
    let empty = seatsync(folder.path(), &["check", "empty"]);
    let missing = seatsync(folder.path(), &["check", "nowhere"]);
    let usage = seatsync(folder.path(), &["check", "--loud"]);
    snapshot!(format!(
        "{}{}{}",
        told(&empty),
        told(&missing),
        told(&usage)
    ));
}

#[test]
fn a_last_day_that_is_past_is_a_warning_and_no_failure() {
    snapshot!(with_connection(&format!(
        "{PROFILE}protected: [{{user: a@b.c, reason: x, expires: 2020-02-29}}, {{user: a@b.c, reason: x, expires: 2999-12-31}}]\n"
    )));
}

#[test]
fn findings_are_printed_for_programs_and_pull_requests() {
    let twice = format!("{PROFILE}state: live\n---\n{PROFILE}---\n{PROFILE}");
    let folder = folder(&[
        ("connection.yaml", CONNECTION.as_bytes()),
        ("a b.yaml", twice.as_bytes()),
    ]);
    let told = |format| {
        told(&seatsync(
            folder.path(),
            &["check", "--format", format, "."],
        ))
    };
    snapshot!("json", told("json"));
    snapshot!("github", told("github"));
    snapshot!("sarif", told("sarif"));
}

#[test]
fn a_file_can_be_named_by_itself() {
    let folder = folder(&[("connection.txt", CONNECTION.as_bytes())]);
    let output = told(&seatsync(folder.path(), &["check", "connection.txt"]));
    assert!(
        output.starts_with("nothing is wrong (1 document in 1 file)"),
        "{output}"
    );
}

#[test]
fn the_schema_is_a_schema() {
    let folder = folder(&[]);
    for arguments in [&["schema"][..], &["schema", "--settings"]] {
        let output = seatsync(folder.path(), arguments);
        assert!(output.status.success());
        let schema: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        jsonschema::meta::validate(&schema).unwrap();
    }
}

#[test]
fn the_samples_are_right_and_one_is_there_for_every_type() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let output = told(&seatsync(root, &["check", "profiles.d"]));
    assert!(
        output.starts_with("nothing is wrong (8 documents in 5 files)"),
        "{output}"
    );
    let samples: String = fs::read_dir(root.join("profiles.d"))
        .unwrap()
        .map(|entry| fs::read_to_string(entry.unwrap().path()).unwrap())
        .collect();
    for kind in ["zoom", "zoom_workplace", "goto", "aha"] {
        assert!(samples.contains(&format!("type: {kind}\n")), "{kind}");
    }
}

#[test]
fn a_change_is_compared_offline_with_what_it_loosens() {
    let after = format!(
        "{PROFILE}state: published\nsubflows: {{reclaim_subscriptions: {{enabled: true}}}}\n"
    );
    let folder = folder(&[
        ("base/connection.yaml", CONNECTION.as_bytes()),
        ("base/profile.yaml", PROFILE.as_bytes()),
        (
            "base/all.yaml",
            b"{kind: Exclusions, name: all, protected: [{user: a@b.c, reason: x}]}",
        ),
        ("head/connection.yaml", CONNECTION.as_bytes()),
        ("head/moved.yaml", after.as_bytes()),
    ]);
    let plan = |arguments: &[&str]| told(&seatsync(folder.path(), arguments));
    snapshot!(
        "plan_base",
        plan(&["plan", "--base", "base", "head", "--detailed-exitcode"])
    );
    snapshot!(
        "plan_base_json",
        plan(&["plan", "--base", "base", "head", "--format", "json"])
    );
    let same = plan(&["plan", "--base", "base", "base", "--detailed-exitcode"]);
    assert!(same.starts_with("nothing changes"), "{same}");
    assert!(same.ends_with("exit code 0\n"), "{same}");
    let nowhere = plan(&["plan", "--base", "nowhere", "head"]);
    assert!(nowhere.ends_with("exit code 2\n"), "{nowhere}");
    let without = plan(&["plan", "head"]);
    assert!(without.ends_with("exit code 2\n"), "{without}");
}

#[test]
fn an_excluded_identifier_that_no_seat_can_have_is_a_warning() {
    let folder = folder(&[(
        "a.yaml",
        b"kind: Exclusions
name: company
identifiers:
  - {identifier: zoom.licenced, profile_type: zoom, reason: mistyped}
  - {identifier: zoom.webinar.500, profile_type: zoom, reason: right}
" as &[u8],
    )]);
    let checked = seatsync(folder.path(), &["check", "."]);
    assert_eq!(checked.status.code(), Some(0));
    let said = told(&checked);
    assert!(
        said.contains(
            "warning[profile::identifier]: no seat is known to have the identifier `zoom.licenced`"
        ),
        "{said}"
    );
    assert!(said.contains("did you mean `zoom.licensed`?"), "{said}");
    assert!(said.contains("1 warning"), "{said}");
}

#[test]
fn an_excluded_product_that_the_profile_does_not_count_is_a_warning() {
    let folder = folder(&[(
        "a.yaml",
        b"kind: Exclusions
name: company
identifiers:
  - {identifier: zoom.zoom_phone, profile_type: zoom, reason: of the other type}
  - {identifier: zoom.one.16, profile_type: zoom_workplace, reason: right}
  - {identifier: zoom.webinar.500, profile_type: zoom, reason: right}
" as &[u8],
    )]);
    let checked = seatsync(folder.path(), &["check", "."]);
    assert_eq!(checked.status.code(), Some(0));
    let said = told(&checked);
    assert!(
        said.contains("profiles of type `zoom` do not count `zoom.zoom_phone`"),
        "{said}"
    );
    assert!(said.contains("`zoom_workplace` count it"), "{said}");
    assert!(said.contains("1 warning"), "{said}");
}

#[test]
fn what_a_link_leads_to_out_of_the_folder_is_not_shown() {
    // The last ones are documents, of which later checks find something.
    let secrets: [&[u8]; 9] = [
        b"token: a\nkind: 8b9a924e\n",
        b"8b9a924e-token\n",
        b"API_KEY=8b9a924e\nkind: 8b9a924e\n",
        b"8b9a924e: [x\n: - b\n",
        b"{\"type\": \"service_account\", \"key\": \"8b9a924e\"}\n",
        b"-----BEGIN PRIVATE KEY-----\n8b9a924e\n-----END PRIVATE KEY-----\n",
        b"kind: Profile\nsecret_of_the_build: 8b9a924e\n",
        b"kind: Profile\nname: b\ntype: zoom\nconnection: nowhere # 8b9a924e\n---\n{kind: Exclusions, name: e, users: [{user: a@example.com, reason: 8b9a924e, expires: 2020-01-01}]}\n",
        b"kind: UserDirectory\nname: hr\nfile: hr.csv # 8b9a924e\ncolumns: {email: mail}\n---\n{kind: Connection, name: zoom, vendor: zoom, oauth: {grant: account_credentials, account_id: 8b9a924e, client_id: b, client_secret: {env: S}}}\n",
    ];
    for secret in secrets {
        let outside = folder(&[("hosts.yml", secret)]);
        let inside = folder(&[("a.yaml", CONNECTION.as_bytes())]);
        let links = [
            ("file.yaml", outside.path().join("hosts.yml")),
            ("dir", outside.path().to_owned()),
        ];
        for (link, target) in &links {
            let link = inside.path().join(link);
            std::os::unix::fs::symlink(target, &link).unwrap();
            for format in ["table", "json", "github", "sarif"] {
                let told = told(&seatsync(
                    inside.path(),
                    &["check", ".", "--format", format],
                ));
                assert!(told.contains("exit code 1"), "{told}");
                assert!(!told.contains("8b9a924e"), "{told}");
            }
            std::fs::remove_file(&link).unwrap();
        }
        // By name, as a hook that checks what changed does.
        for (link, target) in links {
            std::os::unix::fs::symlink(target, inside.path().join(link)).unwrap();
        }
        for named in ["file.yaml", "dir", "dir/hosts.yml"] {
            let told = told(&seatsync(inside.path(), &["check", named]));
            assert!(told.contains("exit code 1"), "{told}");
            assert!(!told.contains("8b9a924e"), "{named}: {told}");
        }
    }
}
