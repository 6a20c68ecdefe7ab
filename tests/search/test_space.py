"""What is searched, and what stays fixed."""

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from apsi.errors import ApsiError
from apsi.search.space import distribution, grid, quoted, search_space

optuna = pytest.importorskip("optuna")
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
    ("written", "kind", "content", "values"),
    [
        ("choice(8,16)", "Categorical", {"choices": (8, 16)}, [8, 16]),
        ("a,'b c'", "Categorical", {"choices": ("a", "'b c'")}, ["a", "'b c'"]),
        ("choice([1,2],[3])", "Categorical", {"choices": ("[1,2]", "[3]")}, ["[1,2]", "[3]"]),
        ("range(1,10,3)", "Int", {"low": 1, "high": 7, "step": 3, "log": False}, [1, 4, 7]),
        ("range(10,1,-3)", "Int", {"low": 4, "high": 10, "step": 3, "log": False}, [4, 7, 10]),
        ("range(0.1,1.05,0.25)", "Float", {"low": 0.1, "high": 0.85, "step": 0.25}, [0.1, 0.35, 0.6, 0.85]),
        ("int(interval(1,4))", "Int", {"low": 1, "high": 4, "step": 1, "log": False}, [1, 2, 3, 4]),
        ("interval(1,5)", "Float", {"low": 1.0, "high": 5.0, "step": None, "log": False}, None),
        ("tag(log,interval(1e-4,1e-2))", "Float", {"low": 1e-4, "high": 1e-2, "step": None, "log": True}, None),
        ("int(range(0.5,3))", "Categorical", {"choices": (0, 1, 2)}, [0, 1, 2]),
    ],
)
def test_hydras_sweeps_become_optunas_distributions(
    written: str, kind: str, content: dict[str, object], values: list[object] | None
) -> None:
    (override,) = OverridesParser.create().parse_overrides([f"key={written}"])
    found = distribution(override)
    assert type(found).__name__ == f"{kind}Distribution"
    assert found._asdict().items() >= content.items()
    if values is not None:
        assert grid({"key": found}) == {"key": values}


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("range(1,1)", r"key=range\(1,1\): the range holds no value"),
        ("range(0.5,0.5,0.1)", "the range holds no value"),
        ("range(1,5,0)", "must not be zero"),
        ("interval(5,1)", r"key=interval\(5,1\).*low=5.0"),
        ("tag(log,interval(0,1))", "low > 0"),
    ],
)
def test_a_sweep_of_nothing_is_one_clear_error(written: str, said: str) -> None:
    with pytest.raises(ApsiError, match=said):
        search_space({"key": written}, [])


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
