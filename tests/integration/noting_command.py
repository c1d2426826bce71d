"""The command, which notes what its own process reads from a directory store; not its workers'.

It writes a line for each object, with its length, into the file that NOTED_READS names.
"""

import os
from pathlib import Path

from dataflow.cli.main import main
from dataflow.storage.directory import DirectoryStore

_get = DirectoryStore.get


def _noted(store, name):
    data = _get(store, name)
    with Path(os.environ["NOTED_READS"]).open("a") as reads:
        reads.write(f"{len(data)}\n")
    return data


DirectoryStore.get = _noted
main()
