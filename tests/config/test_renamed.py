"""Names of earlier versions."""

import pytest
from hydra.errors import HydraException
from hydra.utils import get_object
from omegaconf import OmegaConf

from apsi.config.compose import explain, load_config
from apsi.config.instantiate import check
from apsi.config.renamed import ARGUMENTS, OPTIONS, TARGETS, with_new_names
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
