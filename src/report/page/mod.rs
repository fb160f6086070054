//! One page with everything that a licence manager looks at: a file that asks nobody for anything. Vendors'
//! users choose their names, so that every text of a fact is escaped, and the page's own policy lets no other
//! script run than its own.

mod chart;
mod sections;
#[cfg(test)]
mod tests;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use jiff::civil::Date;
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, HtmlEscape, UndefinedBehavior, Value};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::ReportError;
use crate::doctor::Health;
use crate::position::result::ProductResult;
use crate::store::job::Job;
use crate::store::position::PositionRun;
use crate::store::report::{ReportCandidate, ReportSums};

/// Rows of a list at most: more than a person reads, and few enough for a browser to sort at once.
pub const MOST_ROWS: u32 = 2_000;

const PAGE: &str = include_str!("page.html");
const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// What the page tells.
#[derive(Debug, Clone, PartialEq)]
pub struct Facts {
    /// When it is made.
    pub made_at: Timestamp,
    /// The latest position, where one was computed.
    pub position: Option<PositionRun>,
    /// Its products.
    pub products: Vec<ProductResult>,
    /// Trend, idle seats, lengths of the lists.
    pub sums: ReportSums,
    /// Open candidates, those that save most first, at most [`MOST_ROWS`].
    pub candidates: Vec<ReportCandidate>,
    /// What an operator should look at.
    pub health: Health,
    /// Jobs that ended, the latest first, at most [`MOST_ROWS`].
    pub jobs: Vec<Job>,
}

/// What the template is filled with.
#[derive(Debug, Serialize)]
struct Page<'a> {
    style: &'a str,
    style_hash: String,
    script: &'a str,
    script_hash: String,
    day: String,
    made_at: String,
    version: &'a str,
    basis: String,
    tiles: Vec<Tile>,
    sections: Vec<Section>,
}

/// A number to see at once.
#[derive(Debug, Serialize)]
struct Tile {
    title: &'static str,
    value: String,
    /// How it is coloured: `good`, `warn`, `bad`, or not.
    class: &'static str,
}

/// A part of the page: a sentence, maybe a picture, a table.
#[derive(Debug, Default, Serialize)]
struct Section {
    id: &'static str,
    title: &'static str,
    about: String,
    /// An SVG of our own making.
    chart: Option<String>,
    /// Whether the picture has lines to tell apart.
    key: bool,
    caption: &'static str,
    heads: Vec<Head>,
    rows: Vec<Vec<String>>,
    /// What stands there in place of no rows.
    empty: &'static str,
    /// What is said of rows that are left out.
    rest: Option<String>,
}

/// The head of a column.
#[derive(Debug, Serialize)]
struct Head {
    title: &'static str,
    /// `n` for numbers and amounts, `who` for a name above an address, `long` for sentences, `nb` for what
    /// is broken at line ends alone.
    class: &'static str,
}

/// The page as HTML.
pub fn page(facts: &Facts) -> Result<String, ReportError> {
    let page = Page {
        style: STYLE,
        style_hash: hash(STYLE),
        script: SCRIPT,
        script_hash: hash(SCRIPT),
        day: day_of(facts).to_string(),
        made_at: sections::seconds(facts.made_at),
        version: env!("CARGO_PKG_VERSION"),
        basis: sections::basis(facts),
        tiles: sections::tiles(facts),
        sections: sections::all(facts)?,
    };
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment.add_filter("prose", prose);
    let text = environment
        .render_named_str("page.html", PAGE, Serde(page))
        .map_err(|error| ReportError::Page(format!("{error:#}")))?;
    Ok(text.trim_start().to_owned())
}

/// A sentence as HTML: escaped, and what stands between two backticks as code.
#[expect(clippy::needless_pass_by_value, reason = "filters take their values")]
fn prose(sentence: Value) -> Value {
    let text = sentence.to_string();
    let parts: Vec<&str> = text.split('`').collect();
    // One backtick alone opens nothing.
    let pairs = parts.len().saturating_sub(1) / 2 * 2;
    let mut html = String::new();
    for (number, part) in parts.into_iter().enumerate() {
        if number > 0 {
            html.push_str(match number {
                _ if number > pairs => "`",
                _ if number % 2 == 1 => "<code>",
                _ => "</code>",
            });
        }
        html.push_str(&HtmlEscape(part).to_string());
    }
    Value::from_safe_string(html)
}

fn day_of(facts: &Facts) -> Date {
    let made = || facts.made_at.to_zoned(jiff::tz::TimeZone::UTC).date();
    facts.position.as_ref().map_or_else(made, |run| run.day)
}

/// What a content security policy names a script or style by.
fn hash(text: &str) -> String {
    STANDARD.encode(Sha256::digest(text))
}
