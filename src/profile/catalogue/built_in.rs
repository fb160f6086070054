//! The models of what the vendors' connectors tell, by the names under which the vendors sell it.
//! A seat that costs nothing needs no right: its model is not under management.

use std::sync::LazyLock;

use crate::profile::identifier::Vendor;
use crate::profile::licence::{IdentifierMatch, SoftwareModel};

/// What the table says of an identifier.
#[derive(Debug, Clone, Copy)]
enum Means {
    /// This one.
    Is(&'static str),
    /// This one, and the same with a capacity or a kind behind a full stop.
    Sized(&'static str),
}
use Means::{Is, Sized};

/// Whether seats need rights.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Costs {
    Money,
    Nothing,
}
use Costs::{Money, Nothing};

/// Name, vendor, product, whether it costs anything, identifiers.
#[rustfmt::skip]
const TABLE: &[(&str, Vendor, &str, Costs, &[Means])] = &[
    ("zoom-basic", Vendor::Zoom, "Zoom Workplace Basic", Nothing, &[Is("zoom.basic"), Is("zoom.unassigned"), Is("zoom.none")]),
    ("zoom-licensed", Vendor::Zoom, "Zoom Workplace Licensed", Money, &[Is("zoom.licensed")]),
    ("zoom-on-prem", Vendor::Zoom, "Zoom Meeting Connector", Money, &[Is("zoom.on_prem")]),
    ("zoom-workplace", Vendor::Zoom, "Zoom Workplace", Money, &[Sized("zoom.one")]),
    ("zoom-united", Vendor::Zoom, "Zoom United", Money, &[Sized("zoom.united")]),
    ("zoom-webinars", Vendor::Zoom, "Zoom Webinars", Money, &[Sized("zoom.webinar")]),
    ("zoom-webinars-plus", Vendor::Zoom, "Zoom Webinars Plus", Money, &[Sized("zoom.zoom_webinars_plus")]),
    ("zoom-events", Vendor::Zoom, "Zoom Events", Money, &[Sized("zoom.zoom_events")]),
    ("zoom-large-meeting", Vendor::Zoom, "Zoom Large Meeting", Money, &[Sized("zoom.large_meeting")]),
    ("zoom-clips-plus", Vendor::Zoom, "Zoom Clips Plus", Money, &[Is("zoom.zoom_clips_plus")]),
    ("zoom-customer-managed-key", Vendor::Zoom, "Zoom Customer Managed Key", Money, &[Is("zoom.zoom_customer_managed_key")]),
    ("zoom-docs", Vendor::Zoom, "Zoom Docs", Money, &[Is("zoom.zoom_docs")]),
    ("zoom-mail-calendar", Vendor::Zoom, "Zoom Mail and Calendar", Money, &[Is("zoom.zoom_mail_calendar")]),
    ("zoom-phone", Vendor::Zoom, "Zoom Phone", Money, &[Is("zoom.zoom_phone")]),
    ("zoom-scheduler", Vendor::Zoom, "Zoom Scheduler", Money, &[Is("zoom.zoom_scheduler")]),
    ("zoom-team-chat", Vendor::Zoom, "Zoom Team Chat", Money, &[Is("zoom.zoom_team_chat")]),
    ("zoom-translated-captions", Vendor::Zoom, "Zoom Translated Captions", Money, &[Is("zoom.zoom_translated_captions")]),
    ("zoom-visitor-management", Vendor::Zoom, "Zoom Visitor Management", Money, &[Is("zoom.zoom_visitor_management")]),
    ("zoom-whiteboard", Vendor::Zoom, "Zoom Whiteboard", Money, &[Is("zoom.zoom_whiteboard")]),
    ("zoom-whiteboard-plus", Vendor::Zoom, "Zoom Whiteboard Plus", Money, &[Is("zoom.zoom_whiteboard_plus")]),
    ("goto-meeting", Vendor::GoTo, "GoTo Meeting", Money, &[Is("goto.g2m")]),
    ("goto-webinar", Vendor::GoTo, "GoTo Webinar", Money, &[Is("goto.g2w")]),
    ("goto-training", Vendor::GoTo, "GoTo Training", Money, &[Is("goto.g2t")]),
    ("goto-connect", Vendor::GoTo, "GoTo Connect", Money, &[Is("goto.connect")]),
    ("goto-openvoice", Vendor::GoTo, "OpenVoice", Money, &[Is("goto.openvoice")]),
    ("goto-assist-seeit", Vendor::GoTo, "GoToAssist Seeit", Money, &[Is("goto.g2aseeit")]),
    ("goto-assist", Vendor::GoTo, "GoToAssist Remote Support", Money, &[Is("goto.g2ars")]),
    ("goto-assist-service-desk", Vendor::GoTo, "GoToAssist Service Desk", Money, &[Is("goto.g2asd")]),
    ("aha-paid-seat", Vendor::Aha, "Aha! Paid Seat", Money, &[Is("aha.paid_seat")]),
    ("aha-unpaid-seat", Vendor::Aha, "Aha! Unpaid Seat", Nothing, &[Is("aha.unpaid_seat")]),
];

/// The table as models, by name within a vendor.
pub(super) static BUILT_IN: LazyLock<Vec<SoftwareModel>> =
    LazyLock::new(|| TABLE.iter().filter_map(model).collect());

/// The test below reads every row, so that none is left out here.
fn model(
    (name, vendor, product, costs, identifiers): &(&str, Vendor, &str, Costs, &[Means]),
) -> Option<SoftwareModel> {
    let mut matches = Vec::new();
    for means in *identifiers {
        let (Is(text) | Sized(text)) = *means;
        matches.push(IdentifierMatch::Is(text.parse().ok()?));
        if let Sized(text) = *means {
            matches.push(IdentifierMatch::StartsWith(format!("{text}.")));
        }
    }
    Some(SoftwareModel {
        name: name.parse().ok()?,
        publisher: vendor.display_name().to_owned(),
        product: (*product).to_owned(),
        under_management: *costs == Money,
        identifiers: matches,
        norm_products: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_row_of_the_table_is_a_model_and_every_identifier_is_of_one() {
        assert_eq!(BUILT_IN.len(), TABLE.len());
        let names: BTreeSet<_> = BUILT_IN.iter().map(|model| &model.name).collect();
        assert_eq!(names.len(), TABLE.len());
        let matches: Vec<_> = BUILT_IN
            .iter()
            .flat_map(|model| &model.identifiers)
            .collect();
        let each: BTreeSet<_> = matches.iter().collect();
        assert_eq!(each.len(), matches.len());
    }
}
