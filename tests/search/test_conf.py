"""Every search, sampler and pruner: composed, built, and held against what it searches."""

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig, OmegaConf

from apsi.config import schema
from apsi.config.compose import load_config
from apsi.config.instantiate import check, instantiate
from apsi.installation import CONFIG_DIR
from apsi.search.settings import read_settings
from apsi.search.space import grid, search_space

pytest.importorskip("optuna")
SEARCHES = sorted(path.stem for path in (CONFIG_DIR / "hparams_search").glob("*.yaml"))
SAMPLERS = sorted(path.stem for path in (CONFIG_DIR / "hydra/sweeper/sampler").glob("*.yaml"))
PRUNERS = sorted(path.stem for path in (CONFIG_DIR / "hydra/sweeper/pruner").glob("*.yaml"))


def sweeper(*overrides: str) -> DictConfig:
    """Hydra's node of the sweeper, under these overrides."""
    schema.register()
    with initialize_config_dir(str(CONFIG_DIR)):
        node = compose("config", overrides=list(overrides), return_hydra_config=True).hydra.sweeper
    assert isinstance(node, DictConfig)
    return node


def test_there_is_a_search_for_each_main_algorithm_and_for_rewards() -> None:
    assert {"ppo_optuna", "dqn_optuna", "sac_optuna", "undo_optuna", "full_q_optuna", "reward_optuna"} <= set(SEARCHES)
    assert (len(SEARCHES), len(SAMPLERS), len(PRUNERS)) >= (9, 5, 3)


@pytest.mark.parametrize(
    "search", [s if s == "ppo_optuna" else pytest.param(s, marks=pytest.mark.slow) for s in SEARCHES]
)
def test_all_that_a_search_tries_fits_the_signatures(search: str) -> None:
    node = sweeper(f"hparams_search={search}")
    settings = read_settings({str(key): value for key, value in node.items() if key != "_target_"})
    space, _ = search_space(settings.params, [])
    values = {name: getattr(what, "choices", None) or [what.low, what.high] for name, what in space.items()}
    for i in range(max(map(len, values.values()))):  # each value at least once
        check(load_config([f"hparams_search={search}", *(f"{name}={v[i % len(v)]}" for name, v in values.items())]))
    assert load_config([f"hparams_search={search}"]).task._target_.endswith("train")


@pytest.mark.parametrize("option", SAMPLERS)
def test_a_sampler_can_be_built(option: str) -> None:
    node = OmegaConf.to_container(sweeper("hydra/sweeper=pruning", f"hydra/sweeper/sampler={option}").sampler)
    assert isinstance(node, dict)
    more = {}
    if node.pop("_partial_", False):
        more["search_space"] = grid(search_space({"algo.gamma": "choice(0.5,0.9)"}, [])[0])
    assert instantiate(OmegaConf.create(node | more)) is not None


@pytest.mark.parametrize("option", PRUNERS)
def test_a_pruner_can_be_built(option: str) -> None:
    assert instantiate(sweeper("hydra/sweeper=pruning", f"hydra/sweeper/pruner={option}").pruner) is not None


@pytest.mark.parametrize("folder", ["sampler", "pruner", "."])
def test_an_option_begins_with_a_comment_that_says_what_it_is(folder: str) -> None:
    for path in (CONFIG_DIR / "hydra/sweeper" / folder).glob("*.yaml"):
        assert path.read_text().startswith("# ")
