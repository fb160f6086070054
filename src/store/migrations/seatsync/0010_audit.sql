-- Every decision and every write, in a chain: each row holds the hash of the one before. What may name
-- people stands beside it, by a salted digest in the row, and may be emptied without breaking the chain.
-- Times are milliseconds since 1970-01-01 UTC.

CREATE TABLE audit (
    seq        INTEGER PRIMARY KEY,
    at         INTEGER NOT NULL,
    action     TEXT    NOT NULL,
    who        TEXT    NOT NULL,
    profile    TEXT,
    candidate  INTEGER,
    identifier TEXT,
    -- JSON that names nobody.
    facts      TEXT    NOT NULL,
    -- JSON: pairs of a label and the digest of its text.
    texts      TEXT    NOT NULL,
    prev       TEXT    NOT NULL,
    hash       TEXT    NOT NULL
) STRICT;
CREATE INDEX audit_of_candidate ON audit (candidate) WHERE candidate IS NOT NULL;

CREATE TABLE audit_texts (
    seq   INTEGER NOT NULL REFERENCES audit (seq) ON DELETE CASCADE,
    label TEXT    NOT NULL,
    salt  BLOB    NOT NULL,
    text  TEXT    NOT NULL,
    PRIMARY KEY (seq, label)
) STRICT, WITHOUT ROWID;
CREATE INDEX audit_texts_of ON audit_texts (text);

-- The last entry that was let go after its time: the chain goes on from it.
CREATE TABLE audit_start (
    one  INTEGER PRIMARY KEY CHECK (one = 1),
    seq  INTEGER NOT NULL,
    hash TEXT    NOT NULL
) STRICT;

CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit
BEGIN SELECT raise(ABORT, 'the audit log is not changed'); END;
CREATE TRIGGER audit_is_not_shortened BEFORE DELETE ON audit
WHEN OLD.seq > coalesce((SELECT seq FROM audit_start), 0)
BEGIN SELECT raise(ABORT, 'the audit log is not shortened'); END;
