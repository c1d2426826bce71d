"""The pytest plugin: one fixture.

It is loaded in every pytest run of a project that has dataflow, so it imports nothing before a
test asks for it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from dataflow.testing.running import Finished


@pytest.fixture
def run_workflow() -> Callable[..., Finished]:
    """`dataflow.testing.run_workflow`, on a virtual clock that this test's calls share."""
    from dataflow.testing import VirtualClock, run_workflow  # noqa: PLC0415 - see above

    clock = VirtualClock()

    def run(*args: Any, **kwargs: Any) -> Finished:
        kwargs.setdefault("clock", clock)
        return run_workflow(*args, **kwargs)

    return run
