"""The test kit for workflows.

* `run_workflow` runs a workflow on a virtual clock, with fakes for its activities: a delay of 30
  days takes milliseconds.
* `HistoryBuilder` writes a history by hand, to replay code against it.
* `simulate` drives one execution through crashes, lost answers and odd orders of events, all from
  one seed, and checks that replay is exact; with `MemoryFields`, through those of a store, too.

With dataflow installed, pytest has the fixture ``run_workflow``.
"""

from __future__ import annotations

from dataflow.testing.clock import VirtualClock
from dataflow.testing.fields import MemoryFields
from dataflow.testing.histories import HistoryBuilder
from dataflow.testing.inline import NEVER
from dataflow.testing.running import Finished, WorkflowFailed, run_workflow
from dataflow.testing.simulation import simulate

__all__ = [
    "NEVER",
    "Finished",
    "HistoryBuilder",
    "MemoryFields",
    "VirtualClock",
    "WorkflowFailed",
    "run_workflow",
    "simulate",
]
