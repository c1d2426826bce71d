"""Which errors pass, and how long they are waited for."""

import threading
from itertools import islice, repeat

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, ReadTimeoutError

from dataflow.errors import UsageError
from dataflow.process.calls import Stopped, code, passes, pauses, persist
from dataflow.protocol import faults

AT_ONCE = repeat(0.0)


def client_error(code, status=400):
    answer = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, "PollForDecisionTask")


@pytest.mark.parametrize(
    "error",
    [
        faults.LimitExceededFault("later"),
        faults.ThrottlingException("later"),
        faults.InternalFailure("a bug"),
        faults.ServiceUnavailable("the disk is full"),
        client_error("ThrottlingException"),
        client_error("LimitExceededFault"),
        client_error("502", 502),
        client_error("GatewayTimeout", 504),
        EndpointConnectionError(endpoint_url="https://swf"),
        ReadTimeoutError(endpoint_url="https://swf"),
        ConnectionResetError(),
        TimeoutError(),
    ],
)
def test_what_passes(error):
    assert passes(error)


@pytest.mark.parametrize(
    "error",
    [
        faults.UnknownResourceFault("no domain"),
        faults.ValidationException("too long"),
        client_error("AccessDeniedException"),
        client_error("UnknownResourceFault"),
        UsageError("no such thing"),
        ValueError("a bug"),
    ],
)
def test_what_does_not(error):
    assert not passes(error)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (faults.UnknownResourceFault(), "UnknownResourceFault"),
        (client_error("AccessDeniedException"), "AccessDeniedException"),
        (ValueError("x"), ""),
    ],
)
def test_the_code_of_a_fault(error, expected):
    assert code(error) == expected


def test_a_response_of_another_kind_is_no_fault():
    error = OSError("gone")
    error.response = "HTTP 502"
    assert code(error) == ""
    assert passes(error)


def test_pauses_grow_to_ten_seconds():
    for most, pause in zip([0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10, 10], pauses(), strict=False):
        assert most / 10 <= pause <= most
    assert len(set(islice(pauses(), 5))) == 5


class Calls:
    """Fails with these errors, and then answers."""

    def __init__(self, *errors):
        self.errors = list(errors)
        self.made = 0

    def __call__(self):
        self.made += 1
        if self.errors:
            raise self.errors.pop(0)
        return "answer"


def test_a_call_is_made_until_it_succeeds():
    call = Calls(OSError(), faults.ServiceUnavailable(), OSError())
    assert persist(call, seconds=60, stop=threading.Event(), pause=AT_ONCE) == "answer"
    assert call.made == 4


def test_an_error_that_does_not_pass_is_raised():
    call = Calls(OSError(), ValueError("bug"))
    with pytest.raises(ValueError, match="bug"):
        persist(call, seconds=60, stop=threading.Event(), pause=AT_ONCE)
    assert call.made == 2


def test_an_error_that_lasts_too_long_is_raised():
    call = Calls(OSError("first"), OSError("second"))
    with pytest.raises(OSError, match="second"):
        persist(call, seconds=1, stop=threading.Event(), pause=iter([0.0, 2.0]))
    assert call.made == 2


def test_who_stops_does_not_wait():
    stop = threading.Event()
    stop.set()
    assert persist(Calls(), seconds=60, stop=stop) == "answer"
    with pytest.raises(Stopped):
        persist(Calls(OSError()), seconds=60, stop=stop)
