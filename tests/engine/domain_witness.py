"""Reads what is written in a domain, in the order in which it is told, and knows what the
executions owe each other: told from the documentation's words, and not from the rules."""

from witness import CHILD_ENDS, FORCED_CLOSES, Witness

from dataflow.protocol import events as ev
from dataflow.protocol.events import Attributes
from dataflow.protocol.values import WorkflowExecution

#: What a run that another one begins has from the event that began it.
INHERITED = [
    name
    for name in ev.WorkflowExecutionStarted.__struct_fields__
    if name in ev.StartChildWorkflowExecutionInitiated.__struct_fields__
    and name in ev.WorkflowExecutionContinuedAsNew.__struct_fields__
]


def same(one, other, names):
    return [getattr(one, name) for name in names] == [getattr(other, name) for name in names]


class Run(Witness):
    """What is known of one run."""

    def __init__(self, name, limits):
        super().__init__(limits)
        self.name = name
        #: The run that continues it.
        self.next = None

    @property
    def parent(self):
        return self.started.parent_workflow_execution

    def last(self):
        """The last of the runs that continue it."""
        run = self
        while run.next is not None:
            run = run.next
        return run


class DomainWitness:
    def __init__(self, limits, open_executions):
        self.limits = limits
        self.most_open = open_executions
        self.runs = {}
        #: By workflow id.
        self.open = {}
        #: What has been begun or delivered: the run that asked, and the event.
        self.done = {}
        #: Closed by force in the present request.
        self.forced = []

    def read(self, written):
        """What one request has written."""
        self.forced = []
        for told in written:
            name = WorkflowExecution(told.workflow_id, told.run_id)
            run = self.runs.setdefault(told.run_id, Run(name, self.limits))
            run.read(told.event)
            look = LOOKS.get(type(told.event.attributes))
            if look is not None:
                look(self, run, told.event.event_id, told.event.attributes)
            if run.closed and self.open.get(told.workflow_id) is run:
                del self.open[told.workflow_id]
        self.nobody_is_owed_anything()

    def nobody_is_owed_anything(self):
        for run in self.open.values():
            assert not run.asked, "a signal or request that nobody has heard of"
            assert run.last_id < self.limits.history_events, "a history that is too long"
            for initiated, started in run.children.items():
                assert started, "a child that has not begun"
                child = self.done[run.name.run_id, initiated].last()
                assert not child.closed, "a child has ended, and its parent has not heard of it"
        for parent in self.forced:
            policy = parent.closed.child_policy
            for run in self.open.values():
                if run.parent == parent.name:
                    assert policy != "TERMINATE"
                    assert (policy == "REQUEST_CANCEL") is (parent.name in policies_heard(run))

    # --- runs ---

    def begun(self, run, _, a):
        assert run.name.workflow_id not in self.open, "two open executions of one id"
        self.open[run.name.workflow_id] = run
        if a.continued_execution_run_id is not None:
            before = self.runs[a.continued_execution_run_id]
            assert before.next is None
            assert before.closed.new_execution_run_id == run.name.run_id
            assert before.name.workflow_id == run.name.workflow_id
            assert same(a, before.closed, INHERITED)
            links = ["parent_workflow_execution", "parent_initiated_event_id"]
            assert same(a, before.started, links)
            before.next = run
            return
        assert len(self.open) <= self.most_open
        if a.parent_workflow_execution is None:
            assert a.parent_initiated_event_id == 0
            return
        asked = self.ask(a.parent_workflow_execution, a.parent_initiated_event_id, run)
        assert isinstance(asked, ev.StartChildWorkflowExecutionInitiated)
        assert asked.workflow_id == run.name.workflow_id
        assert same(a, asked, INHERITED)

    def ask(self, source, initiated_event_id, done):
        """What one has asked of another, which is done now, and not a second time."""
        assert self.runs[source.run_id].name == source
        key = (source.run_id, initiated_event_id)
        assert key not in self.done
        self.done[key] = done
        return self.runs[source.run_id].told(initiated_event_id)

    # --- children ---

    def child_started(self, run, _, a):
        child = self.done[run.name.run_id, a.initiated_event_id]
        assert child.name == a.workflow_execution
        assert child.started.workflow_type == a.workflow_type

    def child_ended(self, run, _, a):
        child = self.done[run.name.run_id, a.initiated_event_id].last()
        assert child.name == a.workflow_execution
        assert child.started.workflow_type == a.workflow_type
        assert type(a).__name__ == f"Child{type(child.closed).__name__}"
        said = {"result", "reason", "details", "timeout_type"} & set(a.__struct_fields__)
        assert same(a, child.closed, said)

    def child_failed(self, run, _, a):
        key = (run.name.run_id, a.initiated_event_id)
        if a.cause == "WORKFLOW_ALREADY_RUNNING":
            assert a.workflow_id in self.open
            assert key not in self.done
        elif a.cause == "OPEN_WORKFLOWS_LIMIT_EXCEEDED":
            # Those that the same answer begins are counted, and may not be told of yet.
            asked = [n for n, started in run.children.items() if not started]
            assert len(self.open) + len(asked) >= self.most_open

    # --- signals and requests to cancel ---

    def signaled(self, run, _, a):
        if a.external_workflow_execution is None:
            assert a.external_initiated_event_id == 0
            return
        asked = self.ask(a.external_workflow_execution, a.external_initiated_event_id, run)
        assert isinstance(asked, ev.SignalExternalWorkflowExecutionInitiated)
        assert same(a, asked, ["signal_name", "input"])
        assert self.find(asked) is run

    def cancel_requested(self, run, event_id, a):
        if a.cause is not None:
            assert self.applies(run, "REQUEST_CANCEL")
            assert a.external_workflow_execution == run.parent
            assert policies_heard(run).count(run.parent) == 1
        elif a.external_workflow_execution is None:
            assert a.external_initiated_event_id == 0
        else:
            asked = self.ask(a.external_workflow_execution, a.external_initiated_event_id, run)
            assert isinstance(asked, ev.RequestCancelExternalWorkflowExecutionInitiated)
            assert self.find(asked) is run

    def delivered(self, run, _, a):
        assert self.done[run.name.run_id, a.initiated_event_id].name == a.workflow_execution

    def not_delivered(self, run, _, a):
        assert (run.name.run_id, a.initiated_event_id) not in self.done
        asked = run.told(a.initiated_event_id)
        assert same(a, asked, ["workflow_id", "run_id", "control"])
        assert self.find(asked) is None

    def find(self, asked):
        """Whom a request is for: the open run of the workflow id, if no other one is named."""
        run = self.open.get(asked.workflow_id)
        return None if run is None or asked.run_id not in {None, "", run.name.run_id} else run

    # --- force ---

    def terminated(self, run, event_id, a):
        if a.cause == "CHILD_POLICY_APPLIED":
            assert self.applies(run, "TERMINATE")
        elif a.cause == "EVENT_LIMIT_EXCEEDED":
            assert event_id > self.limits.history_events
        self.forced.append(run)

    def timed_out(self, run, _, __):
        self.forced.append(run)

    def applies(self, run, policy):
        """Whether its parent has just been closed by force, with this policy."""
        return [p.closed.child_policy for p in self.forced if p.name == run.parent] == [policy]


def policies_heard(run):
    """The parents whose child policy has asked a run to end."""
    return [
        a.external_workflow_execution
        for _, a in run.all(ev.WorkflowExecutionCancelRequested)
        if a.cause is not None
    ]


LOOKS: dict[type[Attributes], object] = {
    ev.WorkflowExecutionStarted: DomainWitness.begun,
    ev.ChildWorkflowExecutionStarted: DomainWitness.child_started,
    **dict.fromkeys(CHILD_ENDS, DomainWitness.child_ended),
    ev.StartChildWorkflowExecutionFailed: DomainWitness.child_failed,
    ev.WorkflowExecutionSignaled: DomainWitness.signaled,
    ev.WorkflowExecutionCancelRequested: DomainWitness.cancel_requested,
    ev.ExternalWorkflowExecutionSignaled: DomainWitness.delivered,
    ev.ExternalWorkflowExecutionCancelRequested: DomainWitness.delivered,
    ev.SignalExternalWorkflowExecutionFailed: DomainWitness.not_delivered,
    ev.RequestCancelExternalWorkflowExecutionFailed: DomainWitness.not_delivered,
    **dict(zip(FORCED_CLOSES, [DomainWitness.timed_out, DomainWitness.terminated], strict=True)),
}
