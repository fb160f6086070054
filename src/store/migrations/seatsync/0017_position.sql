-- Licence positions, each run with its results; the last run is the latest. Times are milliseconds since
-- 1970-01-01 UTC, days count from 1970-01-01.
CREATE TABLE position_runs (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    trigger       TEXT    NOT NULL,
    calculated_at INTEGER NOT NULL,
    -- The day that entitlements stood on, in the settings' zone.
    day           INTEGER NOT NULL,
    ignored       TEXT    NOT NULL,
    unrecognized  TEXT    NOT NULL
) STRICT;

-- One product in one group, with the tiers below it and the rows behind its numbers.
CREATE TABLE position_results (
    run       INTEGER NOT NULL REFERENCES position_runs (id) ON DELETE CASCADE,
    grouping  TEXT    NOT NULL,
    seq       INTEGER NOT NULL,
    publisher TEXT    NOT NULL,
    product   TEXT    NOT NULL,
    result    TEXT    NOT NULL,
    PRIMARY KEY (run, grouping, seq)
) STRICT, WITHOUT ROWID;
