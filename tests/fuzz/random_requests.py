"""Requests at random, built from botocore's model of SWF, for each of the 39 operations.

``likely``     fits the model, with names from a small pool, so that many of them really exist.
``broken``     likely, but for one place, where it breaks the model.
``arbitrary``  members of the right names, with anything that JSON has in them.

Chance is a `random.Random`: one of Hypothesis's, which it can shrink, or one of a seed, which costs
a hundredth of that and goes deeper.

A `Known` stands in a request for what only a running engine knows: a token, a run. Who sends the
request puts it in (`filled`).
"""

import random
from typing import NamedTuple

from botocore.loaders import Loader
from botocore.model import ServiceModel

MODEL = ServiceModel(Loader().load_service_model("swf", "service-2"), "swf")
OPERATIONS = tuple(MODEL.operation_names)
INPUTS = {name: MODEL.operation_model(name).input_shape for name in OPERATIONS}
#: When the clock of an engine under test begins.
BEGINNING = 1_000_000_000


def seeded(seed):
    """The chance of a seed."""
    return random.Random(seed)  # noqa: S311 - no secret


class Known(NamedTuple):
    """The n-th of what is known of a kind, counted from the newest."""

    kind: str
    nth: int


def filled(value, find):
    """The request with ``find(a Known)`` in the place of each `Known`."""
    match value:
        case Known():
            return find(value)
        case dict():
            return {name: filled(member, find) for name, member in value.items()}
        case list():
            return [filled(item, find) for item in value]
    return value


def stand_in(wanted):
    """What stands for a `Known` where no engine runs."""
    return {"workflowId": "w", "runId": "r"} if wanted.kind == "execution" else "x"


# --- the pool -----------------------------------------------------------------------------

DOMAINS = ("d", "d", "d", "d", "d", "e")
LISTS = ("l", "l", "l", "m")
IDS, WORKFLOW_IDS = ("i", "j", "k"), ("w", "x", "y", "z")
TEXTS = ("", "x", "a text", "\0", '"\\\n', "\N{SNOWMAN}", "\U0001f600", "NONE", "é" * 200, "0" * 9)
TAG_ODDITIES = ("", "a|b", "\0", "\N{SNOWMAN}", "NONE")
ARN = "arn:aws:swf:local:000000000000:/domain/"
DURATION_ODDITIES = ("", "99999999", "31536000", "31536001", "-1", "1.5", "none", "x", "+1", "٣")

#: For a member of this name: what is likely to mean something, and what is not.
_POOL = {
    "activityId": (IDS, ("\0", "\N{SNOWMAN}" * 256)),
    "domain": (DOMAINS, ("f", "D", "\0")),
    "id": (IDS, ("\0", "x" * 256)),
    "key": (IDS, ("a|b", "\0", "\N{SNOWMAN}", "x" * 128)),
    "lambdaRole": (("arn:aws:iam::1:role/r",), ("x",)),
    "markerName": (IDS, ("arn", "a:b", "\0", " ")),
    "maximumPageSize": ((0, 1, 2, 3, 1000), (999,)),
    "resourceArn": (tuple(ARN + name for name in DOMAINS), ("arn", "x", ARN, f"{ARN}nobody")),
    "signalName": (IDS, ("arn", "a:b", "\0", " ")),
    "tag": (IDS, TAG_ODDITIES),
    "tagKeys": (IDS, ("a|b", "\N{SNOWMAN}")),
    "tagList": (IDS, TAG_ODDITIES),
    "timerId": (IDS, ("\0", "\N{SNOWMAN}" * 256)),
    "version": (("1",) * 9 + ("2",), ("3", "\0")),
    "workflowExecutionRetentionPeriodInDays": (("1", "90", "NONE", "0"), ("91", "-1", "x", "1.0")),
    "workflowId": (WORKFLOW_IDS, ("\0", "\N{SNOWMAN}" * 256)),
    "workflowTypeVersion": (("1", "1", "1", "2"), ("3",)),
}
_POOL["defaultLambdaRole"] = _POOL["lambdaRole"]
_DURATIONS = (("NONE", "600", "NONE", "30", "5", "1"), ("0", *DURATION_ODDITIES))
_EXECUTION_DURATIONS = (("31536000", "31536000", "600"), ("5", "NONE", "0", *DURATION_ODDITIES))
_PRIORITIES = (
    ("0", "1", "-5", "7", "2147483647", "-2147483648"),
    ("", "2147483648", "x", "NONE", "1e3", "9" * 400),
)
#: Of so many values, about one is odd.
_ODDS = 40
#: Members that are there one time out of so many; others every second time.
_SELDOM = {
    "nextPageToken": 20,
    "runId": 4,
    "latestDate": 6,
    "taskListScheduleToStartTimeout": 6,
    "taskPriority": 6,
    "childPolicy": 4,
}
_CLOSING = {
    "CompleteWorkflowExecution",
    "FailWorkflowExecution",
    "CancelWorkflowExecution",
    "ContinueAsNewWorkflowExecution",
}
_DECISIONS = MODEL.shape_for("DecisionType").enum
#: What closes an execution ends the story: it comes seldom.
_DECIDED = [
    *[kind for kind in _DECISIONS if kind not in _CLOSING] * 4,
    *["ScheduleActivityTask", "ScheduleLambdaFunction", "StartTimer"] * 4,
    *sorted(_CLOSING),
]
_NEWEST = (0, 0, 0, 0, 0, 1, 1, 2, 3)


class Requests:
    """Makes requests."""

    def __init__(self, random):
        self.random = random

    # --- what fits the model --------------------------------------------------------------

    def likely(self, operation):
        """A request that fits the model."""
        return self._structure(INPUTS[operation], operation)

    def _structure(self, shape, within):
        if shape.name == "Decision":
            kind = self.random.choice(_DECIDED)
            name = f"{kind[0].lower()}{kind[1:]}DecisionAttributes"
            return {"decisionType": kind, name: self._structure(shape.members[name], name)}
        if shape.name == "WorkflowExecution":
            return self._known("execution")
        return {
            name: self._value(member, name, within)
            for name, member in shape.members.items()
            if name in shape.required_members or self._one_of(_SELDOM.get(name, 2))
        }

    def _value(self, shape, name, within):
        if shape.type_name == "structure":
            return self._structure(shape, name)
        if shape.type_name == "list":
            most = 5 if shape.member.name == "Decision" else 3
            return [
                self._value(shape.member, name, within) for _ in range(self.random.randint(0, most))
            ]
        if getattr(shape, "enum", None):
            return self.random.choice(shape.enum)
        if shape.type_name == "boolean":
            return self._one_of(2)
        if shape.type_name == "timestamp":
            return self.time()
        value = self._named(name, within)
        fits = isinstance(value, Known) or misfit(shape, value) is None
        return value if fits else self._value(shape, name, within)

    def _named(self, name, within):
        if name == "taskToken":
            kind = "decision" if within == "RespondDecisionTaskCompleted" else "activity"
            return self._usual((self._known(kind),), (Known("decision", 0), Known("activity", 0)))
        if name == "nextPageToken":
            return self._known("page")
        if name == "runId":
            return self._usual((self._known("run"), ""), ("x",))
        if name == "name":
            return self._usual(*_names(within))
        if name.endswith("Priority"):
            return self._usual(*_PRIORITIES)
        if name.lower().endswith("executionstarttoclosetimeout"):
            return self._usual(*_EXECUTION_DURATIONS)
        if name.endswith("Timeout"):
            return self._usual(*_DURATIONS)
        return self._usual(*_POOL[name]) if name in _POOL else self.text()

    def _usual(self, usual, odd):
        return self.random.choice(odd if self._one_of(_ODDS) else usual)

    def _one_of(self, number):
        """True one time out of so many."""
        return self.random.randrange(number) == number - 1

    def _known(self, kind):
        return Known(kind, self.random.choice(_NEWEST))

    def text(self):
        if self._one_of(8):
            # Whatever Unicode has, less what is no character.
            codes = (self.random.randrange(0x11_0000) for _ in range(self.random.randrange(6)))
            return "".join(chr(code) for code in codes if not 0xD800 <= code < 0xE000)
        return self.random.choice(TEXTS)

    def time(self):
        if self._one_of(6):
            whole = self.random.randint(-(2**70), 2**70)
            return self.random.choice([whole, self.random.random(), -1.5, 1e300])
        return self.random.choice([0, 0, BEGINNING, BEGINNING - 10, BEGINNING + 5])

    # --- what does not fit it -------------------------------------------------------------

    def broken(self, operation):
        """A likely request that breaks the model in one place."""
        request = filled(self.likely(operation), stand_in)
        places = list(_places(INPUTS[operation], request))
        (*way, last), member, required = self.random.choice(places)
        within = request
        for step in way:
            within = within[step]
        within[last] = self.random.choice(list(_breaches(member, required=required)))
        return request

    def arbitrary(self, operation):
        """Any JSON; more often than not with names that the model knows."""
        if self._one_of(4):
            return self.anything()
        members = {name: self.anything() for name in INPUTS[operation].members if self._one_of(2)}
        return {**(self.likely(operation) if self._one_of(2) else {}), **members}

    def anything(self, depth=3):
        kind = self.random.randrange(8 if depth else 6)
        match kind:
            case 0:
                return self.random.choice([None, True, False])
            case 1:
                return self.random.choice([0, 1, -1, 2**31, 2**64, -(2**70), 10**400])
            case 2:
                return self.random.choice([0.0, -0.5, 1e308, 5e-324, self.random.random()])
            case 3:
                return self.random.choice("deijklmwxyzab1")
            case 4 | 5:
                return self.text()
            case 6:
                return [self.anything(depth - 1) for _ in range(self.random.randrange(4))]
        count = self.random.randrange(4)
        return {self.text(): self.anything(depth - 1) for _ in range(count)}


def _names(within):
    if within.endswith("askList"):
        return LISTS, ("nobody", "\0", "x" * 256)
    if within.endswith("Domain"):
        return ("d", "e", "f", "g"), ("arn", " x", "a:b", "\0", "\N{SNOWMAN}" * 256)
    return ("a", "a", "a", "b"), ("nobody", "arn", "a:b")


def _places(shape, value, path=()):
    """All members, there or not, and items: the path, the shape, whether it must be there."""
    if shape.type_name == "structure":
        for name, member in shape.members.items():
            yield (*path, name), member, name in shape.required_members
            if name in value:
                yield from _places(member, value[name], (*path, name))
    elif shape.type_name == "list":
        for index, item in enumerate(value):
            yield (*path, index), shape.member, True
            yield from _places(shape.member, item, (*path, index))


def _breaches(shape, *, required):
    """Values that do not fit a shape."""
    kind, least, most = shape.type_name, shape.metadata.get("min"), shape.metadata.get("max")
    if required:
        yield None
    others = {"structure": {}, "list": [], "string": "x", "integer": 1, "boolean": True}
    # A number may stand for a time; and an empty structure may be all that is asked for.
    alike = {"timestamp": "integer"}.get(kind, kind)
    yield from (value for name, value in others.items() if name != alike)
    if kind == "structure" and shape.required_members:
        yield {}
    if kind == "string" and shape.enum:
        yield "no such"
    elif kind == "string":
        if least:
            yield ""
        if most:
            yield "y" * (most + 1)
    elif kind == "integer":
        yield from (least - 1, most + 1, 2**64, -(2**70))
    elif kind == "list" and most:
        yield ["y"] * (most + 1)


# --- the model ----------------------------------------------------------------------------


def misfit(shape, value, path="request"):
    """The first thing that a value has against the model; None if it fits.

    Members that the model does not know are told: requests may have them, answers not.
    """
    kind = shape.type_name
    if kind == "structure":
        return _misfit_in_structure(shape, value, path)
    if kind == "list":
        if not isinstance(value, list):
            return f"{path}: {value!r} is no list"
        told = (misfit(shape.member, item, f"{path}[{n}]") for n, item in enumerate(value))
        return next(filter(None, told), None) or _out_of_bounds(shape, len(value), path)
    if not _IS[kind](value):
        return f"{path}: {value!r} is no {kind}"
    if kind == "string" and shape.enum and value not in shape.enum:
        return f"{path}: {value!r} is none of {shape.enum}"
    if kind in {"boolean", "timestamp"}:
        return None
    return _out_of_bounds(shape, len(value) if kind == "string" else value, path)


_IS = {
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "integer": lambda value: type(value) is int,
    "long": lambda value: type(value) is int,
    "timestamp": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
}


def _misfit_in_structure(shape, value, path):
    if not isinstance(value, dict):
        return f"{path}: {value!r} is no structure"
    for name in value.keys() - shape.members.keys():
        return f"{path}: the model has no member {name}"
    for name in shape.required_members:
        if value.get(name) is None:
            return f"{path}: {name} is missing"
    told = (
        misfit(shape.members[name], member, f"{path}.{name}")
        for name, member in value.items()
        if member is not None
    )
    return next(filter(None, told), None)


def _out_of_bounds(shape, measure, path):
    least, most = shape.metadata.get("min", measure), shape.metadata.get("max", measure)
    return None if least <= measure <= most else f"{path}: {measure} is not in {least}..{most}"
