//! Rules and approvals: when a seat counts as unused, who decides, and how many at once.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use crate::profile::link::limits_of;
use crate::profile::model::{CheckedDocument, Document};
use crate::profile::window::Window;
use crate::settings::{GuardLimits, Guards};
use crate::yaml::duration::Span;

/// What documents other than profiles, connections and exclusions loosen.
pub(super) fn of_documents(before: Option<&Document>, after: Option<&Document>) -> Vec<String> {
    let rule = |document: Option<&Document>| match document {
        Some(Document::ReclamationRule(rule)) => Some(rule.clone()),
        _ => None,
    };
    let approval = |document: Option<&Document>| match document {
        Some(Document::Approval(approval)) => Some(approval.clone()),
        _ => None,
    };
    match (rule(before), rule(after), approval(before), approval(after)) {
        (None, None, before, Some(after)) => of_approvals(before.as_ref(), &after),
        (None, None, _, None) => Vec::new(),
        (before, after, ..) => of_rules(before.as_ref(), after.as_ref()),
    }
}

fn of_rules(before: Option<&CheckedDocument>, after: Option<&CheckedDocument>) -> Vec<String> {
    let spec = |rule: Option<&CheckedDocument>| rule.map_or(Json::Null, |rule| rule.spec.clone());
    let (old, new) = (spec(before), spec(after));
    let mut loosens = of_specs(&old, &new);
    // No generated rule judges installed software: what a rule newly reaches is judged for the first time.
    let known: BTreeSet<&str> = texts(&old, "software_models").collect();
    let judged = texts(&new, "software_models").filter(|model| !known.contains(model));
    let judged: Vec<&str> = judged.collect();
    if !judged.is_empty() {
        loosens.push(format!(
            "it judges installed software of {} now",
            judged.join(", ")
        ));
    }
    if before.is_none() || after.is_none() {
        return loosens;
    }
    // Where the rule no longer reaches, the generated one decides; where it newly reaches, it does.
    let reach = |key: &str, old: &Json, new: &Json| -> Vec<String> {
        let now: BTreeSet<&str> = texts(new, key).collect();
        let gone = texts(old, key).filter(|one| !now.contains(one));
        gone.map(ToOwned::to_owned).collect()
    };
    let all_before = old.get("profiles").is_none();
    let all_now = new.get("profiles").is_none();
    let mut left = reach("identifiers", &old, &new);
    let mut won = reach("identifiers", &new, &old);
    match (all_before, all_now) {
        (true, false) => left.push("other profiles".to_owned()),
        (false, true) => won.push("all profiles".to_owned()),
        _ => {
            left.extend(reach("profiles", &old, &new));
            won.extend(reach("profiles", &new, &old));
        }
    }
    if !left.is_empty() && !of_specs(&old, &Json::Null).is_empty() {
        loosens.push(format!("its limits hold no more for {}", left.join(", ")));
    }
    if !won.is_empty() && !of_specs(&Json::Null, &new).is_empty() {
        loosens.push(format!("it decides now for {}", won.join(", ")));
    }
    loosens
}

fn of_approvals(before: Option<&CheckedDocument>, after: &CheckedDocument) -> Vec<String> {
    let ids = |approval: &CheckedDocument| -> BTreeSet<String> {
        let seats = approval.spec["seats"].as_array();
        let seats = seats.into_iter().flatten();
        seats.map(|seat| seat["id"].to_string()).collect()
    };
    let known = before.map(&ids).unwrap_or_default();
    let new = ids(after).difference(&known).count();
    let until = |approval: &CheckedDocument| {
        approval.spec["expires"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    };
    let mut loosens = Vec::new();
    if new > 0 {
        let seats = if new == 1 {
            "1 seat".to_owned()
        } else {
            format!("{new} seats")
        };
        loosens.push(format!("{seats} may be taken back until {}", until(after)));
    }
    if let Some(before) = before
        && until(after) > until(before)
    {
        loosens.push(format!(
            "it holds until {}, not {}",
            until(after),
            until(before)
        ));
    }
    loosens
}

/// What `after` decides more freely than `before`; `Null` stands for the generated rule. A value
/// that is not set any more is told too: what holds then is written elsewhere.
pub(in crate::profile) fn of_specs(before: &Json, after: &Json) -> Vec<String> {
    let mut loosens = Vec::new();
    let mut tell = |key: &str, looser: bool| {
        let shown = |spec: &Json| spec.get(key).map_or("not set".to_owned(), shown);
        if looser {
            loosens.push(format!(
                "`{key}` is {}, was {}",
                shown(after),
                shown(before)
            ));
        }
    };
    let span = |spec: &Json, key: &str, default: Span| {
        let text = spec.get(key).and_then(Json::as_str);
        text.and_then(|text| text.parse().ok()).unwrap_or(default)
    };
    let flag = |spec: &Json, key: &str, default: bool| {
        spec.get(key).and_then(Json::as_bool).unwrap_or(default)
    };
    tell("mode", mode(after) > mode(before));
    for (key, default) in [
        ("last_activity_threshold", Span::days(60)),
        ("last_used_before", Span::days(90)),
        ("cool_down", Span::days(30)),
    ] {
        tell(key, span(after, key, default) < span(before, key, default));
    }
    let number = |spec: &Json, key: &str, default: u64| {
        spec.get(key).and_then(Json::as_u64).unwrap_or(default)
    };
    tell(
        "months",
        number(after, "months", 3) < number(before, "months", 3),
    );
    tell(
        "total_hours_used",
        number(after, "total_hours_used", 0) > number(before, "total_hours_used", 0),
    );
    let turned = |key: &str, default: bool, to: bool| {
        flag(after, key, default) == to && flag(before, key, default) != to
    };
    tell(
        "include_no_activity",
        turned("include_no_activity", false, true),
    );
    tell("leavers", turned("leavers", false, true));
    tell("service_accounts", turned("service_accounts", false, true));
    tell("create_candidates", turned("create_candidates", true, true));
    // Of installed software nobody is asked unless the rule says so.
    let installed = |spec: &Json| spec.get("software_models").is_some();
    let asks = !installed(before) && !installed(after);
    tell("notify_user", turned("notify_user", asks, false));
    let days = "days_before_auto_reclamation";
    tell(days, number(after, days, 14) < number(before, days, 14));
    tell("keep_spare", spare_raised(before, after));
    tell("conditions", conditions_widened(before, after));
    tell("windows", windows_widened(before, after));
    loosens.extend(guards_widened(before, after));
    loosens
}

fn shown(value: &Json) -> String {
    match value {
        Json::String(text) => format!("`{text}`"),
        other => format!("`{other}`"),
    }
}

fn texts<'a>(spec: &'a Json, key: &str) -> impl Iterator<Item = &'a str> {
    let list = spec.get(key).and_then(Json::as_array);
    list.into_iter().flatten().filter_map(Json::as_str)
}

/// How freely a mode writes.
fn mode(spec: &Json) -> u8 {
    match spec.get("mode").and_then(Json::as_str) {
        Some("automatic") => 2,
        Some("approved") => 1,
        _ => 0,
    }
}

/// Reclaiming stops once so many seats are free: more to have free, or no such end, is looser.
/// Numbers and parts cannot be compared with each other, so that counts as raised.
fn spare_raised(before: &Json, after: &Json) -> bool {
    let spare = |spec: &Json| {
        let spare = spec.get("keep_spare")?;
        let percent = spare.as_str().and_then(|text| text.strip_suffix('%'));
        let percent = percent.and_then(|number| number.parse::<u64>().ok());
        match (percent, spare.as_u64()) {
            (Some(percent), _) => Some((true, percent)),
            (None, Some(count)) => Some((false, count)),
            _ => None,
        }
    };
    match (spare(before), spare(after)) {
        (None, _) => false,
        (Some(_), None) => true,
        (Some((kind, before)), Some((now, after))) => kind != now || after > before,
    }
}

/// A condition that is gone or has a further value means more seats.
fn conditions_widened(before: &Json, after: &Json) -> bool {
    let none = Json::Null;
    let (was, is) = (
        before.get("conditions").unwrap_or(&none),
        after.get("conditions").unwrap_or(&none),
    );
    ["departments", "domains", "statuses"]
        .into_iter()
        .any(|key| {
            let known: BTreeSet<String> = texts(was, key).map(str::to_lowercase).collect();
            was.get(key).is_some()
                && (is.get(key).is_none()
                    || texts(is, key).any(|value| !known.contains(&value.to_lowercase())))
        })
}

fn windows_widened(before: &Json, after: &Json) -> bool {
    let windows = |spec: &Json| -> Option<Vec<Window>> {
        spec.get("windows")?;
        Some(
            texts(spec, "windows")
                .filter_map(|text| text.parse().ok())
                .collect(),
        )
    };
    match (windows(before), windows(after)) {
        (None, _) => false,
        (Some(_), None) => true,
        (Some(before), Some(after)) => after
            .iter()
            .any(|now| !before.iter().any(|window| window.covers(*now))),
    }
}

fn guards_widened(before: &Json, after: &Json) -> Vec<String> {
    let guards = |spec: &Json| spec.get("guards").map(limits_of).unwrap_or_default();
    let (old, new) = (guards(before), guards(after));
    let (was, is) = (in_force(&old), in_force(&new));
    let numbers = [
        (
            "max_per_run.percent",
            u32::from(was.max_per_run.percent),
            u32::from(is.max_per_run.percent),
        ),
        (
            "max_per_run.count",
            was.max_per_run.count,
            is.max_per_run.count,
        ),
        ("max_per_day", was.max_per_day, is.max_per_day),
        (
            "hold_above.percent",
            u32::from(was.hold_above.percent),
            u32::from(is.hold_above.percent),
        ),
        (
            "hold_above.min_count",
            was.hold_above.min_count,
            is.hold_above.min_count,
        ),
    ];
    let wider = numbers.into_iter().filter(|(_, was, is)| is > was);
    let mut loosens: Vec<String> = wider
        .map(|(key, was, is)| format!("guard `{key}` is {is}, was {was}"))
        .collect();
    if is.accept_listed_evidence && !was.accept_listed_evidence {
        loosens.push(
            "guard `accept_listed_evidence` is on: scheduled activity stands for a whole window"
                .to_owned(),
        );
    }
    loosens
}

/// What limits come to under the default guards. The settings' ceilings are not known offline, so
/// a limit is taken as written.
fn in_force(limits: &GuardLimits) -> Guards {
    let mut guards = Guards::default();
    let run = &mut guards.max_per_run;
    run.percent = limits.max_per_run_percent.unwrap_or(run.percent);
    run.count = limits.max_per_run_count.unwrap_or(run.count);
    guards.max_per_day = limits.max_per_day.unwrap_or(guards.max_per_day);
    let hold = &mut guards.hold_above;
    hold.percent = limits.hold_above_percent.unwrap_or(hold.percent);
    hold.min_count = limits.hold_above_min_count.unwrap_or(hold.min_count);
    guards.accept_listed_evidence = limits.accept_listed_evidence.unwrap_or_default();
    guards
}
