"""The typed root of every configuration: a key that is not here, or of the wrong type, is an error."""

import os
import re
from dataclasses import asdict, dataclass, field
from itertools import chain, count
from pathlib import Path
from typing import Any, Literal

from hydra.core.config_store import ConfigStore
from hydra.utils import get_method
from omegaconf import DictConfig, OmegaConf

from apsi.config.options import options_text
from apsi.config.renamed import with_new_names
from apsi.dataset.selection import Selection
from apsi.errors import ApsiError
from apsi.installation import command

Component = dict[str, Any]
"""One option of a group: `_target_` and the arguments of what it names, checked against its signature."""


@dataclass
class TrainSettings:
    """How long to train, and how often to validate and save; counted in environment steps.

    Where `epochs` or `total_episodes` is set, that counts instead of `total_timesteps`, and `eval_every`,
    `checkpoint_every` and `keep_every` are counted in the same.
    """

    total_timesteps: int = 150_000
    """all environments together"""
    total_episodes: int | None = None
    """episodes instead; null: see above"""
    epochs: int | None = None
    """epochs instead: each as many episodes as the training split has"""
    n_envs: int = 64
    """episodes that are edited in parallel"""
    eval_every: int = 10_000
    """steps between two validations"""
    eval_episodes: int = 200
    """episodes of a validation"""
    patience: int | None = None
    """training ends when so many validations in a row have found nothing better than the best before; null: never"""
    checkpoint_every: int = 10_000
    """steps between two saves of last.zip"""
    keep_every: int | None = None
    """steps between checkpoints that are kept besides, such as step_00010000.zip; null: none"""
    keep_at_most: int | None = 5
    """number of these, the latest, that are kept; null: all"""
    images: int = 4
    """episodes of each validation shown in pictures and a video; 0: none"""

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if value is not None:
                _require(f"train.{name}", value, at_least=0 if name == "images" else 1)
        if self.epochs is not None and self.total_episodes is not None:
            raise ApsiError(
                f"train.epochs={self.epochs} and train.total_episodes={self.total_episodes} are both set: give the one "
                "that says how long to train"
            )
        total = self.epochs or self.total_episodes
        if total is not None and self.eval_every > total:
            unit = "epochs" if self.epochs else "episodes"
            raise ApsiError(
                f"train.eval_every={self.eval_every} is counted in {unit} here, of which there are {total}: add "
                f"train.eval_every={max(1, total // 10)}, and train.checkpoint_every likewise"
            )


def training_budget(train: Any) -> tuple[int, str]:
    """How long `TrainSettings`, or a mapping of them, say that training takes, and in which unit."""
    if train.get("epochs"):
        return train["epochs"], "epochs"
    if train.get("total_episodes"):
        return train["total_episodes"], "episodes"
    return train.get("total_timesteps"), "environment steps"


@dataclass
class EvaluateSettings:
    """What the evaluation runs and shows."""

    episodes: int | None = None
    """number of episodes, the first of the split; null: all"""
    batch_size: int = 64
    """episodes that are edited in parallel"""
    images: int = 20
    """number of episodes, from the first, for which every policy's edits are shown; 0: none"""
    harm: bool = True
    """also plays the photos as they were before they were degraded: what an agent does to photos that need nothing"""
    fixations: str | None = None
    """env=crop: a JSON file of where people looked, photo -> person -> [[x, y, milliseconds], ...] with x and y as
    shares of the sides; says which share of it crops keep"""
    require: str | None = None
    """conditions such as `agent.success_rate>=0.7`, separated by commas; exit code 3 where one does not hold"""

    def __post_init__(self) -> None:
        if self.episodes is not None:
            _require("evaluate.episodes", self.episodes, at_least=1)
        _require("evaluate.batch_size", self.batch_size, at_least=1)
        _require("evaluate.images", self.images, at_least=0)


@dataclass
class AdviseSettings:
    """How far a photo may be edited, and how many photos are worked on at a time (`task=advise`, `apply`, `studio`)."""

    max_calls: int | None = 300
    """photos that the juror may score while one photo is edited; null: any number"""
    min_gain: float = 0.05
    """a photo is left as it is unless its juror's score rises by at least this much"""
    min_change: float = 1.0
    """steps that change the result by less are left out; mean CIEDE2000, of which about 1 is just noticeable"""
    crop: Literal["suggest", "apply"] | None = "suggest"
    """`suggest`: a better crop is told beside the edits; `apply`: it is the first of them; null: none is looked for"""
    min_crop_gain: float = 0.1
    """no crop is suggested unless the score of `crop_juror` rises by at least this much"""
    aspect: str | None = None
    """width:height that a crop has, such as 3:2; original: that of the photo; null: any. A photo of another shape is
    cut to it whatever it gains, unless that leaves less than `min_area`"""
    faces: Literal["keep"] | None = None
    """keep: no crop cuts a face or leaves one out; needs the extra `faces`"""
    min_area: float = 0.25
    """smallest crop, as a share of the photo"""
    workers: int | None = None
    """photos that are worked on at a time; null: as many as there are processors"""

    def __post_init__(self) -> None:
        for name, value in (("max_calls", self.max_calls), ("workers", self.workers)):
            if value is not None:
                _require(f"advise.{name}", value, at_least=1)
        for name in ("min_gain", "min_change", "min_crop_gain"):
            number = getattr(self, name)
            if not number >= 0:
                raise ApsiError(f"advise.{name}={number} must be at least 0")
        if not 0 < self.min_area <= 1:
            raise ApsiError(f"advise.min_area={self.min_area} must be above 0 and at most 1, a share of the photo")


@dataclass
class PreferenceSettings:
    """Pairs and answers (`task=import_answers`, `export_answers`)."""

    format: Component | None = None
    """of the file that is read or written"""


@dataclass
class SearchSettings:
    """The trial of a search that a run is; the sweep fills it in."""

    storage: str | None = None
    study: str | None = None
    trial: int | None = None
    pruner: Component | None = None
    earlier: list[float] = field(default_factory=list)
    is_last: bool = True
    parent_run: str | None = None


@dataclass
class Config:
    """One run of apsi."""

    task: Component
    acquire: Component
    """gets what `dataset=archive` and its like name"""
    preprocess: Component
    degradation: Component
    transform: Component
    env: Component
    reward: Component
    episodes: Component
    juror: Component
    worker_pool: Component
    device: Component
    algo: Component
    feature_extractor: Component
    tracking: dict[str, Component]
    policy: dict[str, Component]
    dataset: Component = field(default_factory=lambda: asdict(Selection()))
    """with the settings that all data sets have"""
    train: TrainSettings = field(default_factory=TrainSettings)
    evaluate: EvaluateSettings = field(default_factory=EvaluateSettings)
    search: SearchSettings = field(default_factory=SearchSettings)
    advise: AdviseSettings = field(default_factory=AdviseSettings)
    preference: PreferenceSettings = field(default_factory=PreferenceSettings)
    export: dict[str, Component] = field(default_factory=dict)
    second_juror: Component | None = None
    crop_juror: Component | None = None
    crops: Component | None = None
    """photos with crops that people chose or scored"""
    pairs: Component | None = None
    """what pairs of versions are made of"""
    select: Component | None = None
    """which of them are shown"""
    seed: int = 42
    """of the agent: networks, exploration, order of the training episodes, random baselines"""
    data_seed: int = 42
    """of the data: splits, crops, degradations, and with them the photos that jurors are fitted on"""
    data_dir: str = "data"
    output_dir: str = "outputs"
    preference_dir: str = "preferences"
    """pairs of photos and people's answers"""
    run_name: str = "run"
    quiet: bool = False
    preflight: bool = False
    score_cache: int = 1_000_000
    score_cache_dir: str | None = None
    split: Literal["train", "val", "test", "all"] = "test"
    checkpoint: str | None = None
    trust_checkpoint: bool = False
    resume: str | None = "auto"
    init_from: str | None = None
    """the checkpoint whose weights the run began with; kept as a record of it"""
    run_id: str | None = None
    run_ids: list[str] = field(default_factory=list)
    recipe: str | None = None
    photo: Any = None
    """a file, a folder, or a list of them"""
    out: str | None = None
    strip_gps: bool = False
    explain: bool = True
    language: str = "en"
    metrics_port: int | None = None
    """where Prometheus reads the run's metrics"""
    metrics_host: str = "127.0.0.1"
    groups: Any = None
    """a mapping of lists, and no typed one, which Hydra would not fill from the command line"""

    def __post_init__(self) -> None:
        _require("seed", self.seed, at_least=0, below=2**32)
        _require("data_seed", self.data_seed, at_least=0, below=2**32)
        _require("score_cache", self.score_cache, at_least=0)
        if self.metrics_port is not None:
            _require("metrics_port", self.metrics_port, at_least=0, below=65536)
        require_run_name(self.run_name)


def _require(place: str, value: int, at_least: int, below: int | None = None) -> None:
    if value < at_least:
        raise ApsiError(f"{place}={value} must be at least {at_least}")
    if below is not None and value >= below:
        raise ApsiError(f"{place}={value} must be below {below}")


def require_run_name(name: str) -> None:
    """Raises an ApsiError for what is no safe name of a folder on every system."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", name) or name.endswith("."):
        raise ApsiError(
            f"run_name={name} must begin with a letter or digit and hold only letters, digits, '.', '_' and '-', "
            "at most 100 of them"
        )


def completed(written: Any) -> DictConfig:
    """A configuration written by this or an earlier version of apsi, checked against the current schema."""
    content = OmegaConf.to_container(written) if OmegaConf.is_config(written) else written
    content = with_new_names(content)
    if "seed" in content and "data_seed" not in content:
        content["data_seed"] = content["seed"]  # there was one seed for both
    tracking = content.get("tracking", {})
    if "_target_" in tracking:  # there was one tracker, which had no name
        content["tracking"] = {str(tracking["_target_"]).split(".")[-2]: tracking}
    config = OmegaConf.merge(OmegaConf.structured(Config), content)
    assert isinstance(config, DictConfig)
    return config


def register() -> None:
    """Registers the schema, and what `conf/config.yaml` refers to, with Hydra."""
    store = ConfigStore.instance()
    if "schema.yaml" not in store.repo:  # making a node of it takes longer than all else here
        store.store(name="schema", node=Config)
    OmegaConf.register_resolver("apsi.free", free_folder, replace=True, use_cache=True)
    OmegaConf.register_resolver("apsi.command", command, replace=True)
    OmegaConf.register_resolver("apsi.options", options_text, replace=True)
    OmegaConf.register_resolver("apsi.transforms", every_transform, replace=True)


def every_transform() -> list[str]:
    """The labels of all transforms, found by name as components are, and only where somebody looks at them."""
    labels: list[str] = get_method("apsi.transform.catalogue.every_label")()
    return labels


def free_folder(path: str) -> str:
    """The folder, or where a run has it already, the first of `path-2`, `path-3`, ... that is free."""
    names = chain([path], (f"{path}-{number}" for number in count(2)))
    # os.path, as a path that the system refuses is one for whoever makes the folder to report
    return next(name for name in names if not os.path.lexists(Path(name).expanduser()))
