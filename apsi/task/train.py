"""Training an agent."""

import logging

from omegaconf import DictConfig

from apsi.config.build import prepare
from apsi.installation import command
from apsi.task.preflight import preflight
from apsi.task.rehearse import rehearse_training
from apsi.tracking.run_folder import RunFolder
from apsi.tracking.session import record_prepared, report_prepared, timed, tracked
from apsi.train.loop import train_agent

log = logging.getLogger(__name__)


def train(config: DictConfig, folder: RunFolder) -> dict[str, float]:
    """Prepares, trains; returns the best validation figures, steps, seconds, the cache's hit rate."""
    rehearse_training(config, folder)
    preflight(config, folder, evaluates=False)
    with tracked(config, folder) as tracker:
        with timed({}, "prepare", tracker):
            prepared = prepare(config)
            numbers = report_prepared(prepared, folder)
            for split in ("train", "val"):
                prepared.split(split)  # where one is empty, the run is none and leaves no record
        record_prepared(numbers, folder, tracker)
        trained = train_agent(config, prepared, folder, tracker)
        log.info("Best agent: %s", trained.checkpoint)
        log.info("Evaluate it with: %s task=evaluate checkpoint=%s", command(), trained.checkpoint)
        state = trained.state
        return {
            "val_best": state.best or 0.0,
            **{name: value for name, value in trained.best_row.items() if name.startswith("val_")},
            "timesteps": state.timesteps,
            "seconds": state.seconds,
            "cache_hit_rate": trained.cache_hit_rate,
        }
