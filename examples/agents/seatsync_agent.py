#!/usr/bin/env python3
"""Delivers usage records to the usage socket of seatsync, at least once.

Records go into a spool folder first and leave it only when the daemon has answered for each of them, so nothing is
lost while the daemon is down, the agent is killed or an answer does not arrive. A record sets numbers and adds nothing,
so one that is delivered twice does no harm.

    seatsync_agent.py --spool DIR records.json      spool the file's records, then send all that is spooled
    collector | seatsync_agent.py --spool DIR -     the same from standard input
    seatsync_agent.py --spool DIR --once            one try for what is spooled, for a timer

Records are a JSON array, `{"items": [...]}` or one object a line. Needs Python 3.9 and nothing else.

    DIR/new/        batches not yet delivered, oldest name first
    DIR/rejected/   records the daemon does not accept, with its errors; nobody but you takes them out
    DIR/lock        held while sending

Exit codes: 0 all delivered, 64 wrong usage, 65 records that cannot be accepted (they are in `rejected`, or were not
read), 74 the spool cannot be used, 75 not delivered yet, 77 not permitted, 78 the daemon does not know the request.
"""

import argparse
import contextlib
import email.utils
import fcntl
import http.client
import json
import math
import os
import random
import socket
import sys
import time
from pathlib import Path

PATH = "/api/now/sam_software_usage_integration/createOrUpdate"
MAX_BODY = 10 * 1024 * 1024
LONGEST_WAIT = 60.0
OK, USAGE, REJECTED, SPOOL, LATER, FORBIDDEN, MISMATCH = 0, 64, 65, 74, 75, 77, 78
# The daemon's words for a batch that it could read as a request, but not store because of what is in it.
UNREADABLE = "Exception while reading request"
STRICT = "items rejected"

pause = time.sleep


class Failure(Exception):
    """Ends the run with an exit code; what is spooled stays."""

    def __init__(self, code, message):
        super().__init__(message)
        self.code = code


class Postponed(Exception):
    """Not delivered, through nobody's fault: to be tried again, not before `after` seconds."""

    def __init__(self, message, after=0.0):
        super().__init__(message)
        self.after = after


class BatchRefused(Exception):
    """The daemon stored nothing of a batch because of something in it."""


def say(message):
    print(f"seatsync_agent: {message}", file=sys.stderr, flush=True)


def counted(count, noun):
    return f"1 {noun}" if count == 1 else f"{count} {noun}s"


def unique(pairs):
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member stands twice in one object")
    return members


def finite(text):
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text[:20]} is too large a number")
    return number


def no_constant(text):
    raise ValueError(f"{text} is not JSON")


def parse(text):
    return json.loads(text, object_pairs_hook=unique, parse_float=finite, parse_constant=no_constant)


def read_records(name):
    """The records of a file, or of standard input for `-`."""
    try:
        text = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
        text = text.decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise Failure(REJECTED, f"`{name}` cannot be read: {error}; nothing of it was spooled") from error
    try:
        return records_of(text)
    except (ValueError, RecursionError) as error:
        raise Failure(REJECTED, f"`{name}` holds no records: {error}; nothing of it was spooled") from error


def records_of(text):
    try:
        value = parse(text)
    except json.JSONDecodeError as error:
        if error.msg != "Extra data":
            raise
        # More than one value: an object a line.
        return [parse(line) for line in text.split("\n") if line.strip()]
    if isinstance(value, dict) and isinstance(value.get("items"), list):
        return value["items"]
    if isinstance(value, dict):
        return [value]
    if isinstance(value, list):
        return value
    raise ValueError("it must be an array, an object with `items`, or one object a line")


def body_of(records):
    return b'{"items":[' + b",".join(records) + b"]}"


def batches(records, max_items):
    """Bodies of at most `max_items` records and MAX_BODY bytes; a larger record stands alone."""
    batch, size = [], len(body_of([]))
    for record in records:
        encoded = json.dumps(record, allow_nan=False, separators=(",", ":")).encode()
        if batch and (len(batch) == max_items or size + len(encoded) + 1 > MAX_BODY):
            yield body_of(batch)
            batch, size = [], len(body_of([]))
        batch.append(encoded)
        size += len(encoded) + 1
    if batch:
        yield body_of(batch)


def sync_folder(folder):
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_durably(path, content):
    """The file is there whole or not at all, after a power cut too."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with open(draft, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.rename(draft, path)
    sync_folder(path.parent)


class Spool:
    """Batches on disk. Anyone may add; who sends holds the lock."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.new = self.folder / "new"
        self.rejected = self.folder / "rejected"
        for path in (self.new, self.rejected):
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
        sync_folder(self.folder)

    def waiting(self):
        return sorted(path for path in self.new.iterdir() if not path.name.startswith("."))

    def next_name(self):
        """Behind everything that waits: a later report of the same record must arrive later, whatever the clock
        says."""
        stamp = time.time_ns()
        for newest in self.waiting()[-1:]:
            with contextlib.suppress(ValueError):
                stamp = max(stamp, int(newest.name.split("-")[0]) + 1)
        return f"{stamp:020d}-{os.getpid()}.json"

    def add(self, body):
        write_durably(self.new / self.next_name(), body)

    def split(self, path, records):
        """Puts two halves in the place of a batch. Killed between, both stand beside it, and are sent twice."""
        middle = len(records) // 2
        for suffix, half in (("a", records[:middle]), ("b", records[middle:])):
            write_durably(path.with_name(f"{path.stem}{suffix}.json"), body_of([json.dumps(r).encode() for r in half]))
        self.done(path)

    def reject(self, name, rejected):
        """Keeps what the daemon does not accept; `rejected` holds pairs of a record and its errors."""
        lines = [{"item": record, "errors": errors} for record, errors in rejected]
        write_durably(self.rejected / name, "".join(json.dumps(line) + "\n" for line in lines).encode())

    def done(self, path):
        path.unlink()
        sync_folder(path.parent)

    def remove_drafts(self):
        """What a killed run left half written. One that is being written now is younger."""
        for draft in [*self.new.glob(".*"), *self.rejected.glob(".*")]:
            with contextlib.suppress(FileNotFoundError):
                if time.time() - draft.stat().st_mtime > 3600:
                    draft.unlink()

    @contextlib.contextmanager
    def lock(self):
        """Held by one run at a time; the kernel releases it when that run ends, however it ends."""
        with open(self.folder / "lock", "w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise Failure(LATER, f"another run is sending from `{self.folder}`; what is spooled stays for it "
                              "or the next one") from None
            yield


class UnixConnection(http.client.HTTPConnection):
    """HTTP over a unix socket."""

    def __init__(self, path, timeout):
        super().__init__("localhost", timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


def retry_after(value, now):
    """Seconds that a Retry-After header asks for, which holds a number or a date; 0 without one."""
    if not value:
        return 0.0
    if value.strip().isdigit():
        return float(value)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - now)
    except (TypeError, ValueError):
        return 0.0


class Daemon:
    """The other end. One connection is kept open over all batches."""

    def __init__(self, path, timeout):
        self.path = path
        self.connection = UnixConnection(path, timeout)

    def push(self, body, count):
        """What became of each of the `count` items of `body`, in their order."""
        status, headers, content = self.post(body)
        if status == 200:
            return self.verdicts(content, count)
        message, detail = reason(content)
        told = f"the daemon answers {status}: {message}" + (f" ({detail})" if detail else "")
        if status in (408, 429) or status >= 500:
            self.connection.close()
            raise Postponed(told, retry_after(headers.get("Retry-After"), time.time()))
        if status == 400 and (message == UNREADABLE or message.endswith(STRICT)):
            raise BatchRefused(f"{message}: {detail}" if detail else message)
        if status in (401, 403):
            raise Failure(FORBIDDEN, f"{told}; the user of this agent needs a group of `usage.roles` in "
                          "`/etc/seatsync/seatsync.yaml`, by default `seatsync-usage`")
        raise Failure(MISMATCH, f"{told}; is `{self.path}` the usage socket of seatsync?")

    def post(self, body):
        headers = {"Content-Type": "application/json", "Accept": "application/json", "User-Agent": "seatsync_agent"}
        try:
            # A busy daemon answers and closes before it has taken everything; its answer is still there to read.
            with contextlib.suppress(BrokenPipeError):
                self.connection.request("POST", PATH, body, headers)
            answer = self.connection.getresponse()
            return answer.status, answer.headers, answer.read()
        except PermissionError as error:
            raise Failure(FORBIDDEN, f"`{self.path}` may not be opened: put the user of this agent into the socket's "
                          f"group, by default `seatsync-usage` ({error})") from error
        except (OSError, http.client.HTTPException) as error:
            self.connection.close()
            raise Postponed(f"no answer on `{self.path}`: {error or type(error).__name__}") from error

    def verdicts(self, content, count):
        try:
            items = json.loads(content)["result"]["reply"]["items"]
            understood = all(item["status"] in ("INSERT", "UPDATE", "ERROR") for item in items)
        except (ValueError, KeyError, TypeError):
            items, understood = [], False
        if not understood or len(items) != count:
            raise Failure(MISMATCH, f"the answer does not tell of each of the {counted(count, 'record')} sent, so none is "
                          f"taken for delivered; is `{self.path}` the usage socket of seatsync?")
        return items


def reason(content):
    """(message, detail) of a failure."""
    try:
        error = json.loads(content)["error"]
        return error["message"], error["detail"]
    except (ValueError, KeyError, TypeError):
        return content[:200].decode(errors="replace").strip(), None


def backoff(tries, first):
    """Seconds to wait after `tries` failed ones: doubled each time up to LONGEST_WAIT, and of that a random part of
    at least half, so that many agents do not come in step."""
    return min(LONGEST_WAIT, first * 2 ** min(tries, 30)) * random.uniform(0.5, 1.0)


class Agent:
    """Sends what is spooled, in its order."""

    def __init__(self, spool, daemon, options):
        self.spool = spool
        self.daemon = daemon
        self.options = options
        self.delivered = 0
        self.rejected = 0

    def run(self):
        """Sends until nothing waits. No batch overtakes an earlier one: it may say something newer of the same
        record."""
        self.spool.remove_drafts()
        while waiting := self.spool.waiting():
            for path in waiting:
                if not self.deliver(path):
                    break

    def deliver(self, path):
        """Whether the batch is done with. If not, its halves have taken its place."""
        body = path.read_bytes()
        try:
            records = json.loads(body)["items"]
        except (ValueError, KeyError, TypeError) as error:
            raise Failure(SPOOL, f"`{path}` is not a batch of this agent ({error!r}): move it away") from error
        try:
            verdicts = self.persist(body, len(records))
        except BatchRefused as refused:
            if len(records) > 1:
                # Halves, down to the record that is at fault, so that it holds up no other.
                self.spool.split(path, records)
                return False
            verdicts = [{"status": "ERROR", "errors": [{"error": "BATCH_REFUSED", "message": str(refused)}]}]
        rejected = [(record, verdict.get("errors")) for record, verdict in zip(records, verdicts)
                    if verdict["status"] == "ERROR"]
        if rejected:
            self.spool.reject(path.name, rejected)
        self.spool.done(path)
        self.rejected += len(rejected)
        self.delivered += len(records) - len(rejected)
        return True

    def persist(self, body, count):
        """Pushes until there is an answer, or the patience ends."""
        waited, tries = 0.0, 0
        while True:
            try:
                return self.daemon.push(body, count)
            except Postponed as postponed:
                wait = max(postponed.after, backoff(tries, self.options.first_wait))
                if self.options.once or waited + wait > self.options.patience:
                    asked = f"; it asks to wait {postponed.after:.0f} s" if postponed.after else ""
                    raise Failure(LATER, f"{postponed}{asked}; what is not delivered stays in `{self.spool.new}` for "
                                  "the next run") from postponed
                say(f"{postponed}; again in {wait:.1f} s")
            pause(wait)
            waited, tries = waited + wait, tries + 1


def positive(convert):
    def number(text):
        value = convert(text)
        if value <= 0:
            raise ValueError
        return value
    number.__name__ = "number above 0"
    return number


def options_of(arguments):
    parser = argparse.ArgumentParser(description="Delivers usage records to seatsync, at least once.")
    parser.add_argument("records", nargs="*", metavar="FILE", help="records to spool before sending; - is standard input")
    parser.add_argument("--spool", default=os.environ.get("STATE_DIRECTORY"), metavar="DIR",
                        help="where undelivered records are kept; under systemd the unit's StateDirectory")
    parser.add_argument("--socket", default="/run/seatsync/usage.sock", metavar="PATH", help="default: %(default)s")
    parser.add_argument("--max-items", type=positive(int), default=1000, metavar="N",
                        help="records of one request (default: %(default)s)")
    parser.add_argument("--once", action="store_true", help="do not try again in this run")
    parser.add_argument("--patience", type=positive(float), default=600.0, metavar="SECONDS",
                        help="to wait in all for one batch (default: %(default)s)")
    parser.add_argument("--first-wait", type=positive(float), default=1.0, metavar="SECONDS",
                        help="before the second try; doubles (default: %(default)s)")
    parser.add_argument("--timeout", type=positive(float), default=60.0, metavar="SECONDS",
                        help="for the daemon to answer (default: %(default)s)")
    options = parser.parse_args(arguments)
    if not options.spool:
        parser.error("--spool DIR is needed where STATE_DIRECTORY is not set")
    return options


def take_in(spool, options):
    """Spools the given files; the exit code of that. A file that holds no records holds up nothing else."""
    code = OK
    for name in options.records:
        try:
            records = read_records(name)
        except Failure as failure:
            say(failure)
            code = failure.code
            continue
        for body in batches(records, options.max_items):
            if len(body) <= MAX_BODY:
                spool.add(body)
                continue
            name = spool.next_name()
            errors = [{"error": "TOO_LARGE", "message": f"a request holds at most {MAX_BODY} bytes"}]
            spool.reject(name, [(record, errors) for record in json.loads(body)["items"]])
            say(f"a record is larger than a request may be; it is kept in `{spool.rejected / name}`")
            code = REJECTED
    return code


def run(options):
    """The exit code of one run."""
    spool = Spool(options.spool)
    code = take_in(spool, options)
    agent = Agent(spool, Daemon(options.socket, options.timeout), options)
    try:
        with spool.lock():
            agent.run()
    finally:
        if agent.delivered or agent.rejected:
            say(f"{counted(agent.delivered, 'record')} delivered")
        if agent.rejected:
            say(f"{counted(agent.rejected, 'record')} not accepted; see `{spool.rejected}` for which, and why")
    return REJECTED if agent.rejected else code


def main(arguments=None):
    try:
        options = options_of(arguments)
    except SystemExit as wrong:
        return USAGE if wrong.code else OK
    try:
        return run(options)
    except Failure as failure:
        say(failure)
        return failure.code
    except OSError as error:
        say(f"the spool `{options.spool}` cannot be used: {error}")
        return SPOOL


if __name__ == "__main__":
    sys.exit(main())
