"""``dataflow completion``."""

from __future__ import annotations

import click

from dataflow.cli import render

#: The variable by which the shell asks `click` what could stand here.
_VARIABLE = "_DATAFLOW_COMPLETE"


@click.command(
    short_help="Have the shell complete commands and options.",
    epilog="\b\nExamples:\n"
    'bash (in ~/.bashrc):  eval "$(dataflow completion bash)"\n'
    'zsh (in ~/.zshrc):    eval "$(dataflow completion zsh)"\n'
    "fish:  dataflow completion fish > ~/.config/fish/completions/dataflow.fish",
)
@click.argument("shell", metavar="bash|zsh|fish", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, *, shell: str) -> None:
    """Print what makes SHELL complete the commands and options of dataflow.

    bash must be of version 4.4 or later.
    """
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    assert kind is not None
    script = kind(ctx.find_root().command, {}, "dataflow", _VARIABLE)
    # Not source(): bash of another version than this shell's may be asked, or none be here.
    render.say(script.source_template % script.source_vars())
