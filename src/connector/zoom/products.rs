//! The products and add-ons that a user's settings tell, as seats beside the base seat.
//!
//! | at Zoom | identifier | in profiles of type |
//! |---|---|---|
//! | Webinar: `webinar` with `webinar_capacity` *c* | `zoom.webinar.`*c* | all |
//! | Large Meeting: `large_meeting` with `large_meeting_capacity` *c* | `zoom.large_meeting.`*c* | all |
//! | Phone: `zoom_phone` | `zoom.zoom_phone` | `zoom_workplace` |
//! | Scheduler: `zoom_scheduler` | `zoom.zoom_scheduler` | `zoom_workplace` |
//! | Docs: `zoom_docs` | `zoom.zoom_docs` | `zoom_workplace` |
//! | Mail & Calendar: `zoom_mail_calendar` | `zoom.zoom_mail_calendar` | `zoom_workplace` |
//! | Visitor Management: an entry `ZOOM_VISITOR_MANAGEMENT`, or `zoom_visitor_management` (inferred) | `zoom.zoom_visitor_management` | `zoom_workplace` |
//! | Team Chat: `zoom_team_chat`, or an entry `ZOOM_TEAM_CHAT` (both inferred) | `zoom.zoom_team_chat` | `zoom_workplace` |
//! | Whiteboard: `zoom_whiteboard` | `zoom.zoom_whiteboard` | `zoom_workplace` |
//! | Whiteboard Plus: `zoom_whiteboard_plus` | `zoom.zoom_whiteboard_plus` | `zoom_workplace` |
//! | Clips Plus: `zoom_clips_plus` | `zoom.zoom_clips_plus` | `zoom_workplace` |
//! | Webinars Plus: `zoom_webinars_plus_unlimited`, before 2026 `zoom_sessions_unlimited` (inferred), with *c* the largest of `…_capacities` | `zoom.zoom_webinars_plus.`*c* | `zoom_workplace` |
//! | Translated Captions: `zoom_translated_captions` | `zoom.zoom_translated_captions` | `zoom_workplace` |
//! | Customer Managed Key: `zoom_customer_managed_key` | `zoom.zoom_customer_managed_key` | `zoom_workplace` |
//! | Zoom Events: `zoom_events` with `zoom_events_capacity` *c* | `zoom.zoom_events.`*c* | `zoom_workplace` |
//!
//! All are members of `feature`; entries are those of its `license_info_list`. A capacity that Zoom
//! does not tell is left out. Zoom documents no switch for Team Chat, which comes with every user, and
//! none for Visitor Management: they are seats where Zoom tells them. What is paid by attendee and the
//! products for contact centres, sales and clinics are no seats of Zoom Workplace.

use std::collections::BTreeSet;

use super::identifiers::identifier;
use super::suites::Suite;
use super::wire::Feature;
use crate::connector::lenient::{Number, OneOrMany};
use crate::profile::identifier::{Identifier, ProfileType};

/// A licence that a user holds.
#[derive(Debug, Clone, Copy)]
struct Held {
    product: &'static str,
    capacity: Option<u64>,
}

/// The seats that a user's settings tell, without those that come with the user's suite.
pub(super) fn seats(
    feature: &Feature<'_>,
    profile_type: ProfileType,
    suite: Option<&Suite>,
) -> Vec<Identifier> {
    let mut held = of_every_type(feature);
    if profile_type == ProfileType::ZoomWorkplace {
        held.extend(of_workplace(feature));
        held.extend(named_alone(feature, &held));
    }
    let held = held.into_iter().filter(|held| {
        let comes_with = |suite: &Suite| suite.includes(held.product, held.capacity);
        !suite.is_some_and(comes_with) || is_named(feature, held.product)
    });
    let seats: BTreeSet<Identifier> = held
        .map(|held| identifier(held.product, held.capacity))
        .collect();
    seats.into_iter().collect()
}

fn of_every_type(feature: &Feature<'_>) -> Vec<Held> {
    let sized = [
        ("webinar", feature.webinar, feature.webinar_capacity),
        (
            "large_meeting",
            feature.large_meeting,
            feature.large_meeting_capacity,
        ),
    ];
    let held = sized.into_iter().filter(|(_, held, _)| held.0);
    held.map(|(product, _, capacity)| Held {
        product,
        capacity: capacity.count().filter(|capacity| *capacity > 0),
    })
    .collect()
}

fn of_workplace(feature: &Feature<'_>) -> Vec<Held> {
    let largest = |capacities: &OneOrMany<Number>| {
        let capacities = capacities.0.iter().filter_map(|capacity| capacity.count());
        capacities.max().filter(|capacity| *capacity > 0)
    };
    let plus = feature.zoom_webinars_plus_unlimited.0;
    let webinars_plus = if plus {
        largest(&feature.zoom_webinars_plus_unlimited_capacities)
    } else {
        largest(&feature.zoom_sessions_unlimited_capacities)
    };
    let events = feature.zoom_events_capacity.count();
    let told = [
        ("zoom_phone", feature.zoom_phone.0, None),
        ("zoom_scheduler", feature.zoom_scheduler.0, None),
        ("zoom_docs", feature.zoom_docs.0, None),
        ("zoom_mail_calendar", feature.zoom_mail_calendar.0, None),
        (
            "zoom_visitor_management",
            feature.zoom_visitor_management.0,
            None,
        ),
        ("zoom_team_chat", feature.zoom_team_chat.0, None),
        ("zoom_whiteboard", feature.zoom_whiteboard.0, None),
        ("zoom_whiteboard_plus", feature.zoom_whiteboard_plus.0, None),
        ("zoom_clips_plus", feature.zoom_clips_plus.0, None),
        (
            "zoom_webinars_plus",
            plus || feature.zoom_sessions_unlimited.0,
            webinars_plus,
        ),
        (
            "zoom_translated_captions",
            feature.zoom_translated_captions.0,
            None,
        ),
        (
            "zoom_customer_managed_key",
            feature.zoom_customer_managed_key.0,
            None,
        ),
        (
            "zoom_events",
            feature.zoom_events.0,
            events.filter(|capacity| *capacity > 0),
        ),
    ];
    let held = told.into_iter().filter(|(_, held, _)| *held);
    held.map(|(product, _, capacity)| Held { product, capacity })
        .collect()
}

/// Licences that only an entry tells, and no switch.
fn named_alone(feature: &Feature<'_>, held: &[Held]) -> Vec<Held> {
    let entries = feature.license_info_list.0.iter();
    let named = entries.filter_map(|entry| products_of(&entry.license_type.0));
    named
        .filter(|products| !held.iter().any(|held| products.contains(&held.product)))
        .filter_map(|products| products.first())
        .map(|product| Held {
            product,
            capacity: None,
        })
        .collect()
}

/// Whether an entry names the product by itself.
fn is_named(feature: &Feature<'_>, product: &str) -> bool {
    let mut entries = feature.license_info_list.0.iter();
    entries.any(|entry| {
        products_of(&entry.license_type.0).is_some_and(|products| products.contains(&product))
    })
}

/// What an entry may be of. One word may stand for both editions of a product; the switch tells which.
fn products_of(license_type: &str) -> Option<&'static [&'static str]> {
    Some(match license_type {
        "ZOOM_WHITEBOARD" => &["zoom_whiteboard", "zoom_whiteboard_plus"],
        "ZOOM_TRANSLATED_CAPTIONS" => &["zoom_translated_captions"],
        "ZOOM_SCHEDULER" => &["zoom_scheduler"],
        "ZOOM_CLIPS" => &["zoom_clips_plus"],
        "ZOOM_VISITOR_MANAGEMENT" => &["zoom_visitor_management"],
        "ZOOM_CMK" => &["zoom_customer_managed_key"],
        "ZOOM_DOCS" => &["zoom_docs"],
        // Not documented: inferred from the others.
        "ZOOM_PHONE" => &["zoom_phone"],
        "ZOOM_MAIL_CALENDAR" => &["zoom_mail_calendar"],
        "ZOOM_TEAM_CHAT" => &["zoom_team_chat"],
        "ZOOM_WEBINARS_PLUS" => &["zoom_webinars_plus"],
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(feature: &str, profile_type: ProfileType, user: &str) -> Vec<String> {
        let feature: Feature<'_> = serde_json::from_str(feature).unwrap();
        let user = format!(r#"{{"id":"u",{user}}}"#);
        let suite = Suite::of(&serde_json::from_str(&user).unwrap());
        let seats = seats(&feature, profile_type, suite.as_ref());
        assert!(seats.iter().all(|seat| !seat.is_of_nothing()), "{seats:?}");
        seats.iter().map(Identifier::to_string).collect()
    }

    const EVERYTHING: &str = r#"{"webinar":true,"webinar_capacity":500,"large_meeting":true,
        "large_meeting_capacity":1000,"zoom_events":true,"zoom_events_capacity":100,
        "zoom_phone":true,"zoom_scheduler":true,"zoom_docs":true,"zoom_mail_calendar":true,
        "zoom_whiteboard_plus":true,"zoom_clips_plus":true,"zoom_translated_captions":true,
        "zoom_customer_managed_key":true,"zoom_webinars_plus_unlimited":true,
        "zoom_webinars_plus_unlimited_capacities":[1000,500],"zoom_team_chat":true,
        "license_info_list":[{"license_type":"ZOOM_VISITOR_MANAGEMENT","subscription_id":"S"},
            {"license_type":"ZOOM_REVENUE_ACCELERATOR"}],
        "zoom_workforce_management":true,"meeting_capacity":300,"in_meeting":false}"#;

    #[test]
    fn workplace_counts_every_product_and_add_on_and_the_old_type_only_its_two() {
        assert_eq!(
            told(EVERYTHING, ProfileType::Zoom, r#""type":2"#),
            ["zoom.large_meeting.1000", "zoom.webinar.500"]
        );
        assert_eq!(
            told(EVERYTHING, ProfileType::ZoomWorkplace, r#""type":2"#),
            [
                "zoom.large_meeting.1000",
                "zoom.webinar.500",
                "zoom.zoom_clips_plus",
                "zoom.zoom_customer_managed_key",
                "zoom.zoom_docs",
                "zoom.zoom_events.100",
                "zoom.zoom_mail_calendar",
                "zoom.zoom_phone",
                "zoom.zoom_scheduler",
                "zoom.zoom_team_chat",
                "zoom.zoom_translated_captions",
                "zoom.zoom_visitor_management",
                "zoom.zoom_webinars_plus.1000",
                "zoom.zoom_whiteboard_plus",
            ]
        );
    }

    #[test]
    fn a_suite_takes_its_products_in_and_leaves_what_is_named_or_sold_on_top() {
        assert_eq!(
            told(
                EVERYTHING,
                ProfileType::ZoomWorkplace,
                r#""zoom_one_type":16"#
            ),
            [
                "zoom.large_meeting.1000",
                "zoom.webinar.500",
                "zoom.zoom_clips_plus",
                "zoom.zoom_customer_managed_key",
                "zoom.zoom_events.100",
                "zoom.zoom_translated_captions",
                "zoom.zoom_visitor_management",
                "zoom.zoom_webinars_plus.1000",
                "zoom.zoom_whiteboard_plus",
            ]
        );
    }

    #[test]
    fn odd_settings_are_read_as_far_as_they_go() {
        let table: [(&str, &[&str]); 9] = [
            (r#"{"webinar":false,"webinar_capacity":500}"#, &[]),
            (
                r#"{"webinar":true,"webinar_capacity":0}"#,
                &["zoom.webinar"],
            ),
            (
                r#"{"webinar":"true","webinar_capacity":"3000"}"#,
                &["zoom.webinar.3000"],
            ),
            (r#"{"zoom_phone":null,"zoom_docs":"yes"}"#, &[]),
            (
                r#"{"zoom_sessions_unlimited":true,"zoom_sessions_unlimited_capacities":[]}"#,
                &["zoom.zoom_webinars_plus"],
            ),
            (
                r#"{"zoom_sessions_unlimited":true,"zoom_sessions_unlimited_capacities":[500],
                    "zoom_webinars_plus_unlimited":true,"zoom_webinars_plus_unlimited_capacities":[500]}"#,
                &["zoom.zoom_webinars_plus.500"],
            ),
            // One licence, whether the switch or the entry tells it.
            (
                r#"{"zoom_whiteboard_plus":true,"license_info_list":[{"license_type":"ZOOM_WHITEBOARD"}]}"#,
                &["zoom.zoom_whiteboard_plus"],
            ),
            (
                r#"{"license_info_list":{"license_type":"ZOOM_CMK"}}"#,
                &["zoom.zoom_customer_managed_key"],
            ),
            (r#"{"license_info_list":null}"#, &[]),
        ];
        for (feature, expected) in table {
            let found = told(feature, ProfileType::ZoomWorkplace, r#""type":2"#);
            assert_eq!(found, expected, "{feature}");
        }
    }
}
