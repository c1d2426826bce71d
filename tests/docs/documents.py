"""The documents as the tests read them."""

from __future__ import annotations

import doctest
import re
import types


def indented(document: str, after: str) -> list[str]:
    """The indented blocks that follow a line."""
    blocks = re.findall(rf"^{after}\n\n((?:(?:    .*)?\n)+)", document, re.MULTILINE)
    return [re.sub(r"^    ", "", block, flags=re.MULTILINE).strip() + "\n" for block in blocks]


def run_python(document: str, module: types.ModuleType) -> int:
    """Run the blocks of Python in a module, then those that show a session; how many there are."""
    blocks = indented(document, r"\.\. code:: python")
    sessions = [block for block in blocks if block.startswith(">>>")]
    for block in blocks:
        if block not in sessions:
            exec(compile(block, module.__name__, "exec"), module.__dict__)  # noqa: S102 - our own text
    for session in sessions:
        test = doctest.DocTestParser().get_doctest(
            session, module.__dict__, module.__name__, module.__name__, 0
        )
        failures = doctest.DocTestRunner().run(test)
        assert not failures.failed
    return len(blocks)
