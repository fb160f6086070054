#!/usr/bin/env python3
"""Turns what osquery or Fleet knows of last use into `last_used_date` records for seatsync.

    osqueryi --json 'SELECT name, bundle_identifier, last_opened_time FROM apps' |
        osquery_to_usage.py --mapping mapping.json --host "$(hostname)" | seatsync_agent.py --spool DIR -

Reads files, or standard input, in any of these forms:

    rows of `osqueryi --json`, which do not name their host: give `--host`
    the results log of osqueryd, one JSON object a line: snapshots and added rows
    a host of Fleet's API, `GET /api/v1/fleet/hosts/:id`, with its `software`

A row is used where it has a time: `last_opened_time` of the table `apps` (seconds since 1970, with a fraction), or
`last_opened_at` as Fleet gives it for `apps`, `programs`, `deb_packages` and `rpm_packages` (RFC 3339, or seconds).
Absent, null, empty, 0 and -1 say that the time is not known, not that the product was never used: such rows are left out.

The mapping file says which product and which configuration item a name stands for, by their sys_ids:

    {"products": {"com.tinyspeck.slackmacgap": "40209c060b3022002d6c650d37673a89"},
     "configuration_items": {"anna-mac": "eaa9604d3790200044e0bfc8bcbe5dc1"}}

A product is looked up by bundle identifier, then by name; a host by host name, or by UUID. What is not mapped is left
out and counted on standard error. Of several rows for one product on one host the latest time is taken.

Exit codes: 0 done, 64 wrong usage, 65 an input or the mapping cannot be read. Needs Python 3.9 and nothing else.
"""

import argparse
import json
import math
import re
import sys
from datetime import datetime, timezone
from pathlib import Path

OK, USAGE, UNREADABLE = 0, 64, 65
SYS_ID = re.compile(r"[0-9a-fA-F]{32}")


class InputError(Exception):
    """An input that is not what it should be."""


def values_of(text):
    """One JSON value, or one a line."""
    try:
        return [json.loads(text)]
    except json.JSONDecodeError as error:
        if error.msg != "Extra data":
            raise
    return [json.loads(line) for line in text.split("\n") if line.strip()]


def rows_of(value, host):
    """(names of the host, row) of everything in one JSON value."""
    if isinstance(value, list):
        return [pair for part in value for pair in rows_of(part, host)]
    if not isinstance(value, dict):
        raise InputError(f"{json.dumps(value)[:40]} is not a row")
    if isinstance(value.get("host"), dict):
        return rows_of(value["host"], host)
    if "software" in value:
        names = [value.get("hostname"), value.get("uuid")]
        return [(names, row) for row in value["software"] or []]
    names = [value["hostIdentifier"]] if "hostIdentifier" in value else host
    if "snapshot" in value:
        return [(names, row) for row in value["snapshot"]]
    if "diffResults" in value:
        return [(names, row) for row in value["diffResults"].get("added") or []]
    if "columns" in value:
        return [(names, value["columns"])] if value.get("action") != "removed" else []
    return [(names, value)]


def last_used(row):
    """When the row says that the product was used last, in whole seconds since 1970; none where it does not know."""
    value = row.get("last_opened_time")
    if value in (None, ""):
        value = row.get("last_opened_at")
    if value in (None, ""):
        return None
    try:
        seconds = float(value)
    except (TypeError, ValueError):
        seconds = seconds_of(value)
    if not math.isfinite(seconds):
        raise InputError(f"`{value}` is not a time")
    return int(seconds) if seconds >= 1 else None


def seconds_of(text):
    # Python 3.9 knows neither `Z` nor more than six digits of a fraction; the platform keeps whole seconds.
    plain = re.sub(r"\.\d+", "", str(text)).replace("Z", "+00:00")
    try:
        time = datetime.fromisoformat(plain)
    except ValueError as error:
        raise InputError(f"`{text}` is not a time") from error
    return (time if time.tzinfo else time.replace(tzinfo=timezone.utc)).timestamp()


class Mapping:
    """Which sys_id a name stands for."""

    def __init__(self, path):
        try:
            content = json.loads(Path(path).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise InputError(f"the mapping `{path}` cannot be read: {error}") from error
        self.products = self.table(path, content, "products")
        self.configuration_items = self.table(path, content, "configuration_items")

    @staticmethod
    def table(path, content, name):
        table = content.get(name) if isinstance(content, dict) else None
        if not isinstance(table, dict):
            raise InputError(f"the mapping `{path}` has no object `{name}`")
        for key, value in table.items():
            if not isinstance(value, str) or not SYS_ID.fullmatch(value):
                raise InputError(f"`{name}` of `{path}` maps `{key}` to `{value}`, which is not a sys_id of 32 hex digits")
        return table

    @staticmethod
    def find(table, names):
        return next((table[name] for name in names if name in table), None)


def records(pairs, mapping):
    """(records, names that are not mapped)."""
    latest, unmapped = {}, set()
    for host, row in pairs:
        time = last_used(row)
        if time is None:
            continue
        names = [row.get("bundle_identifier"), row.get("name")]
        product = mapping.find(mapping.products, names)
        item = mapping.find(mapping.configuration_items, host)
        if product is None:
            unmapped.add(f"product `{names[0] or names[1]}`")
        elif item is None:
            unmapped.add(f"host `{next(filter(None, host), '')}`")
        else:
            latest[item, product] = max(time, latest.get((item, product), 0))
    return [record(*key, time) for key, time in sorted(latest.items())], sorted(unmapped)


def record(item, product, time):
    return {
        "reclamation_type": "last_used_date",
        "configuration_item": item,
        "norm_product": product,
        "last_used_time": datetime.fromtimestamp(time, timezone.utc).strftime("%Y-%m-%d %H:%M:%S"),
    }


def read(name):
    try:
        text = sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8")
        return values_of(text)
    except (OSError, ValueError) as error:
        raise InputError(f"`{name}` cannot be read: {error}") from error


def convert(options):
    mapping = Mapping(options.mapping)
    host = [options.host] if options.host else []
    pairs = [pair for name in options.files for pair in rows_of(read(name), host)]
    if any(not names for names, _ in pairs):
        raise InputError("the rows do not name their host: give `--host`")
    items, unmapped = records(pairs, mapping)
    for name in unmapped:
        print(f"osquery_to_usage: {name} is not in `{options.mapping}` and was left out", file=sys.stderr)
    json.dump({"items": items}, sys.stdout, indent=2)
    print()


def main():
    parser = argparse.ArgumentParser(description="Turns what osquery knows of last use into records for seatsync.")
    parser.add_argument("files", nargs="*", default=["-"], metavar="FILE", help="default: standard input")
    parser.add_argument("--mapping", required=True, metavar="FILE", help="which sys_id a name stands for")
    parser.add_argument("--host", metavar="NAME", help="of rows that do not name their host")
    try:
        options = parser.parse_args()
    except SystemExit as wrong:
        return USAGE if wrong.code else OK
    try:
        convert(options)
    except (InputError, OverflowError, OSError) as error:
        print(f"osquery_to_usage: {error}", file=sys.stderr)
        return UNREADABLE
    return OK


if __name__ == "__main__":
    sys.exit(main())
