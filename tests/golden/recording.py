"""Records histories of the examples: each is run by ``dataflow standalone``, as its docstring says.

A history is recorded once. That it is replayed without a difference from then on is the test: what
is recorded anew, because the replay has changed, has left somebody's executions behind.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
#: Examples that would make long histories as they are in their docstrings.
SMALLER = {"fan_out": "120"}


def command(path):
    """The workflow of an example and its input, from the first command of its docstring."""
    shown = re.compile(r"^    \$ dataflow workflow\.start --local (.*)$", re.MULTILINE)
    found = shown.search(path.read_text())
    assert found is not None, f"{path} shows no command"
    workflow, _, text = shlex.split(found[1])
    return workflow, SMALLER.get(path.stem, text)


def record(path):
    """The exported history of an example."""
    workflow, text = command(path)
    with tempfile.TemporaryDirectory() as home:
        dataflow(home, "standalone", workflow, "--input", text, "--workflow-id", path.stem)
        told = dataflow(home, "workflow.history", path.stem, "--output-format", "raw")
    return anonymous(told)


def dataflow(home, name, *arguments):
    """What a command prints; an example may fail, if that is what it shows."""
    identity = {"user": "user", "hostname": "host", "pid": 1, "exe": None}
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("DATAFLOW_", "SWF_"))}
    done = subprocess.run(
        [sys.executable, "-m", "dataflow", name, "--home", home, *arguments],
        cwd=ROOT,
        env={**clean, "DATAFLOW_IDENTITY": json.dumps(identity)},
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    assert done.returncode in {0, 1}, f"{name} ended with {done.returncode}"
    return done.stdout


def anonymous(text):
    """Without the places and names of the machine that it was recorded on."""
    library = Path(os.__file__).parent
    for place in (f"{ROOT}/", f"{library}/"):
        text = text.replace(place, "")
    return re.sub(rf"\b{re.escape(socket.gethostname())}-\d+-", "host-1-", text)


def main(names):
    """Record what is missing, and what is named."""
    for path in sorted(ROOT.glob("examples/[a-z]*.py")):
        target = HERE / f"{path.stem}.json"
        if path.stem in names or not target.exists():
            target.write_text(record(path))
            sys.stderr.write(f"{target.relative_to(ROOT)}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
