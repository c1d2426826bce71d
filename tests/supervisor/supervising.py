"""A supervisor in a process of its own, and what its children have written down."""

import time
from pathlib import Path

PATIENCE = 60


class Supervised:
    def __init__(self, process, journal):
        self.process = process
        self.journal = journal

    @property
    def lines(self):
        return self.journal.read_text().splitlines()

    @property
    def pids(self):
        """The children that there have been, the oldest first."""
        return [int(line.split()[1]) for line in self.lines if line.startswith("pid ")]

    def until(self, condition):
        deadline = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < deadline, (self.lines, self.process.poll())
            time.sleep(0.005)

    def until_started(self, count):
        self.until(lambda: len(self.pids) >= count)
        return self.pids

    def signal(self, number):
        self.process.send_signal(number)

    def end(self):
        """The exit code, and what was written to standard error."""
        _, told = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, told


def state(pid):
    """The state of a process, as ps has it; empty if it is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return ""


def alive(pid):
    return state(pid) not in {"", "Z"}
