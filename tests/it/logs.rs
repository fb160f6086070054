//! What the daemon logs: fields, and the ids of notable lines with their entries in the catalog.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use seatsync::telemetry::Notable;
use serde_json::Value;
use vendor_sim::ZoomSim;
use vendor_sim::zoom::{Action, Endpoint, Fault, TooMany, ZoomSimOptions};

use super::support::{Host, SEATSYNC};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Subject and text of each entry of the catalog, by its id.
fn catalog() -> BTreeMap<String, (String, String)> {
    let path = root().join("packaging/usr/lib/systemd/catalog/seatsync.catalog");
    let file = fs::read_to_string(path).unwrap();
    let entries = file.split("\n-- ").skip(1).map(|entry| {
        let (id, entry) = entry.split_once('\n').unwrap();
        let (head, text) = entry.split_once("\n\n").unwrap();
        let subject = head
            .lines()
            .find_map(|line| line.strip_prefix("Subject: "))
            .unwrap_or_else(|| panic!("{id} has no subject"));
        assert!(head.contains("Defined-By: seatsync"), "{id}: {head}");
        (id.to_owned(), (subject.to_owned(), text.trim().to_owned()))
    });
    let listed: Vec<_> = entries.collect();
    let all: BTreeMap<_, _> = listed.iter().cloned().collect();
    assert_eq!(all.len(), listed.len(), "an id has two entries");
    all
}

/// Name and statement of each line of `src/` that has an id.
fn statements() -> Vec<(String, String)> {
    let mut found = Vec::new();
    for file in sources(&root().join("src")) {
        let text = fs::read_to_string(&file).unwrap();
        for (at, _) in text.match_indices("message_id = %Notable::") {
            let begin = text[..at].rfind("tracing::").unwrap();
            let end = at + text[at..].find(");").unwrap();
            let name = text[at..]["message_id = %Notable::".len()..]
                .split(|c: char| !c.is_alphanumeric())
                .next()
                .unwrap();
            found.push((name.to_owned(), text[begin..end].to_owned()));
        }
    }
    found
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|e| e.unwrap().path());
    entries
        .flat_map(|path| {
            if path.is_dir() {
                sources(&path)
            } else {
                vec![path]
            }
        })
        .filter(|path| path.extension().is_some_and(|ext| ext == "rs"))
        .collect()
}

#[test]
fn every_notable_line_is_in_the_catalog_and_in_the_document() {
    let catalog = catalog();
    let ids: BTreeSet<String> = Notable::ALL.iter().map(ToString::to_string).collect();
    assert_eq!(ids.len(), Notable::ALL.len(), "an id is used twice");
    assert_eq!(ids, catalog.keys().cloned().collect());
    for id in &ids {
        assert!(id.len() == 32 && id.chars().all(|c| c.is_ascii_hexdigit()));
    }
    let document = fs::read_to_string(root().join("docs/logs.md")).unwrap();
    let told: BTreeMap<&str, &str> = document
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once("` | "))
        .filter(|(id, _)| id.len() == 32)
        .map(|(id, rest)| (id, rest.split(" | ").nth(1).unwrap().trim_end_matches(" |")))
        .collect();
    let subjects: BTreeMap<&str, &str> = catalog
        .iter()
        .map(|(id, (subject, _))| (id.as_str(), subject.as_str()))
        .collect();
    assert_eq!(told, subjects, "docs/logs.md");
}

#[test]
fn every_notable_line_is_logged_with_the_fields_that_the_catalog_shows() {
    // Lines within a job have these by its span.
    const OF_JOBS: [&str; 3] = ["profile", "subflow", "job"];
    let within_jobs = ["JobCompleted", "JobFailed", "JobPutOff", "WriteCut"];
    let catalog = catalog();
    let statements = statements();
    for notable in Notable::ALL {
        let name = format!("{notable:?}");
        let (_, text) = &catalog[&notable.to_string()];
        let own: Vec<&str> = statements
            .iter()
            .filter(|(of, _)| *of == name)
            .map(|(_, statement)| statement.as_str())
            .collect();
        assert!(!own.is_empty(), "nothing logs `{name}`");
        for field in text.split('@').skip(1).step_by(2) {
            let field = field.to_lowercase();
            let by_span = within_jobs.contains(&name.as_str()) && OF_JOBS.contains(&field.as_str());
            for statement in &own {
                let fields = statement.split(|c: char| !(c.is_alphanumeric() || c == '_'));
                assert!(
                    by_span || fields.into_iter().any(|word| word == field),
                    "the catalog shows `@{field}@` of `{name}`, which this has not: {statement}"
                );
            }
        }
    }
}

#[test]
fn every_command_that_the_catalog_names_is_one() {
    for (id, (_, text)) in catalog() {
        let words = text.replace('\n', " ");
        let commands = words.split('`').skip(1).step_by(2);
        for command in commands.filter_map(|command| command.strip_prefix("seatsync ")) {
            let arguments = command.replace("@SEQ@:@HASH@", "1:00").replace('@', "");
            let answer = Command::new(SEATSYNC)
                .args(arguments.to_lowercase().split_whitespace())
                .arg("--help")
                .output()
                .unwrap();
            assert!(answer.status.success(), "{id} names `seatsync {command}`");
        }
    }
}

/// Starts a host whose first download the vendor does not let through, with `more` on the command line.
async fn put_off(more: &[&str]) -> (Host, ZoomSim) {
    let options = ZoomSimOptions {
        users: 20,
        limits: false,
        ..ZoomSimOptions::default()
    };
    let vendor = ZoomSim::start(options).await.unwrap();
    let daily = Action::TooMany {
        kind: TooMany::Daily,
    };
    // The first call is of what validates the profile.
    vendor
        .control()
        .set_fault(Fault::on(Endpoint::ListUsers, daily).after(1));
    let mut host = Host::with_zoom(&vendor);
    host.start_with(more);
    host.until_log("put off until");
    (host, vendor)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_line_of_a_job_says_which_and_what_the_vendor_calls_it() {
    let (host, vendor) = put_off(&[]).await;
    let log = host.log();
    let lines = || {
        log.lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap())
    };
    let line = lines()
        .find(|line| line["message_id"] == Notable::JobPutOff.to_string())
        .unwrap_or_else(|| panic!("{log}"));
    assert_eq!(line["level"], "WARN");
    assert_eq!(line["span"]["profile"], "zoom");
    assert_eq!(line["span"]["subflow"], "download_subscriptions");
    let jobs = host.json(&["jobs", "list"]);
    assert_eq!(line["span"]["job"], jobs["rows"][0]["id"], "{jobs:#}");
    let calls = vendor.control().requests();
    assert!(
        calls
            .iter()
            .any(|call| line["trace_id"] == call.tracking_id.as_str()),
        "{line}"
    );
    let begun = lines().find(|line| line["message_id"] == Notable::Serving.to_string());
    assert_eq!(begun.unwrap()["version"], env!("CARGO_PKG_VERSION"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_line_for_people_has_no_ids_that_are_for_machines() {
    let (host, _vendor) = put_off(&["--log-format", "text"]).await;
    let log = host.log();
    let line = log.lines().find(|line| line.contains("put off until"));
    let line = line.unwrap();
    assert!(
        line.contains("WARN job{profile=zoom subflow=\"download_subscriptions\" job="),
        "{line}"
    );
    assert!(!log.contains("message_id"), "{log}");
    assert!(!log.contains(&Notable::JobPutOff.to_string()), "{log}");
}
