"""Workflows for the tests of the command, which finds them from its working directory."""

# ruff: noqa: T201 - what becomes of what they print is tested

import abc
import logging
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from dataflow import Group, TaskFailed, Workflow, activity, futures


@activity.with_attributes()
def double(x):
    return x * 2


@activity.with_attributes()
def sleep(seconds):
    time.sleep(seconds)


@activity.with_attributes()
def divide(x, y):
    return quotient(x, y)


def quotient(x, y):
    print("dividing")
    return x / y


@activity.with_attributes()
def speak(number, pause):
    for n in range(number):
        print(f"line {n}")
        time.sleep(pause)


@activity.with_attributes()
def start_a_program():
    subprocess.run(["echo", "from a program"], check=True)


@activity.with_attributes()
def sleep_in_a_pool(seconds):
    with ThreadPoolExecutor() as pool:
        pool.submit(time.sleep, seconds).result()


@activity.with_attributes()
def something_without_json():
    return {"when": [object()]}


class Doubles(Workflow):
    name = "doubles"

    def run(self, x=1, *, times=1):
        for _ in range(times):
            x = self.submit(double, x).result
        print(f"doubled: {x}")
        print("aside", file=sys.stderr)
        return x


class Returns(Workflow):
    def run(self, value):
        return value


class Divides(Workflow):
    def run(self, x, y):
        return self.submit(divide, x, y).result


class Wraps(Workflow):
    def run(self, x, y):
        try:
            return self.submit(divide, x, y).result
        except TaskFailed as error:
            raise RuntimeError("no quotient") from error


class DividesTwice(Workflow):
    def run(self, x, y):
        return self.submit(Group((divide, x, y), (divide, y, x))).result


class Logs(Workflow):
    def run(self):
        logging.getLogger(__name__).info("from the workflow")
        logging.getLogger(__name__).debug("too much of it")


class GivesUp(Workflow):
    def run(self):
        self.fail("no good", "first line\nsecond line")


class Stuck(Workflow):
    def run(self):
        return futures.Future(self._host, "an answer").result


class TakesTooLong(Workflow):
    execution_timeout = 1

    def run(self):
        self.submit(sleep, 5).result  # noqa: B018 - suspends


class SubmitsAFunction(Workflow):
    def run(self):
        self.submit(quotient, 1, 2)


class SendsWhatHasNoJson(Workflow):
    def run(self):
        self.submit(double, {"when": [object()]})


class GetsWhatHasNoJson(Workflow):
    def run(self):
        return self.submit(something_without_json).result


class StartsAProgram(Workflow):
    def run(self):
        self.submit(start_a_program).result  # noqa: B018 - suspends


class LeavesWorkBehind(Workflow):
    def run(self):
        self.submit(speak, 1_000_000, 0)
        self.submit(sleep_in_a_pool, 30)
        self.submit(sleep, 0.2).result  # noqa: B018 - suspends


class Prints(Workflow):
    def run(self, lines):
        for n in range(lines):
            print(f"line {n}")
        return lines


class Sleeps(Workflow):
    def run(self, seconds):
        print("started", flush=True)
        self.submit(sleep, seconds).result  # noqa: B018 - suspends


class Stubborn(Workflow):
    def run(self):
        for _ in range(2):
            try:
                print("started", flush=True)
                time.sleep(60)
            except KeyboardInterrupt:
                pass


class Speaks(Workflow):
    """Long enough for the live line, with whole lines and a line in two parts."""

    def run(self):
        self.submit(sleep, 1.2).result  # noqa: B018 - suspends
        self.submit(speak, 4, 0.2).result  # noqa: B018 - suspends
        print("half a line, ", end="")
        self.submit(sleep, 0.4).result  # noqa: B018 - suspends
        print("and the other half")
        print("an error", file=sys.stderr)
        self.submit(sleep, 0.2).result  # noqa: B018 - suspends
        print("no end of line", end="")


class Debugged(Workflow):
    def run(self):
        breakpoint()  # noqa: T100 - this is the test
        self.submit(sleep, 0).result  # noqa: B018 - suspends


class Typed(Workflow):
    def run(self, numbers: set[int]):
        return sorted(numbers)


class Outer:
    class Inner(Workflow):
        def run(self):
            return "inner"


class Abstract(Workflow, abc.ABC):
    def run(self):
        return self.part()

    @abc.abstractmethod
    def part(self): ...


class NoRun(Workflow):
    pass


class TooManyTags(Workflow):
    tag_list = tuple("abcdef")

    def run(self):
        pass


an_object = Doubles()
