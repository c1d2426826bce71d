"""The ``dataflow`` command: which commands there are, and how the process begins and ends."""

from __future__ import annotations

import importlib
import os
import signal
import sys
from collections.abc import Sequence
from types import FrameType
from typing import Any

import click

from dataflow.cli import render
from dataflow.cli.screen import drain
from dataflow.errors import DataflowError, UsageError

#: Each command and the object that implements it.
_COMMANDS = {
    "activity.rerun": "dataflow.cli.rerun:rerun",
    "cache.clear": "dataflow.cli.cache:clear",
    "cache.info": "dataflow.cli.cache:info",
    "decider.start": "dataflow.cli.decider:start",
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
    "worker.start": "dataflow.cli.worker:start",
    "workflow.start": "dataflow.cli.start:start",
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
@click.option(
    "--format",
    "output",
    type=click.Choice(["text", "json"]),
    help="How commands print their outcome.",
)
@click.pass_context
def command(ctx: click.Context, output: str | None) -> None:
    """Durable workflows in plain Python."""
    ctx.obj = output
    if ctx.invoked_subcommand is None:
        render.tell(ctx.get_help())
        ctx.exit(2)


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code; it raises nothing that a user caused."""
    try:
        code = command.main(arguments, standalone_mode=False)
    except UsageError as error:
        render.error(error)
        return 2
    except click.UsageError as error:
        path = error.ctx.command_path if error.ctx else "dataflow"
        render.error(error, f"{error.format_message().rstrip('.')} (see {path} --help)")
        return error.exit_code
    except click.ClickException as error:
        render.error(error, error.format_message())
        return error.exit_code
    except DataflowError as error:  # what an engine has refused, and the like
        render.error(error)
        return 1
    except OSError as error:  # the output cannot be written: a full disk
        render.error(error)
        return 1
    except (KeyboardInterrupt, click.Abort):
        render.tell("interrupted")
        return 130
    except Exception as error:
        told = _refused_by_amazon(error)
        if told is None:
            raise
        render.error(error, told)
        return 1
    return code if isinstance(code, int) else 0


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
    code = run()
    problem = drain(sys.stdout) or drain(sys.stderr)
    if problem is not None and code == 0:
        render.error(problem)
        code = 1
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
