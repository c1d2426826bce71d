"""Canvases: many tasks submitted as one, with one future for the whole.

`Group`: side by side. `Chain`: one after the other. `FuncGroup`: what a function makes of results
that are there only later. They nest in any way, and submitting one changes nothing in it nor in
its activities.

The ids of all tasks are fixed when the canvas is submitted (those under a `FuncGroup`: when its
function is called); waiting for a turn is a *gate*, a future that must be finished first. A
canvas counts its tasks as they finish, so each costs the same however many there are.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Self

from greenlet import GreenletExit

from dataflow.activity import Activity
from dataflow.errors import NotSubmittable
from dataflow.futures import Future, follow
from dataflow.payload import failure
from dataflow.payload.failure import cut
from dataflow.protocol.limits import REASON_LENGTH
from dataflow.task import ActivityTask, TimerTask, not_submittable
from dataflow.workflow import Host, Placement

Item = Any  # Activity, ActivityTask, TimerTask, a canvas, or a tuple (activity, *args)


class _Sequence:
    """What `Group` and `Chain` have in common: an ordered list of items."""

    def __init__(
        self,
        *items: Item,
        raises_on_failure: bool | None = None,
        bubbles_exception_on_failure: bool = True,
    ) -> None:
        self.raises_on_failure = raises_on_failure
        self.bubbles_exception_on_failure = bubbles_exception_on_failure
        self.items: list[Any] = []
        self.extend(items)

    def append(self, item: Item, *args: Any, **kwargs: Any) -> None:
        """Add one item: an activity with its arguments, a task or a canvas."""
        self.items.append(_task(item, args, kwargs))

    def extend(self, items: Iterable[Item]) -> None:
        """Add items: activities without arguments, tasks, canvases, or ``(activity, *args)``."""
        for item in items:
            if isinstance(item, tuple) and item:
                self.append(*item)
            else:
                self.append(item)

    def __iadd__(self, items: Iterable[Item]) -> Self:
        self.extend(items)
        return self

    def __len__(self) -> int:
        return len(self.items)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {len(self.items)}>"

    def _inside(self, placement: Placement) -> Placement:
        """The placement that the items inherit."""
        if self.raises_on_failure is None:
            return placement
        return placement._replace(raises_on_failure=self.raises_on_failure)


class Group(_Sequence):
    """Items that run side by side; the result is the list of theirs, in order.

    It is done when all are. If some failed, its exception is an `ExceptionGroup` of theirs.
    """

    def __init__(
        self,
        *items: Item,
        max_parallel: int | None = None,
        raises_on_failure: bool | None = None,
        bubbles_exception_on_failure: bool = True,
    ) -> None:
        """Describe the group.

        ``max_parallel``: how many items may be under way at once.
        ``raises_on_failure``: overrides that of the activities in it.
        ``bubbles_exception_on_failure``: if False, the group is finished even if items failed; the
        results of those are None.
        """
        if max_parallel is not None and max_parallel < 1:
            raise ValueError(f"max_parallel={max_parallel}: use 1 or more, or None for no limit")
        self.max_parallel = max_parallel
        super().__init__(
            *items,
            raises_on_failure=raises_on_failure,
            bubbles_exception_on_failure=bubbles_exception_on_failure,
        )

    def with_argument(self, argument: Any) -> Group:
        """The same group, every item of which takes one more argument."""
        return Group(
            *(_with_argument(item, argument) for item in self.items),
            max_parallel=self.max_parallel,
            raises_on_failure=self.raises_on_failure,
            bubbles_exception_on_failure=self.bubbles_exception_on_failure,
        )

    def start(self, host: Host, placement: Placement) -> Future[Any]:
        """Submit all items; those beyond ``max_parallel`` behind gates."""
        inside = self._inside(placement)
        free = self.max_parallel or len(self.items)
        gates: dict[Future[Any], Future[Any]] = {}
        futures = [host.submit(item, placement=inside) for item in self.items[:free]]
        for item in self.items[free:]:
            gate = host.new_future("a free place in the group")
            gate.parts = () if placement.after is None else (placement.after,)
            futures.append(host.submit(item, placement=inside._replace(after=gate)))
            gates[futures[-1]] = gate
        waiting = deque(futures[free:])

        def leave(future: Future[Any]) -> None:
            if future in gates and not gates[future].done:
                return  # cancelled before it ever took a place
            while waiting:
                following = waiting.popleft()
                if not following.done:
                    _open(gates[following], placement.after)
                    return

        if gates:
            for future in futures:
                future.when_done(leave)
        return _Whole(host, "group", futures, bubbles=self.bubbles_exception_on_failure).future


class Chain(_Sequence):
    """Items that run one after the other; the result is the list of theirs."""

    def __init__(
        self,
        *items: Item,
        send_result: bool = False,
        break_on_failure: bool = True,
        raises_on_failure: bool | None = None,
        bubbles_exception_on_failure: bool | None = None,
    ) -> None:
        """Describe the chain.

        ``send_result``: each item gets the result of the one before as its last positional
        argument.
        ``break_on_failure``: when an item fails, the rest are cancelled. Otherwise they run, and
        the failures are raised at the end.
        ``raises_on_failure``: overrides that of the activities in it; False also means that the
        chain's failures do not bubble, unless the next says so.
        ``bubbles_exception_on_failure``: as in `Group`.
        """
        if send_result and not break_on_failure:
            raise ValueError(
                "send_result=True needs break_on_failure=True: a failed item has no result to send"
            )
        self.send_result = send_result
        self.break_on_failure = break_on_failure
        if bubbles_exception_on_failure is None:
            bubbles_exception_on_failure = raises_on_failure is not False
        super().__init__(
            *items,
            raises_on_failure=raises_on_failure,
            bubbles_exception_on_failure=bubbles_exception_on_failure,
        )

    def with_argument(self, argument: Any) -> Chain:
        """The same chain, the first item of which takes one more argument."""
        first = [_with_argument(item, argument) for item in self.items[:1]]
        return Chain(
            *first,
            *self.items[1:],
            send_result=self.send_result,
            break_on_failure=self.break_on_failure,
            raises_on_failure=self.raises_on_failure,
            bubbles_exception_on_failure=self.bubbles_exception_on_failure,
        )

    def start(self, host: Host, placement: Placement) -> Future[Any]:
        """Submit all items, each behind the one before."""
        where = self._inside(placement)
        futures: list[Future[Any]] = []
        for item in self.items:
            if futures:
                before = futures[-1]
                if self.send_result:
                    item = _with_argument(item, before)  # noqa: PLW2901
                where = where._replace(
                    after=before
                    if self.break_on_failure
                    else _when_done(host, before, placement.after)
                )
            futures.append(host.submit(item, placement=where))
        return _Whole(host, "chain", futures, bubbles=self.bubbles_exception_on_failure).future


class FuncGroup:
    """What a function returns (an activity's task or a canvas), made when its turn comes.

    Futures among the arguments are waited for, and the function gets their results; so it can
    decide, from results, what to submit. In a `Chain` it is called when the item before is done.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        *args: Any,
        raises_on_failure: bool | None = None,
        **kwargs: Any,
    ) -> None:
        """``raises_on_failure``: overrides that of the activities in what the function returns."""
        if not callable(function) or isinstance(function, Activity):
            raise NotSubmittable(
                f"FuncGroup takes a function that returns a canvas, not {function!r}"
            )
        self.function = function
        self.args = args
        self.kwargs = kwargs
        self.raises_on_failure = raises_on_failure

    def __repr__(self) -> str:
        return f"<FuncGroup {self._name}>"

    @property
    def _name(self) -> str:
        return getattr(self.function, "__qualname__", repr(self.function))

    def with_argument(self, argument: Any) -> FuncGroup:
        """The same, its function called with one more argument."""
        return FuncGroup(
            self.function,
            *self.args,
            argument,
            raises_on_failure=self.raises_on_failure,
            **self.kwargs,
        )

    def start(self, host: Host, placement: Placement) -> Future[Any]:
        """Call the function as soon as its turn has come and its arguments are there."""
        if self.raises_on_failure is not None:
            placement = placement._replace(raises_on_failure=self.raises_on_failure)
        inputs = list(_futures([self.args, self.kwargs]))
        needed = [future for future in (placement.after, *inputs) if future is not None]
        whole = host.new_future(f"FuncGroup {self._name}")
        left = len(needed)

        def arrived(future: Future[Any]) -> None:
            nonlocal left
            left -= 1
            if whole.done:
                return
            if future.exception is not None and future is placement.after:
                whole.cancel()
            elif future.exception is not None:
                whole.set_exception(failure.input_failed(whole.name, future.exception))
            elif left == 0:
                self._call(host, placement._replace(inputs=tuple(inputs)), whole)

        for future in needed:
            future.when_done(arrived)
        if not needed:
            self._call(host, placement, whole)
        return whole

    def _call(self, host: Host, placement: Placement, whole: Future[Any]) -> None:
        try:
            inner = host.submit(self._make(), placement=placement)
        except (GreenletExit, KeyboardInterrupt):
            raise
        except BaseException as error:  # noqa: BLE001 - user code; its failure is the task's
            why = failure.describe(error, skip_frames=1)
            whole.set_exception(failure.task_failed(whole.name, why.reason, why.details))
            return
        follow(inner, whole)
        whole.on_cancel(inner.cancel)

    def _make(self) -> Any:
        made = self.function(*_results(self.args), **_results(self.kwargs))
        if isinstance(made, Activity) or not is_item(made):
            raise NotSubmittable(
                f"{self._name}() must return a canvas or a task, not {type(made).__name__}"
            )
        return made


Canvas = Group | Chain | FuncGroup


def is_item(thing: Any) -> bool:
    """Whether something can be an item of a canvas."""
    return isinstance(thing, (Activity, ActivityTask, TimerTask, Group, Chain, FuncGroup))


def _task(item: Item, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    if isinstance(item, Activity):
        return ActivityTask(item, *args, **kwargs)
    if not is_item(item):
        raise NotSubmittable(not_submittable(item))
    if args or kwargs:
        raise TypeError(f"{item!r} takes no arguments here: it has its own")
    return item


def _with_argument(item: Any, argument: Any) -> Any:
    if isinstance(item, TimerTask):
        raise NotSubmittable("a timer takes no argument: leave it out of what gets a result")
    return item.with_argument(argument)


def _futures(value: Any) -> Iterator[Future[Any]]:
    """The futures in arguments, in lists, tuples and dictionaries, too."""
    if isinstance(value, Future):
        yield value
    elif type(value) is dict:
        yield from _futures(list(value.values()))
    elif type(value) in {list, tuple}:
        for item in value:
            yield from _futures(item)


def _results(value: Any) -> Any:
    """Arguments with results where there were futures."""
    if isinstance(value, Future):
        return value.result
    if type(value) is dict:
        return {key: _results(item) for key, item in value.items()}
    if type(value) in {list, tuple}:
        return type(value)(_results(item) for item in value)
    return value


def _open(gate: Future[Any], after: Future[Any] | None) -> None:
    """Open a gate, or close it for good, as soon as what comes before has ended."""
    if after is None:
        gate.set_finished(None)
    elif not after.done:
        after.when_done(lambda after: _open(gate, after))
    elif after.exception is None:
        gate.set_finished(None)
    else:
        gate.set_cancelled()


def _when_done(host: Host, future: Future[Any], after: Future[Any] | None) -> Future[Any]:
    """A gate that opens when the future is done, however it ended; but not if ``after`` failed."""
    gate = host.new_future(f"the end of {future.name}")
    gate.parts = (future,)
    future.when_done(lambda _: _open(gate, after))
    return gate


class _Whole:
    """Makes the future of a canvas, which is done when all its parts are."""

    def __init__(
        self, host: Host, name: str, parts: Sequence[Future[Any]], *, bubbles: bool
    ) -> None:
        self._name = name
        self._parts = parts
        self._bubbles = bubbles
        self._left = len(parts)
        self._cancelled = False
        self._failures: list[BaseException] = []
        self.future: Future[Any] = host.new_future(name)
        self.future.parts = parts
        self.future.on_cancel(self._cancel)
        for part in parts:
            part.when_done(self._count)
        if not parts:
            self._finish()

    def _cancel(self) -> None:
        # From the end, so that nothing takes the place of what is cancelled before it.
        for part in reversed(self._parts):
            part.cancel()

    def _count(self, part: Future[Any]) -> None:
        self._left -= 1
        if part.cancelled:
            self._cancelled = True
        elif part.exception is not None:
            self._failures.append(part.exception)
        if self._left == 0 and not self.future.done:
            self._finish()

    def _finish(self) -> None:
        failures = self._failures
        if failures and self._bubbles:
            told = f"{len(failures)} of {len(self._parts)} items of a {self._name} failed"
            told = cut(f"{told}, first {' '.join(str(failures[0]).split())}", REASON_LENGTH)
            self.future.set_exception(BaseExceptionGroup(told, failures))
        elif self._cancelled and self._bubbles:
            self.future.set_cancelled()
        else:
            self.future.set_items(self._parts)
