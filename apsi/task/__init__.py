"""What `task=` can name: functions of a configuration and a folder that return numbers, callable without Hydra."""

from omegaconf import DictConfig

from apsi.errors import ApsiError

EVALUATING = frozenset(("pipeline", "evaluate", "cross_validate", "rerun"))
"""Tasks that evaluate policies, or that check `evaluate.require` themselves"""


def require_evaluating(config: DictConfig) -> None:
    """Raises an ApsiError where `evaluate.require` is given to a task that evaluates nothing."""
    name = str(config.task["_target_"]).rpartition(".")[2]
    if config.evaluate.require is not None and name not in EVALUATING:
        raise ApsiError(
            f"evaluate.require={config.evaluate.require}: task={name} evaluates nothing; choose task=pipeline or "
            "task=evaluate, or leave it out"
        )
