import random

import pytest

from dataflow.chance import SeededChance, back_off, new_id


def test_equal_seeds_give_equal_values():
    one, other = SeededChance(), SeededChance()
    assert one.random("seed").random() == other.random("seed").random()
    assert one.random("seed").random() != one.random("other").random()
    assert one.uuid("seed") == other.uuid("seed") != one.uuid("other")
    assert (one.uuid("seed").version, one.uuid("seed").variant) == (4, "specified in RFC 4122")


def test_seeding_does_not_touch_the_random_module():
    random.seed(1)
    expected = random.Random(1).random()  # noqa: S311
    SeededChance().random("seed").random()
    assert random.random() == expected  # noqa: S311


def test_the_values_are_those_of_yesterday():
    # Histories outlive versions: a seed must mean the same for ever.
    assert SeededChance().random("seed").random() == 0.1382359792209653
    assert str(SeededChance().uuid("seed")) == "19b25856-e1c1-40ca-834c-ffc8b59b23ad"


def test_new_ids_are_new():
    assert len({new_id() for _ in range(100)}) == 100


@pytest.mark.parametrize(
    ("failures", "longest"), [(1, 0.5), (2, 1.0), (3, 2.0), (4, 3.0), (10_000, 3.0)]
)
def test_one_waits_longer_and_longer_and_never_as_others(failures, longest):
    waits = [back_off(failures, first=0.5, longest=3.0, least=1 / 4) for _ in range(200)]
    assert longest / 4 <= min(waits) < longest / 2 < max(waits) <= longest
