//! When installed software is judged: once a night, and at once when the rules change. It belongs to no
//! profile, so that no file says when. Pure, as the rest of this room.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::cron::{Schedule, ScheduleError};
use super::missed::{self, DueRun};
use crate::profile::name::Name;
use crate::reclamation::installed::rule::InstalledRules;
use crate::store::installed_run::InstalledStanding;
use crate::store::job::Trigger;

/// What is due, and when to look again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct InstalledAgenda {
    /// The run that is due.
    pub due: Option<DueRun>,
    /// When one is due next; never, while there is nothing to judge.
    pub wake_at: Option<Timestamp>,
}

/// The minute of the night: as if `installed-software` were a profile.
pub fn schedule() -> Result<Schedule, ScheduleError> {
    match "installed-software".parse::<Name>() {
        Ok(name) => Schedule::daily_for(&name),
        Err(error) => Schedule::parse(&error.0),
    }
}

/// What is due at `now` under `rules`. `up_since` is when the daemon came up: what was due before it is
/// caught up.
pub fn plan(
    schedule: &Schedule,
    standing: &InstalledStanding,
    rules: &InstalledRules,
    now: Timestamp,
    up_since: Timestamp,
    zone: &TimeZone,
) -> InstalledAgenda {
    if rules.is_empty() && !standing.has_open {
        return InstalledAgenda::default();
    }
    let changed = standing.last_rules != Some(rules.digest());
    let due = match standing.last_due {
        Some(last) if !changed => missed::due(schedule, last, now, up_since, zone),
        _ => Some(DueRun {
            at: now,
            trigger: Trigger::Publish,
        }),
    };
    InstalledAgenda {
        due,
        wake_at: schedule.next_after(now, zone),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::profile::model::{CheckedDocument, Document};

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    /// Rules by which one model is judged, if any.
    fn rules(threshold: Option<u32>) -> InstalledRules {
        let document = |spec| CheckedDocument {
            name: "cad".parse().unwrap(),
            spec,
        };
        let product = "8ddc2e1e53d32010a4efddeeff7b12b9";
        let model =
            json!({"name": "cad", "publisher": "A", "product": "B", "norm_products": [product]});
        let rule = threshold.map(|hours| {
            let spec = json!({"software_models": ["cad"], "total_hours_used": hours});
            Document::ReclamationRule(document(spec))
        });
        InstalledRules::of(
            &rule.into_iter().collect::<Vec<_>>(),
            &[Document::SoftwareModel(
                serde_json::from_value(model).unwrap(),
            )],
        )
    }

    #[test]
    fn it_runs_every_night_when_the_rules_change_and_after_downtime() {
        let never = InstalledStanding::default();
        let last = InstalledStanding {
            last_due: Some(at("2027-03-04T12:00:00Z")),
            last_rules: Some(rules(Some(1)).digest()),
            has_open: false,
        };
        let open = InstalledStanding {
            has_open: true,
            ..last.clone()
        };
        let later = InstalledStanding {
            last_due: Some(at("2027-03-05T12:00:00Z")),
            ..last.clone()
        };
        let noon = "2027-03-05T12:00:00Z";
        let table = [
            (&never, None, noon, None),
            (&never, Some(1), noon, Some(Trigger::Publish)),
            (&last, None, noon, None),
            (&open, None, noon, Some(Trigger::Publish)),
            (&last, Some(1), noon, Some(Trigger::CatchUp)),
            (&later, Some(1), "2027-03-05T23:00:00Z", None),
            (
                &later,
                Some(2),
                "2027-03-05T23:00:00Z",
                Some(Trigger::Publish),
            ),
            (
                &later,
                Some(1),
                "2027-03-06T06:00:00Z",
                Some(Trigger::Schedule),
            ),
        ];
        for (standing, threshold, now, expected) in table {
            let agenda = plan(
                &schedule().unwrap(),
                standing,
                &rules(threshold),
                at(now),
                at(noon),
                &TimeZone::UTC,
            );
            let due = agenda.due.map(|due| due.trigger);
            assert_eq!(due, expected, "{standing:?} {threshold:?} {now}");
            let idle = threshold.is_none() && !standing.has_open;
            assert_eq!(agenda.wake_at.is_none(), idle);
        }
    }
}
