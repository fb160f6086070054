//! `seatsync plan --seats`: what the next reclaims would do, seat by seat and guard by guard.

use std::fmt::Write;

use super::output::table;
use crate::reclamation::guard::GuardVerdict;
use crate::reclamation::plan::{Plan, Step};

/// One line for each profile whose plan has steps.
pub(super) fn summary(plans: &[Plan]) -> String {
    let mut text = String::new();
    for plan in plans.iter().filter(|plan| !plan.steps.is_empty()) {
        let going = plan.going().count();
        let _ = writeln!(
            text,
            "{}: {going} of {} seats would be written to or asked for{}: `seatsync plan --seats {}`",
            plan.profile,
            plan.steps.len(),
            if plan.held { ", held" } else { "" },
            plan.profile
        );
    }
    text
}

/// One plan, whole.
pub(super) fn whole(plan: &Plan) -> String {
    let mut text = format!("{}: plan {}\n", plan.profile, plan.digest);
    for report in plan.held_by() {
        let _ = writeln!(text, "HELD by {}: {}", report.guard.as_str(), report.value);
    }
    if plan.steps.is_empty() {
        let _ = writeln!(text, "no seat is to be taken back");
    } else {
        text.push_str(&steps(plan));
    }
    if plan.waiting > 0 {
        let _ = writeln!(
            text,
            "{} ready candidates wait for a decision: `seatsync candidates list --profile {} --state ready`",
            plan.waiting, plan.profile
        );
    }
    text.push('\n');
    text.push_str(&guards(plan));
    let releasable = plan.held_by().all(|report| report.guard.is_releasable());
    if plan.held && releasable {
        let _ = writeln!(
            text,
            "to release exactly this plan: `seatsync release {} --plan {}`",
            plan.profile, plan.digest
        );
    }
    text
}

fn steps(plan: &Plan) -> String {
    table(
        [
            "CANDIDATE",
            "USER",
            "IDENTIFIER",
            "IDLE SINCE",
            "ACTION",
            "VERDICT",
            "WHY",
        ],
        plan.steps.iter().map(|step| {
            let (verdict, why) = match &step.withheld {
                None => ("goes".to_owned(), last_time(step)),
                Some(withheld) => (
                    format!("withheld by {}", withheld.guard.as_str()),
                    withheld.reason.clone(),
                ),
            };
            [
                step.candidate.to_string(),
                if step.email.is_empty() {
                    step.external_user_id.clone()
                } else {
                    step.email.clone()
                },
                step.identifier.to_string(),
                step.idle_since.to_string(),
                step.action.as_str().to_owned(),
                verdict,
                why,
            ]
        }),
    )
}

/// What the run before found out just before the write: it looks again, and does not know now.
fn last_time(step: &Step) -> String {
    step.withdrawn.as_ref().map_or_else(String::new, |before| {
        format!("last time, {}: {}", before.at, before.reason)
    })
}

fn guards(plan: &Plan) -> String {
    table(
        ["GUARD", "VERDICT", "VALUE"],
        plan.guards.iter().map(|report| {
            let verdict = match report.verdict {
                GuardVerdict::Withholds => format!("withholds {}", report.withheld),
                verdict => verdict.as_str().to_owned(),
            };
            [
                report.guard.as_str().to_owned(),
                verdict,
                report.value.clone(),
            ]
        }),
    )
}
