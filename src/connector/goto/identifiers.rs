//! GoTo's product codes in our spelling.

use crate::profile::identifier::{Identifier, Vendor};

/// Codes that are known, with the word of their identifier. GoToConnect has two codes.
const PRODUCTS: [(&str, &str); 9] = [
    ("G2M", "g2m"),
    ("G2W", "g2w"),
    ("G2T", "g2t"),
    ("JIVE", "connect"),
    ("G2C", "connect"),
    ("OPENVOICE", "openvoice"),
    ("G2ASEEIT", "g2aseeit"),
    ("G2ARS", "g2ars"),
    ("G2ASD", "g2asd"),
];

/// What a licence gives seats of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Products {
    /// Each once.
    pub(super) identifiers: Vec<Identifier>,
    /// Codes that are not known.
    pub(super) unrecognized: Vec<String>,
}

/// The products of a licence's codes. A licence of GoToWebinar or GoToTraining names GoToMeeting
/// beside it, which comes along and is no seat of its own.
pub(super) fn products<'a>(codes: &(impl Iterator<Item = &'a str> + Clone)) -> Products {
    let has = |wanted: &str| codes.clone().any(|code| code.eq_ignore_ascii_case(wanted));
    let comes_with_meetings = has("G2W") || has("G2T");
    let mut products = Products::default();
    for code in codes.clone() {
        if comes_with_meetings && code.eq_ignore_ascii_case("G2M") {
            continue;
        }
        let known = PRODUCTS
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(code));
        let word = known.map_or(code, |(_, word)| *word);
        let identifier = Identifier::from_vendor_word(Vendor::GoTo, word, None);
        if known.is_none() {
            products.unrecognized.push(identifier.to_string());
        }
        if !products.identifiers.contains(&identifier) {
            products.identifiers.push(identifier);
        }
    }
    products
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::catalogue::Catalogue;

    #[test]
    fn codes_become_the_identifiers_of_the_table() {
        let cases: [(&[&str], &[&str], usize); 9] = [
            (&["G2M"], &["goto.g2m"], 0),
            (&["G2W", "G2M"], &["goto.g2w"], 0),
            (&["G2M", "G2T"], &["goto.g2t"], 0),
            (&["JIVE", "G2C"], &["goto.connect"], 0),
            (&["JIVE", "G2C", "G2M"], &["goto.connect", "goto.g2m"], 0),
            (&["OPENVOICE"], &["goto.openvoice"], 0),
            (
                &["G2ARS", "G2ASEEIT", "G2ASD"],
                &["goto.g2ars", "goto.g2aseeit", "goto.g2asd"],
                0,
            ),
            (&["GRASSHOPPER-X"], &["goto.grasshopper_x"], 1),
            (&[], &[], 0),
        ];
        for (codes, expected, unrecognized) in cases {
            let found = products(&codes.iter().copied());
            let words: Vec<&str> = found.identifiers.iter().map(Identifier::as_str).collect();
            assert_eq!(words, expected, "{codes:?}");
            assert_eq!(found.unrecognized.len(), unrecognized, "{codes:?}");
            let catalogue = Catalogue::of(Vec::new());
            let without = found
                .identifiers
                .iter()
                .filter(|one| catalogue.model_of(one).is_none());
            assert_eq!(without.count(), unrecognized, "{codes:?}");
        }
    }
}
