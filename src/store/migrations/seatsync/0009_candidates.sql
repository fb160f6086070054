-- Seats found unused, what is decided of them, and what was written to vendors. Times are milliseconds
-- since 1970-01-01 UTC, days count from 1970-01-01.

-- When a seat was seen to come: it was not there the time before.
ALTER TABLE subscriptions ADD COLUMN assigned_at INTEGER;

CREATE TABLE candidates (
    id               INTEGER PRIMARY KEY AUTOINCREMENT,
    profile_id       INTEGER NOT NULL REFERENCES profiles (id) ON DELETE CASCADE,
    -- Kept when the subscription itself is let go.
    subscription_id  INTEGER REFERENCES subscriptions (id) ON DELETE SET NULL,
    external_user_id TEXT    NOT NULL,
    email            TEXT    NOT NULL,
    display_name     TEXT    NOT NULL,
    identifier       TEXT    NOT NULL,
    -- `OR`, which is faster: the list of an `IN` in a check is built anew for each row.
    state            TEXT    NOT NULL CHECK (state = 'attention_required' OR state = 'ready'
                         OR state = 'awaiting_user' OR state = 'awaiting_approval'
                         OR state = 'awaiting_revocation' OR state = 'closed_complete'
                         OR state = 'closed_skipped' OR state = 'closed_canceled'),
    -- What keeps it from going on, while it requires attention.
    attention        TEXT    CHECK (attention = 'no_user' OR attention = 'notice_undeliverable'
                         OR attention = 'reclaim_failed'),
    -- Why it is in its state, for people.
    reason           TEXT    NOT NULL,
    justification    TEXT    NOT NULL,
    rule             TEXT    NOT NULL,
    rule_digest      TEXT    NOT NULL,
    reference        TEXT    NOT NULL,
    reference_day    INTEGER NOT NULL,
    last_activity    INTEGER,
    -- The grade of that, and of the evidence that covered the window.
    last_grade       TEXT,
    grade            TEXT    NOT NULL,
    evidence_digest  TEXT    NOT NULL,
    savings          TEXT,
    assignment_group TEXT,
    opened_at        INTEGER NOT NULL,
    changed_at       INTEGER NOT NULL,
    closed_at        INTEGER,
    -- Who pressed Reclaim, and the approval that did.
    pressed_by       TEXT,
    -- How often the user was asked, and until when the answer is waited for.
    round            INTEGER NOT NULL DEFAULT 0,
    answer_by        INTEGER,
    -- Nobody is asked again for this seat before.
    kept_until       INTEGER,
    -- A plan that was acted on had it.
    planned          INTEGER NOT NULL DEFAULT 0,
    -- When it was given back.
    restored_at      INTEGER,
    CHECK ((closed_at IS NULL) = (state NOT GLOB 'closed_*')),
    CHECK ((attention IS NULL) = (state <> 'attention_required'))
) STRICT;
CREATE UNIQUE INDEX candidates_one_open ON candidates (subscription_id) WHERE closed_at IS NULL;
CREATE INDEX candidates_of_profile ON candidates (profile_id, state);
CREATE INDEX candidates_kept ON candidates (profile_id, kept_until) WHERE kept_until IS NOT NULL;

-- Writes to vendors, each from before it was made. An open one is resolved by reading the vendor.
CREATE TABLE writes (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    profile_id   INTEGER NOT NULL REFERENCES profiles (id) ON DELETE CASCADE,
    candidate_id INTEGER NOT NULL REFERENCES candidates (id) ON DELETE CASCADE,
    kind         TEXT    NOT NULL CHECK (kind IN ('reclaim', 'restore')),
    state        TEXT    NOT NULL CHECK (state IN ('intended', 'done', 'refused', 'failed', 'withdrawn')),
    job          TEXT,
    plan         TEXT,
    asked_by     TEXT    NOT NULL,
    intended_at  INTEGER NOT NULL,
    ended_at     INTEGER,
    -- What was so before, and is given back by undoing.
    prior        TEXT,
    outcome      TEXT,
    trace_id     TEXT
) STRICT;
CREATE UNIQUE INDEX writes_one_open ON writes (candidate_id) WHERE state = 'intended';
CREATE INDEX writes_of_profile ON writes (profile_id, intended_at);
CREATE INDEX writes_of_job ON writes (job);

-- The rule that decides for each identifier of a profile, and when it last became looser. The
-- identifier '*' stands for all that are not named.
CREATE TABLE rules_in_force (
    profile_id  INTEGER NOT NULL REFERENCES profiles (id) ON DELETE CASCADE,
    identifier  TEXT    NOT NULL,
    rule        TEXT    NOT NULL,
    digest      TEXT    NOT NULL,
    since       INTEGER NOT NULL,
    loosened_at INTEGER,
    loosened    TEXT,
    PRIMARY KEY (profile_id, identifier)
) STRICT, WITHOUT ROWID;

-- How a profile's reclaiming stands.
CREATE TABLE reclaim_standings (
    profile_id  INTEGER PRIMARY KEY REFERENCES profiles (id) ON DELETE CASCADE,
    -- When a plan was first acted on, and the last one's digest.
    acted_at    INTEGER,
    acted_plan  TEXT,
    errors      INTEGER NOT NULL DEFAULT 0,
    released    TEXT,
    released_by TEXT,
    released_at INTEGER,
    -- The plan as it was last made by a job.
    last_plan   TEXT
) STRICT;

-- Plans that were exported for review: what was so of their seats then.
CREATE TABLE reviewed_plans (
    profile_id  INTEGER NOT NULL REFERENCES profiles (id) ON DELETE CASCADE,
    digest      TEXT    NOT NULL,
    seats       TEXT    NOT NULL,
    exported_at INTEGER NOT NULL,
    PRIMARY KEY (profile_id, digest)
) STRICT, WITHOUT ROWID;

-- Why it is not known what the files exclude, where something does not load that may say so.
ALTER TABLE revisions ADD COLUMN exclusions_unknown TEXT;
