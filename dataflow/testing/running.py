"""Run a workflow in a test: virtual time, fakes, and a check that it can be replayed."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from dataflow.activity import Activity
from dataflow.chance import SeededChance
from dataflow.errors import DataflowError, NonDeterminism, UsageError
from dataflow.history import History
from dataflow.payload import codec
from dataflow.payload.signature import Signature
from dataflow.process.local import LocalRun, Outcome
from dataflow.protocol.decisions import CompleteWorkflowExecution
from dataflow.protocol.limits import LOCAL_LIMITS
from dataflow.protocol.names import CloseStatus
from dataflow.protocol.values import WorkflowExecution
from dataflow.replay.decided import Verdict
from dataflow.replay.run import Run
from dataflow.testing.clock import VirtualClock
from dataflow.testing.inline import InlineWorkers
from dataflow.workflow import Workflow


class WorkflowFailed(DataflowError):
    """The workflow of a test did not complete; the message has its reason and traceback."""

    def __init__(self, status: CloseStatus, reason: str | None, details: str | None) -> None:
        self.status = status
        self.reason = reason
        self.details = details
        told = codec.decode(details)
        lines = told.get("traceback", ()) if isinstance(told, dict) else ()
        super().__init__(f"{status}: {reason}\n{''.join(lines)}".rstrip())


@dataclass(frozen=True, kw_only=True)
class Finished:
    """How the workflow of a test ended."""

    #: ``COMPLETED``, ``FAILED``, ``TIMED_OUT`` or ``TERMINATED`` (a workflow that was stuck).
    status: CloseStatus
    reason: str | None
    details: str | None
    #: What the command line would warn of.
    notices: tuple[str, ...]
    history: History
    #: Virtual seconds from start to end.
    duration: float
    _outcome: Outcome = field(repr=False)

    @property
    def result(self) -> Any:
        """What ``run()`` returned, as JSON brings it back; raises `WorkflowFailed`."""
        if self.status != "COMPLETED":
            raise WorkflowFailed(self.status, self.reason, self.details)
        return self._outcome.value


def run_workflow(
    definition: type[Workflow],
    *args: Any,
    activities: Mapping[str | Activity[..., Any, Any], Any] | None = None,
    clock: VirtualClock | None = None,
    seed: int | None = None,
    check_replay: bool = True,
    workflow_id: str = "test",
    run_id: str = "test-run",
    **kwargs: Any,
) -> Finished:
    """Run a workflow to its end, in this thread, on a virtual clock.

    ``args`` and ``kwargs`` are those of ``run()``. ``activities`` replaces activities (by name, or
    the `Activity` itself) with fakes: a function to be called instead, an exception to be raised,
    `NEVER` for one that never answers, or any other value, to be returned. Activities without a
    fake are called for real. Time passes only for timers and time-outs, and where a fake calls
    ``clock.advance(seconds)``. ``seed`` shuffles the order in which activities end.

    When it has ended, the history is replayed from the start, as another decider would
    (``check_replay=False`` leaves that out): raises `NonDeterminism` if ``run()`` reads something
    that is not in history. Raises `TypeError` for arguments that ``run()`` does not take.
    """
    clock = clock or VirtualClock()
    Signature(definition.run, f"{definition.__qualname__}.run", method=True).check(args, kwargs)
    fakes = _Fakes(activities or {})
    execution = WorkflowExecution(workflow_id, run_id)
    given = codec.encode({"args": args, "kwargs": kwargs})
    start = clock.now()
    local = LocalRun(
        definition,
        execution,
        given,
        workers=InlineWorkers(clock, seed),
        clock=clock,
        chance=SeededChance(),
        find_activity=fakes.find,
    )
    fakes.submitted = local.find_submitted
    fakes.names_submitted = local.names_submitted
    outcome = local.run()
    fakes.check_used()
    if check_replay and outcome.status != "TERMINATED":
        _check_replay(definition, execution, outcome)
    return Finished(
        status=outcome.status,
        reason=outcome.reason,
        details=outcome.details,
        notices=tuple(outcome.notices),
        history=History(outcome.history),
        duration=clock.now() - start,
        _outcome=outcome,
    )


def _check_replay(
    definition: type[Workflow], execution: WorkflowExecution, outcome: Outcome
) -> None:
    run = Run(definition, execution, chance=SeededChance(), domain="local", limits=LOCAL_LIMITS)
    nowhere = io.StringIO()  # it has printed once
    with contextlib.redirect_stdout(nowhere), contextlib.redirect_stderr(nowhere):
        decided = run.advance(outcome.history)
        run.drop()
    if decided.problem is not None:
        raise decided.problem
    assert decided.verdict is Verdict.CLOSED
    if outcome.status == "COMPLETED" and run.closing != CompleteWorkflowExecution(
        result=outcome.result
    ):
        raise NonDeterminism(
            event_id=len(outcome.history),
            history=f"the result {outcome.result}",
            code=f"{run.closing}",
        )


class _Fakes:
    """The activities that stand in for others."""

    def __init__(self, fakes: Mapping[str | Activity[..., Any, Any], Any]) -> None:
        self._fakes = {
            key.name if isinstance(key, Activity) else key: fake for key, fake in fakes.items()
        }
        #: Those that were given by name, and may be misspelt.
        self._spelt = {key for key in fakes if isinstance(key, str)}
        self._made: dict[tuple[str, str], Activity[..., Any, Any]] = {}
        self._real: set[str] = set()
        self.names_submitted: Callable[[], set[str]] = set
        self.submitted: Callable[[str, str], Activity[..., Any, Any] | None] = lambda *_: None

    def find(self, name: str, version: str) -> Activity[..., Any, Any] | None:
        """The fake for this type, else the activity itself."""
        if name not in self._fakes:
            self._real.add(name)
            return self.submitted(name, version)
        if (name, version) not in self._made:
            function = _function(self._fakes[name], name)
            self._made[name, version] = Activity(function, name=name, version=version)
        return self._made[name, version]

    def check_used(self) -> None:
        """A fake that replaced nothing, while something ran for real, is a slip of the pen."""
        submitted = {name for name, _ in self._made} | self.names_submitted()
        unused = sorted(self._spelt - submitted)
        if unused and self._real:
            raise UsageError(
                f"nothing called {', '.join(unused)} was submitted, so the fake was not used; "
                f"what ran for real: {', '.join(sorted(self._real))}"
            )


def _function(fake: Any, name: str) -> Callable[..., Any]:
    if isinstance(fake, Activity):
        return _function(fake.callable, name)
    if isinstance(fake, BaseException) or (
        isinstance(fake, type) and issubclass(fake, BaseException)
    ):

        def fail(*_: Any, **__: Any) -> Any:
            raise fake

        return _named(fail, name)
    if callable(fake):
        function: Callable[..., Any] = fake
        return function
    return _named(lambda *_, **__: fake, name)


def _named(function: Callable[..., Any], name: str) -> Callable[..., Any]:
    function.__name__ = function.__qualname__ = name.rpartition(".")[2]
    return function
