"""A service that does what a test says: it answers, waits, parks, fails."""

import threading
from types import SimpleNamespace

from dataflow.engine.metrics import Gauges
from dataflow.protocol import faults

NO_TASK = {"taskToken": "", "startedEventId": 0, "previousStartedEventId": 0}


class FakeService:
    """What becomes of a DescribeDomain, the name of the domain says."""

    def __init__(self):
        self.submitted = []
        self.parked = []
        self.cancelled = []
        self.emptied = []
        self.closed = False
        self.trouble = None
        self.held = []
        #: Told of each change to the above.
        self.changed = threading.Condition()
        self.backlog = {}

    def submit(self, operation, reply, caller):
        kind = type(operation).__name__
        with self.changed:
            self.submitted.append((operation, caller))
            self.changed.notify_all()
            if kind.startswith("PollFor"):
                poll = SimpleNamespace(operation=operation, reply=reply)
                self.parked.append(poll)
                return poll
        if kind == "DescribeDomain":
            return self._describe(operation.name, reply)
        reply(None)
        return None

    def _describe(self, name, reply):
        if name == "bug":
            raise RuntimeError("a bug in the service")
        if name == "hold":
            with self.changed:
                self.held.append(reply)
                self.changed.notify_all()
        elif name == "thread":
            threading.Thread(target=reply, args=({"name": name},)).start()
        else:
            reply(_ANSWERS.get(name) or {"name": name})

    def cancel(self, poll):
        with self.changed:
            self.cancelled.append(poll)
            if poll in self.parked:
                self.parked.remove(poll)
            self.changed.notify_all()

    @property
    def withdrawn(self):
        """Polls that wait no longer, since their clients are gone: or, for what one knows, deaf."""
        return [*self.cancelled, *self.emptied]

    def empty(self, poll):
        with self.changed:
            self.emptied.append(poll)
            parked = poll in self.parked
            if parked:
                self.parked.remove(poll)
            self.changed.notify_all()
        if parked:
            poll.reply(NO_TASK)

    def hand_out(self, task):
        """Give a task to the poll that waits longest. In the calling thread, as a commit would."""
        with self.changed:
            poll = self.parked.pop(0)
        poll.reply(task)

    def close(self):
        with self.changed:
            self.closed = True
            polls, self.parked = self.parked, []
        for poll in polls:
            poll.reply(NO_TASK)

    def gauges(self):
        kinds = [type(poll.operation).__name__ for poll in self.parked]
        return Gauges(
            open_executions=7,
            backlog=self.backlog,
            parked={"activity": kinds.count("PollForActivityTask")},
        )

    def wait_for(self, condition):
        """Until it holds; it is looked at whenever something has changed."""
        with self.changed:
            assert self.changed.wait_for(condition, timeout=20)


class Later:
    """An answer that is read in a thread of the server."""

    def __init__(self, answer):
        self._answer = answer

    def read(self):
        assert threading.current_thread().name.startswith("dataflow-reader")
        if self._answer is None:
            raise OSError("the disk is gone")
        return self._answer


_ANSWERS = {
    "fault": faults.UnknownResourceFault("Unknown domain: fault"),
    "later": Later({"read in": "a thread"}),
    "long": Later({"text": "x" * 8_000_000}),
    "worse": Later(None),
}
