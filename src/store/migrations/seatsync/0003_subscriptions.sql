-- Who holds which seat. Times are milliseconds since 1970-01-01 UTC, days count from 1970-01-01.

CREATE TABLE subscriptions (
    id                INTEGER PRIMARY KEY,
    profile_id        INTEGER NOT NULL REFERENCES profiles (id) ON DELETE CASCADE,
    external_user_id  TEXT    NOT NULL,
    identifier        TEXT    NOT NULL,
    email             TEXT    NOT NULL,
    -- Lower case, where that differs from `email`.
    email_folded      TEXT,
    display_name      TEXT    NOT NULL,
    department        TEXT,
    status            TEXT    NOT NULL,
    role              TEXT    NOT NULL,
    user_created_at   INTEGER,
    last_login_at     INTEGER,
    bundled           INTEGER NOT NULL,
    paid              INTEGER NOT NULL,
    may_have_add_ons  INTEGER NOT NULL,
    -- 'walk': from the vendor's lists; 'add_on': from a call per user.
    source            TEXT    NOT NULL,
    digest            BLOB    NOT NULL,
    -- The walk that wrote the row last.
    walk              INTEGER NOT NULL,
    first_seen        INTEGER NOT NULL,
    -- When standing, role, suite or payment last changed.
    changed_at        INTEGER NOT NULL,
    -- Only of an ended seat; one that is there was last seen by the last complete walk.
    last_seen         INTEGER,
    ended_at          INTEGER,
    ended_by          TEXT,
    last_hosted_day   INTEGER,
    last_listed_day   INTEGER,
    UNIQUE (profile_id, external_user_id, identifier)
) STRICT;
CREATE INDEX subscriptions_add_on ON subscriptions (profile_id, external_user_id)
    WHERE source = 'add_on';
-- Whom a call per user is for, so that nobody else is looked at to find them.
CREATE INDEX subscriptions_may_have_add_ons ON subscriptions (profile_id, external_user_id)
    WHERE may_have_add_ons AND source = 'walk' AND ended_at IS NULL;

CREATE TABLE walks (
    id           INTEGER PRIMARY KEY,
    profile_id   INTEGER NOT NULL REFERENCES profiles (id) ON DELETE CASCADE,
    job          TEXT    NOT NULL,
    ended_at     INTEGER NOT NULL,
    -- 'complete', 'incomplete' (the vendor's lists fell short) or 'held' (too few to be believed).
    verdict      TEXT    NOT NULL CHECK (verdict IN ('complete', 'incomplete', 'held')),
    reason       TEXT,
    users        INTEGER NOT NULL,
    seats        INTEGER NOT NULL,
    vendor_total INTEGER,
    walks        INTEGER NOT NULL,
    unrecognized TEXT    NOT NULL,
    -- A person said that a held walk tells the truth: the next one is measured against it.
    released_at  INTEGER,
    released_by  TEXT
) STRICT;
CREATE INDEX walks_of_profile ON walks (profile_id, verdict, id);

-- One count for each identifier and UTC day that had a complete run; the day's last one stays.
CREATE TABLE seat_counts (
    profile_id INTEGER NOT NULL REFERENCES profiles (id) ON DELETE CASCADE,
    identifier TEXT    NOT NULL,
    day        INTEGER NOT NULL,
    seats      INTEGER NOT NULL,
    paid       INTEGER NOT NULL,
    excluded   INTEGER NOT NULL,
    PRIMARY KEY (profile_id, identifier, day)
) STRICT, WITHOUT ROWID;

-- What the vendor says was bought, as of the last run that could ask.
CREATE TABLE purchases (
    profile_id INTEGER NOT NULL REFERENCES profiles (id) ON DELETE CASCADE,
    identifier TEXT    NOT NULL,
    bought     INTEGER,
    assigned   INTEGER NOT NULL,
    plan       TEXT,
    read_at    INTEGER NOT NULL,
    PRIMARY KEY (profile_id, identifier)
) STRICT, WITHOUT ROWID;

-- Exclusions and protections that match something. A match that no longer holds stays with the
-- time at which it was lifted.
CREATE TABLE identifier_matches (
    profile_id INTEGER NOT NULL REFERENCES profiles (id) ON DELETE CASCADE,
    identifier TEXT    NOT NULL,
    rule       TEXT    NOT NULL,
    reason     TEXT    NOT NULL,
    expires    TEXT,
    since      INTEGER NOT NULL,
    lifted_at  INTEGER,
    PRIMARY KEY (profile_id, identifier)
) STRICT, WITHOUT ROWID;
CREATE TABLE user_matches (
    profile_id       INTEGER NOT NULL REFERENCES profiles (id) ON DELETE CASCADE,
    external_user_id TEXT    NOT NULL,
    purpose          TEXT    NOT NULL CHECK (purpose IN ('exclusion', 'protection')),
    -- The entry as written; an entry for one user stays bound to the user id it once matched.
    pattern          TEXT    NOT NULL,
    rule             TEXT    NOT NULL,
    reason           TEXT    NOT NULL,
    expires          TEXT,
    since            INTEGER NOT NULL,
    lifted_at        INTEGER,
    PRIMARY KEY (profile_id, external_user_id, purpose, pattern)
) STRICT, WITHOUT ROWID;
-- The exclusions and protections that the matches above were made from.
CREATE TABLE matched_entries (
    profile_id INTEGER PRIMARY KEY REFERENCES profiles (id) ON DELETE CASCADE,
    digest     TEXT    NOT NULL
) STRICT;

-- When a user was last asked for, in calls that take one user each.
CREATE TABLE user_checks (
    profile_id       INTEGER NOT NULL REFERENCES profiles (id) ON DELETE CASCADE,
    external_user_id TEXT    NOT NULL,
    what             TEXT    NOT NULL CHECK (what IN ('add_ons', 'activity')),
    checked_at       INTEGER NOT NULL,
    PRIMARY KEY (profile_id, what, external_user_id)
) STRICT, WITHOUT ROWID;
