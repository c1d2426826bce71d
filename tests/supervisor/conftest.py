import os
import signal
import subprocess
import sys
import textwrap
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from supervising import Supervised

ROOT = Path(__file__).parents[2]


@pytest.fixture
def supervise(tmp_path):
    """Start a supervisor of a program; its children write their pids, a line each."""
    started = []

    def supervise(program, count=1, *, grace=20, prologue=""):
        script = tmp_path / "child.py"
        script.write_text(PREAMBLE + textwrap.dedent(program))
        journal = tmp_path / "journal"
        journal.touch()
        supervisor = SUPERVISOR.format(count=count, grace=grace, prologue=prologue)
        process = subprocess.Popen(
            [sys.executable, "-c", supervisor, str(script), str(journal)],
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            start_new_session=True,
        )
        one = Supervised(process, journal)
        started.append(one)
        return one

    yield supervise
    for one in started:
        one.process.kill()
        one.process.communicate()
        for pid in one.pids:
            with suppress(ProcessLookupError, psutil.Error):
                if str(tmp_path) in " ".join(psutil.Process(pid).cmdline()):
                    os.kill(pid, signal.SIGKILL)


SUPERVISOR = """
import logging, sys
from dataflow.errors import UsageError
from dataflow.process.supervisor import Supervisor
logging.basicConfig(level="INFO", format="%(message)s")
{prologue}
script, journal = sys.argv[1:]
supervisor = Supervisor(
    lambda line: [sys.executable, script, journal, str(line)], {count}, grace={grace}
)
try:
    sys.exit(supervisor.run())
except UsageError as error:
    print("error:", error, file=sys.stderr)
    sys.exit(2)
"""

PREAMBLE = """
import os, signal, subprocess, sys, time
journal, line = sys.argv[1], int(sys.argv[2])

def note(*words):
    with open(journal, "a") as file:
        file.write(" ".join(map(str, words)) + "\\n")

def ready():
    note("pid", os.getpid())

"""
