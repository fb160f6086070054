//! When two mail addresses, or two names of people, are one: what people type, and what vendors and
//! directories tell, differ in case, in blanks and in how accents are encoded.

use icu_normalizer::ComposingNormalizerBorrowed;

/// The address (or mail domain) as it is compared: in lower case, and in Unicode's Normalization Form C
/// (UAX #15), so that `é` is the same letter whether it came as one code point or as two.
pub fn folded_address(address: &str) -> String {
    let lower = address.to_lowercase();
    ComposingNormalizerBorrowed::new_nfc()
        .normalize(&lower)
        .into_owned()
}

/// The name as it is compared: as an address is, and with one blank between words and none around.
pub fn folded_name(name: &str) -> String {
    let words: Vec<&str> = name.split_whitespace().collect();
    folded_address(&words.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_and_the_encoding_of_accents_do_not_tell_addresses_apart() {
        let composed = "andr\u{e9}@example.com";
        for same in [
            "andre\u{301}@example.com",
            "ANDR\u{c9}@Example.com",
            "Andre\u{301}@EXAMPLE.com",
            composed,
        ] {
            assert_eq!(folded_address(same), composed, "{same:?}");
        }
        assert_ne!(folded_address("andre@example.com"), composed);
    }

    #[test]
    fn blanks_do_not_tell_names_apart() {
        for same in [
            "\u{c9}ric  Martin",
            " e\u{301}ric\u{a0}MARTIN ",
            "Éric Martin",
        ] {
            assert_eq!(folded_name(same), "éric martin", "{same:?}");
        }
        assert_eq!(folded_name("  "), "");
    }
}
