//! Seats: how many of each kind are bought and how many are assigned. Both follow from the table of
//! users, so that plan usage, the summary and the refusals of writes always agree with it.

use crate::zoom::options::{LARGE_MEETING_CAPACITIES, Pools, WEBINAR_CAPACITIES};
use crate::zoom::products::Product;
use crate::zoom::traits::{BundleKind, Traits};
use crate::zoom::user::{Bundle, Features, Status, User};
use crate::zoom::world::World;

/// Assigned seats and numbers of users.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Active users by type, whatever their seat comes from.
    pub(crate) licensed: i64,
    pub(crate) basic: i64,
    pub(crate) join_only: i64,
    pub(crate) rooms: i64,
    /// Invited users, and those of them who hold a Licensed seat.
    pub(crate) pending: i64,
    pub(crate) pending_licensed: i64,
    /// Licensed seats of the base plan, without bundles.
    pub(crate) base: i64,
    pub(crate) zoom_one: i64,
    pub(crate) united: i64,
    pub(crate) webinar: [i64; WEBINAR_CAPACITIES.len()],
    pub(crate) large_meeting: [i64; LARGE_MEETING_CAPACITIES.len()],
    pub(crate) events: i64,
    pub(crate) whiteboard: i64,
    pub(crate) scheduler: i64,
    pub(crate) captions: i64,
}

/// What one user counts as.
struct Holding<'a> {
    status: Status,
    room: bool,
    kind: u64,
    zoom_one: bool,
    united: bool,
    features: &'a Features,
}

impl<'a> From<&'a User> for Holding<'a> {
    fn from(user: &'a User) -> Self {
        Self {
            status: user.status,
            room: user.room,
            kind: user.kind,
            zoom_one: matches!(user.bundle, Some(Bundle::ZoomOne(_))),
            united: matches!(user.bundle, Some(Bundle::United(_))),
            features: &user.features,
        }
    }
}

impl<'a> Holding<'a> {
    fn of(traits: &Traits, features: &'a Features) -> Self {
        Self {
            status: traits.status,
            room: traits.room,
            kind: traits.kind,
            zoom_one: matches!(traits.bundle, Some(BundleKind::ZoomOne(_))),
            united: traits.bundle == Some(BundleKind::United),
            features,
        }
    }
}

impl Tally {
    fn count(&mut self, user: &Holding<'_>, by: i64) {
        let licensed = user.kind == User::LICENSED;
        match user.status {
            Status::Active if user.room => self.rooms += by,
            Status::Active => {
                match user.kind {
                    User::LICENSED => self.licensed += by,
                    User::BASIC => self.basic += by,
                    _ => self.join_only += by,
                }
                self.base += by * i64::from(licensed && !user.zoom_one && !user.united);
                self.zoom_one += by * i64::from(user.zoom_one);
                self.united += by * i64::from(user.united);
                self.count_features(user.features, by);
            }
            Status::Pending => {
                self.pending += by;
                self.pending_licensed += by * i64::from(licensed);
            }
            Status::Inactive | Status::Gone => {}
        }
    }

    fn count_features(&mut self, features: &Features, by: i64) {
        let slot = |sizes: &[u32], held: Option<u32>| {
            held.and_then(|held| sizes.iter().position(|size| *size == held))
        };
        if let Some(at) = slot(&WEBINAR_CAPACITIES, features.webinar) {
            self.webinar[at] += by;
        }
        if let Some(at) = slot(&LARGE_MEETING_CAPACITIES, features.large_meeting) {
            self.large_meeting[at] += by;
        }
        self.events += by * i64::from(features.events.is_some());
        let one = |product| by * i64::from(features.products.has(product));
        self.whiteboard += one(Product::Whiteboard);
        self.scheduler += one(Product::Scheduler);
        self.captions += one(Product::TranslatedCaptions);
    }

    /// Users in all, deactivated ones aside.
    pub(crate) const fn total(&self) -> i64 {
        self.licensed + self.basic + self.join_only + self.rooms + self.pending
    }
}

/// Seats bought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Bought {
    pub(crate) base: i64,
    pub(crate) basic_ceiling: i64,
    pub(crate) zoom_one: i64,
    pub(crate) united: i64,
    pub(crate) webinar: [i64; WEBINAR_CAPACITIES.len()],
    pub(crate) large_meeting: [i64; LARGE_MEETING_CAPACITIES.len()],
    pub(crate) events: i64,
    pub(crate) rooms: i64,
    pub(crate) whiteboard: i64,
    pub(crate) scheduler: i64,
    pub(crate) captions: i64,
}

/// The account's seats.
#[derive(Debug)]
pub(crate) struct Seats {
    pub(crate) configured: Pools,
    /// Counted when first asked for: a download of a million users never needs it.
    at_start: Option<Tally>,
}

impl Seats {
    pub(crate) const fn new(configured: Pools) -> Self {
        Self {
            configured,
            at_start: None,
        }
    }

    fn at_start(&mut self, world: &World) -> &Tally {
        self.at_start.get_or_insert_with(|| {
            let mut tally = Tally::default();
            for index in 0..world.generator.layout.former.end {
                count_generated(world, index, &mut tally, 1);
            }
            tally
        })
    }

    /// What is assigned as of `at` (milliseconds).
    pub(crate) fn assigned(&mut self, world: &World, at: i64) -> Tally {
        let mut tally = self.at_start(world).clone();
        for index in world.edited() {
            let versions = world.versions(index);
            if let Some(version) = versions.iter().rev().find(|version| version.at <= at) {
                count_generated(world, index, &mut tally, -1);
                tally.count(&Holding::from(&version.user), 1);
            }
        }
        tally
    }

    /// What is bought: as configured, or what was assigned at the start and a tenth more.
    pub(crate) fn bought(&mut self, world: &World) -> Bought {
        let held = self.at_start(world).clone();
        let pools = &self.configured;
        let spare = |assigned: i64| match assigned {
            0 => 0,
            assigned => assigned + (assigned / 10).max(3),
        };
        let wide = |seats: Option<u32>| seats.map(i64::from);
        let in_use = held.base + held.pending_licensed;
        Bought {
            base: wide(pools.base).unwrap_or_else(|| spare(in_use)),
            basic_ceiling: wide(pools.basic_ceiling)
                .unwrap_or_else(|| (held.total() * 2).max(9_999)),
            zoom_one: spare(held.zoom_one),
            united: spare(held.united),
            webinar: pools
                .webinar
                .map_or_else(|| held.webinar.map(spare), |seats| seats.map(i64::from)),
            large_meeting: pools.large_meeting.map_or_else(
                || held.large_meeting.map(spare),
                |seats| seats.map(i64::from),
            ),
            events: wide(pools.events).unwrap_or_else(|| spare(held.events)),
            rooms: held.rooms,
            whiteboard: spare(held.whiteboard),
            scheduler: spare(held.scheduler),
            captions: spare(held.captions),
        }
    }
}

fn count_generated(world: &World, index: u32, tally: &mut Tally, by: i64) {
    if let Some(traits) = world.traits(index) {
        let features = world.generator.features(&traits);
        tally.count(&Holding::of(&traits, &features), by);
    }
}
