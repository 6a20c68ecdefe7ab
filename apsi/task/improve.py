"""Where one stands with teaching an agent one's taste, and the next round of pairs."""

import json
import logging
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf
from pydantic import PositiveInt
from rich.text import Text
from yaml import YAMLError

from apsi.config.compose import load_config
from apsi.console import show
from apsi.errors import ApsiError
from apsi.installation import command
from apsi.preference.duel import duels
from apsi.preference.folder import MODEL, MODEL_FILE, Comparison, PreferenceFolder
from apsi.preference.model import FEWEST
from apsi.preference.pair import Pair
from apsi.preference.summary import Standing, standing
from apsi.preference.usage import judges_crops
from apsi.task.make_pairs import add_round, given_pairs, given_photos, round_said
from apsi.tracking.run_folder import RunFolder
from apsi.types import Fraction

log = logging.getLogger(__name__)

_STANDS: dict[Standing, str] = {
    "ahead": "",
    "unclear": "; that it differs from the best of these may be chance",
    "behind": "; a simple rule is better, so do not use it yet",
}


@dataclass(frozen=True)
class _Model:
    """What the latest model of the person says of itself."""

    folder: Path
    answers: int
    said: str
    people: tuple[str, ...]
    """whose answers it was fitted on; empty: it does not say"""
    stands: Standing
    """beside simple rules"""


def improve(
    config: DictConfig, folder: RunFolder, *, count: PositiveInt, enough: PositiveInt, stale: Fraction
) -> dict[str, Any]:
    """Says how many answers there are, how good the model of them is, which agents people prefer, and what comes next.

    Where no pair waits for an answer, it makes the next round: with `checkpoint`, half of what its agent makes of
    photos, and the others as `pairs` says.

    Args:
        config: a whole configuration.
        folder: of this run.
        count: pairs of a round.
        enough: answers from which an agent may learn.
        stale: share of new answers from which the model is fitted again.

    Returns:
        Numbers of pairs, answers and new pairs, and `next`, the commands.

    Raises:
        ApsiError: pairs are to be made, and there is no photo.
    """
    preferences = PreferenceFolder(Path(config.preference_dir).expanduser())
    pairs = preferences.pairs()
    comparisons = preferences.comparisons(pairs=pairs)
    answered = {one.answer.pair for one in comparisons}
    waiting = len(pairs.keys() - answered)
    output_dir = Path(config.output_dir).expanduser()
    model = _latest_model(output_dir, preferences.path.resolve())
    show(*map(Text, _told(comparisons, pairs, waiting, model)))
    new = 0
    if not waiting:
        made = _next_round(config, count)
        show(*(Text(round_said(one)) for one in made))
        new = sum(map(len, made))
    counted = [one for one in comparisons if one.answer.answer != "skip"]
    if model is not None and model.people:
        counted = [one for one in counted if one.answer.annotator in model.people]
    kind = "" if judges_crops(counted) else "_edits"
    agent = config.checkpoint or _latest_agent(output_dir, kind)
    commands = _next(config, len(counted), waiting + new, model, agent=agent, kind=kind, enough=enough, stale=stale)
    show("Next:", *(Text(f"  {line}") for line in commands))
    return {"pairs": len(pairs) + new, "answers": len(comparisons), "new": new, "next": commands}


def _told(
    comparisons: Sequence[Comparison], pairs: Mapping[str, Pair], waiting: int, model: _Model | None
) -> list[str]:
    people = {one.answer.annotator for one in comparisons}
    counts = {kind: sum(one.answer.answer == kind for one in comparisons) for kind in ("tie", "skip")}
    told = [
        f"Answers  {len(comparisons)}, by {len(people)} {'person' if len(people) == 1 else 'people'}; {counts['tie']} "
        f"ties and {counts['skip']} skips among them; {waiting} of {len(pairs)} pairs wait"
    ]
    told.append("Model    none yet" if model is None else f"Model    {model.said}")
    return told + [f"Agents   {duel.said}" for duel in duels(comparisons, pairs)]


def _next_round(config: DictConfig, count: int) -> list[list[Pair]]:
    """Makes pairs, half of them out of what the agent does where there is one."""
    rounds = []
    if config.checkpoint is not None:
        of_agent = config.copy()
        of_agent.pairs = load_config(["pairs=agent_vs_start"]).pairs
        try:
            rounds.append(add_round(of_agent, count=(count + 1) // 2, split="all"))
        except ApsiError as error:
            log.warning("The agent gives no new pairs (%s); all are made by pairs=", error)
    left = count - sum(map(len, rounds))
    return [*rounds, add_round(config, count=left, split="all")] if left else rounds


def _next(
    config: DictConfig,
    said: int,
    waiting: int,
    model: _Model | None,
    *,
    agent: str | None,
    kind: str,
    enough: int,
    stale: float,
) -> list[str]:
    """The commands that bring one on, most urgent first."""
    photos, here = given_photos(config), given_pairs(config)
    known = 0 if model is None else model.answers
    answer = [["task=annotate", *photos, *here]] if waiting else []
    if said >= FEWEST and said > (1 + stale) * known:
        commands = [["task=fit_preference", *photos, *here], *answer]
    elif model is None or said < enough or model.stands == "behind":
        commands = answer
    else:
        teach = [f"experiment=personal_bootstrap{kind}", *photos]
        if agent is not None:
            human = f"juror.jurors.human.path={model.folder / MODEL_FILE}"
            teach = [f"experiment=personal_finetune{kind}", f"init_from={agent}", *photos, human]
        commands = [teach, *answer] if model.stands == "ahead" else [*answer, teach]
    return [f"{command()} {shlex.join(one)}" for one in commands]


def _latest_agent(output_dir: Path, kind: str) -> str | None:
    """The best checkpoint of the latest run that trained one of the kind that goes on; others would begin anew."""
    preset = load_config([f"experiment=personal_bootstrap{kind}"])
    wanted = [preset[group]["_target_"] for group in ("algo", "env")]
    found = sorted(output_dir.glob("*/*/checkpoints/best.zip"), key=lambda path: path.stat().st_mtime)
    for path in reversed(found):
        file = path.parents[1] / "config.yaml"
        try:
            config = OmegaConf.load(file)
        except (OSError, YAMLError) as error:
            log.warning("%s can't be read (%s)", file, error)
            continue
        if [OmegaConf.select(config, f"{group}._target_") for group in ("algo", "env")] == wanted:
            return str(path)
    return None


def _latest_model(output_dir: Path, preferences: Path) -> _Model | None:
    """The one that was fitted last on answers in this folder."""
    files = sorted(output_dir.glob(f"*/*/{MODEL}"), key=lambda path: path.stat().st_mtime)
    for path in reversed(files):
        try:
            figures = json.loads(path.read_text(encoding="utf-8"))
            if figures.get("preference_dir", str(preferences)) != str(preferences):
                continue
            people = tuple(figures.get("annotators", ()))
            right = figures.get("accuracy")
            if right is None:
                return _Model(
                    path.parent, int(figures["answers"]), f"{path.parent}: no answer decides", people, "unclear"
                )
            interval = right["model"]["interval"]
            sure = f" ({interval[0]:.2f} to {interval[1]:.2f})" if interval else ""
            others = ", ".join(f"{name} {one['share']:.2f}" for name, one in right.items() if name != "model")
            stands = standing(figures)
            said = (
                f"{path.parent}: right in {right['model']['share']:.2f}{sure} of answers that it did not see, "
                f"fitted on {figures['fitted_on']} of {figures['answers']}; {others}{_STANDS[stands]}"
            )
            return _Model(path.parent, int(figures["answers"]), said, people, stands)
        except (OSError, ValueError, KeyError, TypeError) as error:
            log.warning("%s can't be read (%s)", path, error)
    return None
