"""The supervisor, with children of all kinds."""

import itertools
import os
import signal
import sys

import pytest
from supervising import alive, state

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(sys.platform != "linux", reason="looks at processes in /proc"),
]

SLEEPS = """
ready()
time.sleep(600)
"""
STUBBORN = """
signal.signal(signal.SIGTERM, lambda *_: note("told", os.getpid()))
signal.signal(signal.SIGUSR2, lambda *_: note("hurried", os.getpid()))
ready()
while True:
    time.sleep(600)
"""
OBEDIENT = """
signal.signal(signal.SIGTERM, lambda *_: note("told", os.getpid()))
signal.signal(signal.SIGUSR2, lambda *_: sys.exit(0))
ready()
while True:
    time.sleep(600)
"""


def gone(supervised):
    supervised.until(lambda: not any(map(alive, supervised.pids)))
    return True


def test_a_child_that_is_killed_is_replaced(supervise):
    supervised = supervise(SLEEPS, 2)
    first = supervised.until_started(2)[0]
    os.kill(first, signal.SIGKILL)
    supervised.until_started(3)
    assert state(first) == ""  # no zombie
    supervised.signal(signal.SIGTERM)
    code, told = supervised.end()
    assert code == 0
    assert f"process {first} was killed by SIGKILL" in told
    assert len(supervised.pids) == 3
    assert gone(supervised)


def test_many_that_end_at_once_are_replaced_at_once(supervise):
    supervised = supervise(SLEEPS, 5)
    for pid in supervised.until_started(5):
        os.kill(pid, signal.SIGKILL)
    supervised.until_started(10)
    supervised.signal(signal.SIGTERM)
    assert supervised.end()[0] == 0


def test_a_child_that_fails_at_once_is_not_started_in_a_hurry(supervise):
    supervised = supervise('note("pid", os.getpid(), time.monotonic())\nos._exit(3)\n')
    supervised.until_started(5)
    supervised.signal(signal.SIGTERM)
    code, told = supervised.end()
    assert code == 0
    assert "ended with exit code 3; another takes its place" in told
    times = [float(line.split()[2]) for line in supervised.lines][:5]
    pauses = [after - before for before, after in itertools.pairwise(times)]
    # Never sooner, however slow the machine: 0.1 s, twice that, and so on.
    assert all(pause > 0.09 * 2**n for n, pause in enumerate(pauses)), pauses


def test_a_child_that_has_ended_in_good_order_is_replaced_without_a_pause(supervise):
    supervised = supervise("ready()\n")
    supervised.until_started(8)  # with pauses, that were 12.7 s
    supervised.signal(signal.SIGTERM)
    code, told = supervised.end()
    assert code == 0
    assert "ended with exit code 0; another takes its place" in told


def test_an_end_in_good_order(supervise):
    supervised = supervise(
        """
        def end(*_):
            time.sleep(0.2)
            note("finished", os.getpid())
            sys.exit(0)

        signal.signal(signal.SIGTERM, end)
        ready()
        time.sleep(600)
        """,
        2,
    )
    pids = supervised.until_started(2)
    supervised.signal(signal.SIGTERM)
    assert supervised.end()[0] == 0
    assert {line for line in supervised.lines if line.startswith("finished")} == {
        f"finished {pid}" for pid in pids
    }
    assert len(supervised.pids) == 2  # nobody was replaced


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_other_ways_to_say_stop(supervise, number):
    supervised = supervise(OBEDIENT.replace("note(", "sys.exit("))
    supervised.until_started(1)
    supervised.signal(number)
    assert supervised.end()[0] == 0


def test_what_is_ignored_stays_ignored(supervise):
    supervised = supervise(SLEEPS, prologue="import signal; signal.signal(1, signal.SIG_IGN)")
    supervised.until_started(1)
    supervised.signal(signal.SIGHUP)
    supervised.signal(signal.SIGTTIN)
    supervised.until_started(2)
    supervised.signal(signal.SIGTERM)
    assert supervised.end()[0] == 0


def test_children_that_do_not_end_are_killed_with_all_they_have_started(supervise):
    supervised = supervise(
        STUBBORN.replace("ready()", 'note("pid", subprocess.Popen(["sleep", "600"]).pid)\nready()'),
        grace=0.2,
    )
    pids = supervised.until_started(2)
    supervised.signal(signal.SIGTERM)
    code, told = supervised.end()
    assert code == 1
    assert f"process {pids[1]} does not end: killed" in told
    assert supervised.lines[2:] == [f"told {pids[1]}", f"hurried {pids[1]}"]
    assert gone(supervised)


def test_children_that_end_only_when_they_are_hurried(supervise):
    supervised = supervise(OBEDIENT, grace=0.2)
    supervised.until_started(1)
    supervised.signal(signal.SIGTERM)
    code, told = supervised.end()
    assert code == 1
    assert "shall end at once" in told
    assert "killed" not in told


def test_a_second_signal_is_in_a_hurry(supervise):
    supervised = supervise(OBEDIENT, 2, grace=600)
    supervised.until_started(2)
    supervised.signal(signal.SIGTERM)
    supervised.until(lambda: len(supervised.lines) == 4)  # they were told
    supervised.signal(signal.SIGINT)
    assert supervised.end()[0] == 128 + signal.SIGINT
    assert gone(supervised)


def test_a_child_that_ends_while_it_is_told_to(supervise):
    # Whoever asks the kernel how a child is, takes its end away from those who wait for it.
    supervised = supervise(SLEEPS, 20)
    supervised.until_started(20)
    supervised.signal(signal.SIGSTOP)
    for pid in supervised.pids:
        os.kill(pid, signal.SIGKILL)
    supervised.signal(signal.SIGTERM)
    supervised.signal(signal.SIGCONT)
    assert supervised.end()[0] == 0


def test_more_and_fewer(supervise):
    supervised = supervise(SLEEPS)
    first = supervised.until_started(1)[0]
    supervised.signal(signal.SIGTTIN)
    second = supervised.until_started(2)[1]
    supervised.signal(signal.SIGTTOU)
    supervised.until(lambda: not state(second))
    supervised.signal(signal.SIGTTOU)  # not fewer than one
    supervised.signal(signal.SIGTTIN)
    supervised.until_started(3)
    assert alive(first)
    supervised.signal(signal.SIGTERM)
    assert supervised.end()[0] == 0
    assert len(supervised.pids) == 3


def test_one_too_many_that_does_not_end_is_killed(supervise):
    supervised = supervise(STUBBORN, 2, grace=0.2)
    pids = supervised.until_started(2)
    supervised.signal(signal.SIGTTOU)
    supervised.until(lambda: not (state(pids[0]) and state(pids[1])))
    assert len([pid for pid in pids if alive(pid)]) == 1
    supervised.signal(signal.SIGTERM)
    assert supervised.end()[0] == 1


def test_stacks(supervise):
    supervised = supervise(
        """
        from dataflow.process.supervised import show_stacks_on_signal

        def what_it_is_at():
            ready()
            time.sleep(600)

        show_stacks_on_signal()
        what_it_is_at()
        """
    )
    supervised.until_started(1)
    supervised.signal(signal.SIGUSR1)
    told = ""
    while "what_it_is_at" not in told:
        line = supervised.process.stderr.readline()
        assert line
        told += line
    supervised.signal(signal.SIGTERM)
    assert supervised.end()[0] == 0
    assert "in _take" in told  # of the supervisor itself


def test_a_child_that_does_not_know_the_signal_for_stacks_yet_does_not_die_of_it(supervise):
    supervised = supervise(
        """
        ready()
        while signal.SIGUSR1 not in signal.sigpending():
            time.sleep(0.01)
        signal.signal(signal.SIGUSR1, lambda *_: note("heard"))
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGUSR1})
        time.sleep(600)
        """
    )
    supervised.until_started(1)
    supervised.signal(signal.SIGUSR1)
    supervised.until(lambda: "heard" in supervised.lines)
    supervised.signal(signal.SIGTERM)
    assert supervised.end()[0] == 0
    assert len(supervised.pids) == 1


def test_a_mistake_ends_all(supervise):
    supervised = supervise(
        """
        ready()
        while len(open(journal).readlines()) < 2:
            time.sleep(0.01)
        os.write(line, b"no such domain\\n")
        sys.exit(2)
        """,
        2,
    )
    code, told = supervised.end()
    assert code == 2
    assert told.splitlines()[-1] == "error: no such domain"
    assert told.count("no such domain") == 1
    assert "another takes its place" not in told
    assert len(supervised.pids) == 2


def test_a_mistake_that_was_told_already(supervise):
    supervised = supervise("ready()\nsys.exit(2)")
    code, told = supervised.end()
    assert code == 2
    assert "error" not in told


def test_orphans_of_process_1_are_reaped(supervise):
    # Process 1 of a container is sent orphans; so is who asks to be.
    subreaper = "import ctypes; assert ctypes.CDLL(None).prctl(36, 1, 0, 0, 0) == 0"
    supervised = supervise(
        """
        orphan = subprocess.Popen(["sh", "-c", "sleep 0.3 & echo $!"], stdout=subprocess.PIPE)
        note("orphan", orphan.communicate()[0].decode().strip())
        ready()
        time.sleep(600)
        """,
        prologue=subreaper,
    )
    supervised.until_started(1)
    orphan = int(supervised.lines[0].split()[1])
    supervised.until(lambda: not state(orphan))  # not even a zombie
    supervised.signal(signal.SIGTERM)
    code, told = supervised.end()
    assert code == 0
    assert "another takes its place" not in told


def test_no_process_can_be_started(supervise):
    supervised = supervise(
        SLEEPS,
        prologue="""
import subprocess
start, failures = subprocess.Popen, [OSError("too many processes"), OSError("no memory")]
def fail(*args, **options):
    if failures:
        raise failures.pop()
    return start(*args, **options)
subprocess.Popen = fail
""",
    )
    supervised.until_started(1)
    supervised.signal(signal.SIGTERM)
    code, told = supervised.end()
    assert code == 0
    assert "no process can be started: too many processes" in told
