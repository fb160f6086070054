//! Debian's chromium, driven through a consent page by `tests/browser/consent.js` and over the report by
//! `tests/browser/report.js`.

use std::path::Path;
use std::process::Command;

use serde::Deserialize;

use super::programs::{has, printed, repository};

/// Where Debian's package puts it.
const CHROMIUM: &str = "/usr/bin/chromium";

/// What the browser went through.
#[derive(Debug, Deserialize)]
pub(crate) struct Visit {
    /// The text of the consent page.
    pub(crate) shown: String,
    /// Where the button led.
    pub(crate) address: String,
    /// The text there; none where nobody answers at that address.
    pub(crate) landed: Option<String>,
}

/// Whether there is a browser; says so where the test has to be skipped.
pub(crate) fn is_installed() -> bool {
    if !Path::new(CHROMIUM).exists() {
        eprintln!("SKIP: {CHROMIUM} is not installed");
        return false;
    }
    let driver = modules().join("playwright-core");
    if !driver.exists() {
        eprintln!("SKIP: {} is not installed", driver.display());
        return false;
    }
    has("node")
}

/// Opens a page and presses the button of that name.
pub(crate) fn press(button: &str, page: &str) -> Visit {
    let kept = tempfile::tempdir().unwrap();
    let printed = printed(
        Command::new("node")
            .env("NODE_PATH", modules())
            .arg(repository("tests/browser/consent.js"))
            .arg(CHROMIUM)
            .arg(kept.path())
            .args([page, button]),
    );
    serde_json::from_str(&printed).unwrap()
}

/// Opens a report in a window of that width, in `light` or `dark`; what the browser tells of it.
pub(crate) fn look_at(report: &Path, width: &str, scheme: &str) -> serde_json::Value {
    let kept = tempfile::tempdir().unwrap();
    let printed = printed(
        Command::new("node")
            .env("NODE_PATH", modules())
            .arg(repository("tests/browser/report.js"))
            .args([CHROMIUM.as_ref(), kept.path(), report])
            .args([width, scheme]),
    );
    serde_json::from_str(&printed).unwrap()
}

fn modules() -> std::path::PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("../browser/node_modules")
}
