//! `kind: Profile`.

use super::{Places, canonical, connection, entries, rules};
use crate::profile::identifier::{ProfileType, Vendor};
use crate::profile::model::{
    ExclusionLists, Profile, ProfileState, ReclaimOptions, Subflow, Subflows,
};
use crate::profile::raw::{RawActivity, RawProfile, RawReclaim, RawSubflow, RawSubflows};
use crate::yaml::diagnostic::Findings;
use crate::yaml::duration::Span;
use crate::yaml::read::At;
use crate::yaml::tree::Node;

/// How far back activity is looked at when the file does not say.
const DEFAULT_ANALYZE_FROM: Span = Span::days(60);

/// The shortest useful look back: activity of the last three days is still incomplete.
const SHORTEST_ANALYZE_FROM: Span = Span::days(7);

pub(super) fn check(
    raw: RawProfile,
    node: &Node,
    places: &mut Places,
    to: &mut Findings,
) -> Option<Profile> {
    let profile_type = raw.r#type.0.map(|profile_type| profile_type.value);
    let vendor = profile_type.map(ProfileType::vendor);
    places.note("type", raw.r#type.0.as_ref());
    places.note("connection", raw.connection.0.as_ref());
    places.note("connect_connection", raw.connect_connection.as_ref());
    if let Some(second) = &raw.connect_connection
        && vendor.is_some_and(|vendor| vendor != Vendor::GoTo)
    {
        to.error(
            "profile::connect_connection",
            second.region,
            "only a profile of type `goto` has a second connection",
        );
    }
    let formerly = formerly(&raw, to);
    if let Some(first) = raw.formerly.as_ref().and_then(|list| list.first()) {
        places.values.push(("formerly", first.region));
    }
    if let Some(reclamation) = &raw.reclamation {
        rules::reclamation(&reclamation.value, to);
        places.note("guards", reclamation.value.guards.as_ref());
    }
    let subflows = subflows(raw.subflows, vendor, to);
    let exclusions = match raw.exclusions {
        Some(exclusions) => entries::of_profile(exclusions, profile_type, places, to),
        None => ExclusionLists::default(),
    };
    let protected = entries::users(raw.protected, places);
    let connection = raw
        .connection
        .0
        .map(|connection| connection::reference(connection.value, vendor, places));
    let connect_connection = raw
        .connect_connection
        .map(|second| connection::reference(second.value, vendor, &mut Places::default()));
    let name = raw.name.0?.value;
    Some(Profile {
        display_name: raw
            .display_name
            .map_or_else(|| name.to_string(), |text| text.0),
        name,
        profile_type: profile_type?,
        state: raw.state.unwrap_or(ProfileState::Draft),
        suspend: raw.suspend.unwrap_or_default(),
        formerly,
        connection: connection?,
        connect_connection,
        subflows,
        exclusions,
        protected,
        reclamation: node.get("reclamation").map(|node| canonical(node, &[])),
    })
}

fn formerly(raw: &RawProfile, to: &mut Findings) -> Vec<crate::profile::name::Name> {
    let own = raw.name.0.as_ref().map(|name| &name.value);
    let mut names = Vec::new();
    for At { value, region } in raw.formerly.iter().flatten() {
        if own == Some(value) {
            to.error(
                "profile::formerly",
                *region,
                format!("`{value}` is the profile's name now, not a former one"),
            );
        }
        names.push(value.clone());
    }
    names
}

fn subflows(raw: Option<RawSubflows>, vendor: Option<Vendor>, to: &mut Findings) -> Subflows {
    let (download, activity, reclaim) = match raw {
        Some(raw) => (
            raw.download_subscriptions,
            raw.pull_user_activity,
            raw.reclaim_subscriptions,
        ),
        None => (None, None, None),
    };
    let (pull_user_activity, analyze_from) = activity_of(activity, vendor, to);
    Subflows {
        download_subscriptions: download_of(download, to),
        pull_user_activity,
        analyze_from,
        reclaim_options: reclaim_options(reclaim.as_ref(), vendor, to),
        reclaim_subscriptions: subflow(
            reclaim.map(|reclaim| RawSubflow {
                enabled: reclaim.value.enabled,
                schedule: reclaim.value.schedule,
            }),
            false,
        ),
    }
}

/// Each switch belongs to one vendor; at another it is a mistake.
fn reclaim_options(
    raw: Option<&At<RawReclaim>>,
    vendor: Option<Vendor>,
    to: &mut Findings,
) -> ReclaimOptions {
    let Some(At { value: raw, .. }) = raw else {
        return ReclaimOptions::default();
    };
    let mut switch = |key: &str, of: Vendor, given: Option<At<bool>>| {
        let Some(given) = given else { return false };
        if vendor.is_some_and(|vendor| vendor != of) {
            let message = format!("`{key}` belongs to profiles of {of}");
            to.error("profile::reclaim_option", given.region, message)
                .help(format!("remove `{key}`"));
        }
        given.value
    };
    ReclaimOptions {
        delete_basic_users: switch("delete_basic_users", Vendor::Zoom, raw.delete_basic_users),
        suppress_email: switch("suppress_email", Vendor::GoTo, raw.suppress_email),
        goto_connect: switch("goto_connect", Vendor::GoTo, raw.goto_connect),
    }
}

fn subflow(raw: Option<RawSubflow>, by_default: bool) -> Subflow {
    let (enabled, schedule) = match raw {
        Some(raw) => (raw.enabled, raw.schedule),
        None => (None, None),
    };
    Subflow {
        enabled: enabled.map_or(by_default, |enabled| enabled.value),
        schedule: schedule.map(|schedule| schedule.value.into_text()),
    }
}

fn download_of(raw: Option<RawSubflow>, to: &mut Findings) -> Subflow {
    if let Some(At {
        value: false,
        region,
    }) = raw.as_ref().and_then(|raw| raw.enabled)
    {
        to.error(
            "profile::download_off",
            region,
            "the download cannot be turned off: activity, candidates and the position are all judged from it",
        )
        .help("to keep the data and run nothing, write `suspend: true` beside `name`");
    }
    Subflow {
        enabled: true,
        ..subflow(raw, true)
    }
}

fn activity_of(
    raw: Option<At<RawActivity>>,
    vendor: Option<Vendor>,
    to: &mut Findings,
) -> (Subflow, Span) {
    let Some(At { value: raw, region }) = raw else {
        let enabled = vendor != Some(Vendor::Aha);
        let subflow = Subflow {
            enabled,
            schedule: None,
        };
        return (subflow, DEFAULT_ANALYZE_FROM);
    };
    let wanted = raw.enabled.is_none_or(|enabled| enabled.value);
    if vendor == Some(Vendor::Aha)
        && (wanted || raw.schedule.is_some() || raw.analyze_from.is_some())
    {
        to.error(
            "profile::no_activity",
            region,
            "a profile of type `aha` has no activity subflow: its users call carries the last access",
        )
        .help("remove `pull_user_activity`");
    }
    if let (Some(vendor), Some(from)) = (vendor, &raw.analyze_from) {
        look_back(vendor, from, to);
    }
    let subflow = Subflow {
        enabled: wanted && vendor != Some(Vendor::Aha),
        schedule: raw.schedule.map(|schedule| schedule.value.into_text()),
    };
    let from = raw.analyze_from.map(|from| from.value);
    (subflow, from.unwrap_or(DEFAULT_ANALYZE_FROM))
}

/// How long the vendor keeps activity. Zoom's reports reach back six months; GoTo documents no
/// limit, so the same is taken. Aha! has no history.
fn longest(vendor: Vendor) -> Option<Span> {
    match vendor {
        Vendor::Zoom | Vendor::GoTo => Some(Span::days(183)),
        Vendor::Aha => None,
    }
}

fn look_back(vendor: Vendor, from: &At<Span>, to: &mut Findings) {
    let Some(longest) = longest(vendor) else {
        return;
    };
    if from.value < SHORTEST_ANALYZE_FROM || from.value > longest {
        let message = format!("`{}` is not a period that {vendor} can tell", from.value);
        to.error("profile::analyze_from", from.region, message)
            .help(format!(
                "from {SHORTEST_ANALYZE_FROM} to {longest}; {DEFAULT_ANALYZE_FROM} when absent"
            ));
    }
}
