#!/usr/bin/env python3
"""Makes a virtual environment with the clients of requirements.txt: install.py FOLDER. Does nothing where that was done,
and waits for another that is doing it. Prints in one line why it could not."""

import fcntl
import shutil
import subprocess
import sys
import venv
from pathlib import Path

REQUIREMENTS = Path(__file__).with_name("requirements.txt")


def install(folder):
    stamp = folder / "requirements.txt"
    wanted = f"# {sys.version}\n{REQUIREMENTS.read_text()}"
    if stamp.exists() and stamp.read_text() == wanted:
        return
    shutil.rmtree(folder, ignore_errors=True)
    venv.create(folder, with_pip=True)
    pip = [folder / "bin/python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input",
           "--retries", "2", "--requirement", REQUIREMENTS]
    subprocess.run(pip, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    # Last, so that one that was cut short is made again.
    stamp.write_text(wanted)


def main():
    folder = Path(sys.argv[1])
    folder.parent.mkdir(parents=True, exist_ok=True)
    with open(folder.with_suffix(".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            install(folder)
        except subprocess.CalledProcessError as error:
            said = (error.stderr or error.stdout or b"").decode(errors="replace").strip()
            return f"{error.cmd[0]} ended with {error.returncode}: {said.splitlines()[-1] if said else ''}"
        except OSError as error:
            return str(error)
    return 0


if __name__ == "__main__":
    sys.exit(main())
