"""Activities for workers to perform; in processes of their own, too."""

import asyncio
import contextlib
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

from dataflow import ActivityCanceled, activity

#: Beyond any file descriptor that a process of these tests has: a long run opens many.
_MOST_FILES = 10_000


@activity.with_attributes()
def add(a, b=1):
    return a + b


@activity.with_attributes(version="2")
def versioned():
    return "two"


@activity.with_attributes(name="sum of squares")
def named(numbers):
    return sum(n * n for n in numbers)


@activity.with_attributes()
def fails():
    raise ValueError("no such number")


@activity.with_attributes()
async def waits_for(value):
    await asyncio.sleep(0)
    return value


@activity.with_attributes()
class Counts:
    def __init__(self, n):
        self.n = n

    def execute(self):
        return list(range(self.n))

    @staticmethod
    @activity.with_attributes(name="worker_activities.Counts.inner")
    def inner():
        return "never looked for here"


class Shelf:
    """Holds an activity."""

    activity = activity.with_attributes(name="worker_activities.Shelf.activity")(lambda: "shelf")


def plain():
    raise AssertionError("called")


@activity.with_attributes()
def context():
    about = activity.context()
    return [about.domain, about.workflow_id, about.run_id, about.activity_id, about.attempt]


@activity.with_attributes()
def long_result(length):
    return "x" * length


@activity.with_attributes()
def interrupted():
    raise KeyboardInterrupt


@activity.with_attributes()
def exits():
    sys.exit(3)


@activity.with_attributes()
def gives_up():
    raise ActivityCanceled


@activity.with_attributes()
def logs():
    logging.getLogger("users").warning("at work")


@activity.with_attributes()
def prints(text):
    print(text)  # noqa: T201
    print(text, file=sys.stderr)  # noqa: T201


@activity.with_attributes()
def pid():
    return os.getpid()


@activity.with_attributes()
def leaks(megabytes):
    leaked.append(bytearray(megabytes << 20))
    return os.getpid()


leaked = []


# --- that work until they are stopped -------------------------------------------------------


@activity.with_attributes()
def beats_until_canceled(details=None):
    """Beat until it is told to end; then clean up."""
    try:
        while True:
            activity.heartbeat(details)
            time.sleep(0.001)
    except ActivityCanceled:
        cleaned.set()
        raise


cleaned = threading.Event()


@activity.with_attributes()
def beats_once_and_sleeps(path):
    """Say who it is, and never listen; it can be interrupted."""
    activity.heartbeat({"pid": os.getpid()})
    try:
        time.sleep(60)
    except ActivityCanceled:
        Path(path).write_text("cleaned up")
        raise


@activity.with_attributes()
def will_not_end(path):
    """Start a process, tell of it, and ignore that it is told to end."""
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    other = subprocess.Popen(
        [sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True
    )
    Path(path).write_text(f"{os.getpid()} {child.pid} {other.pid}")
    activity.heartbeat("begun")
    while True:
        with contextlib.suppress(ActivityCanceled):
            time.sleep(60)


@activity.with_attributes()
def crashes(path, signal_name):
    """Start a process, tell of it, and die."""
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    Path(path).write_text(f"{child.pid}")
    os.kill(os.getpid(), signal.Signals[signal_name])
    time.sleep(60)


@activity.with_attributes()
def leaves(path, code):
    os._exit(code)


@activity.with_attributes()
def closes_everything(path):
    os.closerange(3, _MOST_FILES)


@activity.with_attributes()
def babbles(path, byte):
    """Write to whatever is open."""
    for fd in range(3, _MOST_FILES):
        with contextlib.suppress(OSError):
            os.write(fd, bytes([byte]) * 100)
    time.sleep(60)


@activity.with_attributes(heartbeat_timeout=1)
def silent(path):
    """Wait for a file, without a word; SWF expects to hear of it every second."""
    while not Path(path).exists():
        time.sleep(0.01)
    return "done"


@activity.with_attributes()
def leaves_a_thread():
    """A thread goes on with the heartbeats of a task that is over."""
    about = activity.context()

    def beat():
        with contextlib.suppress(ActivityCanceled):
            while True:
                about.heartbeat("from the past")
                time.sleep(0.0001)

    threading.Thread(target=beat, daemon=True).start()


@activity.with_attributes()
def forks(path):
    """Leave a process that holds everything open that this one has open; then die."""
    pid = os.fork()
    if pid == 0:
        time.sleep(60)
        os._exit(0)
    Path(path).write_text(f"{pid}")
    os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(60)
