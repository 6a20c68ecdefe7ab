"""Evaluating a trained agent."""

from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from apsi.assemble import prepare
from apsi.errors import ApsiError
from apsi.evaluate.run import evaluate_agent, write_summary
from apsi.run_folder import RunFolder
from apsi.task.rehearse import rehearse_evaluation
from apsi.task.session import report_prepared, timed, tracked
from apsi.train.checkpoint import read_checkpoint


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
        with timed(seconds, "prepare"):
            prepared = prepare(config, checkpoint.juror, whole_photos=config.split == "all")
            report_prepared(prepared)
        with timed(seconds, "evaluate"):
            summary = evaluate_agent(config, prepared, checkpoint, folder=folder, tracker=tracker, seconds=seconds)
        write_summary(summary, folder, tracker)
        return summary
