//! `seatsync report` on the real daemon: one page, its numbers those of the commands, in a real browser too.

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use serde_json::Value;
use vendor_sim::ZoomSim;

use super::support::chromium::{is_installed, look_at};
use super::support::{Host, text, zoom_account};

const LICENCES: &str = "{kind: Entitlement, name: licensed, software_model: zoom-licensed, quantity: 10, unit_cost: '149.90', currency: EUR, start: 2020-01-01}
";

/// A host whose first runs are over and which has a position, and the report's file.
fn reported(vendor: &ZoomSim) -> (Host, PathBuf) {
    let mut host = Host::with_zoom(vendor);
    host.profile("licences.yaml", LICENCES);
    host.start();
    host.until_first_run_is_over("zoom");
    host.json(&["position", "--run"]);
    let file = host.path("report.html");
    (host, file)
}

fn write(host: &Host, file: &std::path::Path) -> String {
    let output = host.seatsync(&["report", "--out", file.to_str().unwrap()]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    std::fs::read_to_string(file).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_has_the_numbers_of_the_commands_and_is_only_its_owners() {
    let vendor = zoom_account(120).await;
    let (host, file) = reported(&vendor);
    let page = write(&host, &file);
    let mode = std::fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let position = host.json(&["position"]);
    let products = position["products"].as_array().unwrap();
    let find = |product: &&Value| product["product"] == "Zoom Workplace Licensed";
    let licensed = products.iter().find(find).unwrap();
    for number in ["rights_owned", "rights_used", "rights_needed"] {
        let cell = format!("<td class=\"n\">{}</td>", licensed[number]);
        assert!(page.contains(&cell), "{number}: {cell}");
    }
    assert!(page.contains("EUR 1,499.00"));
    assert_eq!(page.matches("<svg role=\"img\"").count(), 2);
    for heading in [
        "position",
        "cost",
        "trend",
        "idle",
        "savings",
        "candidates",
        "health",
        "jobs",
    ] {
        assert!(
            page.contains(&format!("<h2 id=\"{heading}\">")),
            "{heading}"
        );
    }
    let nowhere = host.seatsync(&["report", "--out", "/nowhere/report.html"]);
    assert_eq!(nowhere.status.code(), Some(1));
    assert!(text(&nowhere.stderr).contains("cannot be written"));
}

#[tokio::test(flavor = "multi_thread")]
async fn candidates_that_save_most_in_a_year_come_first() {
    let vendor = zoom_account(120).await;
    let mut host = Host::with_zoom(&vendor);
    // 100 a year, and 10 a month: the smaller number is the larger amount.
    host.profile(
        "licences.yaml",
        "{kind: Entitlement, name: licensed, software_model: zoom-licensed, quantity: 10, unit_cost: '100', currency: EUR, start: 2020-01-01}
---
{kind: Entitlement, name: webinars, software_model: zoom-webinars, quantity: 10, unit_cost: '10', currency: USD, period: monthly, start: 2020-01-01}
",
    );
    host.start();
    host.until(&["candidates", "list", "--limit", "10000"], |listed| {
        let rows = listed["rows"].as_array().unwrap();
        let has = |start: &str| {
            let mut rows = rows.iter();
            rows.any(|row| row["identifier"].as_str().unwrap().starts_with(start))
        };
        has("zoom.licensed") && has("zoom.webinar.")
    });
    let page = write(&host, &host.path("report.html"));
    let (_, rest) = page.split_once("<h2 id=\"candidates\">").unwrap();
    let (section, _) = rest.split_once("</section>").unwrap();
    let rows: Vec<&str> = section.split("<tr>").skip(2).collect();
    let saves = |row: &&str| match (row.contains("USD 120.00"), row.contains("EUR 100.00")) {
        (true, _) => 120,
        (_, true) => 100,
        _ => 0,
    };
    let order: Vec<u32> = rows.iter().map(saves).collect();
    assert!(order.is_sorted_by(|a, b| a >= b), "{order:?}");
    assert_eq!(
        (order.first(), order.contains(&100)),
        (Some(&120), true),
        "{order:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_shows_the_page_at_every_width_and_by_keyboard() {
    if !is_installed() {
        return;
    }
    let vendor = zoom_account(120).await;
    let (host, file) = reported(&vendor);
    write(&host, &file);
    for width in ["390", "1280"] {
        for scheme in ["light", "dark"] {
            let seen = look_at(&file, width, scheme);
            let what = format!("{width} {scheme}: {seen:#}");
            assert_eq!(seen["said"], serde_json::json!([]), "{what}");
            assert_eq!(seen["overflow"], 0, "{what}");
            if width == "1280" {
                assert_eq!(seen["wide"], serde_json::json!([]), "{what}");
            }
            assert_eq!(seen["pale"], serde_json::json!([]), "{what}");
            assert_eq!(seen["sorted"], "descending", "{what}");
            assert_eq!(seen["searched"], true, "{what}");
            assert!(seen["open_ms"].as_f64().unwrap() > 0.0, "{what}");
        }
    }
}
