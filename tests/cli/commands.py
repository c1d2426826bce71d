"""The command in processes of its own."""

import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
COMMAND = [sys.executable, "-m", "dataflow"]


def environment(**variables):
    ours = ("AWS_", "DATAFLOW_", "LOG_LEVEL", "PYTHONUNBUFFERED", "SWF_")
    clean = {k: v for k, v in os.environ.items() if not k.startswith(ours)}
    return {**clean, "PYTHONPATH": str(ROOT), **variables}


class Done(NamedTuple):
    code: int
    out: str
    err: str


def dataflow(*arguments, stdin="", cwd=HERE, **variables):
    """The command in a process of its own, in the directory of `flows`."""
    done = subprocess.run(
        [*COMMAND, *arguments],
        cwd=cwd,
        env=environment(**variables),
        input=stdin,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return Done(done.returncode, done.stdout, done.stderr)


def start(*arguments, **options):
    return dataflow("workflow.start", "--local", *arguments, **options)
