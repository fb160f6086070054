//! The seats that were there before a walk, by the digest of what the vendor told of them, and which
//! of them the walk saw again unchanged. Held in memory, 24 bytes a seat: the digests of a walk come
//! in no order, so that looking them up in a table costs a page each.

use rusqlite::Connection;

use super::document::ProfileId;

/// The start of the SHA-256 of everything that a vendor told of a seat.
pub(super) type SeatDigest = [u8; 16];

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Seat {
    digest: SeatDigest,
    id: i64,
}

/// Recorded seats in the order of their digests, with a bit for each that says whether it was seen.
#[derive(Debug, Default)]
pub(super) struct RecordedSeats {
    seats: Vec<Seat>,
    seen: Vec<u64>,
}

impl RecordedSeats {
    /// The profile's seats that an earlier walk left in force, none of them seen.
    pub(super) fn read(
        connection: &Connection,
        profile: ProfileId,
    ) -> Result<Self, rusqlite::Error> {
        let mut seats = connection
            .prepare(
                "SELECT digest, id FROM live.subscriptions
                 WHERE profile_id = ?1 AND ended_at IS NULL AND source = 'walk'",
            )?
            .query_map([profile.0], |row| {
                Ok(Seat {
                    digest: row.get(0)?,
                    id: row.get(1)?,
                })
            })?
            .collect::<Result<Vec<_>, _>>()?;
        seats.sort_unstable();
        let seen = vec![0; seats.len().div_ceil(64)];
        Ok(Self { seats, seen })
    }

    /// Marks the seat with this digest as seen; false when there is none.
    pub(super) fn see(&mut self, digest: &SeatDigest) -> bool {
        let found = self.seats.binary_search_by_key(digest, |seat| seat.digest);
        if let Ok(place) = found
            && let Some(bits) = self.seen.get_mut(place / 64)
        {
            *bits |= 1 << (place % 64);
        }
        found.is_ok()
    }

    /// The rows of the seats that were not seen: changed or gone.
    pub(super) fn unseen(&self) -> impl Iterator<Item = i64> {
        self.seats
            .iter()
            .enumerate()
            .filter(|(place, _)| !self.was_seen(*place))
            .map(|(_, seat)| seat.id)
    }

    fn was_seen(&self, place: usize) -> bool {
        self.seen
            .get(place / 64)
            .is_some_and(|bits| bits & (1 << (place % 64)) != 0)
    }
}
