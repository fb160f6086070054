-- Software found unused on configuration items, and the runs that look for it. Ids are 16 bytes, times
-- milliseconds since 1970-01-01 UTC.

CREATE TABLE installed_candidates (
    -- From the numbers of `candidates`: a number means one of either.
    id                 INTEGER PRIMARY KEY,
    configuration_item BLOB    NOT NULL CHECK (length(configuration_item) = 16),
    norm_product       BLOB    NOT NULL CHECK (length(norm_product) = 16),
    software_model     TEXT    NOT NULL,
    product            TEXT    NOT NULL,
    -- `OR` as for candidates.
    state              TEXT    NOT NULL CHECK (state = 'attention_required' OR state = 'ready'
                           OR state = 'awaiting_user' OR state = 'awaiting_approval'
                           OR state = 'awaiting_revocation' OR state = 'closed_complete'
                           OR state = 'closed_skipped' OR state = 'closed_canceled'),
    attention          TEXT    CHECK (attention = 'no_user' OR attention = 'notice_undeliverable'
                           OR attention = 'reclaim_failed'),
    reason             TEXT    NOT NULL,
    justification      TEXT    NOT NULL,
    rule               TEXT    NOT NULL,
    rule_digest        TEXT    NOT NULL,
    evidence           TEXT    NOT NULL,
    savings            TEXT,
    assignment_group   TEXT,
    opened_at          INTEGER NOT NULL,
    changed_at         INTEGER NOT NULL,
    closed_at          INTEGER,
    pressed_by         TEXT,
    round              INTEGER NOT NULL DEFAULT 0,
    answer_by          INTEGER,
    -- Nobody is asked again for it before.
    kept_until         INTEGER,
    CHECK ((closed_at IS NULL) = (state NOT GLOB 'closed_*')),
    CHECK ((attention IS NULL) = (state <> 'attention_required'))
) STRICT;
CREATE UNIQUE INDEX installed_candidates_one_open
    ON installed_candidates (configuration_item, norm_product) WHERE closed_at IS NULL;
CREATE INDEX installed_candidates_of_item ON installed_candidates (configuration_item, norm_product);
CREATE INDEX installed_candidates_closed
    ON installed_candidates (closed_at) WHERE closed_at IS NOT NULL;

CREATE TABLE installed_runs (
    seq        INTEGER PRIMARY KEY,
    id         TEXT    NOT NULL UNIQUE,
    trigger    TEXT    NOT NULL,
    due_at     INTEGER NOT NULL,
    state      TEXT    NOT NULL CHECK (state IN ('pending', 'in_progress', 'completed', 'failed',
                   'refused', 'interrupted')),
    -- Of the rules in force when it was queued: other rules are judged by at once.
    rules      TEXT    NOT NULL,
    started_at INTEGER,
    ended_at   INTEGER,
    counts     TEXT    NOT NULL DEFAULT '{}',
    failure    TEXT
) STRICT;
CREATE UNIQUE INDEX installed_runs_one
    ON installed_runs ((1)) WHERE state IN ('pending', 'in_progress');
