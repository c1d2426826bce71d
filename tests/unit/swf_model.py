"""botocore's model of SWF, beside the structures that are written after it."""

import typing
from typing import Annotated

import msgspec
from botocore.loaders import Loader
from botocore.model import ListShape, ServiceModel, StringShape, StructureShape
from botocore.validate import ParamValidator
from hypothesis import strategies as st

from dataflow.protocol import limits, names, values
from dataflow.protocol.decisions import DECISION_TYPES, WireDecision, to_wire

MODEL = ServiceModel(Loader().load_service_model("swf", "service-2"), "swf")
BUILT_IN = {"string": str, "long": int, "integer": int, "boolean": bool, "timestamp": float}


def annotation(shape, *, constrained=True):
    """How a shape of the model is written as a type here."""
    match shape:
        case StringShape(enum=[_, *_]):
            return getattr(names, shape.name)
        case StructureShape():
            return WireDecision if shape.name == "Decision" else getattr(values, shape.name)
        case ListShape():
            kind = tuple[annotation(shape.member, constrained=constrained), ...]
        case _:
            kind = BUILT_IN[shape.type_name]
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if not constrained or not (least or most):
        return kind
    if kind is int:
        return Annotated[int, msgspec.Meta(ge=least, le=most)]
    return Annotated[kind, msgspec.Meta(min_length=least or None, max_length=most)]


def members_of_model(shape, *, constrained=True):
    """Each member, with its type; None is added to a type that is not required."""
    kinds = {
        name: annotation(member, constrained=constrained) for name, member in shape.members.items()
    }
    return {
        name: kind if name in shape.required_members else kind | None
        for name, kind in kinds.items()
    }


def members_of_struct(cls):
    return {field.encode_name: field.type for field in msgspec.structs.fields(cls)}


def instances(annotated):
    """Values of an annotation, in the lengths that the model allows."""
    if isinstance(annotated, type) and issubclass(annotated, msgspec.Struct):
        fields = msgspec.structs.fields(annotated)
        if annotated is WireDecision:
            return decisions_on_the_wire()
        return st.builds(annotated, **{field.name: instances(field.type) for field in fields})
    if typing.get_origin(annotated) is typing.Literal:
        return st.sampled_from(typing.get_args(annotated))
    if typing.get_origin(annotated) is Annotated:
        kind, constraint = typing.get_args(annotated)
        if kind is int:
            return st.integers(constraint.ge, constraint.le)
        return instances(kind)
    if typing.get_origin(annotated) is tuple:
        items = instances(typing.get_args(annotated)[0])
        return st.lists(items, max_size=limits.TAGS).map(tuple)
    if parts := typing.get_args(annotated):
        return st.one_of(map(instances, parts))
    return {
        str: st.text(min_size=1, max_size=8),
        int: st.integers(0, 25_000),
        bool: st.booleans(),
        float: st.floats(0, 4e9).map(lambda seconds: round(seconds, 3)),
        type(None): st.none(),
    }[annotated]


def decisions_on_the_wire():
    decisions = st.sampled_from(list(DECISION_TYPES.values())).flatmap(instances)
    return decisions.map(lambda decision: msgspec.convert(to_wire(decision), WireDecision))


def complaints(shape, wire):
    """What botocore has against a value; nothing, if it is as the model says."""
    return ParamValidator().validate(wire, MODEL.shape_for(shape)).generate_report()
