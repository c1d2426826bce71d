"""The faults of the SWF API, by the names that ``boto3`` gives its exceptions."""

from __future__ import annotations

from dataflow.errors import DataflowError


class Fault(DataflowError):
    """An answer of the SWF API that refuses a request; nothing has changed."""


class UnknownResourceFault(Fault):
    """The named domain, type, execution or task does not exist, or is open no longer."""


class ValidationException(Fault):
    """The request does not fit the model, or breaks one of its rules."""
