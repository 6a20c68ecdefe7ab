"""The main job: a folder of photos in, a trained and evaluated agent out."""

from dataclasses import replace
from typing import Any

from omegaconf import DictConfig

from apsi.agent.checkpoint import read_checkpoint
from apsi.config.build import prepare
from apsi.evaluate.run import evaluate_agent, write_summary
from apsi.task import evaluates
from apsi.task.preflight import preflight
from apsi.task.rehearse import rehearse_training
from apsi.tracking.run_folder import RunFolder
from apsi.tracking.session import record_prepared, report_prepared, timed, tracked
from apsi.train.loop import train_agent


@evaluates
def pipeline(config: DictConfig, folder: RunFolder) -> dict[str, Any]:
    """Prepares, trains, evaluates the best agent; returns what `summary.json` holds."""
    rehearse_training(config, folder, evaluates=True)
    preflight(config, folder, evaluates=True)
    seconds = {"prepare": 0.0, "train": 0.0, "evaluate": 0.0}
    with tracked(config, folder) as tracker:
        with timed(seconds, "prepare", tracker):
            prepared = prepare(config)
            numbers = report_prepared(prepared, folder)
            prepared.split(config.split)  # fails before training where there is nothing to evaluate on
        record_prepared(numbers, folder, tracker)
        trained = train_agent(config, prepared, folder, tracker)
        seconds["train"] = round(trained.state.seconds, 2)
        checkpoint = replace(read_checkpoint(trained.checkpoint), state=trained.state)  # with the whole learning curve
        with timed(seconds, "evaluate", tracker):
            summary = evaluate_agent(config, prepared, checkpoint, folder=folder, tracker=tracker, seconds=seconds)
        write_summary(summary, folder, tracker)
        return summary
