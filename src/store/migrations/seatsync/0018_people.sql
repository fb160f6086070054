-- Who the people are behind the seats, by user directories. Times are milliseconds since 1970-01-01 UTC.
-- User directories are recorded in the words that decide; until now nothing read them.
DELETE FROM documents WHERE kind = 'UserDirectory' AND document -> '$.document.spec' IS NOT NULL;

CREATE TABLE directories (
    name    TEXT    PRIMARY KEY,
    file    TEXT    NOT NULL,
    -- Of the document that the file was read by, and of the file.
    by      TEXT    NOT NULL,
    digest  TEXT    NOT NULL,
    -- When the file was written, and when it was read.
    as_of   INTEGER NOT NULL,
    read_at INTEGER NOT NULL,
    -- In seconds: nobody counts as having left by a file that is older.
    max_age INTEGER NOT NULL,
    people  INTEGER NOT NULL,
    active  INTEGER NOT NULL,
    -- Why what is there now is not taken.
    problem TEXT
) STRICT, WITHOUT ROWID;

CREATE TABLE people (
    directory        TEXT    NOT NULL REFERENCES directories (name) ON DELETE CASCADE,
    line             INTEGER NOT NULL,
    email            TEXT,
    user_name        TEXT,
    external_user_id TEXT,
    employee_id      TEXT,
    display_name     TEXT,
    department       TEXT,
    cost_center      TEXT,
    company          TEXT,
    country          TEXT,
    manager          TEXT,
    active           INTEGER,
    class            TEXT    NOT NULL CHECK (class = 'human' OR class = 'service' OR class = 'shared'),
    PRIMARY KEY (directory, line)
) STRICT, WITHOUT ROWID;

-- What a person can be found by, in lower case.
CREATE TABLE person_keys (
    directory TEXT    NOT NULL,
    field     TEXT    NOT NULL,
    value     TEXT    NOT NULL,
    line      INTEGER NOT NULL,
    PRIMARY KEY (directory, field, value, line),
    FOREIGN KEY (directory, line) REFERENCES people (directory, line) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

-- Whom the users of seats were found to be. One that no rule finds has no row.
CREATE TABLE resolved_users (
    profile_id       INTEGER NOT NULL REFERENCES profiles (id) ON DELETE CASCADE,
    external_user_id TEXT    NOT NULL,
    -- With `tie`, the first of those found.
    outcome          TEXT    NOT NULL CHECK (outcome IN ('resolved', 'tie')),
    directory        TEXT    NOT NULL,
    line             INTEGER NOT NULL,
    matched_by       TEXT    NOT NULL,
    found            INTEGER NOT NULL,
    PRIMARY KEY (profile_id, external_user_id)
) STRICT, WITHOUT ROWID;

-- How many seats that count people of each standing hold.
ALTER TABLE position_runs ADD COLUMN holders TEXT NOT NULL DEFAULT '{}';
