"""What the tests of the replay share: a decider without an engine, and decisions in a few words."""

from dataflow import activity
from dataflow.chance import SeededChance
from dataflow.protocol import decisions as de
from dataflow.protocol import events as ev
from dataflow.protocol.values import WorkflowExecution
from dataflow.replay.agenda import WAKE_UP_TIMER
from dataflow.replay.postponing import Postponed
from dataflow.replay.run import Run


@activity.with_attributes(name="add")
def add(*numbers, **more):
    return sum(numbers)


@activity.with_attributes(name="double")
def double(x):
    return 2 * x


@activity.with_attributes(name="fails")
def fails(*_):
    raise ValueError("no")


def new_run(definition, *, run_id="run", **options):
    execution = WorkflowExecution("workflow", run_id)
    return Run(definition, execution, chance=SeededChance(), domain="domain", **options)


def batches(events):
    """The events as the deciders got them, one list for each of their decisions."""
    postponed = Postponed(events).answers
    answered = {
        event.attributes.started_event_id
        for event in events
        if event.event_type == "DecisionTaskCompleted" and event.event_id not in postponed
    }
    batch = []
    for event in events:
        batch.append(event)
        if event.event_id in answered:
            yield batch
            batch = []
    if batch:
        yield batch


def decide(definition, history, **options):
    """The decision on this history, by a cold replay and by a suspended run: they must agree."""
    replayed, suspended = new_run(definition, **options), new_run(definition, **options)
    cold = replayed.advance(history.events)
    for batch in batches(history.events):
        warm = suspended.advance(batch)
    replayed.drop()
    suspended.drop()
    assert (warm.verdict, warm.decisions) == (cold.verdict, cold.decisions)
    assert str(warm.problem) == str(cold.problem)
    return cold


def tell(decision):
    match decision:
        case de.ScheduleActivityTask():
            return f"schedule {decision.activity_id}"
        case de.RequestCancelActivityTask():
            return f"cancel {decision.activity_id}"
        case de.StartTimer():
            return f"start {decision.timer_id} {decision.start_to_fire_timeout}"
        case de.CancelTimer():
            return f"stop {decision.timer_id}"
        case de.CompleteWorkflowExecution():
            return f"complete {decision.result}"
        case de.FailWorkflowExecution():
            return f"fail {decision.reason}"


def told(decided):
    assert decided.problem is None, str(decided.problem)
    return [tell(decision) for decision in decided.decisions]


def ask(definition, history, **options):
    """The decisions on this history, in words."""
    return told(decide(definition, history, **options))


def inputs(decided):
    return {d.activity_id: d.input for d in decided.decisions}


def accept(history, decided):
    """Answer the decision task: every decision becomes its event."""
    history.answered()
    for decision in decided.decisions:
        match decision:
            case de.ScheduleActivityTask():
                history.add(
                    ev.ActivityTaskScheduled(
                        activity_type=decision.activity_type,
                        activity_id=decision.activity_id,
                        task_list=decision.task_list,
                        decision_task_completed_event_id=0,
                        input=decision.input,
                        control=decision.control,
                    )
                )
                history._scheduled[decision.activity_id] = history.last_id
            case de.StartTimer():
                history.timer_started(decision.timer_id, int(decision.start_to_fire_timeout))
    return history


def wake_up(history):
    return history.timer_fired(WAKE_UP_TIMER).deciding()
