//! Which further seats of a user go when one of them is taken back, by what is recorded. Pure. Just
//! before a write the connector says the same of what the vendor tells then.

use crate::profile::identifier::Identifier;

/// A seat that counts against what was bought, beside others of its user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldSeat {
    /// Of what.
    pub identifier: Identifier,
    /// The vendor gives it only beside a base seat.
    pub is_add_on: bool,
}

/// What taking `identifier` from a user who holds `held` takes too.
///
/// - Zoom: a base seat takes the add-ons (webinars, large meetings) that were given beside it.
/// - GoTo: a licence of GoToWebinar is one of GoToMeeting too. Whether its going leaves a licence of
///   GoToMeeting of the same user alone is written nowhere, so it is taken to go along.
pub fn takes_along(identifier: &Identifier, held: &[HeldSeat]) -> Vec<Identifier> {
    let is_add_on = |seat: &HeldSeat| seat.is_add_on && seat.identifier == *identifier;
    if held.iter().any(is_add_on) {
        return Vec::new();
    }
    held.iter()
        .map(|seat| (&seat.identifier, seat.is_add_on))
        .filter(|(other, is_add_on)| *is_add_on || comes_with(other, identifier))
        .map(|(other, _)| other.clone())
        .collect()
}

/// Whether another seat of its user takes `identifier` along.
pub fn goes_along(identifier: &Identifier, held: &[HeldSeat]) -> bool {
    held.iter()
        .any(|other| takes_along(&other.identifier, held).contains(identifier))
}

fn comes_with(part: &Identifier, whole: &Identifier) -> bool {
    part.as_str() == "goto.g2m" && whole.as_str() == "goto.g2w"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(seats: &[(&str, bool)]) -> Vec<HeldSeat> {
        let seat = |(identifier, is_add_on): &(&str, bool)| HeldSeat {
            identifier: identifier.parse().unwrap(),
            is_add_on: *is_add_on,
        };
        seats.iter().map(seat).collect()
    }

    #[test]
    fn a_base_seat_takes_its_add_ons_and_webinars_take_meetings() {
        let zoom = held(&[("zoom.licensed", false), ("zoom.webinar.500", true)]);
        let goto = held(&[
            ("goto.g2m", false),
            ("goto.g2w", false),
            ("goto.connect", false),
        ]);
        let table: [(&str, &[HeldSeat], &[&str], bool); 5] = [
            ("zoom.licensed", &zoom, &["zoom.webinar.500"], false),
            ("zoom.webinar.500", &zoom, &[], true),
            ("goto.g2w", &goto, &["goto.g2m"], false),
            ("goto.g2m", &goto, &[], true),
            ("goto.connect", &goto, &[], false),
        ];
        for (identifier, seats, taken, goes) in table {
            let identifier: Identifier = identifier.parse().unwrap();
            let found = takes_along(&identifier, seats);
            let words: Vec<&str> = found.iter().map(Identifier::as_str).collect();
            assert_eq!(words, taken, "{identifier}");
            assert_eq!(goes_along(&identifier, seats), goes, "{identifier}");
        }
        let alone = held(&[("goto.g2w", false)]);
        assert_eq!(takes_along(&"goto.g2w".parse().unwrap(), &alone), []);
    }
}
