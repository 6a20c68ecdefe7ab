"""What `--help` and the tables of docs/ list: every group with its options, each with the first comment of its file."""

import re
from collections.abc import Sequence
from itertools import takewhile
from pathlib import Path

from hydra.core.global_hydra import GlobalHydra
from hydra.core.object_type import ObjectType

from apsi.installation import CONFIG_DIR, command

_OF_HYDRA = ("hydra/sweeper", "hydra/launcher")
_OF_PLUGINS = {
    "hydra/launcher/basic": "One run after another, in this process",
    "hydra/launcher/joblib": "Processes on this machine: hydra.launcher.n_jobs=4",
    "hydra/launcher/ray": "Ray, on this machine or a cluster: hydra.launcher.ray.init.address=HOST:6379",
    "hydra/launcher/ray_aws": "Ray on machines of Amazon's that it starts itself",
    "hydra/launcher/submitit_local": "Processes on this machine, in the way of Slurm",
    "hydra/launcher/submitit_slurm": "Jobs of a Slurm cluster: hydra.launcher.partition=NAME",
    "hydra/sweeper/sampler/motpe": "Tree-structured Parzen estimator for several objectives",
    "hydra/sweeper/sampler/nsgaii": "Genetic algorithm for several objectives (NSGA-II)",
    "hydra/sweeper/sampler/nsgaiii": "Genetic algorithm for many objectives (NSGA-III)",
    "hydra/sweeper/sampler/qmc": "Quasi-random numbers: covers the space more evenly than random",
    "hydra/sweeper/basic": "Every combination of the values: --multirun seed=1,2,3",
    "hydra/sweeper/optuna": "Hydra's own Optuna, without pruning or resuming; apsi's is `pruning`",
}
"""Options of other packages, which have no file here"""


def options_text() -> str:
    """The groups and their options as text, for Hydra's template, where a dollar sign is written twice."""
    loader = GlobalHydra.instance().config_loader()
    searched = [str(entry.path).removeprefix("file://") for entry in loader.get_search_path().get_path()]
    folders = [Path(path) for path in searched if "://" not in path]

    def groups(parent: str) -> list[str]:
        below = [f"{parent}/{name}" if parent else name for name in loader.list_groups(parent)]
        if not parent:
            below = [name for name in below if name != "hydra"]
        return [group for name in below for group in (name, *groups(name))]

    lines = []
    for group in [*sorted(groups("")), *(group for name in _OF_HYDRA for group in (name, *groups(name)))]:
        options = sorted(loader.get_group_options(group, ObjectType.CONFIG))
        width = max(map(len, options), default=0)
        lines += [group, *(f"  {option:<{width}}  {about(group, option, folders)}".rstrip() for option in options), ""]
    return "\n".join(lines).rstrip().replace("$", "$$")


def option_of(place: str, target: str) -> str | None:
    """The option that names this target, of the group at a place of the configuration such as `algo.schedule`.

    Options of `policy` and `export` stand below them, under their own names.
    """
    group = CONFIG_DIR / place.replace(".", "/")
    line = re.compile(rf"^ *_target_: {re.escape(target)}$", re.MULTILINE)
    files = [path for folder in (group, group.parent) for path in sorted(folder.glob("*.yaml"))]
    return next((path.stem for path in files if line.search(path.read_text(encoding="utf-8"))), None)


def about(group: str, option: str, folders: Sequence[Path] = (CONFIG_DIR,)) -> str:
    """What an option is, in one line: the comment that its file begins with, without the command that chooses it.

    Args:
        group: as in `reward/bonus`.
        option: as in `fixed`.
        folders: where options lie, in the order of search.
    """
    paths = [folder / group / f"{option}.yaml" for folder in folders]
    path = next((path for path in paths if path.is_file()), None)
    if path is None:
        return _OF_PLUGINS.get(f"{group}/{option}", "")
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("# @package")]
    comment = " ".join(line.lstrip("# ") for line in takewhile(lambda line: line.startswith("#"), lines))
    said = re.sub(rf"^(python run\.py|apsi) (--multirun )?{group}={option}: ", "", comment)
    return said.replace("python run.py", command())
