"""An activity task as a poll has brought it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import msgspec

from dataflow.payload import jumbo


class _Attempt(msgspec.Struct, forbid_unknown_fields=True):
    """Of an input as we write it, what logs tell of; the arguments are skipped, not decoded."""

    args: msgspec.Raw
    kwargs: msgspec.Raw
    meta: msgspec.Raw = msgspec.Raw()
    attempt: int = 1
    refs: msgspec.Raw = msgspec.Raw()


_ATTEMPT = msgspec.json.Decoder(_Attempt)


class PolledTask(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """An activity task that this worker has taken, and has to answer."""

    token: str
    domain: str
    #: The activity type.
    name: str
    version: str
    activity_id: str
    workflow_id: str
    run_id: str
    input: str | None
    #: 1 for the first attempt; None if that is not known before the input is read.
    attempt: int | None

    @classmethod
    def of(cls, answer: Mapping[str, Any], domain: str) -> Self | None:
        """The task in the answer to a poll; None if there is none."""
        token = answer.get("taskToken")
        if not token:
            return None
        kind, execution = answer["activityType"], answer["workflowExecution"]
        given = answer.get("input")
        return cls(
            token=token,
            domain=domain,
            name=kind["name"],
            version=kind["version"],
            activity_id=answer["activityId"],
            workflow_id=execution["workflowId"],
            run_id=execution["runId"],
            input=given,
            attempt=_attempt(given),
        )

    @property
    def log_fields(self) -> dict[str, Any]:
        """What log lines tell of the task; for `dataflow.process.logs.task_context`."""
        return {
            "domain": self.domain,
            "workflow_id": self.workflow_id,
            "run_id": self.run_id,
            "activity_id": self.activity_id,
            "attempt": self.attempt,
        }


def _attempt(given: str | None) -> int | None:
    if given is None:
        return 1
    if not jumbo.is_clear(given):
        return None
    try:
        return _ATTEMPT.decode(given).attempt
    except (msgspec.MsgspecError, UnicodeEncodeError, RecursionError):
        return 1  # the input of another program
