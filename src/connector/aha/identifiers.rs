//! Aha!'s seats in our spelling. One user holds one seat or none, as in ServiceNow's integration.
//!
//! | at Aha! | identifier | counts against what was bought |
//! |---|---|---|
//! | `enabled`, `paid_seat` | `aha.paid_seat` | yes |
//! | `enabled`, not `paid_seat` | `aha.unpaid_seat` | no |
//! | not `enabled` | none | |
//!
//! `paid_seat` tells what a user's rights would need, and stays true of a user who was deactivated;
//! deactivated users use no seat. Which roles are free depends on the account's plan, so roles decide
//! nothing here, nor do `roadmaps_seat`, `develop_seat` and `teamwork_seat`, which say what the one
//! seat may be used for.

use crate::profile::identifier::{Identifier, Vendor};

/// The seat of a user, and whether it counts.
pub(super) fn seat_of(enabled: bool, paid: bool) -> Option<(Identifier, bool)> {
    let word = if paid { "paid_seat" } else { "unpaid_seat" };
    enabled.then(|| (Identifier::from_vendor_word(Vendor::Aha, word, None), paid))
}

/// The seat that is bought.
pub(super) fn paid_seat() -> Identifier {
    Identifier::from_vendor_word(Vendor::Aha, "paid_seat", None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::catalogue::Catalogue;

    #[test]
    fn flags_become_the_identifiers_of_the_table() {
        let cases = [
            (true, true, Some(("aha.paid_seat", true))),
            (true, false, Some(("aha.unpaid_seat", false))),
            (false, true, None),
            (false, false, None),
        ];
        for (enabled, paid, expected) in cases {
            let found = seat_of(enabled, paid);
            let found = found
                .as_ref()
                .map(|(word, counts)| (word.as_str(), *counts));
            assert_eq!(found, expected, "{enabled} {paid}");
            if let Some((identifier, costs)) = seat_of(enabled, paid) {
                let catalogue = Catalogue::of(Vec::new());
                let model = catalogue.model_of(&identifier).unwrap();
                assert_eq!(model.under_management, costs);
            }
        }
        assert_eq!(paid_seat().as_str(), "aha.paid_seat");
    }
}
