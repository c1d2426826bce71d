"""The scripts, from a fresh clone: they install the project by themselves, once, and stay quick."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# A developer's own way to a package index and through a proxy: without it nothing can be installed.
NETWORK = {
    name: value
    for name, value in os.environ.items()
    if name.startswith("PIP_") or name.lower().endswith("_proxy")
}

pytestmark = [
    pytest.mark.integration,
    pytest.mark.timeout(300),  # an installation waits for a package index
    pytest.mark.skipif(not (ROOT / ".git").exists(), reason="needs a git checkout to copy"),
]


def copy_checkout(target):
    """Copy what a commit of everything would hold, so that changes are tested before it."""
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listing, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, names.split("\0")):
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)
    return target


class Clone:
    """A fresh clone, used by someone whose home is empty."""

    def __init__(self, root, home):
        self.root, self.home = root, home

    @property
    def stamp(self):
        return self.root / ".venv" / ".run-stamp"

    def start(self, *, path=os.environ["PATH"], **environment):
        return subprocess.Popen(
            [self.root / "script" / "dataflow", "--help"],
            cwd=self.home,
            env={"PATH": path, "HOME": str(self.home), **NETWORK, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, **options):
        process = self.start(**options)
        output, errors = process.communicate()
        return process.returncode, output, errors


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    home = tmp_path_factory.mktemp("home")
    return Clone(copy_checkout(tmp_path_factory.mktemp("a clone")), home)


@pytest.fixture
def old_python(tmp_path):
    """A PATH with the few tools the scripts use, and a Python that is too old."""
    for tool in ("bash", "dirname", "flock", "readlink"):
        if found := shutil.which(tool):
            (tmp_path / tool).symlink_to(found)
    python = tmp_path / "python3"
    pretend = 'import sys; sys.version_info = (3, 9, 18, "final", 0); exec(sys.argv[-1])'
    python.write_text(f"#!/bin/sh\nexec '{sys.executable}' -c '{pretend}' \"$@\"\n")
    python.chmod(0o755)
    return str(tmp_path)


# One clone lives through the tests below, in this order: an installation takes seconds.


def test_without_a_python_it_says_which_is_needed(clone, old_python):
    code, output, errors = clone.run(path=old_python)
    assert (code, output) == (1, "")
    assert errors.startswith("dataflow needs Python 3.11 or later")
    assert errors.count("\n") == 1


def test_a_failed_installation_does_not_look_complete(clone):
    nothing_to_install_from = {
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": "",
        "PIP_CONFIG_FILE": os.devnull,
    }
    code, output, errors = clone.run(**nothing_to_install_from)
    assert code != 0
    assert output == ""
    assert errors.startswith("making .venv ...\n")
    assert not clone.stamp.exists()


@pytest.mark.skipif(not shutil.which("flock"), reason="only flock keeps two installations apart")
def test_two_first_runs_at_once_install_once(clone):
    processes = [clone.start(), clone.start()]
    answers = [process.communicate() for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    assert all(output.startswith("Usage: dataflow") for output, _ in answers)
    assert "".join(errors for _, errors in answers).count("making .venv ...") == 1


def test_a_warm_start_needs_no_installer(clone, old_python):
    made = clone.stamp.stat()
    code, output, errors = clone.run(path=old_python, PYTHONPATH=str(ROOT / "nowhere"))
    assert (code, errors) == (0, "")
    assert output.startswith("Usage: dataflow")
    assert clone.stamp.stat() == made


def test_a_warm_start_costs_little(clone, tmp_path):
    def fastest(command):
        def once():
            started = time.perf_counter()
            subprocess.run(command, check=True)
            return time.perf_counter() - started

        return min(once() for _ in range(10))

    # A command that does nothing, so that only what the script adds is measured.
    installed = clone.root / ".venv" / "bin" / "dataflow"
    kept = installed.rename(tmp_path / "dataflow")
    installed.symlink_to(shutil.which("true"))
    try:
        cost = fastest([clone.root / "script" / "dataflow"]) - fastest([installed])
    finally:
        installed.unlink()
        shutil.move(kept, installed)
    assert cost < 0.050


def test_a_changed_setup_is_installed_again(clone):
    (clone.root / "setup.cfg").touch()
    code, output, errors = clone.run()
    assert (code, errors) == (0, "making .venv ...\n")
    assert output.startswith("Usage: dataflow")
    assert clone.run()[2] == ""


def test_a_moved_clone_is_installed_again(clone, tmp_path):
    clone.root = clone.root.rename(tmp_path / "moved")
    code, output, errors = clone.run()
    assert (code, errors) == (0, "making .venv ...\n")
    assert output.startswith("Usage: dataflow")
