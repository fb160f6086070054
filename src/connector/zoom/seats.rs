//! What the account bought, from Zoom's plan usage; where that cannot be read, what is assigned,
//! from the user summary.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::ZoomConnector;
use super::identifiers::{add_on_plan, assigned, identifier};
use super::scopes::{PLAN_USAGE, USER_SUMMARY};
use super::wire::{PlanLine, PlanUsage, Summary};
use crate::connector::error::ConnectorError;
use crate::connector::facts::Purchased;
use crate::connector::http::api::Call;
use crate::connector::limits::Label;
use crate::profile::identifier::{Identifier, ProfileType};

impl ZoomConnector {
    pub(super) async fn seats_bought(&self) -> Result<Vec<Purchased>, ConnectorError> {
        match self.plan_usage().await {
            // Whether an account may ask depends on its plan, its kind and its scopes; a summary
            // of what is assigned is better than nothing.
            Err(
                ConnectorError::MissingScope { .. }
                | ConnectorError::Rejected { .. }
                | ConnectorError::Unauthorized { .. },
            ) => self.user_summary().await,
            other => other,
        }
    }

    async fn plan_usage(&self) -> Result<Vec<Purchased>, ConnectorError> {
        let call = Call {
            step: "read the plans bought",
            label: Label::Heavy,
            path: &["accounts", "me", "plans", "usage"],
            query: &[],
        };
        self.get(PLAN_USAGE, &call, |body| {
            let usage: PlanUsage<'_> = serde_json::from_slice(body)?;
            Ok(bought(&usage, self.profile_type))
        })
        .await
    }

    async fn user_summary(&self) -> Result<Vec<Purchased>, ConnectorError> {
        let call = Call {
            step: "read the summary of users",
            label: Label::Medium,
            path: &["users", "summary"],
            query: &[],
        };
        let summary: Summary = self
            .get(USER_SUMMARY, &call, |body| serde_json::from_slice(body))
            .await?;
        let counts = [
            ("licensed", summary.licensed_users_count),
            ("basic", summary.basic_users_count),
        ];
        Ok(counts
            .into_iter()
            .filter_map(|(word, count)| Some(assigned(word, count.count()?)))
            .collect())
    }
}

/// To the old type a suite's base seat is a Licensed user, as in Zoom's list. Zoom Workplace counts
/// suites by themselves; which of their kinds a plan sells is not told.
fn bought(usage: &PlanUsage<'_>, profile_type: ProfileType) -> Vec<Purchased> {
    let workplace = profile_type == ProfileType::ZoomWorkplace;
    let suite = |word| if workplace { word } else { "licensed" };
    let plain = [
        ("licensed", &usage.base, true),
        (suite("one"), &usage.zoom_one, true),
        (suite("united"), &usage.united, true),
        ("zoom_whiteboard", &usage.whiteboard, workplace),
        (
            "zoom_translated_captions",
            &usage.translated_captions,
            workplace,
        ),
        ("zoom_scheduler", &usage.scheduler, workplace),
    ];
    let sized = [
        ("webinar", &usage.webinar, true),
        ("large_meeting", &usage.large_meeting, true),
        ("zoom_events", &usage.zoom_events, workplace),
    ];
    let plain = plain.into_iter().filter(|(_, _, counts)| *counts);
    let plain = plain.flat_map(|(word, plans, _)| {
        let plans = plans.0.iter();
        plans.map(move |plan| purchased(plan, identifier(word, None)))
    });
    let sized = sized.into_iter().filter(|(_, _, counts)| *counts);
    let sized = sized.flat_map(|(word, plans, _)| {
        let plans = plans.0.iter();
        plans.map(move |plan| purchased(plan, add_on_plan(word, &plan.plan.0)))
    });
    summed(plain.chain(sized))
}

/// One fact per identifier: several plans may sell the same seat.
fn summed(plans: impl Iterator<Item = Purchased>) -> Vec<Purchased> {
    let mut sums: BTreeMap<Identifier, Purchased> = BTreeMap::new();
    for plan in plans {
        match sums.entry(plan.identifier.clone()) {
            Entry::Vacant(vacant) => {
                vacant.insert(plan);
            }
            Entry::Occupied(mut known) => {
                let sum = known.get_mut();
                sum.bought = sum.bought.zip(plan.bought).map(|(a, b)| a + b);
                sum.assigned += plan.assigned;
                let words = sum.plan.take().into_iter().chain(plan.plan);
                sum.plan = Some(words.collect::<Vec<_>>().join(", "));
            }
        }
    }
    sums.into_values().collect()
}

/// An invitation that is not yet accepted holds a seat.
fn purchased(plan: &PlanLine<'_>, identifier: Identifier) -> Purchased {
    let used = plan.usage.count().or(plan.active_hosts.count());
    Purchased {
        identifier,
        bought: plan.hosts.count(),
        assigned: used.unwrap_or(0) + plan.pending.count().unwrap_or(0),
        plan: plan.plan.given().map(str::to_owned),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str, profile_type: ProfileType) -> Vec<(String, Option<u64>, u64)> {
        let usage: PlanUsage<'_> = serde_json::from_str(body).unwrap();
        bought(&usage, profile_type)
            .into_iter()
            .map(|one| (one.identifier.to_string(), one.bought, one.assigned))
            .collect()
    }

    #[test]
    fn plans_are_read_as_objects_and_as_lists() {
        let licensed = |used| ("zoom.licensed".to_owned(), Some(75), used);
        let cases = [
            r#"{"plan_base":{"type":"yearly","hosts":75,"usage":41,"pending":3}}"#,
            r#"{"plan_base":[{"type":"yearly","hosts":"75","active_hosts":44}],"plan_new":{"x":1}}"#,
        ];
        for body in cases {
            assert_eq!(read(body, ProfileType::Zoom), [licensed(44)], "{body}");
        }
    }

    #[test]
    fn add_on_plans_follow_the_profile_type() {
        let body = r#"{"plan_webinar":[{"type":"webinar500_monthly","hosts":25,"usage":18,"pending":1}],
            "plan_large_meeting":[{"type":"large500_monthly","hosts":28,"usage":16}],
            "plan_zoom_events":[{"type":"zoomevents500_monthly","hosts":30,"usage":28}]}"#;
        let webinar = ("zoom.webinar.500".to_owned(), Some(25), 19);
        let large = ("zoom.large_meeting.500".to_owned(), Some(28), 16);
        let events = ("zoom.zoom_events.500".to_owned(), Some(30), 28);
        assert_eq!(
            read(body, ProfileType::Zoom),
            [large.clone(), webinar.clone()]
        );
        assert_eq!(
            read(body, ProfileType::ZoomWorkplace),
            [large, webinar, events]
        );
    }

    #[test]
    fn plans_that_sell_the_same_seat_are_one_fact() {
        let body = r#"{"plan_base":[{"type":"pro","hosts":10,"usage":4},{"type":"biz","hosts":5,"usage":5}],
            "plan_zoom_one":[{"type":"zoom_one","hosts":3,"usage":2}],
            "plan_united":{"type":"united","hosts":2,"usage":1}}"#;
        let usage: PlanUsage<'_> = serde_json::from_str(body).unwrap();
        let [sum] = bought(&usage, ProfileType::Zoom).try_into().unwrap();
        assert_eq!((sum.bought, sum.assigned), (Some(20), 12));
        assert_eq!(sum.plan.as_deref(), Some("pro, biz, zoom_one, united"));
    }

    #[test]
    fn workplace_counts_suites_and_products_by_themselves() {
        let body = r#"{"plan_base":{"type":"pro","hosts":10,"usage":4},
            "plan_zoom_one":[{"type":"zobp_usca_monthly_unlimited","hosts":30,"usage":28,"pending":1}],
            "plan_united":{"type":"pro_zpp_monthly","hosts":20,"usage":17},
            "plan_whiteboard":{"type":"zwb_monthly","hosts":18,"usage":17},
            "plan_ztransl":{"type":"ztransl_monthly","hosts":5,"usage":3},
            "plan_zsched":{"type":"zsched_yearly","hosts":8,"usage":8},
            "plan_zoom_rooms":{"type":"zroom_monthly","hosts":20,"usage":12}}"#;
        let plan = |word: &str, bought, used| (word.to_owned(), Some(bought), used);
        assert_eq!(
            read(body, ProfileType::ZoomWorkplace),
            [
                plan("zoom.licensed", 10, 4),
                plan("zoom.one", 30, 29),
                plan("zoom.united", 20, 17),
                plan("zoom.zoom_scheduler", 8, 8),
                plan("zoom.zoom_translated_captions", 5, 3),
                plan("zoom.zoom_whiteboard", 18, 17),
            ]
        );
        assert_eq!(
            read(body, ProfileType::Zoom),
            [plan("zoom.licensed", 60, 50)]
        );
    }
}
