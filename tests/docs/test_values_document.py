"""What the document about values shows is so."""

import sys
import types
from pathlib import Path

from documents import run_python

VALUES = (Path(__file__).parents[2] / "docs" / "values.rst").read_text()


def test_the_python_runs(monkeypatch):
    module = types.ModuleType("values")
    monkeypatch.setitem(sys.modules, "values", module)
    assert run_python(VALUES, module) == 3
