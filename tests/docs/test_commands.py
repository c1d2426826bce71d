"""Commands in the documents are commands: their names and options are there.

The ancestor's are held to the same, since its users may go on typing them.
"""

import re
import shlex
from pathlib import Path

import pytest

from dataflow.cli import main

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / "README.rst", *sorted(ROOT.glob("docs/*.rst"))]
#: An indented line with a prompt, or with a variable before the command.
_TYPED = re.compile(
    r"^ +\$ (?:[A-Z_]+=\S+ )?(?:\./script/)?(?:dataflow|simpleflow) (.+?)(?: &)?$", re.MULTILINE
)


def typed(document):
    """The command lines of a document, without what the shell does with them."""
    for line in _TYPED.findall(document.read_text()):
        yield shlex.split(re.split(r" [|>] ?", line)[0])


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_commands_can_be_typed(document):
    names = main.command.list_commands(None)
    for words in typed(document):
        [at, *_] = [n for n, word in enumerate(words) if word in names]
        context = main.command.make_context("dataflow", words[: at + 1])
        command = main.command.get_command(context, words[at])
        # Raises `click.UsageError` for what the command does not take.
        command.make_context(words[at], words[at + 1 :], parent=context)


def test_there_are_commands_in_the_documents():
    assert sum(len(list(typed(document))) for document in DOCUMENTS) > 40
