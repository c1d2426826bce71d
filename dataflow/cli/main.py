"""The ``dataflow`` command: which commands there are, and how the process begins and ends."""

from __future__ import annotations

import importlib
import io
import os
import signal
import sys
from collections.abc import Sequence
from types import FrameType
from typing import Any

import click

from dataflow.cli import exits, render
from dataflow.cli.screen import drain
from dataflow.cli.tables import output_options
from dataflow.errors import DataflowError
from dataflow.protocol.faults import Fault

#: Each command and the object that implements it.
_COMMANDS = {
    "activity.rerun": "dataflow.cli.rerun:rerun",
    "activity_type.list": "dataflow.cli.types:activities",
    "cache.clear": "dataflow.cli.cache:clear",
    "cache.info": "dataflow.cli.cache:info",
    "completion": "dataflow.cli.completion:completion",
    "decider.start": "dataflow.cli.decider:start",
    "domain.info": "dataflow.cli.domains:info",
    "domain.list": "dataflow.cli.domains:list_",
    "domain.register": "dataflow.cli.domains:register",
    "info": "dataflow.cli.info:info",
    "payload.gc": "dataflow.cli.payload:gc",
    "payload.get": "dataflow.cli.payload:get",
    "server.backup": "dataflow.cli.server:backup",
    "server.check": "dataflow.cli.server:check",
    "server.key.create": "dataflow.cli.server_keys:create",
    "server.key.list": "dataflow.cli.server_keys:list_",
    "server.key.revoke": "dataflow.cli.server_keys:revoke",
    "server.start": "dataflow.cli.server:start",
    "standalone": "dataflow.cli.standalone:standalone",
    "task.info": "dataflow.cli.tasks:info",
    "tasklist.info": "dataflow.cli.task_lists:info",
    "worker.start": "dataflow.cli.worker:start",
    "workflow.cancel": "dataflow.cli.control:cancel",
    "workflow.filter": "dataflow.cli.executions:filter_",
    "workflow.graph": "dataflow.cli.pictures:graph",
    "workflow.history": "dataflow.cli.history:history",
    "workflow.info": "dataflow.cli.executions:info",
    "workflow.list": "dataflow.cli.executions:list_",
    "workflow.profile": "dataflow.cli.tasks:profile",
    "workflow.replay": "dataflow.cli.replay:replay",
    "workflow.reset": "dataflow.cli.again:reset",
    "workflow.restart": "dataflow.cli.again:restart",
    "workflow.result": "dataflow.cli.result:result",
    "workflow.signal": "dataflow.cli.control:signal",
    "workflow.start": "dataflow.cli.start:start",
    "workflow.tasks": "dataflow.cli.tasks:tasks",
    "workflow.terminate": "dataflow.cli.control:terminate",
    "workflow.timeline": "dataflow.cli.pictures:timeline",
    "workflow.watch": "dataflow.cli.watch:watch",
    "workflow_type.list": "dataflow.cli.types:workflows",
}

#: Seconds for idle workers to notice that there is no more work.
_PATIENCE = 0.05


class _Commands(click.Group):
    """Imports the module of a command when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(_COMMANDS)

    def get_command(
        self,
        ctx: click.Context,  # noqa: ARG002 - click's signature
        cmd_name: str,
    ) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module, _, name = _COMMANDS[cmd_name].partition(":")
        command: click.Command = getattr(importlib.import_module(module), name)
        return command


def _print_version(ctx: click.Context, _: click.Parameter, value: Any) -> None:
    if not value or ctx.resilient_parsing:
        return
    from importlib.metadata import PackageNotFoundError, version  # 10 ms

    try:
        render.say(f"dataflow {version('dataflow-swf')}")
    except PackageNotFoundError:
        render.say("dataflow, run from its sources and not installed")
    ctx.exit()


@click.group(
    cls=_Commands,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="\b\nExample:\n"
    "dataflow workflow.start --local examples.basic.BasicWorkflow --input '[1, 5]'",
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_version,
    help="Show the version and exit.",
)
@output_options
@click.pass_context
def command(ctx: click.Context, /, **options: Any) -> None:
    """Durable workflows in plain Python.

    Options may stand before the command or behind it; what stands behind it, counts.
    """
    given = {name: value for name, value in options.items() if value is not None}
    ctx.default_map = {str(ctx.invoked_subcommand): given}
    if ctx.invoked_subcommand is None:
        render.tell(ctx.get_help())
        ctx.exit(exits.USAGE)


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code; it raises nothing that a user caused."""
    try:
        code = command.main(arguments, standalone_mode=False)
    except click.UsageError as error:
        path = error.ctx.command_path if error.ctx else "dataflow"
        render.error(error, f"{error.format_message().rstrip('.')} (see {path} --help)")
        return exits.USAGE
    except click.ClickException as error:
        render.error(error, error.format_message())
        return error.exit_code
    except Fault as error:  # in words that are not ours, and may be the page of a gateway
        render.error(error, " ".join(str(error).split()))
        return exits.of_error(error)
    except DataflowError as error:
        render.error(error)
        return exits.of_error(error)
    except OSError as error:  # the output cannot be written: a full disk
        render.error(error)
        return exits.FAILED
    except (KeyboardInterrupt, click.Abort):
        render.tell("interrupted")
        return exits.INTERRUPTED
    except Exception as error:
        told = _refused_by_amazon(error)
        if told is None:
            raise
        render.error(error, told)
        return exits.of_error(error)
    return code if isinstance(code, int) else exits.DONE


def _refused_by_amazon(error: Exception) -> str | None:
    """What Amazon SWF has against a request, as boto3 tells it; None for any other error."""
    response = getattr(error, "response", None)
    if not isinstance(response, dict) or "Error" not in response:
        return None
    fault = response["Error"]
    return f"{fault.get('Code')}: {fault.get('Message')}"


def main() -> int:
    """Be the ``dataflow`` program: the console script and ``python -m dataflow``."""
    # Where SIGINT is ignored (a job in the background of a script), it stays ignored.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _interrupt)
    if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout.errors == "strict":
        # Names and results may have characters that the terminal's encoding lacks.
        sys.stdout.reconfigure(errors="backslashreplace")
    code = run()
    problem = drain(sys.stdout) or drain(sys.stderr)
    if problem is not None and code == 0:
        render.error(problem)
        code = exits.FAILED
    if _work_goes_on():
        _leave(code)
    return code


def _interrupt(_: int, frame: FrameType | None) -> None:
    """Interrupt, and let the second Ctrl-C end the process, whatever holds the first one up."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.default_int_handler(signal.SIGINT, frame)


def _work_goes_on() -> bool:
    """Whether an activity that nobody waits for any more (timed out, interrupted) still runs."""
    from threading import enumerate as threads  # imported by whoever has workers

    workers = [t for t in threads() if t.is_alive() and t.name.startswith("dataflow-worker")]
    for thread in workers:
        thread.join(_PATIENCE / len(workers))
    return any(thread.is_alive() for thread in workers)


def _leave(code: int) -> None:
    """End without the interpreter's own shutdown.

    It would wait for the threads of a `ThreadPoolExecutor` that such an activity has started.
    """
    import atexit

    atexit._run_exitfuncs()  # noqa: SLF001 - there is no public way, and handlers must run
    drain(sys.stdout)
    drain(sys.stderr)
    os._exit(code)
