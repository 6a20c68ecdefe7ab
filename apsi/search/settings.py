"""The settings of a sweep, and checks that they are consistent."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from omegaconf import OmegaConf
from pydantic import Field, NonNegativeInt, PositiveInt, TypeAdapter, ValidationError

from apsi.errors import ApsiError
from apsi.types import Seed


@dataclass(frozen=True)
class SweepSettings:
    """What is searched, how, and how long.

    Args:
        sampler: what proposes values, a component of `optuna.samplers`.
        pruner: what ends bad trials early, a component of `optuna.pruners`; None for nothing.
        objective: names of figures that the task returns.
        direction: for each of them, maximize or minimize.
        n_trials: in all, those of earlier runs of the same search included.
        n_jobs: trials launched together.
        seeds: seeds of a trial's runs, whose mean counts; none for the one seed of the configuration.
        storage: URL of a sqlite file or PostgreSQL database; None for `search.db` in `output_dir`.
        study_name: None for one made from the search and all that it keeps fixed.
        max_failures: this many failed trials in a row end the sweep.
        params: what is searched, in Hydra's sweep syntax.
    """

    sampler: dict[str, Any]
    objective: Annotated[list[str], Field(min_length=1)]
    direction: list[Literal["maximize", "minimize"]]
    n_trials: PositiveInt
    n_jobs: PositiveInt
    seeds: list[Seed]
    storage: str | None
    study_name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][\w.-]*$")] | None
    max_failures: NonNegativeInt
    params: dict[str, Any]
    pruner: dict[str, Any] | None = None


def read_settings(given: Mapping[str, Any]) -> SweepSettings:
    """The settings below `hydra.sweeper`, checked.

    Raises:
        ApsiError: one has the wrong type or value, or two are inconsistent.
    """
    plain = {k: OmegaConf.to_container(v) if OmegaConf.is_config(v) else v for k, v in given.items()}
    try:
        settings = TypeAdapter(SweepSettings).validate_python(plain)
    except ValidationError as error:
        problem = error.errors()[0]
        where = ".".join(["hydra.sweeper", *map(str, problem["loc"])])
        raise ApsiError(f"{where}={problem['input']!r}: {problem['msg']}") from None
    _require_consistent(settings)
    return settings


def _require_consistent(settings: SweepSettings) -> None:
    objective: Sequence[str] = settings.objective
    if len(settings.direction) != len(objective):
        raise ApsiError(
            f"hydra.sweeper.direction={settings.direction} must hold one direction for each of objective={objective}"
        )
    if len(objective) > 1 and settings.pruner is not None:
        raise ApsiError(
            f"hydra.sweeper.objective={objective}: a trial with several objectives can't be pruned; add "
            "hydra/sweeper/pruner=null"
        )
    if settings.pruner is not None and settings.direction != ["maximize"]:
        raise ApsiError(
            "hydra.sweeper.direction=[minimize]: the pruner compares the figure that chooses the best checkpoint, "
            "where higher is better; add hydra/sweeper/pruner=null"
        )
    if len(set(settings.seeds)) < len(settings.seeds):
        raise ApsiError(f"hydra.sweeper.seeds={settings.seeds} names a seed twice")
