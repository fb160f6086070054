//! What the account bought. Aha! has no call for it; its seat groups tell it where they hold every
//! paid seat.

use super::AhaConnector;
use super::identifiers::paid_seat;
use super::users::SeatTally;
use super::wire::SeatGroups;
use crate::connector::error::ConnectorError;
use crate::connector::facts::Purchased;
use crate::connector::http::api::Call;
use crate::connector::limits::Label;

impl AhaConnector {
    /// Counts by the latest walk of this connector.
    pub(super) async fn seats_bought(&self) -> Result<Vec<Purchased>, ConnectorError> {
        let tally = self.tally();
        let bought = match self.seat_groups().await {
            Ok(groups) => bought(&groups, tally),
            // Groups belong to the dearer plans; what is used is known without them.
            Err(ConnectorError::Rejected { .. } | ConnectorError::Unauthorized { .. }) => None,
            Err(error) => return Err(error),
        };
        Ok(vec![Purchased {
            identifier: paid_seat(),
            bought,
            assigned: tally.used,
            plan: None,
        }])
    }

    async fn seat_groups(&self) -> Result<SeatGroups, ConnectorError> {
        let call = Call {
            step: "read the seat groups",
            label: Label::Light,
            path: &["paid_seat_groups"],
            query: &[],
        };
        self.api
            .get(&call, |body| serde_json::from_slice(body))
            .await
    }
}

/// The seats of all groups, when nobody uses a seat outside of them: then no group can be missing
/// that the key's owner does not administer, and no seat be bought that is in none.
fn bought(groups: &SeatGroups, tally: SeatTally) -> Option<u64> {
    let capacities = groups.paid_seat_groups.iter();
    let sum: Option<u64> = capacities.map(|group| group.capacity.count()).sum();
    sum.filter(|sum| tally.ungrouped == 0 && *sum >= tally.used && *sum > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_tell_what_was_bought_only_when_they_hold_everybody() {
        let tally = |used, ungrouped| SeatTally {
            used,
            ungrouped,
            ..SeatTally::default()
        };
        let two = r#"{"paid_seat_groups":[{"id":"1","capacity":20},{"id":"2","capacity":"5"}]}"#;
        let cases = [
            (two, tally(24, 0), Some(25)),
            (two, tally(24, 1), None),
            // A group of others is not listed.
            (two, tally(26, 0), None),
            (r#"{"paid_seat_groups":[]}"#, tally(0, 0), None),
            (r#"{"paid_seat_groups":[{"id":"1"}]}"#, tally(0, 0), None),
        ];
        for (body, tally, expected) in cases {
            let groups: SeatGroups = serde_json::from_str(body).unwrap();
            assert_eq!(bought(&groups, tally), expected, "{body} {tally:?}");
        }
    }
}
