//! The walk over a vendor's list of users, page by page, until it proves itself. Each page is handed
//! on while the next is fetched; the receiver merges by id. A page of the same users as one that was
//! handed on by an earlier walk is not handed on again.

mod guard;

use std::collections::{BTreeMap, HashSet};
use std::future::Future;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::path::PathBuf;

use tokio::sync::mpsc::Sender;

pub(super) use guard::{End, MOST_WALKS, Seen, Step, Walk, shortfall};

use super::distinct::Distinct;
use super::error::ConnectorError;
use super::facts::{Completeness, Seat, SeatPage, WalkReport};

/// A page of users, taken out of the vendor's shape.
#[derive(Debug, Default)]
pub(super) struct UserPage {
    /// How many users are on it.
    pub(super) users: u64,
    /// Their seats.
    pub(super) seats: Vec<Seat>,
    /// The ids of those who hold none.
    pub(super) seatless: Vec<String>,
    /// Words of the vendor that are not known.
    pub(super) unrecognized: Vec<String>,
    /// The vendor's total of the whole list.
    pub(super) total: Option<u64>,
    /// Where the next page is; empty on the last.
    pub(super) next: String,
}

impl UserPage {
    fn ids(&self) -> impl Iterator<Item = &str> {
        let seats = self.seats.iter().map(|seat| seat.external_user_id.as_str());
        seats.chain(self.seatless.iter().map(String::as_str))
    }
}

/// Which pages the receiver has, by a hash of their users' ids.
#[derive(Debug, Default)]
struct HandedOn {
    hasher: RandomState,
    pages: HashSet<u64>,
}

impl HandedOn {
    /// The page, unless the receiver has it.
    fn new_to_receiver(&mut self, page: UserPage) -> Option<UserPage> {
        let mut hash = self.hasher.build_hasher();
        for id in page.ids() {
            hash.write(id.as_bytes());
            hash.write_u8(0xff);
        }
        (page.users > 0 && self.pages.insert(hash.finish())).then_some(page)
    }
}

/// What came of asking for a page.
#[derive(Debug)]
pub(super) enum Fetched {
    /// The page.
    Page(UserPage),
    /// The walk cannot go on from where it was; the reason is for people.
    Broken(String),
}

/// A vendor's list of users.
pub(super) trait UserList: Sync {
    /// Whether pages are counted from the start of a list that may change meanwhile. Somebody who
    /// leaves it then moves everybody after them to the front, and one of them slips between two
    /// pages; when somebody joins as well, the total tells nothing. So such a list of several pages
    /// counts only when two walks saw the same, or the walk is proved.
    const SHIFTS: bool;

    /// Whether it is known otherwise that the walk that just ended missed nobody who holds a seat: from
    /// another list of the vendor, or from pages that overlap. Then a list that shifts needs no second
    /// walk.
    fn is_proved(&self) -> bool {
        false
    }

    /// What it lists, for messages: `active users`.
    fn name(&self) -> String;

    /// The page at `next` of the page before; the first without it.
    fn page(
        &self,
        at: Option<&str>,
    ) -> impl Future<Output = Result<Fetched, ConnectorError>> + Send;
}

/// Walks over all lists, one after the other. Hash values of ids that do not fit the memory go to
/// `scratch`.
pub(super) async fn walk_users<L: UserList>(
    lists: &[L],
    scratch: Option<&PathBuf>,
    pages: &Sender<SeatPage>,
) -> Result<WalkReport, ConnectorError> {
    let mut report = WalkReport {
        completeness: Completeness::Complete,
        users: 0,
        vendor_total: Some(0),
        unrecognized: Vec::new(),
        walks: 1,
    };
    let mut unrecognized: BTreeMap<String, u64> = BTreeMap::new();
    for list in lists {
        let found = walk_list(list, scratch, pages).await?;
        report.users += found.users;
        report.vendor_total = report.vendor_total.zip(found.total).map(|(a, b)| a + b);
        report.walks = report.walks.max(found.walks);
        for (word, times) in found.unrecognized {
            *unrecognized.entry(word).or_default() += times;
        }
        if let (Some(reason), Completeness::Complete) = (found.shortfall, &report.completeness) {
            report.completeness = Completeness::Incomplete(format!(
                "{}, after {} walks: {reason}",
                list.name(),
                found.walks
            ));
        }
    }
    report.unrecognized = unrecognized.into_iter().collect();
    Ok(report)
}

/// How the walks over one list went.
struct ListReport {
    shortfall: Option<String>,
    users: u64,
    total: Option<u64>,
    walks: u32,
    unrecognized: BTreeMap<String, u64>,
}

/// Walks again while a walk does not prove itself.
async fn walk_list<L: UserList>(
    list: &L,
    scratch: Option<&PathBuf>,
    pages: &Sender<SeatPage>,
) -> Result<ListReport, ConnectorError> {
    let distinct = || Distinct::new(scratch.cloned());
    let mut merged = distinct();
    let mut handed_on = HandedOn::default();
    let mut walks = 0;
    loop {
        walks += 1;
        let mut this_walk = (walks > 1).then(distinct);
        let mut unrecognized = BTreeMap::new();
        let mut turned = 0_u32;
        let note = |page: &UserPage| {
            turned += 1;
            for id in page.ids() {
                merged.add(id);
                if let Some(this_walk) = &mut this_walk {
                    this_walk.add(id);
                }
            }
            for word in &page.unrecognized {
                *unrecognized.entry(word.clone()).or_default() += 1;
            }
        };
        let end = walk_once(list, pages, &mut handed_on, note).await?;
        let seen = count(&mut merged, this_walk)?;
        let found = shortfall(&end, seen, walks < MOST_WALKS);
        if let Some(reason) = found.as_ref().filter(|_| walks < MOST_WALKS) {
            tracing::info!(list = %list.name(), %reason, "walking the users again");
            continue;
        }
        let confirmed = (walks > 1 && seen.this_walk == seen.merged) || list.is_proved();
        if L::SHIFTS && turned > 1 && !confirmed && walks < MOST_WALKS {
            tracing::debug!(list = %list.name(), "walking the users again, to be sure");
            continue;
        }
        let total = match end {
            End::Reached { total, .. } => total,
            End::Broken(_) => None,
        };
        return Ok(ListReport {
            users: total.filter(|_| found.is_none()).unwrap_or(seen.merged),
            shortfall: found,
            total,
            walks,
            unrecognized,
        });
    }
}

/// One walk, each page that is new to the receiver handed on while the next is fetched.
async fn walk_once<L: UserList>(
    list: &L,
    pages: &Sender<SeatPage>,
    receiver_has: &mut HandedOn,
    mut note: impl FnMut(&UserPage),
) -> Result<End, ConnectorError> {
    let mut walk = Walk::default();
    let mut fetched = list.page(None).await?;
    loop {
        let page = match fetched {
            Fetched::Page(page) => page,
            Fetched::Broken(reason) => return Ok(End::Broken(reason)),
        };
        let step = walk.page(page.ids(), page.total, &page.next);
        if let Step::Broken(reason) = step {
            return Ok(End::Broken(reason));
        }
        note(&page);
        let handed_on = hand_on(pages, receiver_has.new_to_receiver(page));
        let Step::Next(next) = step else {
            handed_on.await?;
            return Ok(walk.reached());
        };
        let (handed_on, after) = tokio::join!(handed_on, list.page(Some(&next)));
        handed_on?;
        fetched = after?;
    }
}

fn count(merged: &mut Distinct, this_walk: Option<Distinct>) -> Result<Seen, ConnectorError> {
    let counted = merged.count().and_then(|merged| {
        let this_walk = this_walk.map_or(Ok(merged), |mut this_walk| this_walk.count())?;
        Ok(Seen { this_walk, merged })
    });
    counted.map_err(|error| ConnectorError::Misconfigured {
        message: format!("the users of this walk cannot be counted: {error}"),
    })
}

async fn hand_on(pages: &Sender<SeatPage>, page: Option<UserPage>) -> Result<(), ConnectorError> {
    let Some(page) = page else {
        return Ok(());
    };
    let page = SeatPage {
        seats: page.seats,
        users: page.users,
    };
    pages
        .send(page)
        .await
        .map_err(|_| ConnectorError::Cancelled)
}
