-- The time that is known to have come: what ages is measured by it, and not by a clock that may be
-- wrong. One row; milliseconds since 1970-01-01 UTC.
CREATE TABLE known_time (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    at  INTEGER NOT NULL
) STRICT;
