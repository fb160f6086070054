//! Whether a walk over a vendor's pages can be believed. Vendors promise no order, page tokens grow
//! old, and pages were seen that repeat or end early, so a walk proves itself: no token and no page
//! twice, a last page, and as many distinct ids as the total on it.

use std::collections::HashSet;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};

/// Walks of one list, the first included, before it counts as incomplete.
pub(in crate::connector) const MOST_WALKS: u32 = 3;

/// Empty pages in a row that still promise another; real lists have none.
const MOST_EMPTY_PAGES: u32 = 3;

/// Watches one walk.
#[derive(Debug, Default)]
pub(in crate::connector) struct Walk {
    hasher: RandomState,
    tokens: HashSet<u64>,
    pages: HashSet<u64>,
    empty_pages: u32,
    first_total: Option<u64>,
    last_total: Option<u64>,
}

/// Where a walk goes after a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::connector) enum Step {
    /// On, with this token.
    Next(String),
    /// It was the last page.
    Last,
    /// It cannot be believed; the reason is for people.
    Broken(String),
}

/// How a walk ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::connector) enum End {
    /// With its last page.
    Reached {
        /// The total before it changed, when it did.
        moved_from: Option<u64>,
        /// The total on the last page that told one.
        total: Option<u64>,
    },
    /// Before; the reason is for people.
    Broken(String),
}

impl Walk {
    /// Takes note of a page with these row ids.
    pub(in crate::connector) fn page<'a>(
        &mut self,
        ids: impl Iterator<Item = &'a str>,
        total: Option<u64>,
        next_page_token: &str,
    ) -> Step {
        self.first_total = self.first_total.or(total);
        self.last_total = total.or(self.last_total);
        let mut digest = self.hasher.build_hasher();
        let mut rows = 0_u64;
        for id in ids {
            digest.write(id.as_bytes());
            digest.write_u8(0xff);
            rows += 1;
        }
        if rows > 0 && !self.pages.insert(digest.finish()) {
            return Step::Broken("a page came twice".to_owned());
        }
        if next_page_token.is_empty() {
            return Step::Last;
        }
        self.empty_pages = if rows == 0 { self.empty_pages + 1 } else { 0 };
        if self.empty_pages > MOST_EMPTY_PAGES {
            return Step::Broken("pages without rows promise more and more".to_owned());
        }
        if !self.tokens.insert(self.hasher.hash_one(next_page_token)) {
            return Step::Broken("a page token came twice".to_owned());
        }
        Step::Next(next_page_token.to_owned())
    }

    /// No page told a total; some lists have none.
    pub(in crate::connector) fn told_no_total(&self) -> bool {
        self.last_total.is_none()
    }

    /// The end of a walk whose last page was taken.
    pub(in crate::connector) fn reached(&self) -> End {
        End::Reached {
            moved_from: self
                .first_total
                .filter(|_| self.first_total != self.last_total),
            total: self.last_total,
        }
    }
}

/// Distinct ids of the latest walk, and of all walks together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::connector) struct Seen {
    pub(in crate::connector) this_walk: u64,
    pub(in crate::connector) merged: u64,
}

/// Why the ids seen are not all, if they are not. A total that moved calls for another walk while
/// there is one; after the last, the ids alone decide.
pub(in crate::connector) fn shortfall(end: &End, seen: Seen, another_walk: bool) -> Option<String> {
    let (moved_from, total) = match end {
        End::Broken(reason) => return Some(reason.clone()),
        End::Reached { total: None, .. } => return Some("the vendor told no total".to_owned()),
        End::Reached {
            moved_from,
            total: Some(total),
        } => (*moved_from, *total),
    };
    if let Some(from) = moved_from.filter(|_| another_walk) {
        return Some(format!("the total moved from {from} to {total} on the way"));
    }
    if seen.this_walk == total || seen.merged == total {
        return None;
    }
    Some(format!("{} of {total} users were seen", seen.merged))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn reached(moved_from: Option<u64>, total: u64) -> End {
        End::Reached {
            moved_from,
            total: Some(total),
        }
    }

    #[test]
    fn only_a_walk_that_proves_itself_is_complete() {
        let seen = |this_walk, merged| Seen { this_walk, merged };
        let cases = [
            (reached(None, 10), seen(10, 10), true, true),
            (reached(None, 0), seen(0, 0), true, true),
            (reached(None, 10), seen(9, 9), true, false),
            // Short by order, whole together.
            (reached(None, 10), seen(9, 10), true, true),
            // A user who left between the walks is in the merged set only.
            (reached(None, 10), seen(10, 11), true, true),
            (reached(None, 10), seen(9, 11), true, false),
            (reached(Some(9), 10), seen(10, 10), true, false),
            (reached(Some(9), 10), seen(10, 10), false, true),
            (reached(Some(9), 10), seen(9, 9), false, false),
            (
                End::Reached {
                    moved_from: None,
                    total: None,
                },
                seen(5, 5),
                false,
                false,
            ),
            (End::Broken("x".to_owned()), seen(10, 10), false, false),
        ];
        for (end, seen, another_walk, complete) in cases {
            let found = shortfall(&end, seen, another_walk);
            assert_eq!(found.is_none(), complete, "{end:?} {seen:?} {found:?}");
        }
    }

    #[test]
    fn repeated_tokens_and_pages_end_the_walk() {
        let mut walk = Walk::default();
        let page = |walk: &mut Walk, ids: &[&str], token: &str| {
            walk.page(ids.iter().copied(), Some(4), token)
        };
        assert_eq!(
            page(&mut walk, &["a", "b"], "t1"),
            Step::Next("t1".to_owned())
        );
        assert_eq!(
            page(&mut walk, &["b", "a"], "t2"),
            Step::Next("t2".to_owned())
        );
        assert!(matches!(page(&mut walk, &["c"], "t1"), Step::Broken(_)));
        let mut walk = Walk::default();
        assert_eq!(
            page(&mut walk, &["a", "b"], "t1"),
            Step::Next("t1".to_owned())
        );
        assert!(matches!(page(&mut walk, &["a", "b"], ""), Step::Broken(_)));
        let mut walk = Walk::default();
        for token in ["1", "2", "3"] {
            assert!(matches!(page(&mut walk, &[], token), Step::Next(_)));
        }
        assert!(matches!(page(&mut walk, &[], "4"), Step::Broken(_)));
    }

    #[test]
    fn the_total_of_a_later_page_without_one_is_the_one_before() {
        let mut walk = Walk::default();
        walk.page(["a"].into_iter(), Some(2), "t");
        walk.page(["b"].into_iter(), None, "");
        assert_eq!(walk.reached(), reached(None, 2));
        let mut walk = Walk::default();
        walk.page(["a"].into_iter(), Some(2), "t");
        walk.page(["b"].into_iter(), Some(3), "");
        assert_eq!(walk.reached(), reached(Some(2), 3));
    }

    proptest! {
        /// Whatever a vendor serves, a walk ends: each page either ends it or uses up a token.
        #[test]
        fn a_walk_over_few_tokens_ends(
            pages in proptest::collection::vec(
                (proptest::collection::vec("[a-d]", 0..3), "[x-z]?", proptest::option::of(0u64..9)),
                8,
            ),
        ) {
            let mut walk = Walk::default();
            let ended = pages.iter().any(|(ids, token, total)| {
                let ids = ids.iter().map(String::as_str);
                !matches!(walk.page(ids, *total, token), Step::Next(_))
            });
            prop_assert!(ended);
        }

        #[test]
        fn fewer_ids_than_the_total_are_never_complete(
            total in 1u64..1000, missing in 1u64..1000, moved in any::<bool>(), more in any::<bool>(),
        ) {
            let seen = total.saturating_sub(missing);
            let end = reached(moved.then_some(total + 1), total);
            let seen = Seen { this_walk: seen, merged: seen };
            prop_assert!(shortfall(&end, seen, more).is_some());
        }
    }
}
