"""The trackers that a configuration names, as one."""

from typing import Any

from hydra.utils import get_class
from omegaconf import DictConfig

from apsi.config.instantiate import instantiate


def open_tracker(config: DictConfig) -> Any:
    """What records in all places of `tracking`; found by name, as trackers are components.

    Raises:
        ApsiError: one of them can't be built, such as one whose package is missing.
    """
    several = get_class("apsi.tracking.several.SeveralTrackers")
    return several([instantiate(node) for node in config.tracking.values()])
