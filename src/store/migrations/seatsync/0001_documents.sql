-- What is in force. Times are milliseconds since 1970-01-01 UTC, digests `sha256:<hex>`.

CREATE TABLE profiles (
    -- Subscriptions and jobs key on this, so that a renamed profile keeps its history.
    id                 INTEGER PRIMARY KEY AUTOINCREMENT,
    name               TEXT    NOT NULL UNIQUE,
    desired            TEXT    NOT NULL,
    digest             TEXT    NOT NULL,
    revision           TEXT    NOT NULL,
    applied_at         INTEGER NOT NULL,
    first_published_at INTEGER,
    orphaned_at        INTEGER,
    bound_account      TEXT,
    bound_at           INTEGER
) STRICT;

CREATE TABLE documents (
    kind       TEXT    NOT NULL,
    name       TEXT    NOT NULL,
    file       TEXT    NOT NULL,
    digest     TEXT    NOT NULL,
    document   TEXT    NOT NULL,
    state      TEXT    NOT NULL CHECK (state IN ('in_force', 'held')),
    revision   TEXT    NOT NULL,
    applied_at INTEGER NOT NULL,
    PRIMARY KEY (kind, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE conditions (
    profile_id        INTEGER NOT NULL REFERENCES profiles (id) ON DELETE CASCADE,
    kind              TEXT    NOT NULL,
    status            TEXT    NOT NULL CHECK (status IN ('True', 'False', 'Unknown')),
    reason            TEXT    NOT NULL,
    message           TEXT    NOT NULL,
    at                INTEGER NOT NULL,
    observed_revision TEXT    NOT NULL,
    PRIMARY KEY (profile_id, kind)
) STRICT, WITHOUT ROWID;

-- One row for each run of attempts that went alike.
CREATE TABLE revisions (
    id                 INTEGER PRIMARY KEY,
    digest             TEXT    NOT NULL,
    label              TEXT,
    outcome            TEXT    NOT NULL CHECK (outcome IN ('applied', 'partial', 'held', 'failed')),
    findings           INTEGER NOT NULL,
    message            TEXT    NOT NULL,
    first_attempted_at INTEGER NOT NULL,
    last_attempted_at  INTEGER NOT NULL,
    attempts           INTEGER NOT NULL DEFAULT 1,
    applied_at         INTEGER
) STRICT;
CREATE INDEX revisions_applied ON revisions (applied_at) WHERE applied_at IS NOT NULL;
