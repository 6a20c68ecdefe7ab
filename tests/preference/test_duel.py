"""Which of two makers people prefer: whichever side it stood on, each photo once, with an exact interval."""

from typing import Any

import pytest

from apsi.preference.duel import Duel, duels
from apsi.preference.folder import Comparison
from apsi.preference.pair import Pair
from tests.preference.made import answer, version


def compared(
    photo: int, said: str, *, agent_left: bool = True, annotator: str = "Ann", split: str = "test", **more: Any
) -> tuple[Pair, Comparison]:
    agent, start = version(photo, "warmth"), version(photo)
    left, right = (agent, start) if agent_left else (start, agent)
    pair = Pair(left, right, split, "agent_vs_start", {"first": agent.key, "checkpoint": "best.zip"})
    return pair, Comparison(answer(pair, said, annotator, **more), left, right, split, pair.source)


def counted(*found: tuple[Pair, Comparison]) -> list[Duel]:
    return duels([one for _, one in found], {pair.id: pair for pair, _ in found})


def test_a_win_is_a_win_on_both_sides() -> None:
    (duel,) = counted(
        compared(1, "left"), compared(2, "right", agent_left=False), compared(3, "right"), compared(4, "tie")
    )
    assert (duel.first, duel.second, duel.wins, duel.losses, duel.ties) == ("best.zip", "start", 2, 1, 1)
    assert duel.rate == pytest.approx(2 / 3)
    assert "preferred in 2 of 3, 0.67 (0.09 to 0.99); 1 ties" in duel.said


def test_skips_and_pairs_shown_again_do_not_count() -> None:
    assert counted(compared(1, "skip"), compared(2, "left", is_repeat=True)) == []


def test_a_photo_counts_once_however_many_answered() -> None:
    (duel,) = counted(
        *(
            compared(1, said, annotator=name)
            for said, name in zip("lrl", "ABC", strict=True)
            for said in [{"l": "left", "r": "right"}[said]]
        )
    )
    assert (duel.wins, duel.losses) == (1, 0)
    (even,) = counted(compared(1, "left", annotator="A"), compared(1, "right", annotator="B"))
    assert (even.wins, even.losses, even.ties) == (0, 0, 1)
    assert even.rate is None and even.interval is None and "nothing is decided" in even.said


def test_splits_are_kept_apart() -> None:
    assert [duel.split for duel in counted(compared(1, "left"), compared(2, "left", split="train"))] == [
        "test",
        "train",
    ]
