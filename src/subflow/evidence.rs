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
///   used by webinars alone. Large meetings and the Workplace products have no report of their own.
/// - GoTo: sessions and calls, each of its own product.
/// - Aha!: the last access, which the users call carries.
pub fn counting(identifier: &Identifier) -> &'static [ActivityKind] {
    use ActivityKind::{Call, Meeting, SignIn, Webinar};
    let mut parts = identifier.as_str().split('.');
    match (parts.next(), parts.next()) {
        (Some("zoom"), Some("licensed" | "basic" | "on_prem")) => &[Meeting, Webinar],
        (Some("zoom"), Some("webinar")) | (Some("goto"), Some("g2w")) => &[Webinar],
        (Some("goto"), Some("g2m")) => &[Meeting],
        (Some("goto"), Some("connect" | "openvoice")) => &[Call],
        (Some("aha"), _) => &[SignIn],
        _ => &[],
    }
}

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
    use ActivityKind::{Call, Meeting, SignIn, Webinar};

    #[test]
    fn each_product_has_its_activity() {
        let table: [(&str, &[ActivityKind]); 9] = [
            ("zoom.licensed", &[Meeting, Webinar]),
            ("zoom.basic", &[Meeting, Webinar]),
            ("zoom.webinar.500", &[Webinar]),
            ("zoom.large_meeting.500", &[]),
            ("goto.g2m", &[Meeting]),
            ("goto.connect", &[Call]),
            ("goto.g2ars", &[]),
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
}
