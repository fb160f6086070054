//! Work that waits for one thread, in lanes that take turns: whoever floods their own lane keeps
//! nobody else waiting. Used by `database` and `writer` only.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Whose work it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Lane {
    /// The daemon's own.
    Own,
    /// That of a user of the host, by uid.
    User(u32),
}

/// Works that wait in one lane; more are refused.
pub(super) const LANE: usize = 256;

/// Why a work was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    /// Too much waits in this lane.
    Full,
    /// Nobody works any more.
    Closed,
}

/// See the module.
#[derive(Debug)]
pub(super) struct FairQueue<W> {
    waiting: Mutex<Waiting<W>>,
    filled: Condvar,
}

#[derive(Debug)]
struct Waiting<W> {
    /// Lanes with work in them.
    lanes: BTreeMap<Lane, VecDeque<W>>,
    /// The same lanes in the order of their turns.
    turns: VecDeque<Lane>,
    closed: bool,
}

impl<W> Default for FairQueue<W> {
    fn default() -> Self {
        Self {
            waiting: Mutex::new(Waiting {
                lanes: BTreeMap::new(),
                turns: VecDeque::new(),
                closed: false,
            }),
            filled: Condvar::new(),
        }
    }
}

impl<W> FairQueue<W> {
    fn lock(&self) -> MutexGuard<'_, Waiting<W>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a work behind those of its lane.
    pub(super) fn push(&self, lane: Lane, work: W) -> Result<(), Refused> {
        let mut waiting = self.lock();
        if waiting.closed {
            return Err(Refused::Closed);
        }
        let in_lane = waiting.lanes.entry(lane).or_default();
        if in_lane.len() >= LANE {
            return Err(Refused::Full);
        }
        in_lane.push_back(work);
        if in_lane.len() == 1 {
            waiting.turns.push_back(lane);
        }
        drop(waiting);
        self.filled.notify_one();
        Ok(())
    }

    /// The next work, as soon as there is one; none when the queue is closed and empty.
    pub(super) fn wait(&self) -> Option<W> {
        let mut waiting = self.lock();
        loop {
            if let Some(work) = waiting.next() {
                return Some(work);
            }
            if waiting.closed {
                return None;
            }
            waiting = self
                .filled
                .wait(waiting)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// The next work, if there is one and it is `wanted`.
    pub(super) fn next_if(&self, wanted: impl FnOnce(&W) -> bool) -> Option<W> {
        let mut waiting = self.lock();
        let lane = waiting.turns.front()?;
        let next = waiting.lanes.get(lane)?.front()?;
        if wanted(next) { waiting.next() } else { None }
    }

    /// Takes no more; what waits is still handed out.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.filled.notify_all();
    }

    /// Takes no more and lets go of what waits.
    pub(super) fn abandon(&self) {
        let mut waiting = self.lock();
        waiting.closed = true;
        waiting.turns.clear();
        waiting.lanes.clear();
    }
}

impl<W> Waiting<W> {
    fn next(&mut self) -> Option<W> {
        let lane = self.turns.pop_front()?;
        let in_lane = self.lanes.get_mut(&lane)?;
        let work = in_lane.pop_front();
        if in_lane.is_empty() {
            self.lanes.remove(&lane);
        } else {
            self.turns.push_back(lane);
        }
        work
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lanes_take_turns_and_each_keeps_its_order() {
        let queue = FairQueue::default();
        for number in 0..3 {
            queue.push(Lane::User(1), (1, number)).unwrap();
        }
        queue.push(Lane::User(2), (2, 0)).unwrap();
        queue.push(Lane::Own, (0, 0)).unwrap();
        queue.push(Lane::User(2), (2, 1)).unwrap();
        queue.close();
        let order: Vec<_> = std::iter::from_fn(|| queue.wait()).collect();
        assert_eq!(order, [(1, 0), (2, 0), (0, 0), (1, 1), (2, 1), (1, 2)]);
    }

    #[test]
    fn a_full_lane_refuses_and_the_others_do_not() {
        let queue = FairQueue::default();
        for _ in 0..LANE {
            queue.push(Lane::User(1), ()).unwrap();
        }
        assert_eq!(queue.push(Lane::User(1), ()), Err(Refused::Full));
        assert_eq!(queue.push(Lane::User(2), ()), Ok(()));
        assert_eq!(queue.next_if(|()| true), Some(()));
        assert_eq!(queue.push(Lane::User(1), ()), Ok(()));
    }

    #[test]
    fn a_closed_queue_hands_out_what_waits_and_an_abandoned_one_does_not() {
        let queue = FairQueue::default();
        queue.push(Lane::Own, 1).unwrap();
        queue.close();
        assert_eq!(queue.push(Lane::Own, 2), Err(Refused::Closed));
        assert_eq!(queue.next_if(|work| *work == 2), None);
        assert_eq!(queue.wait(), Some(1));
        assert_eq!(queue.wait(), None);
        let queue = FairQueue::default();
        queue.push(Lane::Own, 1).unwrap();
        queue.abandon();
        assert_eq!(queue.wait(), None);
    }
}
