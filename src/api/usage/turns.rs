//! Large bodies are worked on one at a time, for each takes several times its size meanwhile. Users
//! take turns: whoever sends many keeps another's waiting for one of them, not for all.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::oneshot;

/// Who works, and who waits.
#[derive(Debug, Default)]
pub(super) struct Turns {
    waiting: Mutex<Waiting>,
}

#[derive(Debug, Default)]
struct Waiting {
    is_taken: bool,
    /// Users with requests that wait.
    by_uid: BTreeMap<u32, VecDeque<oneshot::Sender<Turn>>>,
    /// The same users in the order of their turns.
    order: VecDeque<u32>,
}

/// Goes on to the next when it is dropped.
#[derive(Debug)]
pub(super) struct Turn(Option<Arc<Turns>>);

impl Drop for Turn {
    fn drop(&mut self) {
        if let Some(turns) = self.0.take() {
            turns.pass_on();
        }
    }
}

impl Turns {
    /// Waits for a turn of a user. None never comes about.
    pub(super) async fn wait(self: &Arc<Self>, uid: u32) -> Option<Turn> {
        let turn = {
            let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            if !waiting.is_taken {
                waiting.is_taken = true;
                return Some(Turn(Some(Arc::clone(self))));
            }
            let (sender, turn) = oneshot::channel();
            let of_uid = waiting.by_uid.entry(uid).or_default();
            of_uid.push_back(sender);
            if of_uid.len() == 1 {
                waiting.order.push_back(uid);
            }
            turn
        };
        turn.await.ok()
    }

    fn pass_on(self: &Arc<Self>) {
        while let Some(next) = self.next() {
            let Err(mut unwanted) = next.send(Turn(Some(Arc::clone(self)))) else {
                return;
            };
            // That one had waited long enough and went away.
            unwanted.0 = None;
        }
    }

    /// Who is next; with nobody there, the turn is free.
    fn next(&self) -> Option<oneshot::Sender<Turn>> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(uid) = waiting.order.pop_front() else {
            waiting.is_taken = false;
            return None;
        };
        let of_uid = waiting.by_uid.get_mut(&uid)?;
        let next = of_uid.pop_front();
        if of_uid.is_empty() {
            waiting.by_uid.remove(&uid);
        } else {
            waiting.order.push_back(uid);
        }
        next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn users_take_turns_and_who_went_away_is_passed_over() {
        let turns = Arc::new(Turns::default());
        let first = turns.wait(1).await.unwrap();
        let (told, mut order) = tokio::sync::mpsc::unbounded_channel();
        let mut tasks = Vec::new();
        for (uid, number) in [(1, 0), (1, 1), (1, 2), (2, 0), (3, 0), (2, 1)] {
            let (turns, told) = (Arc::clone(&turns), told.clone());
            tasks.push(tokio::spawn(async move {
                let turn = turns.wait(uid).await.unwrap();
                told.send((uid, number)).unwrap();
                drop(turn);
            }));
            tokio::task::yield_now().await;
        }
        tasks[4].abort();
        tokio::task::yield_now().await;
        drop((first, told));
        let mut seen = Vec::new();
        while let Some(turn) = order.recv().await {
            seen.push(turn);
        }
        assert_eq!(seen, [(1, 0), (2, 0), (1, 1), (2, 1), (1, 2)]);
        assert!(turns.wait(4).await.is_some());
    }
}
