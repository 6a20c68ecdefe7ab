"""What is searched, and what stays fixed."""

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from apsi.errors import ApsiError
from apsi.search.space import grid, quoted, search_space

pytest.importorskip("hydra_plugins.hydra_optuna_sweeper")
YAML = {"algo.gamma": "interval(0.5,0.9)", "algo.n_steps": "choice(8,16)", "seed": 3}


def test_the_command_line_comes_before_the_yaml_file() -> None:
    space, fixed = search_space(YAML, ["algo.gamma=0.7", "seed=choice(1,2)", "debug=tiny", "dataset.path='a b'"])
    assert sorted(space) == ["algo.n_steps", "seed"]
    assert fixed == ["algo.gamma=0.7", "debug=tiny", "dataset.path='a b'"]


def test_what_the_yaml_file_fixes_is_fixed() -> None:
    space, fixed = search_space(YAML, [])
    assert sorted(space) == ["algo.gamma", "algo.n_steps"]
    assert fixed == ["seed=3"]


def test_nothing_to_search_is_an_error_that_says_how_to_write_it() -> None:
    with pytest.raises(ApsiError, match="hparams_search=ppo_optuna"):
        search_space({}, ["seed=3"])


def test_a_grid_takes_no_intervals() -> None:
    space, _ = search_space(YAML, ["algo.gamma=choice(0.5,0.8)"])
    assert grid(space) == {"algo.gamma": [0.5, 0.8], "algo.n_steps": [8, 16]}
    with pytest.raises(ApsiError, match=r"algo\.gamma: a grid takes values"):
        grid(search_space(YAML, [])[0])


@pytest.mark.parametrize(
    "value",
    [None, True, 3, 1e-05, "plain", "it's, 'q' = {x}", "back\\slash\\'", [1.5, "a b"], {"a": {"_target_": "x.Y"}}],
)
def test_a_value_survives_hydras_command_line(value: object) -> None:
    (override,) = OverridesParser.create().parse_overrides([f"key={quoted(value)}"])
    read = override.value()
    assert _plain(read) == value


def _plain(value: object) -> object:
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    return getattr(value, "text", value)
