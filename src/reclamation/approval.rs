//! Reviewed lists of seats: `kind: Approval`. A list is acted on once, and a seat of which it says
//! something else than what is so now is dropped.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use sha2::{Digest as _, Sha256};

use super::judge::Reference;
use crate::connector::facts::Grade;
use crate::profile::folding::folded_address;
use crate::profile::identifier::Identifier;
use crate::profile::model::DesiredProfile;
use crate::profile::name::Name;

/// One seat of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApprovedSeat {
    /// The candidate's number, as text.
    pub id: String,
    /// The user, by address or the vendor's id.
    pub user: String,
    /// Of which identifier the seat is.
    pub identifier: Identifier,
    /// The last use that the reviewer saw.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_activity: Option<Date>,
}

/// What was so of a seat when its plan was exported: kept by the plan's digest, so that a list need
/// not repeat it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReviewedSeat {
    /// The candidate's number.
    pub candidate: i64,
    /// Of the rule that decided.
    pub rule_digest: String,
    /// Of the evidence that it was decided from.
    pub evidence_digest: String,
}

/// A list that holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approval {
    /// Its document's name.
    pub name: Name,
    /// The digest of the plan that was reviewed.
    pub plan: String,
    /// The last day it holds, in the settings' zone.
    pub expires: Date,
    /// Which seats, by the candidate's number.
    pub seats: BTreeMap<String, ApprovedSeat>,
}

impl Approval {
    /// The lists of a profile that hold on `today`, a day of the settings' zone.
    pub fn in_force(desired: &DesiredProfile, today: Date) -> Vec<Self> {
        desired
            .approvals
            .iter()
            .filter_map(|(name, spec)| Self::read(name, spec))
            .filter(|approval| today <= approval.expires)
            .collect()
    }

    /// `None` for what does not read: it was checked when it was loaded.
    fn read(name: &Name, spec: &Json) -> Option<Self> {
        let seats = spec["seats"].as_array()?.iter().filter_map(|seat| {
            let id = match &seat["id"] {
                Json::String(id) => id.clone(),
                id => id.as_u64()?.to_string(),
            };
            let seat = ApprovedSeat {
                id: id.clone(),
                user: seat["user"].as_str()?.to_owned(),
                identifier: seat["identifier"].as_str()?.parse().ok()?,
                last_activity: seat["last_activity"].as_str().map(day).transpose().ok()?,
            };
            Some((id, seat))
        });
        Some(Self {
            name: name.clone(),
            plan: spec["plan"].as_str()?.to_owned(),
            expires: spec["expires"].as_str()?.parse().ok()?,
            seats: seats.collect(),
        })
    }
}

fn day(text: &str) -> Result<Date, jiff::Error> {
    text.parse().or_else(|_| {
        let at: Timestamp = text.parse()?;
        Ok(at.to_zoned(TimeZone::UTC).date())
    })
}

/// A candidate as a list is compared with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed<'a> {
    /// Its number.
    pub candidate: i64,
    /// The vendor's user id.
    pub external_user_id: &'a str,
    /// The user's address.
    pub email: &'a str,
    /// Of which identifier the seat is.
    pub identifier: &'a Identifier,
    /// Its last known use.
    pub last_activity: Option<Date>,
    /// Of the rule that decides now.
    pub rule_digest: &'a str,
    /// Of the evidence now.
    pub evidence_digest: &'a str,
}

/// Why a list does not press a seat that it names.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Dropped {
    /// The plan that it names was never exported here.
    #[error("the plan that it names was not exported on this host: export and review again")]
    UnknownPlan,
    /// The plan that it names has no such seat.
    #[error("the plan that it names does not have this seat")]
    NotInPlan,
    /// It names another user or identifier.
    #[error("it names another seat under this number")]
    OtherSeat,
    /// The seat was used, or its last use is another one.
    #[error("its last activity is another one than the list says")]
    OtherActivity,
    /// The rule changed since.
    #[error("its rule changed since the review")]
    OtherRule,
    /// The evidence changed since.
    #[error("its evidence changed since the review")]
    OtherEvidence,
}

/// Whether `approval` presses a candidate: `None` where it does not name it. `reviewed` is what was so
/// of the seats of the plan that the list names; `None` where that plan is not known.
pub fn presses(
    approval: &Approval,
    reviewed: Option<&BTreeMap<i64, ReviewedSeat>>,
    candidate: &Listed<'_>,
) -> Option<Result<(), Dropped>> {
    let seat = approval.seats.get(&candidate.candidate.to_string())?;
    Some(compare(seat, reviewed, candidate))
}

fn compare(
    seat: &ApprovedSeat,
    reviewed: Option<&BTreeMap<i64, ReviewedSeat>>,
    candidate: &Listed<'_>,
) -> Result<(), Dropped> {
    let reviewed = reviewed.ok_or(Dropped::UnknownPlan)?;
    let reviewed = reviewed
        .get(&candidate.candidate)
        .ok_or(Dropped::NotInPlan)?;
    let same_user = folded_address(&seat.user) == folded_address(candidate.email)
        || seat.user == candidate.external_user_id;
    if !same_user || seat.identifier != *candidate.identifier {
        return Err(Dropped::OtherSeat);
    }
    if seat.last_activity != candidate.last_activity {
        return Err(Dropped::OtherActivity);
    }
    if reviewed.rule_digest != candidate.rule_digest {
        return Err(Dropped::OtherRule);
    }
    if reviewed.evidence_digest != candidate.evidence_digest {
        return Err(Dropped::OtherEvidence);
    }
    Ok(())
}

/// `sha256:…` over what a seat was found unused by. That the window moved on by a day is no change.
pub fn evidence_digest(
    reference: Reference,
    last_activity: Option<(Date, Grade)>,
    grade: Option<Grade>,
) -> String {
    let whole = json!([reference, last_activity, grade]);
    format!("sha256:{:x}", Sha256::digest(whole.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn approval() -> Approval {
        let spec = json!({
            "profile": "zoom", "plan": "sha256:1", "expires": "2027-02-20",
            "seats": [
                {"id": 7, "user": "Ada@example.com", "identifier": "zoom.licensed", "last_activity": "2026-10-01"},
                {"id": "8", "user": "u8", "identifier": "zoom.licensed"},
            ],
        });
        Approval::read(&"feb".parse().unwrap(), &spec).unwrap()
    }

    fn reviewed() -> BTreeMap<i64, ReviewedSeat> {
        [7, 8]
            .map(|candidate| {
                let seat = ReviewedSeat {
                    candidate,
                    rule_digest: "rule".to_owned(),
                    evidence_digest: "evidence".to_owned(),
                };
                (candidate, seat)
            })
            .into()
    }

    #[test]
    fn a_list_presses_what_is_still_as_it_says_and_nothing_else() {
        let (approval, reviewed) = (approval(), reviewed());
        let identifier: Identifier = "zoom.licensed".parse().unwrap();
        let webinar: Identifier = "zoom.webinar.500".parse().unwrap();
        let seat = Listed {
            candidate: 7,
            external_user_id: "u7",
            email: "ada@example.com",
            identifier: &identifier,
            last_activity: Some("2026-10-01".parse().unwrap()),
            rule_digest: "rule",
            evidence_digest: "evidence",
        };
        let presses = |seat: &Listed<'_>| super::presses(&approval, Some(&reviewed), seat);
        assert_eq!(presses(&seat), Some(Ok(())));
        let table = [
            (
                Listed {
                    email: "eve@example.com",
                    ..seat.clone()
                },
                Dropped::OtherSeat,
            ),
            (
                Listed {
                    identifier: &webinar,
                    ..seat.clone()
                },
                Dropped::OtherSeat,
            ),
            (
                Listed {
                    last_activity: None,
                    ..seat.clone()
                },
                Dropped::OtherActivity,
            ),
            (
                Listed {
                    rule_digest: "other",
                    ..seat.clone()
                },
                Dropped::OtherRule,
            ),
            (
                Listed {
                    evidence_digest: "other",
                    ..seat.clone()
                },
                Dropped::OtherEvidence,
            ),
        ];
        for (seat, expected) in table {
            assert_eq!(presses(&seat), Some(Err(expected)), "{seat:?}");
        }
        let unlisted = Listed {
            candidate: 9,
            ..seat.clone()
        };
        assert_eq!(presses(&unlisted), None);
        let by_id = Listed {
            candidate: 8,
            external_user_id: "u8",
            last_activity: None,
            ..seat.clone()
        };
        assert_eq!(presses(&by_id), Some(Ok(())));
        let nowhere = super::presses(&approval, None, &seat);
        assert_eq!(nowhere, Some(Err(Dropped::UnknownPlan)));
        let elsewhere = super::presses(&approval, Some(&BTreeMap::new()), &seat);
        assert_eq!(elsewhere, Some(Err(Dropped::NotInPlan)));
    }

    #[test]
    fn a_last_activity_is_read_as_a_day_or_an_instant() {
        for text in [
            "2026-10-01",
            "2026-10-01T23:00:00Z",
            "2026-10-01T01:00:00+01:00",
        ] {
            assert_eq!(day(text).unwrap().to_string(), "2026-10-01", "{text}");
        }
        assert!(day("yesterday").is_err());
    }
}
