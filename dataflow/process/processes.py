"""Ending processes for certain, and measuring them.

A child of a worker leads a process group of its own. What it starts belongs to the group, or can be
found below it, unless it took care not to be.
"""

from __future__ import annotations

import os
import signal
from contextlib import suppress


def kill_tree(pid: int) -> None:
    """Kill a leader of a group, its group, and all processes below it.

    The process must be one that cannot have been replaced by another: a child that was not waited
    for, or this process itself.
    """
    import psutil  # noqa: PLC0415 - costs 25 ms, and most workers never kill

    with suppress(psutil.Error):
        leader = psutil.Process(pid)
        if pid != os.getpid():
            leader.suspend()  # so that it starts nothing while we look
        for process in leader.children(recursive=True):
            with suppress(psutil.Error):
                process.kill()
    kill_group(pid)


def kill_group(pid: int) -> None:
    """Kill what is left of the group that a process leads, or led."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def megabytes(pid: int) -> float:
    """The memory that a process has in use; 0 if it is gone."""
    import psutil  # noqa: PLC0415 - as above

    try:
        return float(psutil.Process(pid).memory_info().rss) / 2**20
    except psutil.Error:
        return 0.0


def describe_exit(code: int) -> str:
    """How a process ended, from its return code as `subprocess` has it."""
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    hint = ", perhaps for want of memory" if -code == signal.SIGKILL else ""
    return f"was killed by {name}{hint}"
