-- Entries that matched anybody once, kept when the matches themselves are let go: an entry that is
-- not here never matched.

CREATE TABLE entries_that_matched (
    profile_id INTEGER NOT NULL REFERENCES profiles (id) ON DELETE CASCADE,
    purpose    TEXT    NOT NULL CHECK (purpose IN ('exclusion', 'protection')),
    pattern    TEXT    NOT NULL,
    since      INTEGER NOT NULL,
    PRIMARY KEY (profile_id, purpose, pattern)
) STRICT, WITHOUT ROWID;
INSERT INTO entries_that_matched (profile_id, purpose, pattern, since)
SELECT profile_id, purpose, pattern, min(since) FROM user_matches GROUP BY 1, 2, 3;
