"""What a person is asked, in which order, and where they go on."""

import time
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apsi.preference.answer import Answer
from apsi.preference.queue import GAP, Queue, Turn

PAIRS = [f"{number:012x}" for number in range(200)]


def answer(number: int, turn: Turn, said: str | None = "left", undoes: str | None = None) -> Answer:
    return Answer(  # type: ignore[arg-type]  # said is one of the choices
        f"answer-{number}", turn.pair, "0" * 12, said, 1000, "Ann", "", "", undoes, None, turn.is_repeat
    )


def answer_all(queue: Queue) -> list[Turn]:
    """Answers whatever comes next until nothing does."""
    seen: list[Turn] = []
    while turns := queue.upcoming(4):
        seen.append(turns[0])
        queue.take([answer(1000 + len(seen), turns[0])])
    return seen


def test_every_pair_comes_once_in_order_and_a_tenth_again_later() -> None:
    queue = Queue(PAIRS, "Ann", 0.1)
    total, again = queue.total, queue.repeats
    seen = answer_all(queue)
    assert [turn.pair for turn in seen if not turn.is_repeat] == PAIRS
    repeats = [turn for turn in seen if turn.is_repeat]
    assert 10 <= len(repeats) <= 30 and len(set(repeats)) == len(repeats) and len(seen) == total == queue.done
    assert len(repeats) == again == queue.repeats == total - len(PAIRS)
    for turn in repeats:
        between = seen[seen.index(Turn(turn.pair)) + 1 : seen.index(turn)]
        is_at_end = all(later.is_repeat for later in seen[seen.index(turn) :])
        assert len({other.pair for other in between}) >= GAP or is_at_end
    assert answer_all(Queue(PAIRS, "Ann", 0.1)) == seen
    others = [turn for turn in answer_all(Queue(PAIRS, "Bob", 0.1)) if turn.is_repeat]
    assert others != repeats, "each person has others again"


@pytest.mark.parametrize("count", [1, 3, 11, 30])
def test_where_there_are_few_repeats_come_at_the_end(count: int) -> None:
    seen = answer_all(Queue(PAIRS[:count], "Ann", 1.0))
    assert len(seen) == 2 * count
    for turn in seen:
        if turn.is_repeat and seen.index(turn) - seen.index(Turn(turn.pair)) <= GAP:
            assert not [later for later in seen[seen.index(turn) :] if not later.is_repeat]


def test_without_repeats_there_are_none_and_with_all_each_comes_twice() -> None:
    assert len(answer_all(Queue(PAIRS, "Ann", 0.0))) == 200
    assert len(answer_all(Queue(PAIRS, "Ann", 1.0))) == 400


def test_what_was_skipped_does_not_come_again_and_is_not_repeated() -> None:
    queue = Queue(PAIRS[:20], "Ann", 1.0)
    assert queue.total == 40
    queue.take([answer(1, Turn(PAIRS[0]), "skip")])
    assert queue.total == 39 and queue.done == 1
    assert [turn.pair for turn in answer_all(queue)].count(PAIRS[0]) == 0
    queue.take([answer(900, Turn(PAIRS[0]), "tie", undoes="answer-1")])
    assert queue.upcoming(4) == [Turn(PAIRS[0], True)] and queue.total == 40


def test_what_is_taken_back_comes_next_and_a_replaced_answer_counts_once() -> None:
    queue = Queue(PAIRS, "Ann", 0.0)
    queue.take(answer(number, Turn(PAIRS[number])) for number in range(10))
    queue.take([answer(50, Turn(PAIRS[4]), None, undoes="answer-4")])
    assert queue.done == 9 and queue.upcoming(2) == [Turn(PAIRS[4]), Turn(PAIRS[10])]
    queue.take([answer(51, Turn(PAIRS[4]), "right"), answer(52, Turn(PAIRS[4]), "tie", undoes="answer-51")])
    standing = queue.standing(Turn(PAIRS[4]))
    assert queue.done == 10 and standing is not None and standing.id == "answer-52"
    assert [one.id for one in queue.latest(2)] == ["answer-9", "answer-52"]
    assert queue.knows("answer-51") and not queue.knows("answer-99")


def test_answers_to_other_pairs_are_known_and_not_counted() -> None:
    queue = Queue(PAIRS[:5], "Ann", 0.0)
    queue.take([answer(1, Turn(PAIRS[100])), answer(2, Turn(PAIRS[0]))])
    assert queue.knows("answer-1") and queue.done == 1 and [one.id for one in queue.latest(9)] == ["answer-2"]


def test_pairs_that_are_left_out_do_not_come_and_are_not_counted() -> None:
    queue = Queue(PAIRS[:4], "Ann", 1.0)
    queue.take([answer(1, Turn(PAIRS[0]))])
    for pair in (PAIRS[0], PAIRS[1], "ffffffffffff"):
        queue.leave_out(pair)
    assert queue.upcoming(9) == [Turn(PAIRS[2]), Turn(PAIRS[3])]
    assert (queue.done, queue.total) == (1, 5)


_steps = st.lists(st.tuples(st.integers(0, 3), st.sampled_from(["left", "tie", "skip", None])), max_size=60)


@given(_steps, st.floats(0, 1))
def test_after_a_restart_it_goes_on_exactly_where_it_was(steps: Iterable[tuple[int, str | None]], share: float) -> None:
    queue = Queue(PAIRS[:25], "Ann", share)
    said: list[Answer] = []
    for number, (place, choice) in enumerate(steps):
        standing = queue.latest(3)
        if choice is None and standing:
            last = standing[0]
            said.append(answer(number, Turn(last.pair, last.is_repeat), None, undoes=last.id))
        elif turns := queue.upcoming(4):
            said.append(answer(number, turns[min(place, len(turns) - 1)], choice or "right"))
        else:
            break
        queue.take(said[-1:])
        again = Queue(PAIRS[:25], "Ann", share)
        again.take(said)
        assert again.upcoming(30) == queue.upcoming(30)
        assert (again.done, again.total, again.latest(99)) == (queue.done, queue.total, queue.latest(99))
    left = {turn.pair for turn in queue.upcoming(99) if not turn.is_repeat}
    assert left.isdisjoint(one.pair for one in queue.latest(99) if not one.is_repeat)


def test_many_pairs_are_in_order_within_a_second() -> None:
    many = [f"{number:012x}" for number in range(100_000)]
    began = time.process_time()
    queue = Queue(many, "Ann", 0.1)
    assert queue.upcoming(5)[0].pair == many[0]
    assert time.process_time() - began < 2
