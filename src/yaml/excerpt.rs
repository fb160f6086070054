//! The lines of a file that a finding marks, with whatever may be a secret blotted out: a check's
//! output ends up in build logs.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use super::diagnostic::{Diagnostic, Region};

/// The most lines of one excerpt.
const MOST_LINES: usize = 3;

/// The longest line shown, in bytes; a longer one is not shown at all.
const LONGEST_LINE: usize = 400;

/// The lines of `text` that `region` covers, the first few of them. `hidden` stretches, and what
/// stands after a key that holds secrets, are replaced by asterisks.
pub fn of(text: &str, region: Region, hidden: &[Region]) -> String {
    let first = text.get(..region.start).map_or(0, |before| {
        before.rfind('\n').map_or(0, |newline| newline + 1)
    });
    let mut shown = Vec::new();
    let mut start = first;
    let wanted = (region.end_line - region.line) as usize + 1;
    for line in text
        .get(first..)
        .unwrap_or_default()
        .split('\n')
        .take(wanted.min(MOST_LINES))
    {
        let end = start + line.len();
        let line = line.strip_suffix('\r').unwrap_or(line);
        shown.push(if line.len() > LONGEST_LINE {
            String::new()
        } else {
            blot(line, start, hidden)
        });
        start = end + 1;
    }
    shown.join("\n")
}

/// Gives findings that were made without the text at hand their lines, where the files can be read and
/// shown.
pub fn fill(found: &mut [Diagnostic]) {
    let mut texts: BTreeMap<Arc<Path>, Option<String>> = BTreeMap::new();
    let wanted = |found: &&mut Diagnostic| found.excerpt.is_none() && !found.withheld;
    for found in found.iter_mut().filter(wanted) {
        let Some(region) = found.region else { continue };
        let text = texts
            .entry(Arc::clone(&found.file))
            .or_insert_with_key(|file| std::fs::read_to_string(file).ok());
        let text = text
            .as_deref()
            .map(|text| text.trim_start_matches('\u{feff}'));
        found.excerpt = text.map(|text| of(text, region, &[]));
    }
}

/// Keys whose values are references to secrets, and so may hold a secret by mistake.
const SECRET_KEYS: &[&str] = &["secret:", "token:", "password:", "api_key:", "pat:"];

/// Where an address holds `user:password@`.
fn password_in_address(line: &str) -> Option<Range<usize>> {
    let start = line.find("://")? + 3;
    let rest = line.get(start..)?;
    let end = rest.find(['/', ' ', '"', '\'']).unwrap_or(rest.len());
    let at = rest.get(..end)?.rfind('@')?;
    Some(start..start + at)
}

fn blot(line: &str, line_start: usize, hidden: &[Region]) -> String {
    let after_key = SECRET_KEYS
        .iter()
        .filter_map(|key| line.find(key).map(|at| at + key.len()))
        .min()
        .filter(|at| !is_reference(&line[*at..]));
    let in_address = password_in_address(line);
    let covered = |at: usize| {
        let at = line_start + at;
        hidden
            .iter()
            .any(|region| region.start <= at && at < region.end)
    };
    line.char_indices()
        .map(|(at, shown)| {
            let secret = after_key.is_some_and(|from| at >= from) && !shown.is_whitespace();
            let secret = secret || in_address.as_ref().is_some_and(|part| part.contains(&at));
            if secret || covered(at) { '*' } else { shown }
        })
        .collect()
}

/// `{credential: …}`, `{file: …}` and `{env: …}` name a secret without telling it.
fn is_reference(value: &str) -> bool {
    let value = value.trim_start();
    let inner = value.strip_prefix('{').map(str::trim_start);
    value.is_empty()
        || inner.is_some_and(|inner| {
            ["credential:", "file:", "env:"]
                .iter()
                .any(|key| inner.starts_with(key))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole_line(text: &str) -> Region {
        Region {
            line: 1,
            end_line: 1,
            end: text.len(),
            ..Region::default()
        }
    }

    #[test]
    fn a_literal_secret_is_blotted_out_and_a_reference_is_not() {
        let literal = "  oauth: {grantt: x, client_secret: \"hunter2\"";
        let shown = of(literal, whole_line(literal), &[]);
        assert_eq!(shown, "  oauth: {grantt: x, client_secret: *********");
        let reference = "client_secret: {credential: zoom}";
        assert_eq!(of(reference, whole_line(reference), &[]), reference);
        let url = "token_url: http://x";
        assert_eq!(of(url, whole_line(url), &[]), url);
    }

    #[test]
    fn a_hidden_stretch_is_blotted_out_by_bytes() {
        let line = "ä: hidden, shown";
        let hidden = Region {
            start: 4,
            end: 10,
            ..Region::default()
        };
        assert_eq!(of(line, whole_line(line), &[hidden]), "ä: ******, shown");
    }
}
