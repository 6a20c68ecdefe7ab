"""Preference data for TRL, which fine-tunes language models that see."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import PositiveInt

from apsi.errors import ApsiError
from apsi.photo.write import write_text
from apsi.preference.answer import Answer
from apsi.preference.folder import Comparison
from apsi.preference.format.base import Exported, Format, Imported, Outgoing, names_note
from apsi.preference.format.files import at, parse, read_text, require_few, short
from apsi.preference.format.names import Names
from apsi.preference.format.record import KEY, comparison_record, read_answer, read_pair
from apsi.preference.format.target import free, write_pictures
from apsi.preference.pair import Pair

QUESTION = "Which version of this photograph is better, the first or the second?"
SAID = {"left": "The first one.", "right": "The second one."}


@dataclass(frozen=True)
class Trl(Format):
    """JSON lines of TRL's preference type, conversational: `images`, `prompt`, `chosen`, `rejected`, and `apsi`.

    After "Dataset formats and types" of TRL's documentation, with its section "Vision datasets". `images` are the left
    and the right picture, as paths below the file's folder; load them with `datasets.Sequence(datasets.Image())`.
    """

    pictures: bool
    """write the versions as JPEG; otherwise the prompt names the photo and what was done to it"""
    size: PositiveInt
    """pixels of a picture's longer side, at most"""

    kind = "trl"

    def read(self, path: Path, names: Names) -> Imported:
        lines = [(number, line) for number, line in enumerate(read_text(path).split("\n"), start=1) if line.strip()]
        require_few(len(lines), path)
        pairs, answers = list[Pair](), list[Answer]()
        for number, line in lines:
            entry = parse(line, f"{path}, line {number}")
            with at(f"{path}, line {number}"):
                if not isinstance(entry, dict):
                    raise ApsiError(f"{short(entry)} is no object with prompt, chosen and rejected")
                pair, left = read_pair(entry, names, self.kind)
                pairs.append(pair)
                answers.append(read_answer(entry[KEY], pair, left, _said(entry), path))
        if not pairs:
            raise ApsiError(f"{path} is empty; write or fetch it again")
        return Imported(pairs, answers)

    def write(self, outgoing: Outgoing, folder: Path) -> Exported:
        decided = [one for one in outgoing.comparisons if one.preferred is not None]
        if not decided:
            raise ApsiError("there is no answer of left or right, and TRL's preference data has no other")
        target = free(folder / "preferences.jsonl")
        shown = dict[str, str]()
        if self.pictures:
            versions = [version for one in decided for version in (one.left, one.right)]
            shown = write_pictures(versions, outgoing.originals, folder, self.size)
        there = [one for one in decided if not self.pictures or {one.left.key, one.right.key} <= shown.keys()]
        if not there:
            raise ApsiError(
                "none of the photos is in the data set; name their folder with dataset=folder dataset.path=FOLDER, or "
                "write no pictures: preference.format.pictures=false"
            )
        write_text(target, "".join(f"{json.dumps(_entry(one, shown), ensure_ascii=False)}\n" for one in there))
        other, missing = len(outgoing.comparisons) - len(decided), len(decided) - len(there)
        notes = [names_note(there)]
        notes += [f"{other} ties and skips are left out: TRL's preference data has none"] if other else []
        if missing:
            notes.append(f"{missing} answers are left out: their photos are not in the data set as they were")
        return Exported([target], len(there), notes=notes)


def _entry(comparison: Comparison, shown: dict[str, str]) -> dict[str, Any]:
    chosen = str(comparison.answer.answer)
    pictures = [shown[version.key] for version in (comparison.left, comparison.right) if shown]
    content: list[dict[str, str]] = [{"type": "image"} for _ in pictures]
    content.append({"type": "text", "text": QUESTION if pictures else _in_words(comparison)})
    return {
        **({"images": pictures} if pictures else {}),
        "prompt": [{"role": "user", "content": content}],
        "chosen": _message(SAID[chosen]),
        "rejected": _message(next(text for side, text in SAID.items() if side != chosen)),
        KEY: comparison_record(comparison),
    }


def _in_words(comparison: Comparison) -> str:
    first, second = (
        f"{version.name}, {' then '.join(version.recipe) or 'as it is'}"
        for version in (comparison.left, comparison.right)
    )
    return f"{QUESTION} The first: {first}. The second: {second}."


def _message(text: str) -> list[dict[str, Any]]:
    return [{"role": "assistant", "content": [{"type": "text", "text": text}]}]


def _said(entry: dict[str, Any]) -> str:
    """What was chosen, which must not be what was rejected, too."""
    chosen, rejected = entry.get("chosen"), entry.get("rejected")
    for side, text in SAID.items():
        if chosen == _message(text):
            if rejected == chosen:
                raise ApsiError("chosen and rejected are the same; correct it")
            return side
    raise ApsiError(f"chosen={short(chosen)} is none of what apsi writes: {', '.join(SAID.values())}")
