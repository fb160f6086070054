//! Suites: one subscription that stands for several products.
//!
//! | at Zoom | identifier |
//! |---|---|
//! | `zoom_one_type` *n*, or an entry of `license_info_list` ending in `_BUNDLE` with `license_option` *n* | `zoom.one.`*n* |
//! | `plan_united_type` *n* | `zoom.united.`*n* |
//!
//! A number that Zoom does not tell is left out. `zoom_one_type` is told by the call for one user
//! alone; the list tells entries, and only to accounts that have several subscriptions.
//!
//! Zoom does not say what a suite consists of, and its switches do not say whether a product came
//! with the suite. What is part of one is inferred from the names and the prices that Zoom publishes:
//! Zoom United is the meeting licence with a phone, Zoom Workplace is every product but webinars, and
//! the Enterprise kinds have large meetings, and webinars of up to 1000, too. An add-on, a larger
//! webinar, and whatever `license_info_list` names by itself are sold on top.

use super::identifiers::identifier;
use super::wire::User;
use crate::profile::identifier::Identifier;

/// A user's suite.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Suite {
    family: Family,
    /// Zoom's number of the kind.
    kind: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Family {
    /// Zoom Workplace, formerly Zoom One.
    Workplace,
    /// Zoom United.
    United,
}

/// The products, beside the meeting licence, that every Workplace suite is made of.
const WORKPLACE_PARTS: [&str; 7] = [
    "zoom_docs",
    "zoom_mail_calendar",
    "zoom_phone",
    "zoom_scheduler",
    "zoom_team_chat",
    "zoom_visitor_management",
    "zoom_whiteboard",
];

/// The kinds of `zoom_one_type` that have Enterprise in their name: those of business, then those of
/// education.
const ENTERPRISE: [u64; 14] = [
    1 << 2,
    1 << 3,
    1 << 27,
    1 << 28,
    1 << 29,
    1 << 30,
    1 << 32,
    1 << 33,
    1 << 34,
    1 << 35,
    1 << 36,
    1 << 56,
    1 << 57,
    1 << 59,
];

/// The largest webinar that is part of an Enterprise suite.
const ENTERPRISE_WEBINAR: u64 = 1000;

impl Suite {
    /// The suite that a user's row tells, if any.
    pub(super) fn of(user: &User<'_>) -> Option<Self> {
        let workplace = |kind| Self {
            family: Family::Workplace,
            kind,
        };
        if let Some(kind) = user.zoom_one_type.count().filter(|kind| *kind > 0) {
            return Some(workplace(Some(kind)));
        }
        let mut entries = user.license_info_list.0.iter();
        if let Some(entry) = entries.find(|entry| entry.license_type.0.ends_with("_BUNDLE")) {
            return Some(workplace(entry.license_option.count()));
        }
        let united = user.plan_united_type.given();
        let united = united.filter(|plan| !matches!(*plan, "0" | "none"))?;
        Some(Self {
            family: Family::United,
            kind: united.parse().ok(),
        })
    }

    pub(super) fn identifier(&self) -> Identifier {
        let word = match self.family {
            Family::Workplace => "one",
            Family::United => "united",
        };
        identifier(word, self.kind)
    }

    /// Whether a licence of this product, of this capacity, comes with the suite.
    pub(super) fn includes(&self, product: &str, capacity: Option<u64>) -> bool {
        match self.family {
            Family::United => product == "zoom_phone",
            Family::Workplace => {
                WORKPLACE_PARTS.contains(&product)
                    || self.is_enterprise() && comes_with_enterprise(product, capacity)
            }
        }
    }

    fn is_enterprise(&self) -> bool {
        self.kind.is_some_and(|kind| ENTERPRISE.contains(&kind))
    }
}

fn comes_with_enterprise(product: &str, capacity: Option<u64>) -> bool {
    match product {
        "large_meeting" => true,
        "webinar" => capacity.is_none_or(|capacity| capacity <= ENTERPRISE_WEBINAR),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn suite(fields: &str) -> Option<Suite> {
        let user = format!(r#"{{"id":"u","type":2,{fields}}}"#);
        Suite::of(&serde_json::from_str(&user).unwrap())
    }

    #[test]
    fn any_mark_of_a_suite_tells_its_kind() {
        let table = [
            (r#""zoom_one_type":16"#, Some("zoom.one.16")),
            (
                r#""zoom_one_type":576460752303423488"#,
                Some("zoom.one.576460752303423488"),
            ),
            (r#""zoom_one_type":0"#, None),
            (
                r#""license_info_list":[{"license_type":"MEETING"},{"license_type":"ZOOM_WORKPLACE_BUNDLE","license_option":8}]"#,
                Some("zoom.one.8"),
            ),
            (
                r#""license_info_list":{"license_type":"ZOOM_WORKPLACE_BUNDLE"}"#,
                Some("zoom.one"),
            ),
            (
                r#""license_info_list":[{"license_type":"MEETING","license_option":2}]"#,
                None,
            ),
            (r#""plan_united_type":"64""#, Some("zoom.united.64")),
            (r#""plan_united_type":"pro""#, Some("zoom.united")),
            (r#""plan_united_type":"none""#, None),
            (r#""plan_united_type":"0""#, None),
        ];
        for (fields, expected) in table {
            let found = suite(fields).map(|suite| suite.identifier());
            assert_eq!(found.as_ref().map(Identifier::as_str), expected, "{fields}");
            assert!(found.is_none_or(|found| !found.is_of_nothing()), "{fields}");
        }
    }

    #[test]
    fn a_suite_is_made_of_products_and_add_ons_are_sold_on_top() {
        let business = suite(r#""zoom_one_type":16"#).unwrap();
        let enterprise = suite(r#""zoom_one_type":134217728"#).unwrap();
        let united = suite(r#""plan_united_type":"1""#).unwrap();
        let table = [
            ("zoom_phone", None, [true, true, true]),
            ("zoom_scheduler", None, [true, true, false]),
            ("webinar", Some(500), [false, true, false]),
            ("webinar", Some(3000), [false, false, false]),
            ("large_meeting", Some(1000), [false, true, false]),
            ("zoom_customer_managed_key", None, [false, false, false]),
            ("zoom_clips_plus", None, [false, false, false]),
        ];
        for (product, capacity, expected) in table {
            let found =
                [&business, &enterprise, &united].map(|suite| suite.includes(product, capacity));
            assert_eq!(found, expected, "{product} {capacity:?}");
        }
    }
}
