"""What is tried when a camera fails, in which order, how often, and after which pauses."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from edge_ocr.camera.ladder import Ladder, Rung
from edge_ocr.tables import RecoverySettings

SETTINGS = RecoverySettings(reopens=2, restarts=3, pause_seconds=1, pause_most_seconds=4, settle_seconds=10)


def climbs(ladder: Ladder, *, answers: bool = True, most: int = 100) -> list[Rung]:
    steps = [ladder.climb(answers=answers) for _ in range(most)]
    return [step[0] for step in steps if step is not None]


def middle() -> float:
    return 0.5


def test_reopening_comes_first_then_new_processes_that_may_reopen_too_then_nothing() -> None:
    each = [Rung.RESTART, Rung.REOPEN, Rung.REOPEN]
    assert climbs(Ladder(SETTINGS, middle)) == [Rung.REOPEN, Rung.REOPEN, *each * 3]


def test_a_process_that_does_not_answer_is_not_asked_to_reopen() -> None:
    assert climbs(Ladder(SETTINGS, middle), answers=False) == [Rung.RESTART] * 3


def test_each_power_cycle_is_followed_by_new_processes() -> None:
    settings = RecoverySettings(reopens=0, restarts=2, power_cycle="cycle", power_cycles=2)
    restarts = [Rung.RESTART] * 2
    assert climbs(Ladder(settings, middle)) == [*restarts, Rung.POWER_CYCLE, *restarts, Rung.POWER_CYCLE, *restarts]


def test_the_first_try_comes_at_once_and_pauses_double_up_to_the_most() -> None:
    ladder = Ladder(SETTINGS, middle)
    assert [(ladder.climb(answers=True) or (None, None))[1] for _ in range(5)] == [0, 1, 2, 4, 4]


@given(st.floats(0, 1), st.integers(1, 2000))
def test_pauses_vary_by_a_fifth_and_never_beyond(chance: float, tries: int) -> None:
    ladder = Ladder(RecoverySettings(restarts=5000, pause_seconds=1, pause_most_seconds=4), lambda: chance)
    pauses = [(ladder.climb(answers=False) or (None, -1.0))[1] for _ in range(tries + 1)]
    assert 0.8 * min(4, 2 ** (tries - 1)) <= pauses[-1] <= 1.2 * min(4, 2 ** (tries - 1))


def test_pictures_for_long_enough_end_the_trouble_and_the_next_begins_at_the_first_rung() -> None:
    ladder = Ladder(SETTINGS, middle)
    for _ in range(4):
        ladder.climb(answers=True)
    assert [ladder.picture(now) for now in (100.0, 105.0, 109.9, 110.0, 111.0)] == [False, False, False, True, False]
    assert ladder.climb(answers=True) == (Rung.REOPEN, 0.0)


def test_a_few_pictures_between_failures_do_not_end_the_trouble() -> None:
    ladder = Ladder(SETTINGS, middle)
    taken = []
    while (step := ladder.climb(answers=True)) is not None:
        taken.append(step[0])
        assert not ladder.picture(len(taken) * 9.0)
    assert (taken.count(Rung.REOPEN), taken.count(Rung.RESTART)) == (8, 3)


def test_every_rung_is_counted_for_good() -> None:
    ladder = Ladder(RecoverySettings(reopens=1, restarts=1, settle_seconds=0), middle)
    for now in range(3):
        climbs(ladder)
        ladder.picture(float(now))
    assert ladder.counts == {"reopen": 6, "restart": 3, "power_cycle": 0}
