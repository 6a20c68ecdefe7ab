"""Components out of the user's own packages: theirs to name, and nobody else's."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from omegaconf import DictConfig, OmegaConf

from apsi.config.compose import load_config
from apsi.config.instantiate import check, instantiate
from apsi.config.whitelist import whitelist
from apsi.errors import ApsiError
from tests.config.test_trust import checkpoint, refusal, saved

CODE = """
from dataclasses import dataclass
from pathlib import Path as Foreign

@dataclass(frozen=True)
class Mine:
    price: float
"""
TARGET = "my_rewards.Mine"


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[DictConfig]:
    """An option of a package of the user's own, which can be imported."""
    (tmp_path / "my_rewards.py").write_text(CODE)
    monkeypatch.syspath_prepend(tmp_path)
    yield OmegaConf.create({"reward": {"_target_": TARGET, "price": 0.5}})
    sys.modules.pop("my_rewards", None)


@pytest.fixture
def allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APSI_ALLOW", "my_rewards, other.package")


def test_an_own_package_is_refused_until_it_is_allowed_and_the_error_says_how(
    mine: DictConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ApsiError, match=r"reward\._target_=my_rewards\.Mine is not .* set APSI_ALLOW=my_rewards"):
        check(mine)
    assert "my_rewards" not in sys.modules
    monkeypatch.setenv("APSI_ALLOW", "my_rewards")
    assert instantiate(mine.reward).price == 0.5


@pytest.mark.usefixtures("allowed")
def test_allowing_a_package_allows_no_other(mine: DictConfig) -> None:
    for target in ("my_rewards_too.Mine", "other.Mine", "os.system", "my_rewards.Foreign"):
        mine.reward._target_ = target
        with pytest.raises(ApsiError, match="is not allowed"):
            check(mine)


@pytest.mark.usefixtures("allowed")
def test_an_own_option_is_held_against_its_class_as_apsis_own_are(mine: DictConfig) -> None:
    mine.reward.pryce = 1
    with pytest.raises(ApsiError, match=r"has no argument 'pryce'\. Did you mean 'price'\?"):
        check(mine)
    mine.reward = {"price": 1}
    with pytest.raises(ApsiError, match="reward names nothing to build: its option needs a line _target_:"):
        instantiate(mine.reward)


@pytest.mark.usefixtures("allowed")
def test_a_package_that_is_not_found_is_looked_for_where_pythonpath_says() -> None:
    node = OmegaConf.create({"_target_": "other.package.Mine"})
    with pytest.raises(ApsiError, match=r"other\.package\.Mine can't be imported(.|\n)*PYTHONPATH=ITS_FOLDER"):
        check(node)


@pytest.mark.parametrize("given", ["my rewards", "my_rewards.*", "../mine", "*", "1a", "my_rewards;os"])
def test_what_is_no_package_is_refused(given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APSI_ALLOW", given)
    with pytest.raises(ApsiError, match=r"APSI_ALLOW=.*is no name of a package.*APSI_ALLOW=mine,other\.rewards"):
        whitelist()


@pytest.mark.usefixtures("mine", "allowed")
def test_a_checkpoint_from_elsewhere_gets_nothing_by_it(tmp_path: Path) -> None:
    brought = saved() | {"reward": {"_target_": TARGET, "price": 0.5}}
    path = checkpoint(tmp_path / "theirs.zip", brought)
    command = ["task=evaluate", f"checkpoint={path}"]
    assert f"reward._target_={TARGET}: apsi would run it" in refusal(*command)
    assert load_config([*command, "trust_checkpoint=true"]).reward._target_ == TARGET
    presets = tmp_path / "presets" / "reward"
    presets.mkdir(parents=True)
    (presets / "mine.yaml").write_text(f"_target_: {TARGET}\nprice: 0.1\n")
    named = load_config([*command, f"hydra.searchpath=[file://{presets.parent}]", "reward=mine"])
    assert named.reward == {"_target_": TARGET, "price": 0.1}


@pytest.mark.usefixtures("mine")
def test_not_even_trust_makes_up_for_what_is_not_allowed(tmp_path: Path) -> None:
    path = checkpoint(tmp_path / "theirs.zip", saved() | {"reward": {"_target_": TARGET, "price": 0.5}})
    assert "is not allowed" in refusal("task=evaluate", f"checkpoint={path}", "trust_checkpoint=true")
    assert "my_rewards" not in sys.modules
