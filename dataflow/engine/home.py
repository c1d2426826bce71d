"""The directory that an engine keeps its files in: the database, the keys, the socket.

Who can write there can replace the keys, so it belongs to the user alone. `dataflow.settings.home`
says which it is.
"""

from __future__ import annotations

import stat
from pathlib import Path

from dataflow.errors import UsageError
from dataflow.files import check_private

#: The file that has everything, and the socket of the server, in the directory.
DATABASE = "engine.db"
SOCKET = "engine.sock"

_OTHER_PLACE = "name another directory with --home or DATAFLOW_HOME"
_PRIVATE = 0o700


def prepare(path: Path) -> Path:
    """Make the directory, and those above it, unless they exist; nobody else may look in.

    Raises `UsageError` if it cannot be made, or if somebody else owns it or may write there.
    """
    try:
        _make(path)
        status = path.stat()
    except OSError as error:
        raise UsageError(f"cannot make {path}: {error.strerror}; {_OTHER_PLACE}") from error
    if not stat.S_ISDIR(status.st_mode):
        raise UsageError(f"{path} is not a directory: {_OTHER_PLACE}")
    check_private(
        path,
        status,
        called=str(path),
        owner_may="run the command as its owner, or ",
        holds=", which will hold keys",
        instead=_OTHER_PLACE,
    )
    return path


def _make(path: Path) -> None:
    # os.makedirs() would make the directories above with the mode that umask leaves.
    if path.exists():
        return
    _make(path.parent)
    path.mkdir(mode=_PRIVATE, exist_ok=True)
