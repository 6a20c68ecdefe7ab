"""What benchmarks read out of their runs, and that their settings compose."""

from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest

from apsi.config.compose import load_config
from apsi.errors import ApsiError

SCRIPTS = Path(__file__).parents[1] / "benchmarks"


def loaded(name: str) -> ModuleType:
    spec = spec_from_file_location(f"benchmarks_{name}", SCRIPTS / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def repair() -> ModuleType:
    return loaded("repair")


def test_the_steps_of_a_run_follow_from_the_pace_of_the_second_half_of_a_short_one(repair: ModuleType) -> None:
    trace = [(0, 0.0), (10, 8.0), (20, 10.0), (60, 14.0), (110, 19.0)]  # slow at first, then 10 steps a second
    assert repair.steps_within(trace, 119.0) == 1110
    with pytest.raises(ApsiError, match="add --seconds"):
        repair.steps_within([(0, 0.0), (0, 3.0)], 60.0)


def test_curves_of_seeds_are_averaged_where_all_have_points(repair: ModuleType, tmp_path: Path) -> None:
    curves = [[(1.0, 0.0), (3.0, 0.2), (5.0, 0.4)], [(2.0, 0.4), (6.0, 0.4)]]
    line, band = repair.mean_curve(curves)
    assert line == [(2.0, pytest.approx(0.25)), (3.5, pytest.approx(0.325)), (5.0, pytest.approx(0.4))]
    assert band == [(x, pytest.approx(low), 0.4) for x, low in ((2.0, 0.1), (3.5, 0.25), (5.0, 0.4))]
    repair.draw({"recover": curves, "ppo": curves[:1]}, tmp_path / "new" / "curve.png", "wall")
    assert 5_000 < (tmp_path / "new" / "curve.png").stat().st_size < 60_000


def test_the_settings_of_every_algorithm_compose(repair: ModuleType) -> None:
    for algo, settings in repair.SETTINGS.items():
        assert load_config(["experiment=repair", f"algo={algo}", *settings]).env.observation_size == [128, 128]


def test_what_rainbow_is_held_against_composes_and_finds_its_runs(tmp_path: Path) -> None:
    rainbow = loaded("rainbow")
    for settings in rainbow.ALGORITHMS.values():
        config = load_config([*settings, *rainbow.COMMON])
        assert (config.train.n_envs, config.algo.batch_size) == (8, 32)
    assert len(rainbow.ALGORITHMS) == 9
    job = rainbow.Job("dqn", tmp_path, [])
    assert not rainbow.is_done(job)
    (tmp_path / "summary.json").touch()
    assert rainbow.is_done(job)
