"""Evaluating a trained agent."""

import json
import logging
import re
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from apsi.agent.checkpoint import read_checkpoint
from apsi.config.build import prepare
from apsi.config.compose import load_config
from apsi.errors import ApsiError
from apsi.evaluate.run import evaluate_agent, write_summary
from apsi.installation import command
from apsi.preprocess.steps import Prepared
from apsi.task import evaluates
from apsi.task.rehearse import rehearse_evaluation
from apsi.tracking.run_folder import RunFolder
from apsi.tracking.session import record_prepared, report_prepared, timed, tracked

log = logging.getLogger(__name__)


@evaluates
def evaluate(config: DictConfig, folder: RunFolder) -> dict[str, Any]:
    """Evaluates `checkpoint` on a split of the configured photos, judged by the checkpoint's own juror.

    With `split=all` these are the photos as they are, without the crops and flips made for training.
    """
    if config.checkpoint is None:
        raise ApsiError("task=evaluate needs an agent: add checkpoint=outputs/.../checkpoints/best.zip")
    checkpoint = read_checkpoint(Path(config.checkpoint).expanduser())
    rehearse_evaluation(config, checkpoint)
    seconds = {"prepare": 0.0, "train": checkpoint.state.seconds, "evaluate": 0.0}
    with tracked(config, folder, "evaluations") as tracker:
        with timed(seconds, "prepare", tracker):
            prepared = prepare(config, checkpoint.juror, whole_photos=config.split == "all")
            numbers = report_prepared(prepared, folder)
            prepared.split(config.split)  # where it is empty, the run is none and leaves no record
            record_prepared(numbers, folder, tracker)
            _say_if_degraded(config, prepared, folder)
        with timed(seconds, "evaluate", tracker):
            summary = evaluate_agent(config, prepared, checkpoint, folder=folder, tracker=tracker, seconds=seconds)
        write_summary(summary, folder, tracker)
        return summary


def _say_if_degraded(config: DictConfig, prepared: Prepared, folder: RunFolder) -> None:
    """Warns where the agent gets degraded copies instead of the user's photos."""
    if any(episode.degradation for episode in prepared.load(config.split).episodes):
        given = [str(override) for override in OmegaConf.load(folder.path / "overrides.yaml")]
        log.warning(
            "The photos are degraded before the agent gets them, as in its training. To see what it does with them as "
            "they are: %s %s",
            command(),
            shlex.join(["task=evaluate", *_without_degradation(config, given)]),
        )


def _without_degradation(config: DictConfig, given: Sequence[str]) -> list[str]:
    """The same command for undegraded photos: any gain counts, all other settings are those of the training."""
    kept = [o for o in given if re.split(r"[=.]", o.lstrip("+~"), maxsplit=1)[0] not in ("task", "degradation", "env")]
    usual = OmegaConf.to_container(load_config(["env=optimise"]).env)
    own = OmegaConf.to_container(config.env)
    assert isinstance(usual, dict) and isinstance(own, dict)
    known = [
        f"env.{key!s}={json.dumps(own[key], separators=(',', ':'))}"
        for key, value in usual.items()
        if key in own and own[key] != value and key != "_target_"
    ]
    return [*kept, "degradation=none", "env=optimise", *known]
