-- Who used what on which day. Days count from 1970-01-01.

CREATE TABLE activities (
    profile_id INTEGER NOT NULL REFERENCES profiles (id) ON DELETE CASCADE,
    -- `id:<the vendor's user id>` or `email:<address, lower case>`, as the vendor's report names it.
    user_key   TEXT    NOT NULL,
    kind       TEXT    NOT NULL,
    grade      TEXT    NOT NULL,
    day        INTEGER NOT NULL,
    count      INTEGER NOT NULL,
    PRIMARY KEY (profile_id, user_key, kind, grade, day)
) STRICT, WITHOUT ROWID;

-- Days of which the vendor was asked for everything.
CREATE TABLE activity_days (
    profile_id INTEGER NOT NULL REFERENCES profiles (id) ON DELETE CASCADE,
    kind       TEXT    NOT NULL,
    grade      TEXT    NOT NULL,
    day        INTEGER NOT NULL,
    read_at    INTEGER NOT NULL,
    PRIMARY KEY (profile_id, kind, grade, day)
) STRICT, WITHOUT ROWID;
