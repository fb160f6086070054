//! Walking through all sessions of an account, day by day and host by host, a page at a time. The
//! history report, the dashboards and the list of upcoming events are such streams.

use std::ops::RangeInclusive;

use crate::zoom::activity::Session;
use crate::zoom::world::{Roster, World};

/// Where a stream stands: a day, a place in the roster and how many of that host's sessions of the
/// day were already sent; packed into the number that a page token carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Place {
    day: u32,
    host: u32,
    sent: u8,
}

impl Place {
    const fn unpack(position: u64) -> Self {
        let bytes = position.to_be_bytes();
        Self {
            day: u32::from_be_bytes([0, bytes[0], bytes[1], bytes[2]]),
            host: u32::from_be_bytes([bytes[3], bytes[4], bytes[5], bytes[6]]),
            sent: bytes[7],
        }
    }

    const fn pack(self) -> u64 {
        let (day, host) = (self.day.to_be_bytes(), self.host.to_be_bytes());
        u64::from_be_bytes([
            day[1], day[2], day[3], host[0], host[1], host[2], host[3], self.sent,
        ])
    }
}

/// The sessions of a page with their hosts' rows, and the position of the next page.
pub(crate) type StreamPage = (Vec<(u32, Session)>, Option<u64>);

/// Takes up to `size` sessions that pass `wanted`, from `position` on.
pub(crate) fn page(
    world: &World,
    roster: &Roster,
    days: &RangeInclusive<i64>,
    position: u64,
    size: u32,
    wanted: impl Fn(u32, &Session) -> bool,
) -> StreamPage {
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    let mut rows = Vec::new();
    let mut place = Place::unpack(position);
    let first_day = *days.start();
    while first_day + i64::from(place.day) <= *days.end() {
        let day = first_day + i64::from(place.day);
        while let Some(index) = roster.nth(place.host) {
            let mut nth: u8 = 0;
            let mut next = None;
            world.sessions(index, day..=day, |session| {
                if !wanted(index, &session) {
                    return;
                }
                if nth >= place.sent {
                    if rows.len() < size {
                        rows.push((index, session));
                    } else if next.is_none() {
                        next = Some(Place { sent: nth, ..place }.pack());
                    }
                }
                nth = nth.saturating_add(1);
            });
            if next.is_some() {
                return (rows, next);
            }
            place.host += 1;
            place.sent = 0;
        }
        place.day += 1;
        place.host = 0;
    }
    (rows, None)
}

/// Those who host something that passes `wanted`, and how much in all. A walk goes through them
/// only, so that its later pages cost nothing for everybody else.
pub(crate) fn hosts(
    world: &World,
    days: &RangeInclusive<i64>,
    wanted: impl Fn(u32, &Session) -> bool,
) -> (Roster, u64) {
    let everybody = world.hosts();
    let mut count = 0;
    let hosts = (0..everybody.len())
        .filter_map(|at| everybody.nth(at))
        .filter(|index| {
            let before = count;
            world.sessions(*index, days.clone(), |session| {
                count += u64::from(wanted(*index, &session));
            });
            count > before
        });
    let roster = Roster::of(hosts);
    (roster, count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_survives_packing() {
        for place in [
            Place::default(),
            Place {
                day: 31,
                host: 1_000_000,
                sent: 3,
            },
            Place {
                day: 0x00ff_ffff,
                host: u32::MAX,
                sent: u8::MAX,
            },
        ] {
            assert_eq!(Place::unpack(place.pack()), place);
        }
    }
}
