"""Workflows drawn at random, as data: one interpreter runs them as workflows, one as plain Python.

A program is a list of statements over a list of variables; it is the input of `Interpreter`, so a
failing example is one JSON value. Results are made of integers and lists, so that both
interpretations can be compared by ``==``.
"""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from dataflow import Chain, Group, Retry, TaskFailed, Workflow, activity, futures

MODULUS = 1_000_003


def _sum(value: Any) -> int:
    if isinstance(value, list):
        return sum(_sum(item) for item in value) % MODULUS
    if isinstance(value, dict):
        return sum(_sum(item) for item in value.values()) % MODULUS
    return value


#: Time-outs strike at random in a simulation, so what must succeed is tried very often.
STUBBORN = 1000


@activity.with_attributes(retry=STUBBORN)
def add(x, y):
    return (_sum(x) * 3 + _sum(y) * 7 + 1) % MODULUS


@activity.with_attributes(retry=STUBBORN)
def double(x):
    return _sum(x) * 2 % MODULUS


@activity.with_attributes(retry=STUBBORN)
def third_time(x):
    if activity.context().attempt < 3:
        raise ValueError("not yet")
    return _sum(x) + 3


@activity.with_attributes(retry=Retry(attempts=STUBBORN, initial_delay=5, factor=1, jitter=0.5))
def after_a_pause(x):
    if activity.context().attempt < 2:
        raise OSError("busy")
    return _sum(x) + 5


@activity.with_attributes()
def broken(x):
    raise KeyError(_sum(x))


@activity.with_attributes(idempotent=True, retry=STUBBORN)
def same(x):
    return _sum(x) + 11


#: What each activity results in, in plain Python; None: it fails.
PLAIN = {
    "add": add.callable,
    "double": double.callable,
    "third_time": lambda x: _sum(x) + 3,
    "after_a_pause": lambda x: _sum(x) + 5,
    "broken": lambda _: None,
    "same": same.callable,
}
ACTIVITIES = {
    "add": add,
    "double": double,
    "third_time": third_time,
    "after_a_pause": after_a_pause,
    "broken": broken,
    "same": same,
}
#: What stands for a failure in results.
FAILED = -1


class Interpreter(Workflow):
    """Runs a program; the result is the list of its variables."""

    def run(self, program):
        variables = []
        for statement in program:
            self._do(statement, variables)
        return [self._read(variable) for variable in variables]

    def _value(self, expression, variables):
        """An argument: a constant, or a variable, bare or in containers."""
        match expression:
            case ["const", n]:
                return n
            case ["var", n]:
                return variables[n % len(variables)] if variables else 0
            case ["list", *items]:
                return [self._value(item, variables) for item in items]
            case ["dict", item]:
                return {"k": self._value(item, variables)}

    def _do(self, statement, variables):  # noqa: C901 - one case for each statement
        match statement:
            case ["submit", name, *args]:
                args = [self._value(arg, variables) for arg in args]
                variables.append(self.submit(ACTIVITIES[name], *args))
            case ["read", n] if variables:
                self._read(variables[n % len(variables)])
            case ["cancel", n] if variables:
                victim = variables[n % len(variables)]
                if isinstance(victim, futures.Future):
                    victim.cancel()
            case ["wait", return_when]:
                open_ = [v for v in variables if isinstance(v, futures.Future)]
                futures.wait(*open_, return_when=return_when)
            case ["as_completed"]:
                open_ = [v for v in variables if isinstance(v, futures.Future)]
                for future in futures.as_completed(*open_):
                    assert future.done
            case ["sleep", seconds]:
                self.sleep(seconds)
            case ["group", limit, *items]:
                tasks = [(ACTIVITIES["double"], self._value(i, variables)) for i in items]
                variables.append(self.submit(Group(*tasks, max_parallel=limit)))
            case ["chain", first, length]:
                first = (ACTIVITIES["double"], self._value(first, variables))
                chain = Chain(first, *[ACTIVITIES["double"]] * length, send_result=True)
                variables.append(self.submit(chain))

    def _read(self, variable):
        if not isinstance(variable, futures.Future):
            return variable
        try:
            return variable.result
        except (TaskFailed, ExceptionGroup):
            return FAILED


def plainly(program):  # noqa: C901 - one case for each statement
    """What the program means: the same statements, without futures."""
    variables = []

    def value(expression):
        match expression:
            case ["const", n]:
                return n
            case ["var", n]:
                return variables[n % len(variables)] if variables else 0
            case ["list", *items]:
                return [value(item) for item in items]
            case ["dict", item]:
                return {"k": value(item)}

    def failed(v):
        if isinstance(v, (list, dict)):
            return any(failed(x) for x in (v.values() if isinstance(v, dict) else v))
        return v == FAILED

    for statement in program:
        match statement:
            case ["submit", name, *args]:
                args = [value(arg) for arg in args]
                result = FAILED if any(map(failed, args)) else PLAIN[name](*args)
                variables.append(FAILED if result is None else result)
            case ["group", _, *items]:
                args = [value(i) for i in items]
                results = [FAILED if failed(a) else PLAIN["double"](a) for a in args]
                variables.append(FAILED if failed(results) else results)
            case ["chain", first, length]:
                first = value(first)
                results = [FAILED if failed(first) else PLAIN["double"](first)]
                for _ in range(length):
                    results.append(FAILED if failed(results) else PLAIN["double"](results[-1]))
                variables.append(FAILED if failed(results) else results)
    return variables


_constants = st.tuples(st.just("const"), st.integers(0, 100))
_variables = st.tuples(st.just("var"), st.integers(0, 30))
_simple = st.one_of(_constants, _variables)
_expressions = st.one_of(
    _simple,
    st.tuples(st.just("dict"), _simple),
    st.lists(_simple, max_size=3).map(lambda items: ("list", *items)),
)
_statements = st.one_of(
    st.tuples(st.just("submit"), st.just("add"), _expressions, _expressions),
    st.tuples(
        st.just("submit"),
        st.sampled_from(["double", "third_time", "after_a_pause", "same", "broken"]),
        _expressions,
    ),
    st.tuples(st.just("read"), st.integers(0, 30)),
    st.tuples(
        st.just("wait"),
        st.sampled_from(["ALL_COMPLETED", "FIRST_COMPLETED", "FIRST_EXCEPTION"]),
    ),
    st.just(("as_completed",)),
    st.tuples(st.just("sleep"), st.integers(0, 30)),
    st.tuples(st.integers(1, 3), st.lists(_expressions, max_size=5)).map(
        lambda drawn: ("group", drawn[0], *drawn[1])
    ),
    st.tuples(st.just("chain"), _expressions, st.integers(0, 3)),
)


def _lists(value):
    return [_lists(item) for item in value] if isinstance(value, tuple) else value


#: Programs, in the form that JSON gives them.
programs = st.lists(_statements, max_size=14).map(lambda p: [_lists(s) for s in p])

#: Programs that cancel, too: what becomes of a task then depends on how far it was.
cancelling = st.lists(
    st.one_of(_statements, st.tuples(st.just("cancel"), st.integers(0, 30))), max_size=14
).map(lambda p: [_lists(s) for s in p])
