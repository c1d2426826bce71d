"""Steps that come again and again, one after the other: a loop, as history shows it.

A workflow that looks every minute whether something is there leaves a thousand steps in a row,
which are one step that is taken a thousand times. Loops are found on paths on which every step
leads to one other alone and comes after one alone, where types repeat after a few steps.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Hashable, Iterator, Sequence

#: The most steps that a loop may have.
_LONGEST_PERIOD = 6


def standing_in(
    types: Sequence[Hashable], edges: Collection[tuple[int, int]], most: int
) -> Sequence[int]:
    """For each step the one that stands for it: itself, or that of a loop's first turn.

    ``types``: which steps are alike; ``edges`` lead from lower to higher indices. What is repeated
    ``most`` times or less is no loop.
    """
    leads_to, comes_after = Counter(s for s, _ in edges), Counter(t for _, t in edges)
    following = {s: t for s, t in edges if leads_to[s] == 1 == comes_after[t]}
    standing = [*range(len(types))]
    followers = {*following.values()}
    for first in following:
        if first in followers:
            continue
        path = [first]
        while path[-1] in following:
            path.append(following[path[-1]])
        for begin, period, length in _repeated([types[step] for step in path], most):
            for n in range(length):
                standing[path[begin + n]] = path[begin + n % period]
    return standing


def _repeated(types: Sequence[Hashable], most: int) -> Iterator[tuple[int, int, int]]:
    """Where types repeat: the place, the period and the length of all turns."""
    begin = 0
    while begin < len(types):
        for period in range(1, _LONGEST_PERIOD + 1):
            length = period
            while (
                begin + length < len(types)
                and types[begin + length] == types[begin + length - period]
            ):
                length += 1
            if length // period > most:
                yield begin, period, length
                begin += length
                break
        else:
            begin += 1
