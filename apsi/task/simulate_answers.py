"""Trying what is made for people's answers without people."""

from collections import Counter
from pathlib import Path
from typing import Any

from omegaconf import DictConfig
from pydantic import NonNegativeInt, PositiveInt

from apsi.config.instantiate import instantiate
from apsi.console import show, track
from apsi.errors import ApsiError
from apsi.preference.folder import PreferenceFolder
from apsi.preference.pair import Version
from apsi.preference.photos import Originals, framed
from apsi.preference.simulated import TASTES, SimulatedPerson, answers_of, typical
from apsi.tracking.run_folder import RunFolder
from apsi.types import Fraction

_LONGEST = 256  # pixels at which a simulated person looks


def simulate_answers(
    config: DictConfig,
    folder: RunFolder,
    *,
    person: SimulatedPerson,
    count: PositiveInt | None,
    repeats: Fraction,
    seed: NonNegativeInt,
) -> dict[str, Any]:
    """Has a made-up person answer pairs in `preference_dir`, under the name `simulated TASTE SEED`.

    Returns:
        How many answers there are of each kind.

    Raises:
        ApsiError: there is no pair, or this person answered before.
    """
    answers = PreferenceFolder(Path(config.preference_dir).expanduser())
    pairs = list(answers.require_pairs().values())[:count]
    name = f"simulated {person.taste} {seed}"
    if answers.answers(name):
        raise ApsiError(f"{name!r} answered in preference_dir={answers.path} already: take another task.seed")
    originals = Originals(instantiate(config.dataset), Path(config.data_dir).expanduser())
    by_photo: dict[str, dict[str, Version]] = {}
    for version in (version for pair in pairs for version in (pair.left, pair.right)):
        by_photo.setdefault(version.photo, {})[version.key] = version
    tastes: dict[str, float] = {}
    for versions in track(by_photo.values(), "Looking at photos", len(by_photo)):
        original = originals.read(next(iter(versions.values())))
        for key, version in versions.items():
            tastes[key] = TASTES[person.taste](framed(original, version.steps, _LONGEST))
    found = answers_of(person, pairs, typical(tastes, pairs), annotator=name, repeats=repeats, seed=seed)
    answers.add_answers(found)
    counts = Counter(str(answer.answer) for answer in found)
    show(f"{len(found)} answers of {name!r}: " + ", ".join(f"{n} {what}" for what, n in counts.most_common()))
    return {"answers": len(found), "repeats": sum(answer.is_repeat for answer in found), **counts}
