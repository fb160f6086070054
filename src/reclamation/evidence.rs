//! Which activity counts for which product. Pure, and the one place that says so.

use jiff::ToSpan;
use jiff::civil::Date;

use crate::connector::facts::ActivityKind;
use crate::profile::identifier::Identifier;

/// The activity that counts as use of a seat. Empty for products of whose use the vendor reports
/// nothing: such a seat is never found unused.
///
/// - Zoom: hosting a meeting or a webinar is use of the meeting licence, either one, as in
///   ServiceNow's reclamation rules; a webinar can only be hosted with the licence. A webinar seat is
///   used by webinars alone. A large meeting is a meeting, so whoever hosts none holds no large one
///   either; that a small one counts as well errs on the side of use. A suite is used by both, and by
///   what Zoom does not report. The other products of Zoom Workplace have no report of their own.
/// - GoTo: sessions and calls, each of its own product; a licence of GoToWebinar or GoToTraining is one
///   of GoToMeeting too, so a meeting is use of it.
/// - Aha!: the last access, which the users call carries.
pub fn counting(identifier: &Identifier) -> &'static [ActivityKind] {
    use ActivityKind::{Call, Meeting, SignIn, Support, Training, Webinar};
    let mut parts = identifier.as_str().split('.');
    match (parts.next(), parts.next()) {
        (Some("zoom"), Some("licensed" | "basic" | "on_prem" | "one" | "united"))
        | (Some("goto"), Some("g2w")) => &[Meeting, Webinar],
        (Some("zoom"), Some("webinar")) => &[Webinar],
        (Some("zoom"), Some("large_meeting")) | (Some("goto"), Some("g2m")) => &[Meeting],
        (Some("goto"), Some("g2t")) => &[Meeting, Training],
        (Some("goto"), Some("g2ars")) => &[Support],
        (Some("goto"), Some("connect")) => &[Call],
        (Some("aha"), _) => &[SignIn],
        _ => &[],
    }
}

/// Whether a seat without such activity is unused. Not so of what the vendor reports no use of, nor of
/// a suite: it holds products of which Zoom reports none.
pub fn tells_disuse(identifier: &Identifier) -> bool {
    let is_suite = matches!(
        identifier.as_str().split('.').nth(1),
        Some("one" | "united")
    ) && identifier.as_str().starts_with("zoom.");
    !counting(identifier).is_empty() && !is_suite
}

/// Products whose use the vendor reports by people's names alone, so that somebody who shares a name
/// cannot be told from the other: GoTo's reports of calls.
pub const REPORTED_BY_NAME: [&str; 1] = ["goto.connect"];

/// Whether the sign-in that the vendor's list carries is use of the product.
pub fn sign_in_counts(identifier: &Identifier) -> bool {
    counting(identifier).contains(&ActivityKind::SignIn)
}

/// Activity of a later day is a clock gone wrong, not use.
pub fn latest_believed(today: Date) -> Date {
    today.saturating_add(1.day())
}

#[cfg(test)]
mod tests {
    use super::*;
    use ActivityKind::{Call, Meeting, SignIn, Support, Training, Webinar};

    #[test]
    fn each_product_has_its_activity() {
        let table: [(&str, &[ActivityKind]); 17] = [
            ("zoom.licensed", &[Meeting, Webinar]),
            ("zoom.basic", &[Meeting, Webinar]),
            ("zoom.webinar.500", &[Webinar]),
            ("zoom.large_meeting.500", &[Meeting]),
            ("zoom.one.16", &[Meeting, Webinar]),
            ("zoom.united.1", &[Meeting, Webinar]),
            ("zoom.zoom_phone", &[]),
            ("zoom.zoom_webinars_plus.500", &[]),
            ("goto.g2m", &[Meeting]),
            ("goto.connect", &[Call]),
            ("goto.g2w", &[Meeting, Webinar]),
            ("goto.g2t", &[Meeting, Training]),
            ("goto.g2ars", &[Support]),
            ("goto.g2asd", &[]),
            ("goto.openvoice", &[]),
            ("aha.paid_seat", &[SignIn]),
            ("aha.unpaid_seat", &[SignIn]),
        ];
        for (identifier, kinds) in table {
            assert_eq!(
                counting(&identifier.parse().unwrap()),
                kinds,
                "{identifier}"
            );
        }
    }
    #[test]
    fn only_a_product_whose_whole_use_is_reported_can_be_found_unused() {
        let table = [
            ("zoom.licensed", true),
            ("zoom.webinar.500", true),
            ("zoom.large_meeting.500", true),
            ("zoom.one.16", false),
            ("zoom.one", false),
            ("zoom.united.1", false),
            ("zoom.zoom_phone", false),
            ("goto.g2m", true),
            ("goto.openvoice", false),
            ("aha.paid_seat", true),
        ];
        for (identifier, expected) in table {
            assert_eq!(
                tells_disuse(&identifier.parse().unwrap()),
                expected,
                "{identifier}"
            );
        }
    }
}
