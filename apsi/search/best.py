"""The best parameters of a search as a preset that can be run unchanged."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from omegaconf import DictConfig, OmegaConf

from apsi.config.compose import OF_THIS_RUN, plain
from apsi.config.trust import signed
from apsi.errors import ApsiError
from apsi.installation import command
from apsi.photo.write import write_text

if TYPE_CHECKING:
    from optuna import Study

Load = Callable[[Sequence[str]], DictConfig]
_PRESETS = ("experiment", "hparams_search", "debug")


def write_best(study: "Study", folder: Path, fixed: Sequence[str], load: Load) -> list[Path]:
    """Writes `experiment/best.yaml`, or `best_1.yaml`, `best_2.yaml`, ... for a Pareto front of several objectives.

    Args:
        study: the search.
        folder: where its files are.
        fixed: overrides that all trials share.
        load: composes a configuration, with Hydra's own node, from overrides.

    Returns:
        the files; none where no trial was completed.
    """
    from optuna.trial import TrialState

    if len(study.directions) > 1:
        trials = sorted(study.best_trials, key=lambda trial: trial.number)
    else:
        trials = [study.best_trial] if study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)) else []
    names = ["best"] if len(study.directions) == 1 else [f"best_{i + 1}" for i in range(len(trials))]
    written = []
    for name, trial in zip(names, trials, strict=False):
        path = folder / "experiment" / f"{name}.yaml"
        reached = ", ".join(f"{what} {value:.4g}" for what, value in zip(objective(study), trial.values, strict=True))
        text = preset([*fixed, *(f"{key}={value}" for key, value in trial.params.items())], load)
        comment = f"{command()} --config-dir {folder} experiment={name}: {reached} in trial {trial.number}"
        write_text(path, signed(f"# @package _global_\n# {' '.join(comment.split())}\n{text}"))
        written.append(path)
    for old in set((folder / "experiment").glob("best*.yaml")) - set(written):
        old.unlink()
    return written


def objective(study: "Study") -> list[str]:
    """The figures that are searched for, in the order of the values."""
    return list(study.user_attrs["objective"])


def preset(overrides: Sequence[str], load: Load) -> str:
    """YAML of what the overrides change of the defaults: options of groups, then single values.

    Raises:
        ApsiError: they remove something, which a preset can't do.
    """
    wanted, usual = load(overrides), _choices(load([]))
    chosen = {group: option for group, option in _choices(wanted).items() if usual.get(group, option) != option}
    chosen |= {group: option for group, option in _choices(wanted).items() if group not in usual}
    before, after = plain(load([f"{group}={_written(option)}" for group, option in chosen.items()])), plain(wanted)
    defaults = [{f"override /{group}": option} for group, option in chosen.items()]
    return yaml.safe_dump(
        {"defaults": defaults} | _changes(before, after), sort_keys=False, allow_unicode=True, default_flow_style=None
    )


def _choices(config: DictConfig) -> dict[str, Any]:
    """The options chosen, without presets, Hydra's own, and what belongs to the machine."""
    choices = OmegaConf.to_container(config.hydra.runtime.choices)
    assert isinstance(choices, dict)
    left_out = {"hydra", *_PRESETS, *OF_THIS_RUN}
    return {str(key): option for key, option in choices.items() if re.split("[/@]", str(key))[0] not in left_out}


def _written(option: Any) -> str:
    return "null" if option is None else str(option).replace("'", "").replace(" ", "")


def _changes(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """What has to be merged into `before` to make it `after`."""
    changes: dict[str, Any] = {}
    for key, value in after.items():
        if key in before and isinstance(before[key], dict) and isinstance(value, dict):
            changes |= {key: inner} if (inner := _changes(before[key], value)) else {}
        elif key not in before or before[key] != value:
            changes[key] = value
    if left_out := before.keys() - after.keys():
        raise ApsiError(f"the best trial removes {sorted(left_out)}, which a preset can't; write its options yourself")
    return changes
