//! The data gate: whether a walk that reached its end may be believed. Pure.

/// Fewer than so many per cent of the users of the walk before are not believed.
pub const BELIEVED_PERCENT: u64 = 90;

/// Why a walk is held. Nothing is ended or judged from it; a person may release it.
///
/// `users` is what the walk saw; `baseline` is what it is measured against: the users of the last
/// complete walk, or of a held one that was released since.
pub fn doubt(users: u64, baseline: Option<u64>) -> Option<String> {
    match (users, baseline) {
        (0, Some(0)) => None,
        (0, _) => Some("the vendor lists no user at all".into()),
        (users, Some(before))
            if users.saturating_mul(100) < before.saturating_mul(BELIEVED_PERCENT) =>
        {
            Some(format!(
                "the vendor lists {users} users, fewer than {BELIEVED_PERCENT} % of the {before} before"
            ))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_or_no_users_are_doubted_until_that_is_the_measure() {
        let table = [
            (1_000, None, true),
            (0, None, false),
            (0, Some(10), false),
            (0, Some(0), true),
            (900, Some(1_000), true),
            (899, Some(1_000), false),
            (5_000, Some(1_000), true),
            (9, Some(10), true),
            (8, Some(10), false),
            (1, Some(0), true),
        ];
        for (users, baseline, believed) in table {
            assert_eq!(
                doubt(users, baseline).is_none(),
                believed,
                "{users} after {baseline:?}"
            );
        }
    }
}
