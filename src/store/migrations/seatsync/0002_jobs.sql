-- Runs of subflows. Times are milliseconds since 1970-01-01 UTC.

CREATE TABLE jobs (
    seq         INTEGER PRIMARY KEY,
    id          TEXT    NOT NULL UNIQUE,
    profile_id  INTEGER NOT NULL REFERENCES profiles (id) ON DELETE CASCADE,
    subflow     TEXT    NOT NULL,
    trigger     TEXT    NOT NULL,
    due_at      INTEGER NOT NULL,
    state       TEXT    NOT NULL CHECK (state IN ('pending', 'in_progress', 'completed',
                    'partially_completed', 'failed', 'refused', 'interrupted')),
    -- No worker takes it before: a rate limit or an outage put it off.
    not_before  INTEGER NOT NULL,
    -- Runs that ended for a reason that counts against the job.
    attempts    INTEGER NOT NULL DEFAULT 0,
    started_at  INTEGER,
    ended_at    INTEGER,
    counts      TEXT    NOT NULL DEFAULT '{}',
    failure     TEXT
) STRICT;

-- What is due by a schedule runs once, whoever notices it how often.
CREATE UNIQUE INDEX jobs_due_once ON jobs (profile_id, subflow, due_at)
    WHERE trigger IN ('schedule', 'catch_up');
-- Never two of one kind at once.
CREATE UNIQUE INDEX jobs_one_pending ON jobs (profile_id, subflow) WHERE state = 'pending';
CREATE UNIQUE INDEX jobs_one_running ON jobs (profile_id) WHERE state = 'in_progress';
CREATE INDEX jobs_of_profile ON jobs (profile_id, subflow, seq);

-- What running a profile needs to remember between runs.
CREATE TABLE standings (
    profile_id          INTEGER PRIMARY KEY REFERENCES profiles (id) ON DELETE CASCADE,
    -- Since when it counts as published; its schedules start then.
    published_since     INTEGER,
    -- The profile revision whose publication queued a download.
    published_revision  TEXT,
    -- A digest of what was validated against the vendor.
    validated_revision  TEXT
) STRICT;

-- What was used of vendor accounts' daily rate limits on the day they were last used. Days count
-- from 1970-01-01.
CREATE TABLE daily_use (
    vendor  TEXT    NOT NULL,
    account TEXT    NOT NULL,
    budget  TEXT    NOT NULL,
    day     INTEGER NOT NULL,
    calls   INTEGER NOT NULL,
    PRIMARY KEY (vendor, account, budget)
) STRICT, WITHOUT ROWID;
