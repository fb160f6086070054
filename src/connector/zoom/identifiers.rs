//! Zoom's licences in our spelling.
//!
//! | at Zoom | identifier | counts against what was bought | in profiles of type |
//! |---|---|---|---|
//! | user `type` 1, Basic | `zoom.basic` | no | all |
//! | user `type` 2, Licensed | `zoom.licensed` | yes | all |
//! | user `type` 3, on-premises | `zoom.on_prem` | yes | all |
//! | user `type` 4, unassigned without Meetings Basic | `zoom.unassigned` | no | all |
//! | user `type` 99, none | `zoom.none` | no | all |
//! | any other user `type` *n* | `zoom.type_`*n*, unrecognized | yes | all |
//! | the same of somebody with a suite | that of the [suite](super::suites) | yes | `zoom_workplace` |
//!
//! What users hold beside the base seat is told by their [settings](super::products).

use crate::connector::facts::Purchased;
use crate::profile::identifier::{Identifier, Vendor};

/// What a user `type` is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct BaseSeat {
    pub(super) identifier: Identifier,
    pub(super) paid: bool,
    /// Zoom gives add-ons only to users whose base licence hosts.
    pub(super) may_have_add_ons: bool,
    pub(super) recognized: bool,
}

/// The base seat of a user `type`.
pub(super) fn base_seat(user_type: Option<i64>) -> BaseSeat {
    let known = |word: &str, paid| BaseSeat {
        identifier: identifier(word, None),
        paid,
        may_have_add_ons: paid,
        recognized: true,
    };
    match user_type {
        Some(1) => known("basic", false),
        Some(2) => known("licensed", true),
        Some(3) => known("on_prem", true),
        Some(4) => known("unassigned", false),
        Some(99) => known("none", false),
        other => {
            let number = other.map_or_else(|| "unknown".to_owned(), |number| number.to_string());
            BaseSeat {
                identifier: identifier(&format!("type_{number}"), None),
                // Nobody is told that a seat is free because we do not know it.
                paid: true,
                may_have_add_ons: true,
                recognized: false,
            }
        }
    }
}

/// The identifier of an add-on plan: its capacity stands in the plan's word, as in
/// `webinar500_monthly` or `large500_monthly`.
pub(super) fn add_on_plan(word: &str, plan: &str) -> Identifier {
    let digits: String = plan
        .chars()
        .skip_while(|c| !c.is_ascii_digit())
        .take_while(char::is_ascii_digit)
        .collect();
    identifier(word, digits.parse().ok())
}

/// What `GET /users/summary` tells, for accounts whose plans cannot be read.
pub(super) fn assigned(word: &str, assigned: u64) -> Purchased {
    Purchased {
        identifier: identifier(word, None),
        bought: None,
        assigned,
        plan: None,
    }
}

pub(super) fn identifier(word: &str, capacity: Option<u64>) -> Identifier {
    Identifier::from_vendor_word(Vendor::Zoom, word, capacity)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::catalogue::Catalogue;

    #[test]
    fn user_types_become_the_identifiers_of_the_table() {
        let cases = [
            (Some(1), "zoom.basic", false, true),
            (Some(2), "zoom.licensed", true, true),
            (Some(3), "zoom.on_prem", true, true),
            (Some(4), "zoom.unassigned", false, true),
            (Some(99), "zoom.none", false, true),
            (Some(7), "zoom.type_7", true, false),
            (Some(-1), "zoom.type__1", true, false),
            (None, "zoom.type_unknown", true, false),
        ];
        for (user_type, expected, paid, recognized) in cases {
            let seat = base_seat(user_type);
            assert_eq!(seat.identifier.as_str(), expected);
            assert!(!seat.identifier.is_of_nothing(), "{expected}");
            assert_eq!(seat.paid, paid, "{expected}");
            assert_eq!(seat.recognized, recognized, "{expected}");
            assert_eq!(
                Catalogue::of(Vec::new())
                    .model_of(&seat.identifier)
                    .is_some(),
                recognized
            );
            assert!(seat.identifier.as_str().parse::<Identifier>().is_ok());
        }
    }

    #[test]
    fn plan_words_carry_the_capacity() {
        let cases = [
            ("webinar", "webinar500_monthly", "zoom.webinar.500"),
            ("webinar", "webinar_1000_yearly", "zoom.webinar.1000"),
            (
                "large_meeting",
                "large500_monthly",
                "zoom.large_meeting.500",
            ),
            ("webinar", "yearly", "zoom.webinar"),
        ];
        for (word, plan, expected) in cases {
            assert_eq!(add_on_plan(word, plan).as_str(), expected);
        }
    }
}
