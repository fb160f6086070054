//! Where the list of users is read next.
//!
//! Aha! counts its pages from the start of the list, so somebody who leaves it moves everybody after
//! them to the front, and one of them slips between two pages; when somebody joins as well, the total
//! tells nothing. A page of another size can begin before the last one ended: as long as every page
//! begins with the users that the page before ended with, nobody moved across the border between them.
//! A reading like that costs a tenth more than the fewest calls, and a second reading twice as much.

use std::collections::HashSet;

/// A page of the list, as it is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Window {
    /// Users on a page.
    pub(super) size: u64,
    /// Its number among the pages of that size, from 1 on.
    pub(super) number: u64,
}

impl Window {
    fn start(self) -> u64 {
        (self.number - 1).saturating_mul(self.size)
    }

    fn end(self) -> u64 {
        self.number.saturating_mul(self.size)
    }

    /// Of the pages of at most `most` users that begin before `read` users of the list are over, the
    /// one that leads furthest; the next page of `most` users where none leads on.
    fn after(read: u64, most: u64) -> Self {
        let covering = |size: u64| Self {
            size,
            number: (read.max(1) - 1) / size + 1,
        };
        (1..=most)
            .map(covering)
            .filter(|window| window.end() > read)
            .max_by_key(|window| (window.end(), window.size))
            .unwrap_or(Self {
                size: most,
                number: read / most + 1,
            })
    }
}

/// One reading of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reading {
    most: u64,
    window: Window,
    /// The ids on the page before, in its order.
    before: Vec<String>,
    overlap: u64,
    is_unbroken: bool,
}

/// What a page brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Turned {
    /// Which of its users, by their place on it, the page before did not have.
    pub(super) new: Vec<bool>,
    /// Whether another page follows.
    pub(super) is_last: bool,
}

impl Reading {
    /// From the start, with at most `most` users on a page.
    pub(super) fn new(most: u64) -> Self {
        let most = most.max(1);
        Self {
            most,
            window: Window {
                size: most,
                number: 1,
            },
            before: Vec::new(),
            overlap: 0,
            is_unbroken: true,
        }
    }

    /// The page to ask for.
    pub(super) fn window(&self) -> Window {
        self.window
    }

    /// Every page began with the users that the page before ended with.
    pub(super) fn is_unbroken(&self) -> bool {
        self.is_unbroken
    }

    /// Takes note of the page that was asked for: its users, and how many there are in all and pages of
    /// its size, as the vendor says.
    pub(super) fn turn(
        &mut self,
        ids: Vec<String>,
        total: Option<u64>,
        pages: Option<u64>,
    ) -> Turned {
        let overlap = usize::try_from(self.overlap).unwrap_or(usize::MAX);
        let expected = self.before.len().saturating_sub(overlap);
        let repeated = self.before.get(expected..).unwrap_or_default();
        let is_first = self.window.number == 1 && self.before.is_empty();
        self.is_unbroken &= is_first || (overlap > 0 && ids.starts_with(repeated));
        let known: HashSet<&str> = self.before.iter().map(String::as_str).collect();
        let new = ids.iter().map(|id| !known.contains(id.as_str())).collect();
        let is_last = pages.is_none_or(|pages| self.window.number >= pages);
        let as_asked = total.map(|total| total.div_ceil(self.window.size)) == pages;
        if is_first && !is_last && !as_asked && !ids.is_empty() {
            // The vendor's pages are smaller than what was asked for.
            self.window.size = self.window.size.min(ids.len() as u64);
            self.most = self.window.size;
        }
        let next = Window::after(self.window.end(), self.most);
        self.overlap = self.window.end().saturating_sub(next.start());
        self.window = next;
        self.before = ids;
        Turned { new, is_last }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A list's page, as Aha! serves it.
    fn served(list: &[String], window: Window) -> (Vec<String>, Option<u64>, Option<u64>) {
        let rows = |number| usize::try_from(number).unwrap();
        let (start, size) = (rows(window.start()), rows(window.size));
        let page = list.iter().skip(start).take(size).cloned().collect();
        let total = list.len() as u64;
        (page, Some(total), Some(total.div_ceil(window.size)))
    }

    fn numbered(users: usize) -> Vec<String> {
        (0..users).map(|number| number.to_string()).collect()
    }

    /// Reads a list that `meanwhile` may change after each page: whom it saw, in how many calls, and
    /// whether it was unbroken.
    fn read(
        mut list: Vec<String>,
        most: u64,
        mut meanwhile: impl FnMut(u64, &mut Vec<String>),
    ) -> (Vec<String>, u64, bool) {
        let mut reading = Reading::new(most);
        let (mut seen, mut calls) = (Vec::new(), 0);
        loop {
            calls += 1;
            let (ids, total, pages) = served(&list, reading.window());
            let turned = reading.turn(ids.clone(), total, pages);
            let new = ids.into_iter().zip(turned.new).filter(|(_, new)| *new);
            seen.extend(new.map(|(id, _)| id));
            if turned.is_last {
                return (seen, calls, reading.is_unbroken());
            }
            meanwhile(calls, &mut list);
        }
    }

    #[test]
    fn a_quiet_list_is_read_once_for_a_tenth_more_than_the_fewest_calls() {
        for (users, calls) in [(150, 1), (200, 1), (201, 2), (10_000, 55), (100_000, 548)] {
            let list = numbered(users);
            assert_eq!(
                read(list.clone(), 200, |_, _| {}),
                (list, calls, true),
                "{users}"
            );
        }
    }

    #[test]
    fn pages_too_small_to_overlap_prove_nothing() {
        let list = numbered(7);
        assert_eq!(read(list.clone(), 2, |_, _| {}), (list, 4, false));
    }

    #[test]
    fn a_vendor_with_smaller_pages_than_asked_for_is_read_with_its_own() {
        let list = numbered(500);
        let mut reading = Reading::new(200);
        let mut seen = 0;
        loop {
            let asked = reading.window();
            let window = Window {
                size: asked.size.min(100),
                ..asked
            };
            let (ids, total, pages) = served(&list, window);
            let turned = reading.turn(ids, total, pages);
            seen += turned.new.iter().filter(|new| **new).count();
            if turned.is_last {
                break;
            }
        }
        assert_eq!((seen, reading.is_unbroken()), (500, true));
    }

    proptest! {
        #[test]
        fn nobody_who_stays_slips_through_an_unbroken_reading(
            users in 1usize..60, most in 1u64..12, moment in 1u64..8,
            leave in proptest::collection::vec(0usize..20, 0..6),
            join in proptest::collection::vec(0usize..60, 0..6),
        ) {
            let mut left = HashSet::new();
            let list = numbered(users);
            let (seen, _, is_unbroken) = read(list.clone(), most, |after, list| {
                if after != moment {
                    return;
                }
                for at in &leave {
                    if *at < list.len() {
                        left.insert(list.remove(*at));
                    }
                }
                for (number, at) in join.iter().enumerate() {
                    list.insert((*at).min(list.len()), format!("new {number}"));
                }
            });
            let seen: HashSet<String> = seen.into_iter().collect();
            let stayed = list.into_iter().filter(|id| !left.contains(id));
            let missed: Vec<String> = stayed.filter(|id| !seen.contains(id)).collect();
            prop_assert!(!is_unbroken || missed.is_empty(), "{missed:?}");
        }
    }
}
