"""Which errors of a poll will not pass by themselves, and what to do about them.

These are errors of use: whoever started the process has to hear of them. All others may be over in
a moment.
"""

from __future__ import annotations

from dataflow.errors import NotFound, UsageError
from dataflow.process.calls import code

_UNKNOWN = "UnknownResourceFault"
#: Faults that tell of the caller's rights.
_NO_RIGHT = frozenset({"AccessDeniedException", "OperationNotPermittedFault"})
#: Faults that tell of the caller's key.
_NO_KEY = frozenset(
    {
        "ExpiredTokenException",
        "IncompleteSignatureException",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "MissingAuthenticationTokenException",
        "UnrecognizedClientException",
    }
)
#: Faults that tell of the request, as its sender has written it.
_MALFORMED = frozenset({"SerializationException", "ValidationException"})
#: botocore's errors of configuration, by name: it need not be there.
_CONFIGURATION = frozenset(
    {
        "ConfigNotFound",
        "InvalidConfigError",
        "InvalidRegionError",
        "NoCredentialsError",
        "NoRegionError",
        "PartialCredentialsError",
        "ProfileNotFound",
        "TokenRetrievalError",
        "UnknownEndpointError",
    }
)


def refusal(error: Exception, domain: str, task_list: str) -> UsageError | None:
    """What to tell of an error that a poll has met; None if it is to be tried again."""
    told = code(error)
    if isinstance(error, UsageError):
        return error
    if told == _UNKNOWN:
        return NotFound(
            f"there is no domain {domain} ({error}): register it, `dataflow domain.register "
            f"{domain}`, or name another one"
        )
    if told in _NO_RIGHT:
        return UsageError(f"no right to poll {task_list} in domain {domain}: {error}")
    if told in _NO_KEY:
        return UsageError(
            f"the service does not accept the credentials ({told}: {error}): look at the key, and "
            "at the clock of this machine"
        )
    if told in _MALFORMED:
        return UsageError(f"{task_list} in domain {domain} cannot be polled: {error}")
    if any(cls.__name__ in _CONFIGURATION for cls in type(error).__mro__):
        return UsageError(f"{task_list} in domain {domain} cannot be polled: {error}")
    return None
