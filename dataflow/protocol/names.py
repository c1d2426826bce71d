"""The enumerations of the SWF model, spelled as AWS spells them."""

from __future__ import annotations

from typing import Literal

ActivityTaskTimeoutType = Literal[
    "START_TO_CLOSE",
    "SCHEDULE_TO_START",
    "SCHEDULE_TO_CLOSE",
    "HEARTBEAT",
]

CancelTimerFailedCause = Literal[
    "TIMER_ID_UNKNOWN",
    "OPERATION_NOT_PERMITTED",
]

CancelWorkflowExecutionFailedCause = Literal[
    "UNHANDLED_DECISION",
    "OPERATION_NOT_PERMITTED",
]

ChildPolicy = Literal[
    "TERMINATE",
    "REQUEST_CANCEL",
    "ABANDON",
]

CompleteWorkflowExecutionFailedCause = Literal[
    "UNHANDLED_DECISION",
    "OPERATION_NOT_PERMITTED",
]

ContinueAsNewWorkflowExecutionFailedCause = Literal[
    "UNHANDLED_DECISION",
    "WORKFLOW_TYPE_DEPRECATED",
    "WORKFLOW_TYPE_DOES_NOT_EXIST",
    "DEFAULT_EXECUTION_START_TO_CLOSE_TIMEOUT_UNDEFINED",
    "DEFAULT_TASK_START_TO_CLOSE_TIMEOUT_UNDEFINED",
    "DEFAULT_TASK_LIST_UNDEFINED",
    "DEFAULT_CHILD_POLICY_UNDEFINED",
    "CONTINUE_AS_NEW_WORKFLOW_EXECUTION_RATE_EXCEEDED",
    "OPERATION_NOT_PERMITTED",
]

DecisionTaskTimeoutType = Literal[
    "START_TO_CLOSE",
    "SCHEDULE_TO_START",
]

FailWorkflowExecutionFailedCause = Literal[
    "UNHANDLED_DECISION",
    "OPERATION_NOT_PERMITTED",
]

LambdaFunctionTimeoutType = Literal["START_TO_CLOSE",]

RecordMarkerFailedCause = Literal["OPERATION_NOT_PERMITTED",]

RequestCancelActivityTaskFailedCause = Literal[
    "ACTIVITY_ID_UNKNOWN",
    "OPERATION_NOT_PERMITTED",
]

RequestCancelExternalWorkflowExecutionFailedCause = Literal[
    "UNKNOWN_EXTERNAL_WORKFLOW_EXECUTION",
    "REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION_RATE_EXCEEDED",
    "OPERATION_NOT_PERMITTED",
]

ScheduleActivityTaskFailedCause = Literal[
    "ACTIVITY_TYPE_DEPRECATED",
    "ACTIVITY_TYPE_DOES_NOT_EXIST",
    "ACTIVITY_ID_ALREADY_IN_USE",
    "OPEN_ACTIVITIES_LIMIT_EXCEEDED",
    "ACTIVITY_CREATION_RATE_EXCEEDED",
    "DEFAULT_SCHEDULE_TO_CLOSE_TIMEOUT_UNDEFINED",
    "DEFAULT_TASK_LIST_UNDEFINED",
    "DEFAULT_SCHEDULE_TO_START_TIMEOUT_UNDEFINED",
    "DEFAULT_START_TO_CLOSE_TIMEOUT_UNDEFINED",
    "DEFAULT_HEARTBEAT_TIMEOUT_UNDEFINED",
    "OPERATION_NOT_PERMITTED",
]

ScheduleLambdaFunctionFailedCause = Literal[
    "ID_ALREADY_IN_USE",
    "OPEN_LAMBDA_FUNCTIONS_LIMIT_EXCEEDED",
    "LAMBDA_FUNCTION_CREATION_RATE_EXCEEDED",
    "LAMBDA_SERVICE_NOT_AVAILABLE_IN_REGION",
]

SignalExternalWorkflowExecutionFailedCause = Literal[
    "UNKNOWN_EXTERNAL_WORKFLOW_EXECUTION",
    "SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_RATE_EXCEEDED",
    "OPERATION_NOT_PERMITTED",
]

StartChildWorkflowExecutionFailedCause = Literal[
    "WORKFLOW_TYPE_DOES_NOT_EXIST",
    "WORKFLOW_TYPE_DEPRECATED",
    "OPEN_CHILDREN_LIMIT_EXCEEDED",
    "OPEN_WORKFLOWS_LIMIT_EXCEEDED",
    "CHILD_CREATION_RATE_EXCEEDED",
    "WORKFLOW_ALREADY_RUNNING",
    "DEFAULT_EXECUTION_START_TO_CLOSE_TIMEOUT_UNDEFINED",
    "DEFAULT_TASK_LIST_UNDEFINED",
    "DEFAULT_TASK_START_TO_CLOSE_TIMEOUT_UNDEFINED",
    "DEFAULT_CHILD_POLICY_UNDEFINED",
    "OPERATION_NOT_PERMITTED",
]

StartLambdaFunctionFailedCause = Literal["ASSUME_ROLE_FAILED",]

StartTimerFailedCause = Literal[
    "TIMER_ID_ALREADY_IN_USE",
    "OPEN_TIMERS_LIMIT_EXCEEDED",
    "TIMER_CREATION_RATE_EXCEEDED",
    "OPERATION_NOT_PERMITTED",
]

WorkflowExecutionCancelRequestedCause = Literal["CHILD_POLICY_APPLIED",]

WorkflowExecutionTerminatedCause = Literal[
    "CHILD_POLICY_APPLIED",
    "EVENT_LIMIT_EXCEEDED",
    "OPERATOR_INITIATED",
]

WorkflowExecutionTimeoutType = Literal["START_TO_CLOSE",]

ExecutionStatus = Literal["OPEN", "CLOSED"]

CloseStatus = Literal[
    "COMPLETED",
    "FAILED",
    "CANCELED",
    "TERMINATED",
    "CONTINUED_AS_NEW",
    "TIMED_OUT",
]

RegistrationStatus = Literal["REGISTERED", "DEPRECATED"]

DecisionType = Literal[
    "ScheduleActivityTask",
    "RequestCancelActivityTask",
    "CompleteWorkflowExecution",
    "FailWorkflowExecution",
    "CancelWorkflowExecution",
    "ContinueAsNewWorkflowExecution",
    "RecordMarker",
    "StartTimer",
    "CancelTimer",
    "SignalExternalWorkflowExecution",
    "RequestCancelExternalWorkflowExecution",
    "StartChildWorkflowExecution",
    "ScheduleLambdaFunction",
]
