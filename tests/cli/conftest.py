import sys

import pytest
from commands import HERE


@pytest.fixture
def here(monkeypatch):
    """For tests that run the command in this process: what it leaves behind is taken away."""
    before = set(sys.modules)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.chdir(HERE)
    yield
    for name in set(sys.modules) - before:
        if not name.startswith("dataflow"):
            del sys.modules[name]
