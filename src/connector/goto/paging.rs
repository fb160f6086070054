//! The Admin API's pages: they are counted from the start of the list.

/// Where the page after one that ended at `to_index` starts; empty after the last.
pub(super) fn next_offset(to_index: Option<u64>, total: Option<u64>, rows: usize) -> String {
    match (to_index, total) {
        (Some(to), Some(total)) if rows > 0 && to + 1 < total => (to + 1).to_string(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_starts_behind_the_last_row_until_the_total() {
        let cases = [
            (Some(24), Some(60), 25, "25"),
            (Some(59), Some(60), 10, ""),
            (Some(0), Some(0), 0, ""),
            (Some(24), Some(60), 0, ""),
            (None, Some(60), 25, ""),
        ];
        for (to, total, rows, expected) in cases {
            assert_eq!(next_offset(to, total, rows), expected);
        }
    }
}
