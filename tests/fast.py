"""Overrides with which an option does something within a few hundred steps, found out of what it says of itself."""

import re
from dataclasses import fields

import pytest
import yaml
from hydra.utils import get_class

from apsi.config.options import about
from apsi.installation import CONFIG_DIR

SMALL = {
    "learning_starts": 8,
    "buffer_size": 64,
    "batch_size": 16,
    "gradient_steps": 1,
    "n_steps": 8,
    "lstm_hidden_size": 16,
    "n_quantiles": 5,
    "updates": 1,
    "actions_per_state": 3,
    "boxes_per_photo": 4,
}
"""Hyperparameters that make an algorithm learn early and often"""

_FEWER = {"crop_ranker": ["transform.bins=6", "algo.channels=[8,8,8,8]", "algo.net_arch=[16]"]}
"""What makes trying all actions quick"""


def beside(group: str, option: str) -> list[str]:
    """What an option needs beside it: the overrides in its first line, but those whose values only a user knows."""
    named = re.findall(r"(?<![\w=])([a-z][\w./@]*=)(\[[^\]]*\]|[^\s,;:()]+)", about(group, option))
    return [key + value for key, value in named if key != f"{group}=" and not re.search(r"[A-Z~]|\.\.\.", value)]


def small(algo: str) -> list[str]:
    """What an algorithm needs beside it, and small values for the hyperparameters that it has."""
    target = yaml.safe_load((CONFIG_DIR / "algo" / f"{algo}.yaml").read_text(encoding="utf-8"))["_target_"]
    has = {field.name for field in fields(get_class(target))}
    return [
        *beside("algo", algo),
        *_FEWER.get(algo, []),
        *(f"algo.{name}={value}" for name, value in SMALL.items() if name in has),
    ]


ALGORITHMS = {path.stem: small(path.stem) for path in sorted((CONFIG_DIR / "algo").glob("*.yaml"))}
"""By the name of the option"""

EACH_ALGORITHM = [
    name if name in ("ppo", "dqn", "undo") else pytest.param(name, marks=pytest.mark.slow) for name in ALGORITHMS
]
"""For tests of each: one of each kind quickly, the others with the slow tests"""
