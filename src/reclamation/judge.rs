//! Whether a seat is unused, and why: a list of predicates that must all hold. `explain` shows each
//! with its value and where that comes from.

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};
use serde::{Deserialize, Serialize};

use super::candidate::Justification;
use super::criteria::{Criteria, Knowledge, day_of};
use super::leaver;
use super::rule::Conditions;
use super::seat::SeatFacts;
use crate::connector::facts::{Role, UserStatus};
use crate::profile::identifier::Identifier;
use crate::profile::model::ReclaimOptions;
use crate::profile::raw::rules::ConditionStatus;

/// How old the last complete download may be to judge from.
const FRESH_HOURS: i64 = 48;

/// What the idleness of a seat is counted from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReferenceKind {
    /// Its last use.
    LastActivity,
    /// The day on which it was assigned.
    Assigned,
    /// The day on which its user came to the account.
    Created,
    /// The day on which we first saw it.
    FirstSeen,
}

impl ReferenceKind {
    /// The word in listings and in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::LastActivity => "last_activity",
            Self::Assigned => "assigned",
            Self::Created => "created",
            Self::FirstSeen => "first_seen",
        }
    }
}

/// The day that the idleness of a seat is counted from, and what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reference {
    /// What it is.
    pub kind: ReferenceKind,
    /// The UTC day.
    pub day: Date,
}

/// One predicate; a seat is a candidate when all hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Check {
    /// The last download is complete, in force and of these days.
    DownloadComplete,
    /// The rule makes candidates.
    RuleMakesCandidates,
    /// The vendor reports the whole use of the product.
    UseReported,
    /// The seat counts against what was bought, or the profile takes free ones too.
    Bought,
    /// No exclusion takes it out.
    NotExcluded,
    /// No entry protects it.
    NotProtected,
    /// Its user neither owns nor administers the account.
    NotAdministrator,
    /// It is no part of a suite, and no other system manages it.
    NotBundled,
    /// Its user has accepted the invitation.
    Accepted,
    /// Its user meets the rule's conditions.
    MeetsConditions,
    /// Nobody has the same name where reports know names alone.
    OneOfTheName,
    /// Nobody decided lately that it stays.
    NotKept,
    /// Activity is known for the whole window, with a grade that proves disuse.
    WindowKnown,
    /// The vendor's reports told of somebody's use within the window.
    ReportsAlive,
    /// Its user, and the seat where we saw it come, are older than the window.
    OlderThanWindow,
    /// Something is known that its idleness can be counted from.
    ReferenceKnown,
    /// It was not used within the window.
    Unused,
    /// A person holds it, or the rule judges other accounts too.
    HeldByPerson,
    /// The rule takes back what people hold who left.
    RuleMeansLeavers,
    /// One person was found behind its user.
    PersonKnown,
    /// That person left.
    PersonLeft,
    /// The directory that says so is of these days.
    DirectoryFresh,
}

/// What it means for a candidate that a predicate does not hold any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lapse {
    /// Nothing is known to have changed at the seat: it waits, and nothing is written meanwhile.
    Unproved,
    /// It is not meant any more.
    NotMeant,
    /// It was used.
    Used,
}

impl Check {
    /// The predicates that must hold for this justification, in the order in which they are looked at.
    pub fn of(why: Justification) -> &'static [Self] {
        match why {
            Justification::LowUsage => &Self::LOW_USAGE,
            Justification::Left => &Self::LEFT,
        }
    }

    const LEFT: [Self; 15] = [
        Self::DownloadComplete,
        Self::RuleMakesCandidates,
        Self::RuleMeansLeavers,
        Self::PersonKnown,
        Self::PersonLeft,
        Self::DirectoryFresh,
        Self::HeldByPerson,
        Self::Bought,
        Self::NotExcluded,
        Self::NotProtected,
        Self::NotAdministrator,
        Self::NotBundled,
        Self::Accepted,
        Self::MeetsConditions,
        Self::NotKept,
    ];

    const LOW_USAGE: [Self; 18] = [
        Self::DownloadComplete,
        Self::RuleMakesCandidates,
        Self::UseReported,
        Self::Bought,
        Self::NotExcluded,
        Self::NotProtected,
        Self::NotAdministrator,
        Self::NotBundled,
        Self::Accepted,
        Self::MeetsConditions,
        Self::HeldByPerson,
        Self::OneOfTheName,
        Self::NotKept,
        Self::WindowKnown,
        Self::ReportsAlive,
        Self::OlderThanWindow,
        Self::ReferenceKnown,
        Self::Unused,
    ];

    /// The word in listings.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::DownloadComplete => "download_complete",
            Self::RuleMakesCandidates => "rule_makes_candidates",
            Self::UseReported => "use_reported",
            Self::Bought => "bought",
            Self::NotExcluded => "not_excluded",
            Self::NotProtected => "not_protected",
            Self::NotAdministrator => "not_administrator",
            Self::NotBundled => "not_bundled",
            Self::Accepted => "accepted",
            Self::MeetsConditions => "meets_conditions",
            Self::OneOfTheName => "one_of_the_name",
            Self::NotKept => "not_kept",
            Self::WindowKnown => "window_known",
            Self::ReportsAlive => "reports_alive",
            Self::OlderThanWindow => "older_than_window",
            Self::ReferenceKnown => "reference_known",
            Self::Unused => "unused",
            Self::HeldByPerson => "held_by_person",
            Self::RuleMeansLeavers => "rule_means_leavers",
            Self::PersonKnown => "person_known",
            Self::PersonLeft => "person_left",
            Self::DirectoryFresh => "directory_fresh",
        }
    }

    /// What its failing means for a candidate that is open.
    pub fn lapse(self) -> Lapse {
        match self {
            Self::DownloadComplete
            | Self::WindowKnown
            | Self::ReportsAlive
            | Self::DirectoryFresh => Lapse::Unproved,
            Self::Unused => Lapse::Used,
            _ => Lapse::NotMeant,
        }
    }

    fn holds(self, criteria: &Criteria, knowledge: &Knowledge, seat: &SeatFacts<'_>) -> bool {
        match self {
            Self::DownloadComplete => {
                let fresh =
                    |at: Timestamp| knowledge.now.duration_since(at).as_hours() < FRESH_HOURS;
                knowledge.download_not_in_force.is_none()
                    && knowledge.downloaded_at.is_some_and(fresh)
            }
            Self::RuleMakesCandidates => criteria.rule.create_candidates,
            Self::UseReported => criteria.tells_disuse(),
            Self::Bought => seat.paid || takes_free(&criteria.identifier, knowledge.options),
            Self::NotExcluded => seat.excluded.is_none(),
            Self::NotProtected => seat.protected.is_none(),
            Self::NotAdministrator => seat.role == Role::Member,
            Self::NotBundled => !seat.bundled,
            Self::Accepted => seat.status != UserStatus::Pending,
            Self::MeetsConditions => criteria
                .rule
                .conditions
                .as_ref()
                .is_none_or(|conditions| meets(conditions, seat)),
            Self::OneOfTheName => !seat.shares_name,
            Self::NotKept => seat.kept_until.is_none_or(|until| until <= knowledge.now),
            Self::WindowKnown => criteria.evidence().is_some(),
            Self::ReportsAlive => knowledge
                .last_use_of_anybody
                .is_some_and(|day| day >= criteria.window_first()),
            Self::OlderThanWindow => [seat.created, seat.assigned]
                .into_iter()
                .flatten()
                .all(|at| day_of(at) < criteria.window_first()),
            Self::ReferenceKnown => reference(criteria, seat).is_some(),
            Self::Unused => {
                // A vendor's day may begin some hours before ours.
                let unused = |day: Date| day.saturating_add(1.day()) < criteria.window_first();
                let idle = reference(criteria, seat).is_some_and(|reference| {
                    reference.kind == ReferenceKind::LastActivity
                        || reference.day < criteria.window_first()
                });
                idle && seat.last_activity().is_none_or(|(day, _)| unused(day))
            }
            Self::HeldByPerson => !seat.holder.is_service() || criteria.rule.service_accounts,
            Self::RuleMeansLeavers => criteria.rule.leavers,
            Self::PersonKnown => seat.holder.found().is_some(),
            Self::PersonLeft => seat.holder.left(),
            Self::DirectoryFresh => seat
                .holder
                .found()
                .is_some_and(|person| !knowledge.stale_directories.contains_key(person.directory)),
        }
    }

    #[expect(clippy::too_many_lines, reason = "one arm for each predicate")]
    fn shown(
        self,
        criteria: &Criteria,
        knowledge: &Knowledge,
        seat: &SeatFacts<'_>,
    ) -> (String, String) {
        let said = |value: &str, source: &str| (value.to_owned(), source.to_owned());
        let rule = &criteria.rule;
        match self {
            Self::DownloadComplete => {
                match (&knowledge.download_not_in_force, knowledge.downloaded_at) {
                    (Some(reason), _) => said(reason, "the last download"),
                    (None, Some(at)) => (
                        format!("complete at {at:.0}"),
                        "the last download".to_owned(),
                    ),
                    (None, None) => said("none", "the last download"),
                }
            }
            Self::RuleMakesCandidates => (
                rule.create_candidates.to_string(),
                format!("`create_candidates` of {}", rule.origin),
            ),
            Self::UseReported => (
                if criteria.tells_disuse() {
                    "yes"
                } else {
                    "not all of it"
                }
                .to_owned(),
                format!("what the vendor reports of {}", criteria.identifier),
            ),
            Self::Bought => said(
                if seat.paid {
                    "counts against what was bought"
                } else {
                    "free"
                },
                "the identifier",
            ),
            Self::NotExcluded => (
                seat.excluded.unwrap_or("no").to_owned(),
                "exclusions".to_owned(),
            ),
            Self::NotProtected => (
                seat.protected.unwrap_or("no").to_owned(),
                "protected entries".to_owned(),
            ),
            Self::NotAdministrator => said(seat.role.as_str(), "the vendor's role"),
            Self::NotBundled => said(
                if seat.bundled {
                    "part of a suite, or managed elsewhere"
                } else {
                    "by itself"
                },
                "the vendor's list",
            ),
            Self::Accepted => said(seat.status.as_str(), "the vendor's list"),
            Self::MeetsConditions => {
                let department = seat.department.unwrap_or("no department");
                (
                    format!("{department}, {}, {}", seat.email, seat.status.as_str()),
                    format!("`conditions` of {}", rule.origin),
                )
            }
            Self::OneOfTheName => said(
                if seat.shares_name {
                    "another holder has the same name"
                } else {
                    "yes"
                },
                "names of holders, where reports tell no more",
            ),
            Self::NotKept => (
                seat.kept_until
                    .map_or_else(|| "no".to_owned(), |until| format!("kept until {until:.0}")),
                "earlier decisions, and `cool_down`".to_owned(),
            ),
            Self::WindowKnown => (window_shown(criteria), window_source(criteria)),
            Self::ReportsAlive => (
                knowledge
                    .last_use_of_anybody
                    .map_or_else(|| "nobody".to_owned(), |day| format!("somebody on {day}")),
                "the vendor's reports".to_owned(),
            ),
            Self::OlderThanWindow => (
                age_shown(seat),
                format!("must be before {}", criteria.window_first()),
            ),
            Self::ReferenceKnown => (
                reference(criteria, seat).map_or_else(
                    || "no use, assignment or creation is known".to_owned(),
                    |reference| format!("{} {}", reference.kind.as_str(), reference.day),
                ),
                "last activity, then assigned, then created".to_owned(),
            ),
            Self::Unused => (
                seat.last_activity().map_or_else(
                    || "no use is known".to_owned(),
                    |(day, grade)| format!("{day} ({})", grade.as_str()),
                ),
                format!(
                    "`last_activity_threshold` of {} is {}, so it must be before {}",
                    rule.origin,
                    rule.last_activity_threshold,
                    criteria.window_first().saturating_sub(1.day())
                ),
            ),
            Self::HeldByPerson
            | Self::RuleMeansLeavers
            | Self::PersonKnown
            | Self::PersonLeft
            | Self::DirectoryFresh => leaver::shown(self, rule, knowledge, &seat.holder),
        }
    }
}

/// A predicate with its value and where that comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Predicate {
    /// Which.
    pub check: Check,
    /// Whether it holds.
    pub holds: bool,
    /// What was found.
    pub value: String,
    /// Where, or what it is measured by.
    pub source: String,
}

/// What was concluded of a seat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Judgement {
    /// It is unused, counted from this day.
    Unused(Reference),
    /// Its user left; idle, if at all, since this day.
    Left(Reference),
    /// The first predicate that does not hold.
    NotACandidate(Check),
}

/// Judges one seat.
pub fn judge(criteria: &Criteria, knowledge: &Knowledge, seat: &SeatFacts<'_>) -> Judgement {
    let why = justification(criteria, knowledge, seat);
    let reference = reference(criteria, seat);
    match (first_failing(why, criteria, knowledge, seat), why) {
        (Some(failed), _) => Judgement::NotACandidate(failed),
        (None, Justification::Left) => Judgement::Left(reference.unwrap_or(Reference {
            kind: ReferenceKind::FirstSeen,
            day: day_of(seat.first_seen),
        })),
        (None, Justification::LowUsage) => match reference {
            Some(reference) => Judgement::Unused(reference),
            None => Judgement::NotACandidate(Check::ReferenceKnown),
        },
    }
}

/// By which predicates a seat is judged: those of people who left where the rule means them and its user
/// did, unless these do not all hold and those of disuse do.
pub fn justification(
    criteria: &Criteria,
    knowledge: &Knowledge,
    seat: &SeatFacts<'_>,
) -> Justification {
    let holds = |why| first_failing(why, criteria, knowledge, seat).is_none();
    let left = criteria.rule.leavers && seat.holder.left();
    if left && (holds(Justification::Left) || !holds(Justification::LowUsage)) {
        Justification::Left
    } else {
        Justification::LowUsage
    }
}

fn first_failing(
    why: Justification,
    criteria: &Criteria,
    knowledge: &Knowledge,
    seat: &SeatFacts<'_>,
) -> Option<Check> {
    let checks = Check::of(why).iter().copied();
    checks
        .into_iter()
        .find(|check| !check.holds(criteria, knowledge, seat))
}

/// What the failing predicates mean for a candidate that is open and was found for this reason; `None`
/// when all hold. Use weighs more than anything else, and what is not proved weighs least.
pub fn lapse(
    why: Justification,
    criteria: &Criteria,
    knowledge: &Knowledge,
    seat: &SeatFacts<'_>,
) -> Option<(Check, Lapse)> {
    let weight = |lapse: Lapse| match lapse {
        Lapse::Used => 2,
        Lapse::NotMeant => 1,
        Lapse::Unproved => 0,
    };
    Check::of(why)
        .iter()
        .copied()
        .filter(|check| !check.holds(criteria, knowledge, seat))
        .map(|check| (check, check.lapse()))
        .reduce(|best, next| {
            if weight(next.1) > weight(best.1) {
                next
            } else {
                best
            }
        })
}

/// Every predicate of one seat that decides for this justification.
pub fn explain(
    why: Justification,
    criteria: &Criteria,
    knowledge: &Knowledge,
    seat: &SeatFacts<'_>,
) -> Vec<Predicate> {
    Check::of(why)
        .iter()
        .copied()
        .map(|check| {
            let (value, source) = check.shown(criteria, knowledge, seat);
            Predicate {
                check,
                holds: check.holds(criteria, knowledge, seat),
                value,
                source,
            }
        })
        .collect()
}

/// What the idleness is counted from.
fn reference(criteria: &Criteria, seat: &SeatFacts<'_>) -> Option<Reference> {
    let of = |kind, day| Reference { kind, day };
    let first_seen = || {
        criteria
            .rule
            .include_no_activity
            .then(|| of(ReferenceKind::FirstSeen, day_of(seat.first_seen)))
    };
    seat.last_activity()
        .map(|(day, _)| of(ReferenceKind::LastActivity, day))
        .or_else(|| {
            seat.assigned
                .map(|at| of(ReferenceKind::Assigned, day_of(at)))
        })
        .or_else(|| {
            seat.created
                .map(|at| of(ReferenceKind::Created, day_of(at)))
        })
        .or_else(first_seen)
}

/// Deleting a free user is a decision of its own.
fn takes_free(identifier: &Identifier, options: ReclaimOptions) -> bool {
    identifier.as_str() == "zoom.basic" && options.delete_basic_users
}

fn meets(conditions: &Conditions, seat: &SeatFacts<'_>) -> bool {
    let Conditions {
        departments,
        domains,
        statuses,
    } = conditions;
    let domain = seat.email.rsplit_once('@').map_or("", |(_, domain)| domain);
    let of_department = |wanted: &String| {
        seat.department
            .is_some_and(|department| department.to_lowercase() == wanted.to_lowercase())
    };
    let of_domain = |wanted: &String| match wanted.strip_prefix("*.") {
        Some(parent) => domain
            .to_lowercase()
            .strip_suffix(&parent.to_lowercase())
            .is_some_and(|rest| rest.len() > 1 && rest.ends_with('.')),
        None => domain.eq_ignore_ascii_case(wanted),
    };
    let of_status = |wanted: &ConditionStatus| {
        *wanted
            == match seat.status {
                UserStatus::Active => ConditionStatus::Active,
                UserStatus::Inactive | UserStatus::Pending => ConditionStatus::Inactive,
            }
    };
    departments
        .as_ref()
        .is_none_or(|list| list.iter().any(of_department))
        && domains
            .as_ref()
            .is_none_or(|list| list.iter().any(of_domain))
        && statuses
            .as_ref()
            .is_none_or(|list| list.iter().any(of_status))
}

fn window_shown(criteria: &Criteria) -> String {
    match (criteria.known.hosted_since, criteria.known.listed_since) {
        (Some(since), _) => format!("what took place is known since {since}"),
        (None, Some(since)) => format!("only what was scheduled is known, since {since}"),
        (None, None) => "not known without gaps".to_owned(),
    }
}

fn window_source(criteria: &Criteria) -> String {
    let listed = if criteria.accepts_listed() {
        " (what was scheduled is accepted)"
    } else {
        ""
    };
    format!(
        "the days read; they must reach back to {}{listed}",
        criteria.window_first()
    )
}

fn age_shown(seat: &SeatFacts<'_>) -> String {
    match (seat.created, seat.assigned) {
        (Some(created), Some(assigned)) => {
            format!(
                "user since {}, seat since {}",
                day_of(created),
                day_of(assigned)
            )
        }
        (Some(created), None) => format!("user since {}", day_of(created)),
        (None, Some(assigned)) => format!("seat since {}", day_of(assigned)),
        (None, None) => "not told by the vendor".to_owned(),
    }
}
