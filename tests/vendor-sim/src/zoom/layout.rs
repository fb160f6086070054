//! Which rows of a generated account are people, rooms, deactivated, pending or former users.

use std::ops::Range;

use crate::random::Ppm;
use crate::zoom::options::Population;
use crate::zoom::traits::Kin;

/// Which rows are what: contiguous ranges, in this order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Layout {
    pub(crate) people: Range<u32>,
    pub(crate) rooms: Range<u32>,
    pub(crate) inactive: Range<u32>,
    pub(crate) pending: Range<u32>,
    pub(crate) former: Range<u32>,
}

impl Layout {
    pub(crate) fn new(users: u32, population: &Population) -> Self {
        let share = |fraction: f64| {
            let rows = Ppm::of(fraction).share_of(u64::from(users));
            u32::try_from(rows).unwrap_or(users)
        };
        // Small accounts still have one of each kind that was asked for.
        let at_least_one = |fraction: f64| {
            let rows = share(fraction);
            if fraction > 0.0 && users >= 20 {
                rows.max(1)
            } else {
                rows
            }
        };
        let inactive = at_least_one(population.inactive);
        let pending = at_least_one(population.pending);
        let people = users.saturating_sub(inactive + pending).max(1);
        let rooms = people + at_least_one(population.rooms);
        let inactive = rooms + inactive;
        let pending = inactive + pending;
        let former = pending + at_least_one(population.former);
        Self {
            people: 0..people,
            rooms: people..rooms,
            inactive: rooms..inactive,
            pending: inactive..pending,
            former: pending..former,
        }
    }

    pub(crate) fn kin(&self, index: u32) -> Option<Kin> {
        [
            (&self.people, Kin::Person),
            (&self.rooms, Kin::Room),
            (&self.inactive, Kin::Inactive),
            (&self.pending, Kin::Pending),
            (&self.former, Kin::Former),
        ]
        .into_iter()
        .find(|(range, _)| range.contains(&index))
        .map(|(_, kin)| kin)
    }
}
