#!/usr/bin/env python3
"""Takes a database one migration back, with everything in it that the older layout has room for:

    older_layout.py DATABASE MIGRATIONS

MIGRATIONS is the folder of the migrations that made it. All but the newest make a new file, whose tables then take
over every column that they have in common with those of DATABASE; that file takes its place. Nobody may have
DATABASE open. Fails where the older layout wants what is not there.
"""

import os
import sqlite3
import sys
from pathlib import Path


def names(connection: sqlite3.Connection, schema: str) -> list[str]:
    query = f"SELECT name FROM {schema}.sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_stat%'"
    return [name for (name,) in connection.execute(query)]


def columns(connection: sqlite3.Connection, schema: str, table: str) -> list[str]:
    stored = "SELECT name FROM pragma_table_xinfo(?, ?) WHERE hidden = 0"
    return [name for (name,) in connection.execute(stored, (table, schema))]


def main() -> None:
    path, migrations = Path(sys.argv[1]), sorted(Path(sys.argv[2]).glob("*.sql"))
    older = path.with_name("older.db")
    connection = sqlite3.connect(older, isolation_level=None)
    for migration in migrations[:-1]:
        connection.executescript(migration.read_text())
    connection.execute("ATTACH ? AS now", (str(path),))
    (version,) = connection.execute("PRAGMA now.user_version").fetchone()
    if version != len(migrations):
        raise SystemExit(f"{path} has layout {version}, and {sys.argv[2]} has {len(migrations)} migrations")
    (ours,) = connection.execute("PRAGMA now.application_id").fetchone()
    connection.execute(f"PRAGMA main.application_id = {ours}")
    connection.execute(f"PRAGMA main.user_version = {version - 1}")

    rows = 0
    there = names(connection, "now")
    connection.execute("PRAGMA foreign_keys = OFF")
    connection.execute("BEGIN")
    for table in names(connection, "main"):
        connection.execute(f"DELETE FROM main.{table}")
        if table in there:
            both = set(columns(connection, "now", table))
            shared = ", ".join(column for column in columns(connection, "main", table) if column in both)
            taken = connection.execute(f"INSERT INTO main.{table} ({shared}) SELECT {shared} FROM now.{table}")
            rows += taken.rowcount
    broken = connection.execute("PRAGMA main.foreign_key_check").fetchall()
    if broken:
        raise SystemExit(f"the older layout has rows without those that they belong to: {broken[:5]}")
    connection.execute("COMMIT")
    connection.execute("DETACH now")
    connection.close()

    owner = path.stat()
    for beside in (f"{path}-wal", f"{path}-shm"):
        Path(beside).unlink(missing_ok=True)
    os.chown(older, owner.st_uid, owner.st_gid)
    os.chmod(older, 0o600)
    older.replace(path)
    print(f"{path.name}: layout {version - 1}, {rows} rows")


if __name__ == "__main__":
    main()
