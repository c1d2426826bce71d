"""Standard output and standard error while a command runs.

On a terminal, a line below everything else shows how far a run is. It is there on three terms:

1. Whoever prints, erases it first: `sys.stdout` and `sys.stderr` are wrapped, so that users need
   to do nothing. It is drawn only where a line begins, never behind half a line of somebody else.
2. Whoever writes past the wrapping (asks for ``fileno`` or ``buffer``, as ``input`` and the
   debugger do) has the terminal for himself: it is not drawn any more.
3. It does without control sequences, which not every terminal knows: spaces erase it.

A reader that goes away (``| head``) ends nothing: what is printed from then on is dropped.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TextIO, cast

#: Seconds before the line appears; most runs are over by then.
_DELAY = 1.0
#: Seconds between two looks at what it should say.
_INTERVAL = 0.1
#: What a terminal echoes for Ctrl-C, right behind the line.
_ECHO = "^C"
_PAST_US = frozenset({"buffer", "detach", "fileno"})


class Screen:
    """The two streams, and the line below. It is the process's for good: nothing is restored."""

    def __init__(self, *, keep_stdout: bool = False) -> None:
        """``keep_stdout``: only `answer` goes there; what is printed goes to standard error."""
        self.lock = threading.RLock()
        self._line = ""
        self._at_line_start = True
        self._off = not _is_terminal(sys.stderr)
        self._terminal = sys.stderr
        self._answers = _take_stdout() if keep_stdout else sys.stdout
        shares = not self._off and (keep_stdout or _is_terminal(sys.stdout))
        sys.stderr = self._wrap(sys.stderr, on_screen=not self._off)
        sys.stdout = sys.stderr if keep_stdout else self._wrap(sys.stdout, on_screen=shares)
        if not self._off:
            os.register_at_fork(after_in_child=self._forked)

    def _wrap(self, stream: TextIO | None, *, on_screen: bool) -> TextIO:
        # None, where a stream was closed before the start: print() knows how to handle that.
        return cast("TextIO", stream and Stream(stream, self if on_screen else None))

    def answer(self, text: str) -> None:
        """Write a line to standard output itself."""
        if self._answers is not None:
            self._answers.write(text + "\n")
            problem = drain(self._answers)
            if problem is not None:
                raise problem

    @contextmanager
    def live(self, line: Callable[[], str]) -> Iterator[None]:
        """Keep ``line()`` up to date below what is printed, if there is a terminal."""
        ended = threading.Event()

        def keep() -> None:
            pause = _DELAY
            while not ended.wait(pause):
                pause = _INTERVAL
                with self.lock:
                    if not ended.is_set():
                        self._draw(line())

        if not self._off:
            threading.Thread(target=keep, name="dataflow-live-line", daemon=True).start()
        try:
            yield
        finally:
            ended.set()
            with self.lock:
                self.erase()

    def end_line(self) -> None:
        """Have the next output begin a line; the echo of a Ctrl-C is overwritten."""
        with self.lock:
            self.erase()
            if not self._off:
                if sys.stdout is not None:
                    sys.stdout.flush()
                self._terminal.write("\r" if self._at_line_start else "\n")
                self._at_line_start = True

    # --- for the streams ----------------------------------------------------------------

    def erase(self) -> None:
        """Make room for output."""
        if self._line:
            self._terminal.write(f"\r{' ' * (len(self._line) + len(_ECHO))}\r")
            self._terminal.flush()
            self._line = ""

    def printed(self, text: str) -> None:
        """Take note of output, which moves the cursor."""
        if text:
            self._at_line_start = text.endswith("\n")

    def give_up(self) -> None:
        """Leave the terminal to somebody else, for good."""
        with self.lock:
            self.erase()
            self._off = True

    # --------------------------------------------------------------------------------------

    def _draw(self, line: str) -> None:
        line = line[: self._columns() - len(_ECHO) - 1]
        # Only what has changed: a terminal scrolled back, or a debugger's prompt, stays in peace.
        if self._off or not self._at_line_start or line == self._line:
            return
        self.erase()
        self._terminal.write(line)
        self._terminal.flush()
        self._line = line

    def _columns(self) -> int:
        try:
            return os.get_terminal_size(self._terminal.fileno()).columns or 80
        except OSError:
            return 80

    def _forked(self) -> None:
        # Another thread may have held the lock, and only this thread lives on in the child.
        # The line stands on the terminal of both: the child may erase it, the parent draws it.
        self.lock = threading.RLock()
        self._off = True


class Stream:
    """A standard stream that lets the line below step aside. All else is the stream's own."""

    def __init__(self, stream: TextIO, screen: Screen | None) -> None:
        """``screen``: if the stream ends on it."""
        self._stream = stream
        self._screen = screen

    def __getattr__(self, name: str) -> Any:
        if self._screen is not None and name in _PAST_US:
            self._screen.give_up()
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """As the stream's."""
        if self._screen is None:
            return self._write(text)
        with self._screen.lock:
            self._screen.erase()
            self._screen.printed(text)
            return self._write(text)

    def _write(self, text: str) -> int:
        try:
            return self._stream.write(text)
        except BrokenPipeError:
            _mute(self._stream)
            return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """As the stream's."""
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        """As the stream's."""
        try:
            self._stream.flush()
        except BrokenPipeError:
            _mute(self._stream)


def drain(stream: TextIO | None) -> OSError | None:
    """Flush a stream for the last time. The error, if something is lost that had a reader."""
    try:
        if stream is not None:
            stream.flush()
    except BrokenPipeError:
        _mute(stream)
    except OSError as error:
        _mute(stream)
        return error
    return None


def _mute(stream: TextIO | None) -> None:
    """Let what the stream still holds, and all that follows, go nowhere."""
    if stream is not None:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


def _is_terminal(stream: TextIO | None) -> bool:
    return stream is not None and stream.isatty()


def _take_stdout() -> TextIO | None:
    """A stream of our own to standard output, where standard error now takes its place.

    This is done to the file descriptor, too, for the sake of programs that activities start.
    """
    try:
        descriptor = sys.stdout.fileno()
        sys.stdout.flush()
        taken = os.fdopen(os.dup(descriptor), "w", encoding="utf-8")
        os.dup2(sys.stderr.fileno(), descriptor)
    except (AttributeError, OSError):
        return sys.stdout  # closed, or no file at all but a test's buffer
    return taken
