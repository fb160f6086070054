#!/usr/bin/env python3
"""Holds one thread of a process by ptrace until the process ends, and lets every other thread run:

    hold_thread.py PID NAME

As root, or as the process's own user where the kernel lets it. Says `held` once the thread stands still.
"""

import ctypes
import os
import sys
from pathlib import Path

PTRACE_SEIZE, PTRACE_INTERRUPT = 0x4206, 0x4207
WALL = 0x40000000


def thread(pid: str, name: str) -> int:
    for task in Path(f"/proc/{pid}/task").iterdir():
        if (task / "comm").read_text().strip() == name:
            return int(task.name)
    raise SystemExit(f"process {pid} has no thread `{name}`")


def main() -> None:
    tid = thread(sys.argv[1], sys.argv[2])
    libc = ctypes.CDLL(None, use_errno=True)
    libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p]
    for request in (PTRACE_SEIZE, PTRACE_INTERRUPT):
        if libc.ptrace(request, tid, None, None) != 0:
            raise SystemExit(f"thread {tid} cannot be held: {os.strerror(ctypes.get_errno())}")
    _, status = os.waitpid(tid, WALL)
    print("held", flush=True)
    # The kernel keeps a dead process for as long as nobody has asked for the end of what it holds of it.
    while os.WIFSTOPPED(status):
        _, status = os.waitpid(tid, WALL)


if __name__ == "__main__":
    main()
