-- Profiles that were taken from a backup: nothing is written for them before what happened since is
-- known. Times are milliseconds since 1970-01-01 UTC.
CREATE TABLE restore_holds (
    profile_id  INTEGER PRIMARY KEY REFERENCES profiles (id) ON DELETE CASCADE,
    restored_at INTEGER NOT NULL
) STRICT;
