"""What `task=` can name: functions of a configuration and a folder that return numbers, callable without Hydra."""

from collections.abc import Callable
from typing import Any, TypeVar

from omegaconf import DictConfig

from apsi.errors import ApsiError

_Task = TypeVar("_Task", bound=Callable[..., Any])
_EVALUATING: set[object] = set()
_BUILDING: dict[object, frozenset[str]] = {}


def evaluates(task: _Task) -> _Task:
    """Marks a task that evaluates policies, or that checks `evaluate.require` itself."""
    _EVALUATING.add(task)
    return task


def builds(*groups: str) -> Callable[[_Task], _Task]:
    """Marks a task that builds components of these groups alone: it does not wait for the libraries of all others."""

    def mark(task: _Task) -> _Task:
        _BUILDING[task] = frozenset(groups)
        return task

    return mark


def built_by(config: DictConfig) -> frozenset[str] | None:
    """The groups of which the configured task builds components; None: it may build any."""
    from apsi.config.instantiate import class_of

    return _BUILDING.get(class_of(config.task))


def require_evaluating(config: DictConfig) -> None:
    """Raises an ApsiError where `evaluate.require` is given to a task that evaluates nothing."""
    if config.evaluate.require is None:
        return
    from apsi.config.instantiate import class_of

    if class_of(config.task) not in _EVALUATING:
        name = str(config.task["_target_"]).rpartition(".")[2]
        raise ApsiError(
            f"evaluate.require={config.evaluate.require}: task={name} evaluates nothing; choose task=pipeline or "
            "task=evaluate, or leave it out"
        )
