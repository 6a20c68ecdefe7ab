"""A search space out of Hydra's sweep syntax, and values back into Hydra's syntax."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import FloatRange, IntervalSweep, Override, RangeSweep, Transformer
from hydra.errors import HydraException

from apsi.errors import ApsiError

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

Space = dict[str, "BaseDistribution"]


def search_space(params: Mapping[str, Any], arguments: Sequence[str]) -> tuple[Space, list[str]]:
    """What is searched, and the overrides that stay fixed; the command line comes before the YAML file.

    Raises:
        ApsiError: nothing is searched, or a range is empty.
    """
    yaml, given = _by_key([f"{key}={value}" for key, value in params.items()]), _by_key(arguments)
    swept = {key: override for key, override in (yaml | given).items() if override.is_sweep_override()}
    if not swept:
        raise ApsiError(
            "nothing is searched: choose hparams_search=ppo_optuna or another search, or write a value as "
            "'algo.gamma=interval(0.5,0.99)' or 'algo=choice(ppo,dqn)'"
        )
    kept = [f"{key}={params[key]}" for key in yaml if key not in swept.keys() | given.keys()]
    return (
        {key: distribution(override) for key, override in swept.items()},
        [*kept, *(argument for argument in arguments if argument.partition("=")[0] not in swept)],
    )


def distribution(override: Override) -> "BaseDistribution":
    """What Optuna samples from, of a sweep in Hydra's syntax.

    `interval` is uniform, or log-uniform within `tag(log,...)`; `range` has steps; everything else is a choice.

    Raises:
        ApsiError: the range or interval holds no value.
    """
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    value: Any = override.value()
    try:
        if isinstance(value, IntervalSweep):
            low, high, is_log = value.start, value.end, "log" in value.tags
            assert low is not None and high is not None
            if isinstance(low, int) and isinstance(high, int):
                return IntDistribution(low, high, log=is_log)
            return FloatDistribution(low, high, log=is_log)
        if isinstance(value, RangeSweep) and not value.shuffle and not value.transformers:
            values: Any = value.range()  # without its end; Optuna's ranges hold theirs
            if isinstance(values, range):
                low, high = sorted((values[0], values[-1]))
                return IntDistribution(low, high, step=abs(values.step))
            floats = list(values)
            low, high = sorted((floats[0], floats[-1]))
            return FloatDistribution(low, high, step=abs(float(value.step)))
        choices: Any = override.sweep_iterator(transformer=Transformer.encode)
        return CategoricalDistribution(list(choices))
    except IndexError as error:
        raise ApsiError(f"{override.input_line}: the range holds no value") from error
    except (ValueError, HydraException) as error:
        raise ApsiError(f"{override.input_line}: {error}") from error


def grid(space: Space) -> dict[str, list[Any]]:
    """The values that a grid is made of.

    Raises:
        ApsiError: an interval has no steps.
    """
    return {name: _values(name, distribution) for name, distribution in space.items()}


def _values(name: str, distribution: "BaseDistribution") -> list[Any]:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if isinstance(distribution, CategoricalDistribution):
        return list(distribution.choices)
    if isinstance(distribution, IntDistribution):
        return list(range(distribution.low, distribution.high + 1, distribution.step))
    if isinstance(distribution, FloatDistribution) and distribution.step is not None:
        return [*FloatRange(distribution.low, distribution.high, distribution.step), distribution.high]
    raise ApsiError(
        f"{name}: a grid takes values, as in '{name}=choice(0.5,0.8)', or steps, as in '{name}=range(1,5)', not an "
        "interval"
    )


def _by_key(overrides: Sequence[str]) -> dict[str, Override]:
    """The overrides that set a value; what is left out (`~key`) is no part of a search."""
    parsed = OverridesParser.create().parse_overrides(list(overrides))
    return {override.get_key_element(): override for override in parsed if not override.is_delete()}


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
