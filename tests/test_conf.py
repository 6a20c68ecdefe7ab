"""Every option of every group: found, composed, held against the signature of what it names."""

import inspect
import re
from collections.abc import Iterator
from functools import cache

import pytest
import yaml
from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import HydraException, InstantiationException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from apsi.config import schema
from apsi.config.compose import load_config
from apsi.config.instantiate import check, instantiate
from apsi.config.whitelist import WHITELIST
from apsi.errors import ApsiError
from apsi.installation import CONFIG_DIR
from tests.fast import beside

SUPPLIED = {  # arguments that a caller, not a YAML file, supplies
    "observation_space",
    "juror",
    "context",
    "config",
    "folder",
    "stop",
}


SEVERAL = {"policy", "export", "tracking"}
"""Groups of which several options are chosen at once, which stand under their own names"""

EXTRA = {"juror/mapping": ["juror=onnx"], "juror/backbone": ["juror=preference", "juror.path=somewhere"]}
"""What a group stands in"""


def options() -> list[tuple[str, str]]:
    """Group and option, nested groups too, from Hydra's own view of conf/."""
    schema.register()
    with initialize_config_dir(str(CONFIG_DIR)):
        loader = GlobalHydra.instance().config_loader()

        def walk(parent: str) -> Iterator[tuple[str, str]]:
            for name in loader.list_groups(parent):
                group = f"{parent}/{name}" if parent else name
                if group != "hydra":
                    yield from ((group, option) for option in loader.get_group_options(group))
                    yield from walk(group)

        return list(walk(""))


OPTIONS = options()
COMPONENTS = [(group, option) for group, option in OPTIONS if group not in ("experiment", "debug", "hparams_search")]


def content(group: str, option: str) -> dict[str, object]:
    """What the file of an option holds."""
    found = yaml.safe_load((CONFIG_DIR / group / f"{option}.yaml").read_text(encoding="utf-8"))
    assert isinstance(found, dict)
    return found


def needs(group: str, option: str) -> list[str]:
    """The overrides with which an option is chosen."""
    missing = [key for key, value in content(group, option).items() if value == "???"]
    extra = [*EXTRA.get(group, []), *(f"{group}.{key}=somewhere" for key in missing)]
    if (group, option) in COMPONENTS:  # a preset brings what it needs
        extra += beside(group, option)
    return [f"{group}=[{option}]" if group in SEVERAL else f"{group}={option}", *extra]


def companies() -> list[list[tuple[str, str]]]:
    """Options that can be chosen at once, as none sets what another does: to compose each by itself takes minutes."""

    def keys(option: tuple[str, str]) -> set[str]:
        return {re.split(r"[@=]", override)[0].replace("/", ".") for override in needs(*option)}

    def apart(some: set[str], others: set[str]) -> bool:
        return not any(f"{a}.".startswith(f"{b}.") or f"{b}.".startswith(f"{a}.") for a in some for b in others)

    found: list[tuple[list[tuple[str, str]], set[str]]] = []
    for option in sorted(COMPONENTS, key=lambda option: -len(needs(*option))):
        company, taken = next((c for c in found if apart(c[1], keys(option))), ([], set()))
        if not company:
            found.append((company, taken))
        company.append(option)
        taken |= keys(option)
    return [company for company, _ in found]


COMPANY = {option: tuple(company) for company in companies() for option in company}
"""Whom an option is composed with"""


@cache
def composed(*company: tuple[str, str]) -> DictConfig | Exception:
    """The configuration with these options chosen, checked, or what is wrong with it."""
    try:
        config = load_config([*dict.fromkeys(override for option in company for override in needs(*option))])
        check(config)
    except (ApsiError, HydraException, OmegaConfBaseException) as error:
        return error
    return config


def load(group: str, option: str) -> DictConfig:
    """The configuration with this option chosen, checked; with fewer beside it where it fails, at last with none."""
    company = COMPANY.get((group, option), ((group, option),))
    while isinstance(result := composed(*company), Exception):
        if len(company) == 1:
            raise result
        first, second = company[: len(company) // 2], company[len(company) // 2 :]
        company = first if (group, option) in first else second
    return result


def node_of(group: str, option: str) -> DictConfig:
    """The component itself."""
    node = OmegaConf.select(load(group, option), f"{group}.{option}" if group in SEVERAL else group.replace("/", "."))
    assert isinstance(node, DictConfig)
    return node


def test_hydra_sees_every_yaml_file() -> None:
    files = {path.relative_to(CONFIG_DIR).with_suffix("").as_posix() for path in CONFIG_DIR.rglob("*.yaml")}
    files -= {file for file in files if file.startswith("hydra/")}  # seen in tests/search
    assert {f"{group}/{option}" for group, option in OPTIONS} | {"config"} == files
    assert len(OPTIONS) >= 103


@pytest.mark.parametrize(("group", "option"), OPTIONS)
def test_an_option_composes_and_fits_the_signatures(group: str, option: str) -> None:
    assert load(group, option)


@pytest.mark.parametrize(("group", "option"), COMPONENTS)
def test_yaml_keys_and_constructor_arguments_are_the_same(group: str, option: str) -> None:
    node = node_of(group, option)
    module, _, name = node["_target_"].rpartition(".")
    target = getattr(__import__(module, fromlist=[name]), name)
    arguments = set(inspect.signature(target).parameters) - SUPPLIED
    common = {name for kind in getattr(target, "common", {}).values() for name in kind.__dataclass_fields__}
    own = {key for key in node if not key.startswith("_")} - SUPPLIED
    assert own - (common - arguments) == arguments


@pytest.mark.parametrize(("group", "option"), COMPONENTS)
def test_a_component_lives_in_the_package_named_like_its_group(group: str, option: str) -> None:
    node = node_of(group, option)
    assert node["_target_"].startswith(f"apsi.{group.replace('/', '.')}")


@pytest.mark.parametrize(("group", "option"), OPTIONS)
def test_an_option_begins_with_a_comment_that_says_what_it_is(group: str, option: str) -> None:
    first = (CONFIG_DIR / group / f"{option}.yaml").read_text().splitlines()
    assert next(line for line in first if not line.startswith("# @package")).startswith("# ")


@pytest.mark.parametrize(
    "group",
    [
        "degradation",
        "transform",
        "reward",
        "reward/bonus",
        "env",
        "device",
        "tracking",
        "algo/schedule",
        "preprocess/engine",
        "export",
    ],
)
def test_what_is_cheap_to_build_is_built(group: str) -> None:
    for option in (option for g, option in OPTIONS if g == group):
        assert instantiate(node_of(group, option)) is not None


def test_a_target_outside_the_whitelist_is_refused() -> None:
    for target in (
        "os.system",
        "builtins.eval",
        "subprocess.run",
        "apsi.tracking.run_folder.subprocess.run",
        "torch.hub.load",
    ):
        with pytest.raises((ApsiError, InstantiationException)):
            instantiate(OmegaConf.create({"_target_": target, "_args_": ["exit 3"]}))
    assert not any(allowed in ("os.*", "*") for allowed in WHITELIST)


def test_an_unknown_argument_names_the_closest() -> None:
    node = OmegaConf.create({"_target_": "apsi.reward.rl_guide.RlGuide", "step_penalti": 1})
    with pytest.raises(ApsiError, match="Did you mean 'step_penalty'"):
        check(node)


@pytest.mark.parametrize(("key", "value"), [("reward.step_penalty", "abc"), ("algo.net_arch", 3), ("env.stop", [1])])
def test_an_argument_of_the_wrong_type_is_named_with_its_value(key: str, value: object) -> None:
    config = load_config()
    OmegaConf.update(config, key, value)
    with pytest.raises(ApsiError, match=f"{key}.*{'abc' if value == 'abc' else ''}"):
        check(config)


def test_a_data_set_decides_on_nothing_but_itself() -> None:
    def others(option: str) -> dict[str, object]:
        config = load_config(needs("dataset", option))
        return {str(key): config._get_node(key) for key in config if key != "dataset"}

    for option in (option for group, option in OPTIONS if group == "dataset"):
        assert others(option) == others("sample"), option
    assert load_config().train.total_timesteps == 150_000
    assert load_config(["experiment=demo"]).train.total_timesteps == 60_000


@pytest.mark.parametrize("algo", ["double_dqn", "dueling_dqn", "qrdqn", "rainbow", "maskable_ppo", "recurrent_ppo"])
def test_what_an_algorithm_takes_over_from_another_can_be_chosen_all_the_same(algo: str) -> None:
    chosen = load_config([f"algo={algo}", "algo/optimizer=adamw", "algo/schedule=step", "algo.gamma=0.5"]).algo
    base = load_config(["algo=ppo" if "ppo" in algo else "algo=dqn"]).algo
    assert chosen.optimizer._target_.endswith("AdamW") and chosen.schedule._target_.endswith("Step")
    assert chosen.optimizer.learning_rate == base.optimizer.learning_rate
    assert chosen.gamma == 0.5
    differing = {key for key in base if chosen[key] != base[key]}
    assert differing - content("algo", algo).keys() == {"optimizer", "schedule", "gamma"}


def test_photos_as_they_are_are_made_better_with_what_a_photographer_would_use() -> None:
    sensible = load_config(["transform=sensible"]).transform.labels
    presets = [o for g, o in OPTIONS if g == "experiment" and "optimise" in o]
    assert len(presets) >= 3
    for preset in presets:
        assert load_config([f"experiment={preset}"]).transform.labels == sensible


def test_improving_asks_the_juror_of_flaws_unless_another_is_named_and_repair_the_default_one() -> None:
    def juror(*overrides: str) -> str:
        return str(load_config(list(overrides)).juror._target_).rpartition(".")[2]

    for preset in ("env=optimise", *(f"experiment={o}" for g, o in OPTIONS if g == "experiment" and "optimise" in o)):
        assert juror(preset) == "Flaws"
        assert juror("juror=naturalness", preset) == juror(preset, "juror=naturalness") == "Naturalness"
    assert {juror(), juror("env=repair"), juror("experiment=repair")} == {"Naturalness"}
    assert juror("env=repair", "juror=flaws") == "Flaws"
