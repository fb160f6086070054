#!/usr/bin/env python3
"""Opens exports as an analyst would: load_exports.py FOLDER, with NAME.csv, NAME.jsonl and NAME.parquet in it. Prints one
JSON object: for each name and each program the number of rows, and for Parquet the types of the columns."""

import csv
import json
import sqlite3
import sys
from pathlib import Path

import duckdb
import polars


def in_sqlite(file):
    with open(file, newline="", encoding="utf-8") as lines:
        header, *rows = csv.reader(lines)
    database = sqlite3.connect(":memory:")
    columns = ", ".join('"' + name + '" TEXT' for name in header)
    places = ", ".join("?" * len(header))
    database.execute(f"CREATE TABLE t ({columns})")
    database.executemany(f"INSERT INTO t VALUES ({places})", rows)
    return database.execute("SELECT count(*) FROM t").fetchone()[0]


def main():
    told = {}
    for parquet in sorted(Path(sys.argv[1]).glob("*.parquet")):
        lines, values = parquet.with_suffix(".jsonl"), parquet.with_suffix(".csv")
        count = "SELECT count(*) FROM "
        frame = polars.read_parquet(parquet)
        told[parquet.stem] = {
            "sqlite": in_sqlite(values),
            "lines": sum(1 for line in open(lines, encoding="utf-8") if json.loads(line)),
            "polars": frame.height,
            "duckdb": duckdb.sql(f"{count} read_parquet('{parquet}')").fetchall()[0][0],
            "duckdb_csv": duckdb.sql(f"{count} read_csv('{values}', header = true, all_varchar = true)").fetchall()[0][0],
            "types": dict(
                duckdb.sql(f"SELECT column_name, column_type FROM (DESCRIBE SELECT * FROM read_parquet('{parquet}'))")
                .fetchall()
            ),
            "polars_types": {name: str(kind) for name, kind in frame.schema.items()},
        }
    json.dump(told, sys.stdout)


if __name__ == "__main__":
    main()
