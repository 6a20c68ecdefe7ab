"""What `task=` can name: functions of a configuration and a folder that return numbers, usable without Hydra."""

from omegaconf import DictConfig

from apsi.errors import ApsiError

EVALUATING = frozenset(("pipeline", "evaluate", "cross_validate", "rerun"))
"""Those that come to figures of policies, or say themselves where these are taken from"""


def require_evaluating(config: DictConfig) -> None:
    """Raises an ApsiError where `evaluate.require` is given to a task that evaluates nothing."""
    name = str(config.task["_target_"]).rpartition(".")[2]
    if config.evaluate.require is not None and name not in EVALUATING:
        raise ApsiError(
            f"evaluate.require={config.evaluate.require}: task={name} evaluates nothing; choose task=pipeline or "
            "task=evaluate, or leave it out"
        )
