//! User directories on the real daemon: from a CSV file beside the documents to whom the commands say that
//! the users of seats are.

use std::collections::BTreeMap;
use std::fs;

use serde_json::Value;
use vendor_sim::ZoomSim;

use super::support::{Host, text, zoom_account, zoom_profile};

const DIRECTORY: &str = "kind: UserDirectory
name: hr
file: hr.csv
delimiter: semicolon
columns: {email: mail, user_name: login, department: dept, cost_center: cc, company: firm, country: land, active: here, class: kind}
values: {active: [in], inactive: [out], service: [bot], shared: [room], human: [person]}
resolution:
  - {match: email}
  - {match: user_name, transform: remove_domain}
";
const HEADER: &str = "mail;login;dept;cc;firm;land;here;kind\n";

/// The addresses of users who hold seats, in lower case, each once; those that two users have come last.
fn addresses(host: &Host) -> Vec<String> {
    let listed = host.json(&["users", "list", "--limit", "1000"]);
    let rows = listed["rows"].as_array().unwrap();
    let addresses = rows.iter().map(|row| row["email"].as_str().unwrap());
    let mut times: BTreeMap<String, u32> = BTreeMap::new();
    for address in addresses.filter(|address| !address.is_empty()) {
        *times.entry(address.to_lowercase()).or_default() += 1;
    }
    let mut addresses: Vec<(u32, String)> = times
        .into_iter()
        .map(|(address, times)| (times, address))
        .collect();
    addresses.sort();
    addresses.into_iter().map(|(_, address)| address).collect()
}

/// Everybody by address, but the first by sign-in name, the second twice, the third left, the fourth a
/// program, and the fifth not at all.
fn file(addresses: &[String]) -> String {
    let mut file = format!("\u{feff}{HEADER}");
    for (at, address) in addresses.iter().enumerate() {
        let local = address.split('@').next().unwrap();
        let row = match at {
            0 => format!("first@elsewhere.example;{local};Sales;4711;Acme;DE;in;\n"),
            1 => format!("{address};;Sales;;;;in;\n{address};;Legal;;;;in;\n"),
            2 => format!("{address};;Sales;4711;Acme;DE;out;person\n"),
            3 => format!("{address};;Robots;;Acme;DE;in;bot\n"),
            4 => String::new(),
            _ => format!("{address};;Sales;4712;Acme;FR;in;\n"),
        };
        file.push_str(&row);
    }
    file
}

fn user<'a>(listed: &'a Value, address: &str) -> &'a Value {
    let rows = listed["rows"].as_array().unwrap();
    let found = rows.iter().find(|row| {
        let email = row["email"].as_str().unwrap();
        email.eq_ignore_ascii_case(address)
    });
    found.unwrap_or_else(|| panic!("no `{address}` in {listed:#}"))
}

fn host(vendor: &ZoomSim) -> Host {
    let mut host = Host::with_zoom(vendor);
    host.profile("zoom.yaml", &zoom_profile(vendor, ""));
    host.start();
    host.until_first_run_is_over("zoom");
    host
}

fn write(host: &Host, content: &str) {
    fs::write(host.path("profiles.d/hr.csv"), content).unwrap();
}

fn reload(host: &Host) -> String {
    let reloaded = host.seatsync(&["reload", "--wait"]);
    text(&reloaded.stdout) + &text(&reloaded.stderr)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn users_are_found_by_the_rules_and_the_position_groups_by_what_the_directory_says() {
    let vendor = zoom_account(60).await;
    let host = host(&vendor);
    let early = text(&host.seatsync(&["users", "list"]).stdout);
    assert!(early.contains("No user directory is read"), "{early}");
    let addresses = addresses(&host);
    write(&host, &file(&addresses));
    host.profile("hr.yaml", DIRECTORY);
    assert!(!reload(&host).contains("error"));

    // Seats that were there before the directory.
    let listed = host.json(&["users", "list", "--limit", "1000"]);
    let first = user(&listed, &addresses[0]);
    assert_eq!(first["outcome"], "resolved");
    assert_eq!(first["origin"]["matched_by"], "user_name, domain removed");
    assert_eq!(first["person"]["cost_center"], "4711");
    assert_eq!(
        user(&listed, &addresses[5])["origin"]["matched_by"],
        "email"
    );
    let ties = host.json(&["users", "list", "--ties"]);
    assert_eq!(ties["rows"].as_array().unwrap().len(), 1);
    let tie = user(&ties, &addresses[1]);
    assert_eq!(
        (&tie["origin"]["found"], &tie["person"]),
        (&2.into(), &Value::Null)
    );
    let left = host.json(&["users", "list", "--left"]);
    assert_eq!(left["rows"].as_array().unwrap().len(), 1);
    assert_eq!(user(&left, &addresses[2])["origin"]["line"], 5);
    let accounts = host.json(&["users", "list", "--accounts"]);
    assert_eq!(user(&accounts, &addresses[3])["person"]["class"], "service");
    let unresolved = host.json(&["users", "list", "--unresolved"]);
    let nobody = user(&unresolved, &addresses[4]);
    assert_eq!(unresolved["counts"]["unresolved"], 1);
    assert_eq!(unresolved["counts"]["unresolved_seats"], nobody["seats"]);

    let position = host.json(&["position", "--run"]);
    let holders = &position["run"]["holders"];
    let used = |position: &Value| -> u64 {
        let products = position["products"].as_array().unwrap();
        let used = products
            .iter()
            .map(|one| one["rights_used"].as_u64().unwrap());
        used.sum()
    };
    let all: u64 = holders
        .as_object()
        .unwrap()
        .values()
        .map(|n| n.as_u64().unwrap())
        .sum();
    assert_eq!(all, used(&position), "{holders:#}");
    for grouping in ["department", "cost_center", "company", "country"] {
        let grouped = host.json(&["position", "--group", grouping]);
        assert_eq!(used(&grouped), used(&position), "{grouping}");
    }
    let grouped = host.json(&["position", "--group", "country"]);
    let groups: Vec<&Value> = grouped["products"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["group"])
        .collect();
    assert!(groups.contains(&&Value::from("FR")), "{groups:?}");
    let departments = host
        .json(&["position", "--group", "department"])
        .to_string();
    assert!(departments.contains("\"Sales\""), "{departments}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_is_broken_gone_or_half_there_keeps_the_people_known_and_says_so() {
    let vendor = zoom_account(60).await;
    let host = host(&vendor);
    let addresses = addresses(&host);
    let whole = file(&addresses);
    write(&host, &whole);
    host.profile("hr.yaml", DIRECTORY);
    reload(&host);
    let known = |host: &Host| host.json(&["users", "list"])["counts"]["resolved"].clone();
    let before = known(&host);
    assert_ne!(before, 0);

    let bad = whole.replacen(";in;\n", ";maybe;\n", 1);
    let half = &whole[..whole.len() / 4];
    let half = &half[..=half.rfind('\n').unwrap()];
    for (content, told) in [
        (
            Some(bad.as_str()),
            "line 2: its word does not say whether the person is active",
        ),
        (None, "cannot be read"),
        (Some(half), "are let go at once"),
    ] {
        match content {
            Some(content) => write(&host, content),
            None => fs::remove_file(host.path("profiles.d/hr.csv")).unwrap(),
        }
        let said = reload(&host);
        assert!(said.contains(told), "{told}: {said}");
        assert_eq!(known(&host), before, "{told}");
        let status = text(&host.seatsync(&["status"]).stdout);
        assert!(status.contains("UserDirectory hr"), "{status}");
        assert!(status.contains(told), "{told}: {status}");
    }

    // A team that means it says so.
    host.profile("hr.yaml", &format!("{DIRECTORY}largest_loss: 100%\n"));
    let said = reload(&host);
    assert!(!said.contains("let go at once"), "{said}");
    assert_ne!(known(&host), before);
    let status = text(&host.seatsync(&["status"]).stdout);
    assert!(!status.contains("UserDirectory hr"), "{status}");

    fs::remove_file(host.path("profiles.d/hr.yaml")).unwrap();
    reload(&host);
    assert_eq!(known(&host), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_to_a_secret_shows_nothing_of_it() {
    let vendor = zoom_account(60).await;
    let mut host = host(&vendor);
    write(&host, HEADER);
    host.profile("hr.yaml", DIRECTORY);
    let secret = host.path("api-key");
    fs::write(&secret, "8b9a924e-very-secret\n").unwrap();
    fs::remove_file(host.path("profiles.d/hr.csv")).unwrap();
    std::os::unix::fs::symlink(&secret, host.path("profiles.d/hr.csv")).unwrap();
    std::os::unix::fs::symlink(&secret, host.path("profiles.d/more.yaml")).unwrap();
    let said = reload(&host);
    assert!(said.contains("has no column `mail`"), "{said}");
    assert!(said.contains("more.yaml"), "{said}");
    let status = text(&host.seatsync(&["status"]).stdout);
    let doctor = text(&host.seatsync(&["doctor"]).stdout);
    host.stop();
    for told in [said, status, doctor, host.log()] {
        assert!(!told.contains("8b9a924e"), "{told}");
    }
    fs::remove_file(host.path("profiles.d/hr.csv")).unwrap();
    std::os::unix::fs::symlink(host.path(""), host.path("profiles.d/up")).unwrap();
    let through = DIRECTORY.replace("file: hr.csv", "file: up/api-key");
    host.profile("hr.yaml", &through);
    let checked = host.seatsync(&["check", &host.path("profiles.d").display().to_string()]);
    let told = text(&checked.stdout);
    assert!(told.contains("has no column `mail`"), "{told}");
    assert!(!told.contains("8b9a924e"), "{told}");
}

#[test]
fn a_directory_that_is_no_directory_is_not_read_out() {
    let host = Host::new();
    let rows = "[default]\naws_secret_access_key = 8b9a924e\n";
    let document = "kind: UserDirectory\nname: hr\nfile: FILE\ndelimiter: pipe\ncolumns: {email: '[default]', active: '[default]'}\n";
    fs::create_dir(host.path("profiles.d/.git")).unwrap();
    fs::write(host.path("profiles.d/.git/config"), rows).unwrap();
    fs::write(host.path("credentials"), rows).unwrap();
    std::os::unix::fs::symlink(host.path("credentials"), host.path("profiles.d/hr.csv")).unwrap();
    for (file, columns) in [
        ("hr.csv", "[default]"),
        (".git/config", "[default]"),
        ("hr.csv", "another"),
        (".git/config", "another"),
    ] {
        let document = document.replace("FILE", file).replace("[default]", columns);
        host.profile("hr.yaml", &document);
        let checked = host.seatsync(&["check", &host.path("profiles.d").display().to_string()]);
        let told = text(&checked.stdout);
        assert_eq!(checked.status.code(), Some(1), "{told}");
        assert!(!told.contains("8b9a924e"), "{told}");
        let code = match columns {
            "another" => "profile::directory_column",
            _ => "profile::directory_row",
        };
        assert!(told.contains(code), "{told}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_in_a_directory_alone_is_forgotten_in_the_bytes_too() {
    let vendor = zoom_account(60).await;
    let mut host = host(&vendor);
    let gone = "left.long.ago@example.com";
    write(
        &host,
        &format!(
            "mail;login;here;boss\n{gone};forgottenlogin;out;\nstays@example.com;;in;{}\n",
            gone.to_uppercase()
        ),
    );
    let columns = "columns: {email: mail, user_name: login, active: here, manager: boss}";
    let all_columns = DIRECTORY.lines().find(|line| line.starts_with("columns"));
    host.profile("hr.yaml", &DIRECTORY.replace(all_columns.unwrap(), columns));
    assert!(!reload(&host).contains("error"));
    let forgotten = host.json(&["forget", gone]);
    assert_eq!(forgotten["people"], 1, "{forgotten:#}");
    assert_eq!(host.json(&["forget", gone])["people"], 0);
    host.stop();
    let bytes = fs::read(host.path("state/seatsync.db")).unwrap();
    let holds = |word: &str| {
        bytes
            .windows(word.len())
            .any(|window| window == word.as_bytes())
    };
    assert!(holds("stays@example.com"));
    for word in [gone, &gone.to_uppercase(), "forgottenlogin"] {
        assert!(!holds(word), "`{word}` in the file");
    }
}
