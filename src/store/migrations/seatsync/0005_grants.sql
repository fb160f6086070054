-- What people's consents gave. The tokens are sealed outside the database, bound to what the row is
-- for: another connection's row does not open in its place. `facts` is JSON of what may be told.

CREATE TABLE grants (
    connection TEXT PRIMARY KEY,
    -- SHA-256 over what the tokens are bound to, to tell a changed connection from damage.
    bound_to   TEXT NOT NULL,
    key_id     TEXT NOT NULL,
    sealed     BLOB NOT NULL,
    facts      TEXT NOT NULL
) STRICT, WITHOUT ROWID;
