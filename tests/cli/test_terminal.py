"""The command as a person at a terminal sees it."""

import os
import pty
import re
import select
import signal
import subprocess
import sys
import time

import pytest
from commands import COMMAND, HERE, environment

pytestmark = pytest.mark.integration

#: What a shell does for a program: it hears of Ctrl-C even if this process does not (as the job of
#: a script does not), and a terminal is its own.
LAUNCH = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
terminal, *command = sys.argv[1:]
if terminal:
    os.login_tty(int(terminal))
os.execv(command[0], command)
"""


def launch(terminal, *arguments, **options):
    command = [*COMMAND, "workflow.start", "--local", *arguments]
    return subprocess.Popen(
        [sys.executable, "-c", LAUNCH, terminal, *command],
        cwd=HERE,
        env=environment(),
        **options,
    )


class Terminal:
    """A process at a terminal that knows characters, carriage returns and line feeds."""

    def __init__(self, *arguments):
        self.fd, inside = pty.openpty()
        self.process = launch(str(inside), *arguments, pass_fds=[inside])
        os.close(inside)
        self.raw = ""

    def read(self, until=None, seconds=20):
        """Take in what is printed, until it matches or the process is done."""
        deadline = time.monotonic() + seconds
        while until is None or not re.search(until, self.raw):
            ready, _, _ = select.select([self.fd], [], [], deadline - time.monotonic())
            assert ready, f"nothing came within {seconds} s but {self.raw!r}"
            try:
                text = os.read(self.fd, 65536).decode()
            except OSError:
                text = ""
            if not text:
                break
            self.raw += text
        return self

    def type(self, text):
        os.write(self.fd, text.encode())

    def close(self):
        self.process.kill()
        self.process.wait()
        os.close(self.fd)

    @property
    def lines(self):
        """What stands on the screen."""
        rows, column = [[]], 0
        for character in self.raw:
            if character == "\r":
                column = 0
            elif character == "\n":
                rows.append([])
            else:
                rows[-1].extend(" " * (column - len(rows[-1])))
                rows[-1][column : column + 1] = [character]
                column += 1
        lines = ["".join(row).rstrip() for row in rows]
        return lines[:-1] if not lines[-1] else lines


@pytest.fixture
def terminal():
    opened = []

    def open_terminal(*arguments):
        opened.append(Terminal(*arguments))
        return opened[-1]

    yield open_terminal
    for one in opened:
        one.close()


LIVE = r"scheduled \d+  running \d+  done \d+"


def test_the_live_line_steps_aside_and_is_gone_at_the_end(terminal):
    seen = terminal("flows.Speaks").read()
    assert len(re.findall(LIVE, seen.raw)) > 3
    assert "\x1b" not in seen.raw
    *printed, outcome = seen.lines
    assert printed == [
        *(f"line {n}" for n in range(4)),
        "half a line, and the other half",
        "an error",
        "no end of line",
    ]
    assert re.fullmatch(r"completed in \d\.\d\d s: null", outcome)


def test_the_live_line_says_how_far_the_run_is(terminal):
    seen = terminal("flows.Sleeps", "--input", "2").read("done 0")
    assert seen.lines == ["started", "scheduled 0  running 1  done 0"]
    assert len(seen.read().lines) == 2


def test_a_short_run_has_no_live_line(terminal):
    assert not re.search(LIVE, terminal("flows.Doubles").read().raw)


def test_with_json_the_live_line_is_on_the_same_terminal(terminal):
    seen = terminal("flows.Sleeps", "--input", "1.5", "--format", "json").read()
    assert re.search(LIVE, seen.raw)
    assert seen.lines[0] == "started"
    assert re.fullmatch(r'\{"workflow_id": .*"result": null\}', "".join(seen.lines[1:]))


@pytest.mark.parametrize("until", ["started", LIVE])
def test_ctrl_c(terminal, until):
    shown = terminal("flows.Sleeps", "--input", "60").read(until)
    time.sleep(0.1)  # or the end of what is printed may come after the Ctrl-C
    typed = time.monotonic()
    shown.type("\x03")
    assert shown.process.wait(10) == 130
    assert time.monotonic() - typed < 1
    assert re.fullmatch(r"interrupted after \d\.\d\d s", shown.read().lines[-1])
    assert len(shown.lines) == 2


def test_a_debugger_has_the_terminal_for_itself(terminal):
    shown = terminal("flows.Debugged").read(r"\(Pdb\) ")
    time.sleep(1.5)
    shown.type("p 6 * 7\n")
    shown.read("42")
    shown.type("c\n")
    assert shown.read().process.wait(10) == 0
    assert not re.search(LIVE, shown.raw)


# --- without a terminal --------------------------------------------------------------------


@pytest.fixture
def piped():
    opened = []

    def start(*arguments):
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        opened.append(launch("", *arguments, **pipes))
        return opened[-1]

    yield start
    for process in opened:
        process.kill()
        process.communicate()


def test_no_live_line_without_a_terminal(piped):
    _, errors = piped("flows.Sleeps", "--input", "1.3").communicate(timeout=20)
    assert re.fullmatch(r"completed in \d\.\d\d s: null\n", errors)


def test_an_interrupt_ends_the_run_at_once(piped):
    process = piped("flows.Sleeps", "--input", "60")
    assert process.stdout.readline() == "started\n"
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=5)
    assert process.returncode == 130
    assert output == ""
    assert re.fullmatch(r"interrupted after \d\.\d\d s\n", errors)


def test_the_second_interrupt_ends_what_swallows_the_first(piped):
    process = piped("flows.Stubborn")
    assert process.stdout.readline() == "started\n"
    time.sleep(0.1)  # until it has left print(), which may not be interrupted half-way
    process.send_signal(signal.SIGINT)
    assert process.stdout.readline() == "started\n"
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=5)
    assert process.returncode == -signal.SIGINT
