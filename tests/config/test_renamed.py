"""Names of earlier versions."""

from typing import Any

import pytest
from hydra.errors import HydraException
from hydra.utils import get_object
from omegaconf import OmegaConf

from apsi.config.compose import explain, flat, load_config
from apsi.config.instantiate import check, instantiate
from apsi.config.renamed import ARGUMENTS, OPTIONS, TARGETS, settings_with_new_names, with_new_names
from apsi.config.schema import completed
from apsi.errors import ApsiError


@pytest.mark.parametrize(("old", "new"), OPTIONS.items())
def test_an_old_option_or_setting_is_answered_with_the_new_one_which_exists(old: str, new: str) -> None:
    override = f"{old.replace('/', '=')}" if "/" in old else f"{old}=0.5"
    with pytest.raises(HydraException) as error:
        load_config([override])
    assert f"is now {new}" in explain(error.value)
    if "=" in new:
        load_config([new])


@pytest.mark.parametrize("target", [*TARGETS.values(), *ARGUMENTS])
def test_new_names_lead_to_something(target: str) -> None:
    assert get_object(target)


def test_an_old_target_or_argument_of_a_users_own_file_is_answered_with_the_new_one() -> None:
    with pytest.raises(ApsiError, match=r"is now apsi\.policy\.expected_improvement"):
        check(OmegaConf.create({"_target_": "apsi.policy.checked.Checked"}))
    new = {"_target_": "apsi.policy.expected_improvement.ExpectedImprovement", "price": 0.1}
    with pytest.raises(ApsiError, match="It is now min_improvement"):
        check(OmegaConf.create(new))
    added = load_config(["+policy.checked.price=0.1"])  # which no schema refuses
    with pytest.raises(ApsiError, match=r"policy\.checked is now policy\.expected_improvement"):
        instantiate(added.policy.checked)


def test_a_configuration_on_record_is_read_with_the_new_names() -> None:
    saved = OmegaConf.to_container(load_config(["policy=[agent,expected_improvement]"]))
    assert isinstance(saved, dict)
    old = saved | {
        "policy": {"checked": {"_target_": "apsi.policy.checked.Checked", "price": 0.02, "recall": 0.7}},
        "preprocess": saved["preprocess"] | {"_target_": "apsi.preprocess.pipeline.Pipeline"},
    }
    read = completed(OmegaConf.create(old))
    check(read)
    assert read.policy.checked.min_improvement == 0.02
    assert old["preprocess"]["_target_"] == "apsi.preprocess.pipeline.Pipeline"
    assert with_new_names(with_new_names(old)) == with_new_names(old)


OLD = {new: old for old, new in TARGETS.items()}


def with_old_names(written: Any) -> Any:
    """As earlier versions wrote it: every target that has moved where it was before."""
    if isinstance(written, dict):
        return {key: with_old_names(value) for key, value in written.items()}
    return [with_old_names(v) for v in written] if isinstance(written, list) else OLD.get(written, written)


@pytest.mark.parametrize(
    "overrides",
    [
        ["algo=ppo", "algo/optimizer=adamw", "feature_extractor=resnet18", "reward=step_penalized"],
        ["algo=dqn", "algo/schedule=step", "feature_extractor=mobilenet_v2", "reward=stop_only_plain"],
        ["algo/schedule=warmup_cosine", "feature_extractor=resnet50", "reward=clipped_difference", "juror=laion"],
        ["algo=a2c", "feature_extractor=efficientnet_b0", "reward=stop_only_quadratic", "juror=siglip_v2_5"],
    ],
)
def test_components_that_moved_are_found_in_earlier_configurations(overrides: list[str]) -> None:
    now = load_config([*overrides, "run_name=earlier"])
    old = with_old_names(OmegaConf.to_container(now))
    moved = {old_target for old_target in TARGETS if old_target in str(old)}
    assert len(moved) >= 4
    read = completed(OmegaConf.create(old))
    check(read)
    assert read == now
    before, after = flat(OmegaConf.create(old)), flat(now)
    assert before != after
    assert settings_with_new_names(before) == after
