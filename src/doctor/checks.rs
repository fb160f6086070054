//! The checks, one function each. A new one is written here and named in [`ALL`] and docs/doctor.md.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::{SignedDuration, ToSpan as _};

use super::Severity;
use super::facts::{Facts, ProfileFacts};
use crate::profile::licence::{EntitlementState, Product};

/// How long before the end of a consent or of rights a person is told, in days. Mail and the journal tell of
/// consents again ten days before.
const ENDS_SOON_DAYS: i64 = 30;

/// What a download may take, or wait for, after it was due.
const DOWNLOAD_PATIENCE: SignedDuration = SignedDuration::from_hours(24);

/// What a write may take from its record to its end: it is read back a few times.
const WRITE_PATIENCE: SignedDuration = SignedDuration::from_hours(1);

/// Fewer seats than these may all be unused, which says nothing of the activity that is read.
const FEW_SEATS: u64 = 10;

/// What a check found.
pub(super) struct Found {
    pub(super) severity: Severity,
    pub(super) profile: Option<String>,
    pub(super) about: String,
    pub(super) value: String,
    pub(super) message: String,
    pub(super) remedy: String,
}

type Check = fn(&Facts) -> Vec<Found>;

/// Every check with its word.
pub(super) const ALL: &[(&str, Check)] = &[
    ("stopped_profile", stopped_profiles),
    ("failed_run", failed_runs),
    ("vendor_total", vendor_totals),
    ("assigned_seats", assigned_seats),
    ("old_download", old_downloads),
    ("unrecognized_identifier", unrecognized_identifiers),
    ("missing_activity", missing_activity),
    ("hidden_product", hidden_products),
    ("unproved_reclaim", unproved_reclaims),
    ("open_write", open_writes),
    ("unresolved_user", unresolved_users),
    ("old_directory", old_directories),
    ("ending_consent", ending_consents),
    ("ending_entitlement", ending_entitlements),
];

/// One finding for each of what `of` a profile tells.
fn each<T>(
    facts: &Facts,
    of: impl Fn(&ProfileFacts) -> Vec<T>,
    found: impl Fn(&str, T) -> Found,
) -> Vec<Found> {
    let profiles = facts.profiles.iter();
    profiles
        .flat_map(|profile| {
            let things = of(profile).into_iter();
            things
                .map(|thing| found(&profile.name, thing))
                .collect::<Vec<_>>()
        })
        .collect()
}

fn stopped_profiles(facts: &Facts) -> Vec<Found> {
    each(
        facts,
        |profile| profile.stops.clone(),
        |name, stop| Found {
            severity: Severity::Error,
            profile: Some(name.to_owned()),
            about: stop.word.to_owned(),
            value: stop.reason,
            message: stop.message,
            remedy: format!("`seatsync status {name}` shows the condition and what ends it"),
        },
    )
}

fn failed_runs(facts: &Facts) -> Vec<Found> {
    each(
        facts,
        |profile| profile.failures.clone(),
        |name, run| {
            let severity = match run.state {
                "failed" => Severity::Error,
                _ => Severity::Warning,
            };
            Found {
                severity,
                profile: Some(name.to_owned()),
                about: run.subflow.to_owned(),
                value: run.ended_at.map_or_else(
                    || run.state.to_owned(),
                    |at| format!("{} {}", run.state, seconds(at)),
                ),
                message: run.message.unwrap_or_else(|| {
                    format!("the last run of {} did not do everything", run.subflow)
                }),
                remedy: format!(
                    "`seatsync jobs results --profile {name}` tells the step; mend that, then `seatsync jobs run {name}`"
                ),
            }
        },
    )
}

fn vendor_totals(facts: &Facts) -> Vec<Found> {
    let of = |profile: &ProfileFacts| {
        let walk = profile.last_walk.as_ref();
        let short = walk.filter(|walk| {
            !walk.complete || walk.vendor_total.is_some_and(|total| total != walk.users)
        });
        short
            .map(|walk| (walk.users, walk.vendor_total))
            .into_iter()
            .collect()
    };
    each(facts, of, |name, (users, total): (u64, Option<u64>)| {
        Found {
            severity: Severity::Error,
            profile: Some(name.to_owned()),
            about: "users".to_owned(),
            value: match total {
                Some(total) => format!("{users} read, the vendor tells {total}"),
                None => format!("{users} read, the vendor tells no total"),
            },
            message:
                "the last download did not read the whole list, so that nothing of it is in force"
                    .to_owned(),
            remedy: format!(
                "`seatsync jobs run {name}` reads again; if the vendor really has so few now, `seatsync release {name}`"
            ),
        }
    })
}

fn assigned_seats(facts: &Facts) -> Vec<Found> {
    let of = |profile: &ProfileFacts| {
        let rows = profile.identifiers.iter();
        rows.filter_map(|row| {
            let assigned = row.assigned.filter(|assigned| *assigned != row.paid)?;
            Some((row.identifier.clone(), row.paid, assigned))
        })
        .collect()
    };
    each(
        facts,
        of,
        |name, (identifier, paid, assigned): (String, u64, u64)| Found {
            severity: Severity::Warning,
            profile: Some(name.to_owned()),
            about: identifier,
            value: format!("{paid} recorded, the vendor counts {assigned}"),
            message: "seats that are recorded and the vendor's own count of them differ".to_owned(),
            remedy: format!(
                "`seatsync jobs run {name}` reads both again; where it stays, compare with the vendor's page of licences"
            ),
        },
    )
}

fn old_downloads(facts: &Facts) -> Vec<Found> {
    let of = |profile: &ProfileFacts| {
        let due = profile.download_due_since.into_iter();
        due.filter(|since| facts.now.duration_since(*since) > DOWNLOAD_PATIENCE)
            .collect()
    };
    each(facts, of, |name, since| {
        Found {
        severity: Severity::Error,
        profile: Some(name.to_owned()),
        about: "download_subscriptions".to_owned(),
        value: format!("due since {}", seconds(since)),
        message: "no download was complete since then: what is known grows old, and nothing is judged by it".to_owned(),
        remedy: format!("`seatsync jobs results --profile {name}` tells why; `seatsync jobs run {name}` tries now"),
    }
    })
}

fn unrecognized_identifiers(facts: &Facts) -> Vec<Found> {
    let of = |profile: &ProfileFacts| {
        let without_model = profile
            .identifiers
            .iter()
            .filter(|row| row.product.is_none() && row.seats > 0);
        let mut rows: Vec<(String, u64, bool)> = without_model
            .map(|row| (row.identifier.clone(), row.seats, true))
            .collect();
        let codes = profile.last_walk.iter().flat_map(|walk| &walk.unrecognized);
        rows.extend(codes.map(|(code, count)| (code.clone(), *count, false)));
        rows
    };
    each(facts, of, |name, (identifier, seats, is_identifier)| {
        Found {
            severity: Severity::Warning,
            profile: Some(name.to_owned()),
            about: identifier,
            value: format!("{seats} seats"),
            message: "no software model has it: nobody can say which right these seats use"
                .to_owned(),
            remedy: if is_identifier {
                "write a SoftwareModel that names the identifier; it holds for all of its seats at once".to_owned()
            } else {
                "the vendor has a word that this version does not know: look for a newer version of seatsync".to_owned()
            },
        }
    })
}

fn missing_activity(facts: &Facts) -> Vec<Found> {
    let of = |profile: &ProfileFacts| {
        let rows = profile.identifiers.iter().filter(|row| {
            row.tells_disuse
                && row.paid > 0
                && row.seats >= row.excluded.saturating_add(FEW_SEATS)
                && row.with_activity == 0
        });
        let rows = rows.filter(|_| profile.activity_was_read);
        rows.map(|row| (row.identifier.clone(), row.seats))
            .collect()
    };
    each(facts, of, |name, (identifier, seats): (String, u64)| {
        Found {
            severity: Severity::Warning,
            profile: Some(name.to_owned()),
            about: identifier,
            value: format!("0 of {seats} seats"),
            message: "no seat has a last activity, though the vendor reports use of this product"
                .to_owned(),
            remedy: format!(
                "`seatsync validate {name}` tells whether a scope or a role is missing"
            ),
        }
    })
}

fn hidden_products(facts: &Facts) -> Vec<Found> {
    let of = |profile: &ProfileFacts| {
        let mut products: BTreeMap<&Product, (u64, u64, u64)> = BTreeMap::new();
        for row in &profile.identifiers {
            if let Some(product) = &row.product {
                let (seats, paid, excluded) = products.entry(product).or_default();
                *seats += row.seats;
                *paid += row.paid;
                *excluded += row.excluded;
            }
        }
        // What a vendor gives for nothing is excluded on purpose.
        let hidden = products
            .into_iter()
            .filter(|(_, (seats, paid, excluded))| *paid > 0 && seats == excluded);
        hidden
            .map(|(product, (_, paid, _))| (product.product.clone(), paid))
            .collect()
    };
    each(facts, of, |name, (product, paid): (String, u64)| Found {
        severity: Severity::Warning,
        profile: Some(name.to_owned()),
        about: product,
        value: format!("{paid} paid seats, all excluded"),
        message:
            "exclusions take the whole product out of the position, the candidates and the reclaim"
                .to_owned(),
        remedy: format!(
            "`seatsync exclusions list --profile {name}` names the entries: narrow the one that reaches too far"
        ),
    })
}

fn unproved_reclaims(facts: &Facts) -> Vec<Found> {
    let of = |profile: &ProfileFacts| {
        let unproved = profile.reclaims && !profile.reclaim_is_proved;
        unproved.then_some(()).into_iter().collect()
    };
    each(facts, of, |name, ()| Found {
        severity: Severity::Warning,
        profile: Some(name.to_owned()),
        about: "reclaim_subscriptions".to_owned(),
        value: "not validated".to_owned(),
        message: "the reclaim is switched on, and the right to it was never proved at the vendor"
            .to_owned(),
        remedy: format!("`seatsync validate {name}` names the role and scopes that are missing"),
    })
}

fn open_writes(facts: &Facts) -> Vec<Found> {
    let writes = facts.open_writes.iter();
    writes
        .filter(|write| facts.now.duration_since(write.intended_at) > WRITE_PATIENCE)
        .map(|write| Found {
            severity: Severity::Error,
            profile: Some(write.profile.clone()),
            about: format!("candidate {}", write.candidate),
            value: format!("open since {}", seconds(write.intended_at)),
            message: "it is not known whether a write was made at the vendor: it was cut"
                .to_owned(),
            remedy: format!(
                "`seatsync jobs run {} --subflow reclaim_subscriptions` asks the vendor first of all; it needs the profile published, not suspended, and with its reclaim switched on",
                write.profile
            ),
        })
        .collect()
}

fn unresolved_users(facts: &Facts) -> Vec<Found> {
    each(
        facts,
        |profile| {
            let users = profile.users;
            let told = [
                (
                    users.unresolved,
                    "unresolved",
                    format!("{} with {} seats", users.unresolved, users.unresolved_seats),
                    "nobody is known behind these users: their seats belong to no cost centre, and it is not known whether they left",
                ),
                (
                    users.ties,
                    "ties",
                    users.ties.to_string(),
                    "several people are found behind each of these users, so that none is",
                ),
            ];
            told.into_iter().filter(|(count, ..)| *count > 0).collect()
        },
        |profile, (_, option, value, message)| Found {
            severity: Severity::Warning,
            profile: Some(profile.to_owned()),
            about: option.to_owned(),
            value,
            message: message.to_owned(),
            remedy: format!(
                "`seatsync users list --profile {profile} --{option}`, then add them to a UserDirectory, or a rule that finds them"
            ),
        },
    )
}

fn old_directories(facts: &Facts) -> Vec<Found> {
    let directories = facts.directories.iter();
    directories
        .filter_map(|directory| {
            Some(Found {
                severity: Severity::Warning,
                profile: None,
                about: directory.name.clone(),
                value: directory.stale.clone()?,
                message: "nobody counts as having left by this directory meanwhile".to_owned(),
                remedy: "write its file anew, whole, then `seatsync reload`".to_owned(),
            })
        })
        .collect()
}

fn ending_consents(facts: &Facts) -> Vec<Found> {
    let soon = SignedDuration::from_hours(24 * ENDS_SOON_DAYS);
    let needed = facts
        .connections
        .iter()
        .filter(|connection| connection.needs_person);
    needed
        .filter_map(|connection| {
            let (severity, value, message) = match &connection.consent {
                None => (
                    Severity::Error,
                    "none".to_owned(),
                    "nobody has consented to this connection yet".to_owned(),
                ),
                Some(consent) => match (&consent.dead, consent.refresh_ends_at) {
                    (Some(dead), _) => (
                        Severity::Error,
                        "refused".to_owned(),
                        format!("the vendor no longer accepts the consent: {}", dead.reason),
                    ),
                    (None, Some(end)) if end <= facts.now => (
                        Severity::Error,
                        format!("ended {}", seconds(end)),
                        "the consent ended of age".to_owned(),
                    ),
                    (None, Some(end)) if end.duration_since(facts.now) <= soon => (
                        Severity::Warning,
                        format!("ends {}", seconds(end)),
                        "the consent ends of age soon".to_owned(),
                    ),
                    (None, _) => return None,
                },
            };
            Some(Found {
                severity,
                profile: None,
                about: connection.name.clone(),
                value,
                message,
                remedy: format!("`seatsync authorize {}`", connection.name),
            })
        })
        .collect()
}

fn ending_entitlements(facts: &Facts) -> Vec<Found> {
    let in_use = facts
        .entitlements
        .iter()
        .filter(|one| one.state(facts.today) == EntitlementState::InUse);
    let ending = in_use.filter_map(|one| Some((one, one.end?)));
    ending
        .filter(|(_, end)| *end <= soon(facts.today))
        .map(|(one, end)| Found {
            severity: Severity::Warning,
            profile: None,
            about: one.name.to_string(),
            value: format!("ends {end}"),
            message: "these rights end soon; the day after, the position is without them"
                .to_owned(),
            remedy: "write an Entitlement for the renewal, or take back what will not be renewed"
                .to_owned(),
        })
        .collect()
}

fn soon(today: Date) -> Date {
    today.saturating_add(ENDS_SOON_DAYS.days())
}

/// A time to the second, as RFC 3339.
fn seconds(at: Timestamp) -> String {
    Timestamp::from_second(at.as_second())
        .unwrap_or(at)
        .to_string()
}
