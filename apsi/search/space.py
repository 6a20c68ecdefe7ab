"""Hydra's words for what is searched, and values back in Hydra's words."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from apsi.errors import ApsiError

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

Space = dict[str, "BaseDistribution"]


def search_space(params: dict[str, Any], arguments: Sequence[str]) -> tuple[Space, list[str]]:
    """What is searched, and the overrides that stay fixed; the command line comes before the YAML file.

    Raises:
        ApsiError: nothing is searched.
    """
    from hydra_plugins.hydra_optuna_sweeper._impl import create_params_from_overrides

    yaml_space, yaml_fixed, _ = create_params_from_overrides([f"{key}={value}" for key, value in params.items()])
    given_space, given_fixed, _ = create_params_from_overrides(list(arguments))
    space = {name: what for name, what in yaml_space.items() if name not in given_fixed} | given_space
    if not space:
        raise ApsiError(
            "nothing is searched: choose hparams_search=ppo_optuna or another search, or write a value as "
            "'algo.gamma=interval(0.5,0.99)' or 'algo=choice(ppo,dqn)'"
        )
    kept = [f"{key}={params[key]}" for key in yaml_fixed if key not in given_space.keys() | given_fixed.keys()]
    return space, [*kept, *(argument for argument in arguments if argument.partition("=")[0] not in given_space)]


def grid(space: Space) -> dict[str, list[Any]]:
    """The values that a grid is made of.

    Raises:
        ApsiError: a range has no steps.
    """
    from hydra_plugins.hydra_optuna_sweeper._impl import OptunaSweeperImpl

    values = {}
    for name, distribution in space.items():
        try:
            values[name] = list(OptunaSweeperImpl._to_grid_sampler_choices(distribution))
        except ValueError as error:
            raise ApsiError(
                f"{name}: a grid takes values, as in '{name}=choice(0.5,0.8)', or steps, as in "
                f"'{name}=range(1,5)', not an interval"
            ) from error
    return values


def quoted(value: Any) -> str:
    """A value as it is written on Hydra's command line."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        text = value.replace("\\'", "\\\\'").replace("'", "\\'")
        return f"'{text}'"
    if isinstance(value, dict):
        return "{" + ",".join(f"{key}:{quoted(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(quoted, value)) + "]"
    return repr(value)
