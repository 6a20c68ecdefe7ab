"""Who answers: what each is asked next, and keeping what they say."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import BaseModel, Field

from apsi import __version__
from apsi.errors import ApsiError
from apsi.preference.answer import Answer, Choice, Reason, require_annotator
from apsi.preference.folder import PreferenceFolder
from apsi.preference.index import PairIndex
from apsi.preference.queue import Queue, Turn
from apsi.studio.pair_pictures import PairPictures
from apsi.web.shell import Refusal

AHEAD = 5
"""Turns that a page is told of"""
_MAX_PEOPLE = 200  # that are remembered at a time
_LOOKED_AT = 500  # pairs without photos that are passed over before a page is answered
_DAY = 24 * 3600 * 1000


class Said(BaseModel):
    """An answer as a page sends it."""

    id: str = Field(pattern=r"^[A-Za-z0-9_-]{8,40}$")
    pair: str = Field(pattern=r"^[0-9a-f]{12}$")
    repeat: bool = False
    answer: Choice | None
    """None takes back what was said to this turn"""
    reason: Reason | None = None
    milliseconds: int = Field(0, ge=0)
    age: int = Field(0, ge=0)
    """milliseconds since it was given: it may have waited for the server"""


@dataclass(eq=False)
class Annotator:
    """A person at work; `lock` is held while anything is read or changed."""

    queue: Queue
    lock: threading.Lock = field(default_factory=threading.Lock)


class Annotators:
    """Everybody who answers here; used by several threads."""

    def __init__(
        self,
        folder: PreferenceFolder,
        index: PairIndex,
        pictures: PairPictures,
        *,
        split: str = "all",
        goal: int | None = None,
        repeats: float = 0.1,
    ) -> None:
        """Reads nothing of anybody yet.

        Args:
            folder: where answers are kept.
            index: all pairs.
            pictures: of the pairs.
            split: whose pairs are shown; all: every one.
            goal: answers after which a person is thanked; None: all that there are.
            repeats: share of the pairs that are shown again.
        """
        self._folder, self._index, self._pictures = folder, index, pictures
        self.folder_id = folder.id
        """tells whose pairs these are"""
        self._pairs, self._goal, self._repeats = index.ids(split), goal, repeats
        self._people: dict[str, Annotator] = {}
        self._lock = threading.Lock()
        self.count = 0
        """lines that were written"""

    def state(self, name: str, latest: int = 0) -> dict[str, Any]:
        """What a person is asked next, and how far they are.

        Returns:
            `folder`: its id; `next`: turns; `done` and `total`, numbers of turns, `repeats` of which show a pair again;
            `goal`; `latest`: what they said last; `left_out`: how many of the pairs can't be shown, and `photos`: names
            of photos that are to blame.
        """
        person = self._person(name)
        with person.lock:
            queue = person.queue
            for pair in list(self._pictures.left_out):
                queue.leave_out(pair)
            turns = self._that_can_be_shown(queue)
            self._pictures.ahead(turn.pair for turn in turns)
            out = [pair for pair in list(self._pictures.left_out) if pair in self._index]
            return {
                "folder": self.folder_id,
                "next": [{"pair": turn.pair, "repeat": turn.is_repeat} for turn in turns],
                "latest": [_told(answer) for answer in queue.latest(latest)],
                "done": queue.done,
                "total": queue.total,
                "repeats": queue.repeats,
                "goal": queue.total if self._goal is None else min(self._goal, queue.total),
                "left_out": len(out),
                "photos": sorted({self._pictures.left_out[pair] for pair in out})[:3],
            }

    def add(self, name: str, said: Sequence[Said]) -> dict[str, Any]:
        """Keeps what a person said; when it returns, all that is `kept` is on the disk, once.

        Returns:
            `kept`: ids; `refused`: ids of answers to pairs that are not there.

        Raises:
            OSError: nothing of it could be written.
        """
        person = self._person(name)
        kept, refused = [], []
        with person.lock:
            for one in said:  # one after another, as what one takes back may have come just before
                if person.queue.knows(one.id):
                    kept.append(one.id)
                    continue
                try:
                    answer = self._answer(name, one, person.queue)
                except ApsiError:
                    refused.append(one.id)
                    continue
                if answer is not None:
                    self._folder.add_answers([answer])
                    person.queue.take([answer])
                    self.count += 1
                kept.append(one.id)
        return {"kept": kept, "refused": refused}

    def _answer(self, name: str, said: Said, queue: Queue) -> Answer | None:
        """The line to write; None: there is nothing to take back."""
        if said.pair not in self._index:
            raise ApsiError(f"there is no pair {said.pair}")
        before = queue.standing(Turn(said.pair, said.repeat))
        if said.answer is None and before is None:
            return None
        pair = self._index.pair(said.pair)
        now = datetime.now(UTC) - timedelta(milliseconds=min(said.age, 30 * _DAY))
        return Answer(
            id=said.id,
            pair=said.pair,
            left=(pair.right if said.repeat else pair.left).key,
            answer=said.answer,
            milliseconds=min(said.milliseconds, _DAY),
            annotator=name,
            time=now.isoformat(timespec="milliseconds"),
            apsi=__version__,
            undoes=None if before is None else before.id,
            reason=said.reason,
            is_repeat=said.repeat,
        )

    def _that_can_be_shown(self, queue: Queue) -> list[Turn]:
        for _ in range(_LOOKED_AT):
            turns = queue.upcoming(AHEAD)
            bad = [turn.pair for turn in turns if not self._pictures.can_show(turn.pair)]
            if not bad:
                break
            for pair in bad:
                queue.leave_out(pair)
        return turns

    def _person(self, name: str) -> Annotator:
        try:
            require_annotator(name)
        except ApsiError as error:
            raise Refusal(422, "A name has 1 to 60 characters, and no space at its beginning or end.") from error
        with self._lock:
            if name not in self._people:
                if len(self._people) >= _MAX_PEOPLE:
                    raise Refusal(503, "Too many people answer here already: start the server anew.")
                queue = Queue(self._pairs, name, self._repeats)
                queue.take(self._folder.answers(name))
                self._people[name] = Annotator(queue)
            return self._people[name]


def _told(answer: Answer) -> dict[str, Any]:
    return {
        "pair": answer.pair,
        "repeat": answer.is_repeat,
        "answer": answer.answer,
        "reason": answer.reason,
        "milliseconds": answer.milliseconds,
    }
