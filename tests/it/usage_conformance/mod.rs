//! The usage API, over its real socket, row by row of a table of what a caller may meet. The names of
//! the tests follow the API's own words; the behaviour is ServiceNow's where it is documented, and ours
//! where it is not. A comment `// row 42` stands at what proves that row; [`every_row_is_proved`] misses
//! none of them.

mod bodies;
mod formats;
mod identity;
mod items;
mod negotiation;
mod process;
mod support;
mod transport;
mod writes;

use std::collections::BTreeSet;
use std::path::Path;

/// Rows of the table.
const ROWS: u32 = 117;
/// What they ask of a TCP listener, which there is not.
const STRUCK: [u32; 2] = [100, 105];

#[test]
fn every_row_is_proved() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/usage_conformance");
    let mut proved = BTreeSet::new();
    for file in std::fs::read_dir(folder).unwrap() {
        let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
        proved.extend(text.lines().flat_map(marked_rows));
    }
    let wanted: BTreeSet<u32> = (1..=ROWS).filter(|row| !STRUCK.contains(row)).collect();
    let missing: Vec<&u32> = wanted.difference(&proved).collect();
    let unknown: Vec<&u32> = proved.difference(&wanted).collect();
    assert!(
        missing.is_empty(),
        "no test says that it proves {missing:?}"
    );
    assert!(unknown.is_empty(), "the table has no rows {unknown:?}");
}

/// The numbers of a line such as `// rows 7, 8: another month` or `// row 42`.
fn marked_rows(line: &str) -> Vec<u32> {
    let mark = line.trim_start().strip_prefix("// row");
    let numbers = mark.map(|rest| rest.trim_start_matches('s').split(':').next());
    let numbers = numbers.flatten().unwrap_or_default();
    numbers
        .split(',')
        .filter_map(|number| number.trim().parse().ok())
        .collect()
}
