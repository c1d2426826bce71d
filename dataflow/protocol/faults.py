"""Every fault that a request can be answered with, by the names of ``boto3``'s exceptions.

Two families: the eleven that the SWF model names, and those that every AWS service of this kind
(JSON 1.0, Signature Version 4) may answer. A fault says that nothing has changed.

Code that was written for ``botocore.exceptions.ClientError`` can read a `Fault`:
``error.response["Error"]["Code"]``.
https://docs.aws.amazon.com/amazonswf/latest/apireference/CommonErrors.html
"""

from __future__ import annotations

from typing import Any, ClassVar

from dataflow.errors import DataflowError

_SWF = "com.amazonaws.swf.base.model"
_SERVICE = "com.amazon.coral.service"
_VALIDATE = "com.amazon.coral.validate"


class Fault(DataflowError):
    """An answer of the SWF API that refuses a request; nothing has changed.

    Of this class itself are faults whose code has no class here.
    """

    #: What stands before the name on the wire.
    namespace: ClassVar[str] = _SERVICE
    #: The status of the HTTP answer.
    status: int = 400

    def __init__(self, message: str = "") -> None:
        super().__init__(message)
        #: The name of the fault; only a fault without a class of its own differs from its class.
        self.code = type(self).__name__
        self.message = message

    def __str__(self) -> str:
        return self.message or self.code

    @property
    def wire_type(self) -> str:
        """The ``__type`` of the answer."""
        return f"{self.namespace}#{self.code}"

    @property
    def response(self) -> dict[str, Any]:
        """The answer, as ``botocore.exceptions.ClientError`` has it."""
        return {
            "Error": {"Code": self.code, "Message": self.message},
            "ResponseMetadata": {"HTTPStatusCode": self.status},
        }


# --- the faults of SWF -------------------------------------------------------------------


class DefaultUndefinedFault(Fault):
    """A setting that an execution needs is neither in the request nor a default of its type."""

    namespace = _SWF


class DomainAlreadyExistsFault(Fault):
    """The domain is there already: registered, or deprecated."""

    namespace = _SWF


class DomainDeprecatedFault(Fault):
    """The domain is deprecated: nothing new can begin in it."""

    namespace = _SWF


class LimitExceededFault(Fault):
    """A limit of the service is reached."""

    namespace = _SWF


class OperationNotPermittedFault(Fault):
    """The caller may not do this."""

    namespace = _SWF


class TooManyTagsFault(Fault):
    """The domain would have more tags than it may have."""

    namespace = _SWF


class TypeAlreadyExistsFault(Fault):
    """The type is there already: registered, or deprecated."""

    namespace = _SWF


class TypeDeprecatedFault(Fault):
    """The type is deprecated: nothing new of it can begin."""

    namespace = _SWF


class TypeNotDeprecatedFault(Fault):
    """The type is registered; only a deprecated type can be deleted."""

    namespace = _SWF


class UnknownResourceFault(Fault):
    """The named domain, type, execution or task does not exist, or is open no longer."""

    namespace = _SWF


class WorkflowExecutionAlreadyStartedFault(Fault):
    """An execution with this workflow id is open in the domain."""

    namespace = _SWF


# --- the faults of every service ---------------------------------------------------------


class ValidationException(Fault):
    """The request does not fit the model, or breaks one of its rules."""

    namespace = _VALIDATE


class SerializationException(Fault):
    """The request is not JSON, or has a number where the model has a string, and the like."""


class UnknownOperationException(Fault):
    """There is no operation of this name."""


class AccessDeniedException(Fault):
    """The key is known, but may not do this."""


class MissingAuthenticationTokenException(Fault):
    """The request is not signed."""


class UnrecognizedClientException(Fault):
    """The request is signed with a key that does not exist, or no longer."""


class InvalidSignatureException(Fault):
    """The signature is not that of this request, or is too old."""


class IncompleteSignatureException(Fault):
    """A part of the signature is missing, or cannot be read."""


class ThrottlingException(Fault):
    """There were too many requests of this kind; try again later."""


class RequestEntityTooLargeException(Fault):
    """The request is longer than the service takes."""

    status = 413


class RequestTimeoutException(Fault):
    """The request did not arrive in time."""

    status = 408


class InternalFailure(Fault):
    """The service has failed; this is not the caller's fault."""

    status = 500


class ServiceUnavailable(Fault):
    """The service cannot answer now, for example because it is stopping; try again later."""

    status = 503


#: Every fault by its code.
FAULTS: dict[str, type[Fault]] = {cls.__name__: cls for cls in Fault.__subclasses__()}


def fault(code: str, message: str = "", status: int | None = None) -> Fault:
    """The fault that an answer tells of.

    ``code`` may be written as on the wire, with its namespace. A code without a class here gives
    a `Fault` that bears it: faults of later versions stay readable.
    """
    # "namespace#Name"; some gateways write "Name:address".
    name = code.rpartition("#")[2].partition(":")[0]
    cls = FAULTS.get(name)
    answer = Fault(message) if cls is None else cls(message)
    answer.code = name
    if status is not None:
        answer.status = status
    return answer
