-- What people are told, and how far it is. Texts are made when they are sent, from what is so then:
-- nothing here names a person. Times are milliseconds since 1970-01-01 UTC, days count from 1970-01-01.

CREATE TABLE notices (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    -- The same through every repetition, so that who hears it twice can tell.
    uid          TEXT    NOT NULL UNIQUE,
    kind         TEXT    NOT NULL CHECK (kind IN ('question', 'digest', 'alert_raised', 'alert_cleared', 'trial')),
    -- A question: of which candidate, and the how manieth time.
    candidate_id INTEGER REFERENCES candidates (id) ON DELETE CASCADE,
    round        INTEGER,
    -- A digest: for which assignment group; '' for whom no rule names one.
    group_name   TEXT,
    alert_id     INTEGER REFERENCES alerts (id) ON DELETE CASCADE,
    created_at   INTEGER NOT NULL,
    CHECK ((kind = 'question') = (candidate_id IS NOT NULL AND round IS NOT NULL)),
    CHECK ((kind = 'digest') = (group_name IS NOT NULL)),
    CHECK ((kind GLOB 'alert_*') = (alert_id IS NOT NULL))
) STRICT;
CREATE UNIQUE INDEX notices_one_question ON notices (candidate_id, round) WHERE kind = 'question';
CREATE INDEX notices_created ON notices (created_at);

-- Each notice goes every way that the settings give.
CREATE TABLE deliveries (
    notice_id  INTEGER NOT NULL REFERENCES notices (id) ON DELETE CASCADE,
    way        TEXT    NOT NULL CHECK (way IN ('mail', 'webhook')),
    state      TEXT    NOT NULL CHECK (state IN ('waiting', 'accepted', 'refused', 'overtaken')),
    attempts   INTEGER NOT NULL DEFAULT 0,
    next_at    INTEGER NOT NULL,
    ended_at   INTEGER,
    -- What the other side said last, without addresses.
    said       TEXT,
    PRIMARY KEY (notice_id, way),
    CHECK ((state = 'waiting') = (ended_at IS NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX deliveries_waiting ON deliveries (way, next_at) WHERE state = 'waiting';

-- What operators are told once, and once more when it is over.
CREATE TABLE alerts (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    -- What it is about, for instance 'held/zoom-emea'.
    subject    TEXT    NOT NULL,
    message    TEXT    NOT NULL,
    raised_at  INTEGER NOT NULL,
    cleared_at INTEGER
) STRICT;
CREATE UNIQUE INDEX alerts_one_open ON alerts (subject) WHERE cleared_at IS NULL;

-- What each assignment group was last told.
CREATE TABLE digests (
    group_name TEXT    PRIMARY KEY,
    sent_on    INTEGER NOT NULL,
    content    TEXT    NOT NULL
) STRICT, WITHOUT ROWID;

-- When a mail server took the question to the user: without it, silence is no answer.
ALTER TABLE candidates ADD COLUMN asked_at INTEGER;
