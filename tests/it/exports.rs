//! Exports: every list as a file that other programs open, with the columns that are documented.

use std::fmt::Write as _;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Command;

use seatsync::report::list::{LISTS, List};
use serde_json::{Value, json};

use super::reclaim::{host, last_reclaim, vendor};
use super::support::programs::{printed, python_with_clients, repository};
use super::support::{Host, agent, text};

/// Lists of the command line, and the exports that have the same rows.
const LISTINGS: &[(&str, &[&str])] = &[
    (
        "subscriptions",
        &["subscriptions", "list", "--all", "--limit", "10000"],
    ),
    ("identifiers", &["identifiers", "list"]),
    ("models", &["models", "list"]),
    ("entitlements", &["entitlements", "list"]),
    ("candidates", &["candidates", "list", "--limit", "10000"]),
    ("jobs", &["jobs", "results", "--limit", "10000"]),
    ("exclusions", &["exclusions", "list"]),
    ("connections", &["connections", "list"]),
    ("events", &["events", "list", "--limit", "10000"]),
    ("users", &["users", "list", "--limit", "10000"]),
    ("audit", &["audit", "list", "--limit", "10000"]),
    ("usage", &["usage", "list", "--limit", "10000"]),
];

/// Values of rows that are in no column: what a row says of itself twice, and what only the API needs.
const NOT_EXPORTED: &[&str] = &[
    "/entitlements/yearly",
    "/excluded/expires",
    "/excluded/since",
    "/may_have_add_ons",
    "/protected/expires",
    "/protected/since",
];

fn export(host: &Host, list: &str, kind: &str, folder: &Path) {
    let file = folder.join(format!("{list}.{kind}"));
    let arguments = [
        "export",
        list,
        "--as",
        kind,
        "--out",
        file.to_str().unwrap(),
    ];
    let output = host.seatsync(&arguments);
    assert!(
        output.status.success(),
        "{list} {kind}: {}",
        text(&output.stderr)
    );
}

/// A host with something in every list, among it a name that a spreadsheet would take for a formula.
async fn furnished() -> (Host, vendor_sim::ZoomSim) {
    let vendor = vendor().await;
    let mut host = host(&vendor, "mode: manual");
    let entry = "subflows: {reclaim_subscriptions: {enabled: true}}\nexclusions: {users: [{domain: corp.example.com, reason: \"=HYPERLINK(1)\", expires: 2099-01-01}]}\n";
    host.profile("zoom.yaml", &super::support::zoom_profile(&vendor, entry));
    host.profile(
        "rights.yaml",
        "{kind: Entitlement, name: pro, product: {publisher: Zoom, product: Zoom Workplace Licensed}, quantity: 5, unit_cost: \"149.90\", currency: EUR, start: 2026-01-01, department: Sales}\n",
    );
    host.start();
    host.until_first_run_is_over("zoom");
    last_reclaim(&host, |job| job["state"] == "completed");
    know_somebody(&host);
    host.json(&["position", "--run"]);
    let record = json!({
        "configuration_item": "eaa9604d3790200044e0bfc8bcbe5dc1",
        "norm_product": "00000000000000000000000000000001",
        "reclamation_type": "total_usage", "month_used": 2, "year": 2026, "usage_count": 13,
        "total_usage_time": 780, "discovery_source": "=1+1",
    });
    let mut socket = UnixStream::connect(host.usage_socket()).unwrap();
    agent::post(&mut socket, &[record.to_string()]).unwrap();
    (host, vendor)
}

/// A user directory that has everything to say of one of the users.
fn know_somebody(host: &Host) {
    let listed = host.json(&["users", "list", "--limit", "10000"]);
    let mut users = listed["rows"].as_array().unwrap().iter();
    let address = users.find_map(|user| user["email"].as_str().filter(|email| !email.is_empty()));
    let columns = "email,employee_id,display_name,department,cost_center,company,country,manager,active,class";
    let file = format!(
        "{columns}\n{},7,=Name,Sales,4711,Acme,DE,boss@example.com,true,human\n",
        address.unwrap()
    );
    std::fs::write(host.path("profiles.d/hr.csv"), file).unwrap();
    let columns: Vec<String> = columns
        .split(',')
        .map(|name| format!("{name}: {name}"))
        .collect();
    host.profile(
        "hr.yaml",
        &format!(
            "{{kind: UserDirectory, name: hr, file: hr.csv, columns: {{{}}}}}\n",
            columns.join(", ")
        ),
    );
    assert!(host.seatsync(&["reload", "--wait"]).status.success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_polars_and_duckdb_open_every_export_with_its_rows_and_types() {
    let Some(python) = python_with_clients() else {
        return;
    };
    let (host, _vendor) = furnished().await;
    let folder = host.path("exports");
    std::fs::create_dir(&folder).unwrap();
    for list in LISTS {
        for kind in ["csv", "jsonl", "parquet"] {
            export(&host, list.name, kind, &folder);
        }
    }
    let mut command = Command::new(python);
    command
        .arg(repository("tests/clients/load_exports.py"))
        .arg(&folder);
    let told: Value = serde_json::from_str(&printed(&mut command)).unwrap();
    for list in LISTS {
        let opened = &told[list.name];
        let rows = opened["lines"].as_u64().unwrap();
        for program in ["sqlite", "polars", "duckdb", "duckdb_csv"] {
            assert_eq!(opened[program], rows, "{} in {program}", list.name);
        }
        for column in list.columns {
            let (duckdb, polars) = match column.kind.as_str() {
                "text" | "JSON text" => ("VARCHAR", "String"),
                "integer" => ("BIGINT", "Int64"),
                "boolean" => ("BOOLEAN", "Boolean"),
                "instant" => (
                    "TIMESTAMP WITH TIME ZONE",
                    "Datetime(time_unit='us', time_zone='UTC')",
                ),
                "day" => ("DATE", "Date"),
                "decimal" => ("DECIMAL(18,6)", "Decimal(precision=18, scale=6)"),
                other => panic!("{other}"),
            };
            assert_eq!(
                opened["types"][column.name], duckdb,
                "{}.{}",
                list.name, column.name
            );
            assert_eq!(
                opened["polars_types"][column.name], polars,
                "{}.{}",
                list.name, column.name
            );
        }
    }
    for (list, arguments) in LISTINGS {
        let listed = host.json(arguments);
        let rows = listed["rows"].as_array().unwrap().len();
        // What was asked for since stands in the audit log too.
        assert!(rows > 0, "{list} is empty");
        assert_eq!(told[*list]["lines"], rows, "{list}");
    }
    for list in ["position", "position-groups"] {
        assert!(told[list]["lines"].as_u64().unwrap() > 0, "{list} is empty");
    }
    let csv = std::fs::read_to_string(folder.join("exclusions.csv")).unwrap();
    assert!(csv.contains(",'=HYPERLINK(1),"), "{csv}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_has_nothing_that_no_column_has() {
    let (host, _vendor) = furnished().await;
    let mut missing = Vec::new();
    for (name, arguments) in LISTINGS {
        let list = LISTS.iter().find(|list| list.name == *name).unwrap();
        let listed = host.json(arguments);
        for row in listed["rows"].as_array().unwrap() {
            leaves(list, row, "", &mut missing);
        }
    }
    missing.sort();
    missing.dedup();
    missing.retain(|path| {
        !NOT_EXPORTED
            .iter()
            .any(|known| path.ends_with(known) || format!("/{path}").starts_with(known))
    });
    assert_eq!(
        missing,
        Vec::<String>::new(),
        "give these a column in src/report/list.rs"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_exported_position_has_the_sums_of_the_command() {
    let (host, _vendor) = furnished().await;
    let folder = host.path("exports");
    std::fs::create_dir(&folder).unwrap();
    let rows = |list: &str| -> Vec<Value> {
        export(&host, list, "jsonl", &folder);
        let file = std::fs::read_to_string(folder.join(format!("{list}.jsonl"))).unwrap();
        file.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    };
    let sum = |rows: &[Value], narrow: [(&str, &str); 2]| -> i64 {
        let wanted = |row: &&Value| narrow.iter().all(|(column, word)| row[*column] == *word);
        let used = rows.iter().filter(wanted);
        used.map(|row| row["rights_used"].as_i64().unwrap_or_default())
            .sum()
    };
    let position = host.json(&["position"]);
    let products = position["products"].as_array().unwrap();
    let used: i64 = products
        .iter()
        .map(|one| one["rights_used"].as_i64().unwrap())
        .sum();
    let whole = rows("position");
    let groups = rows("position-groups");
    let is_whole = |row: &Value| row["grouping"] == "none";
    assert!(whole.iter().all(is_whole) && !groups.iter().any(is_whole));
    for tier in ["product", "metric"] {
        assert_eq!(
            sum(&whole, [("tier", tier), ("grouping", "none")]),
            used,
            "{tier}"
        );
        for grouping in ["department", "cost_center", "company", "country"] {
            let narrow = [("tier", tier), ("grouping", grouping)];
            assert_eq!(sum(&groups, narrow), used, "{tier} by {grouping}");
        }
    }
    assert!(groups.iter().any(|row| row["group"] == "Sales"));
    let spend = |row: &&Value| row["currency"] == "EUR" && row["tier"] == "product";
    let paid = whole.iter().find(spend).unwrap();
    assert_eq!(
        (&paid["product"], &paid["total_spend"]),
        (&json!("Zoom Workplace Licensed"), &json!("749.500000"))
    );
    assert_eq!(paid["run"], position["run"]["id"]);
}

fn leaves(list: &List, value: &Value, path: &str, missing: &mut Vec<String>) {
    if list.columns.iter().any(|column| column.from == path) {
        return;
    }
    match value {
        Value::Object(members) => {
            for (key, value) in members {
                leaves(list, value, &format!("{path}/{key}"), missing);
            }
        }
        Value::Null => {}
        _ => missing.push(format!("{}{path}", list.name)),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn standard_output_has_the_bytes_of_a_file() {
    let (host, _vendor) = furnished().await;
    let folder = host.path("exports");
    std::fs::create_dir(&folder).unwrap();
    for kind in ["csv", "jsonl", "parquet"] {
        export(&host, "subscriptions", kind, &folder);
        let printed = host
            .seatsync(&["export", "subscriptions", "--as", kind])
            .stdout;
        let written = std::fs::read(folder.join(format!("subscriptions.{kind}"))).unwrap();
        assert!(
            printed == written,
            "{kind}: {} and {} bytes",
            printed.len(),
            written.len()
        );
    }
    let link = folder.join("link.csv");
    std::os::unix::fs::symlink(folder.join("subscriptions.csv"), &link).unwrap();
    std::fs::write(folder.join("subscriptions.csv"), "old").unwrap();
    let out = ["export", "subscriptions", "--as", "csv", "--out"];
    assert!(
        host.seatsync(&[&out[..], &[link.to_str().unwrap()]].concat())
            .status
            .success()
    );
    assert!(link.is_symlink());
    assert_ne!(
        std::fs::read(folder.join("subscriptions.csv")).unwrap(),
        b"old"
    );
    let device = host.seatsync(&[&out[..], &["/dev/null"]].concat());
    assert_eq!(device.status.code(), Some(2), "{}", text(&device.stderr));
}

#[test]
fn the_columns_are_documented() {
    let page = std::fs::read_to_string(repository("docs/exports.md")).unwrap();
    for list in LISTS {
        let mut section = format!(
            "### {}\n\nOne row: {}.\n\n| column | holds |\n|---|---|\n",
            list.name, list.about
        );
        for column in list.columns {
            let (name, kind) = (column.name, column.kind.as_str());
            let _ = writeln!(section, "| `{name}` | {kind} |");
        }
        assert!(page.contains(&section), "docs/exports.md lacks:\n{section}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_export_that_fails_leaves_the_file_that_was_there() {
    let (mut host, _vendor) = furnished().await;
    let folder = host.path("exports");
    std::fs::create_dir(&folder).unwrap();
    export(&host, "subscriptions", "csv", &folder);
    let before = std::fs::read(folder.join("subscriptions.csv")).unwrap();
    assert_eq!(host.stop(), Some(0), "{}", host.log());
    let file = folder.join("subscriptions.csv");
    let output = host.seatsync(&["export", "subscriptions", "--out", file.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(3));
    assert_eq!(std::fs::read(&file).unwrap(), before);
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1);
}
