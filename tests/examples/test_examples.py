"""Every example does what its docstring says: the commands in it are run, their output compared."""

from __future__ import annotations

import ast
import doctest
import json
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted(path for path in ROOT.glob("examples/*.py") if path.name != "__init__.py")

pytestmark = pytest.mark.integration


def run(command, **options):
    """What a command line prints; of `dataflow`, which need not be installed."""
    program, *arguments = shlex.split(command)
    assert program == "dataflow"
    return subprocess.run(
        [sys.executable, "-m", "dataflow", *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        **options,
    ).stdout


def sessions(path):
    """The commands in an example's docstring, each with the output that it should have."""
    text = ast.get_docstring(ast.parse(path.read_text()), clean=False) or ""
    return re.findall(r"^    \$ (.*\n)((?:    (?!\$ ).*\n)*)", text, re.MULTILINE)


def without_times(text):
    return re.sub(r"\d+\.\d\d s\b", "N s", text)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_example(path):
    found = sessions(path)
    assert found, f"the docstring of {path.name} shows no command: nothing of it would be tested"
    for command, output in found:
        assert f"examples.{path.stem}." in command
        got = without_times(run(command, stderr=subprocess.STDOUT))
        want = without_times(re.sub("^    ", "", output, flags=re.MULTILINE))
        same = doctest.OutputChecker().check_output(want, got, doctest.ELLIPSIS)
        assert same, f"{command} should print\n{want}and prints\n{got}"


def test_fan_out_of_many():
    assert (
        json.loads(
            run("dataflow --format json workflow.start --local examples.fan_out.FanOut -i 2000")
        )["result"]
        == 2000
    )


# --- mapreduce on a real tree ------------------------------------------------------------


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """The standard library's files, without those that Python writes while the test runs."""
    target = tmp_path_factory.mktemp("library") / "tree"
    other = shutil.ignore_patterns("site-packages", "dist-packages", "__pycache__", "*.so", "*.a")
    shutil.copytree(sysconfig.get_path("stdlib"), target, ignore=other)
    return target


def plain_count(tree, suffix=""):
    total = Counter()
    for file in tree.rglob(f"*{suffix}"):
        if file.is_file():
            total.update(re.findall(r"\w+", file.read_bytes().decode("utf-8", "replace").lower()))
    return total


def word_count(*arguments):
    given = shlex.quote(json.dumps(arguments))
    command = (
        f"dataflow --format json workflow.start --local examples.mapreduce.WordCount -i {given}"
    )
    return json.loads(run(command))["result"]


def test_mapreduce_counts_as_a_plain_loop_does(tree):
    expected = plain_count(tree)
    assert sum(1 for file in tree.rglob("*") if file.is_file()) > 1_000
    result = word_count(str(tree), None)
    assert dict(map(tuple, result)) == expected
    numbers = [number for _, number in result]
    assert numbers == sorted(numbers, reverse=True)


def test_mapreduce_of_some_files(tree):
    result = word_count(str(tree / "json"), 3, "*.py", 2)
    expected = plain_count(tree / "json", ".py")
    assert len(result) == 3
    assert [number for _, number in result] == sorted(expected.values(), reverse=True)[:3]
    assert all(expected[word] == number for word, number in result)
