"""The README and the pages name no option and no setting that does not exist."""

import re
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import yaml
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig, OmegaConf

from apsi.config import schema
from apsi.config.instantiate import check
from apsi.config.quoting import quote
from apsi.dataset.base import Dataset
from apsi.installation import CONFIG_DIR
from tests.docs.blocks import PAGES
from tests.docs.budget import one_of

COMMAND = re.compile(r"^(python run\.py(?= |$)|apsi(?= (--|[\w/]+=)))")


def codes(text: str) -> Iterator[str]:
    """All code on a page: what is inline as it is, of blocks each line, without comments and continued ones joined."""
    for block in re.findall(r"^```bash\n(.+?)^```", text, re.MULTILINE | re.DOTALL):
        yield from (re.sub(r"\s+# .*", "", line) for line in block.replace("\\\n", " ").splitlines())
    yield from re.findall(r"`([^`\n]+)`", re.sub(r"^```.+?^```", "", text, flags=re.MULTILINE | re.DOTALL))


SETTING = re.compile(r"[a-z_]+([@/.]\w+)*=\S")
OWN = "extending"  # the page whose options are its own; tests/docs/test_extending.py adds and runs them
SECTIONS = {"train": schema.TrainSettings, "evaluate": schema.EvaluateSettings, "advise": schema.AdviseSettings}
NAME = re.compile(r"[a-z_]+(\.\w+)+")


@cache  # as the README's commands stand on other pages too
def composed(words: tuple[str, ...]) -> DictConfig:
    """What Hydra makes of the arguments of a command, without reading a checkpoint that it names."""
    overrides = []
    for before, word in zip(["", *words], words, strict=False):
        if not word.startswith("--") and before not in ("--config-dir", "--cfg"):
            overrides.append(one_of(quote(word)))
    overrides = [override for override in overrides if "--config-dir" not in words or override != "experiment=best"]
    schema.register()
    with initialize_config_dir(str(CONFIG_DIR)):
        config = compose("config", overrides=overrides, return_hydra_config="hydra" in "".join(overrides))
    return OmegaConf.masked_copy(config, [str(key) for key in config if key != "hydra"])


@cache
def settings_of(group: str) -> frozenset[str]:
    """Every key that some option of a group has, and some preset sets; nested ones with dots."""

    def keys(node: object, prefix: str = "") -> Iterator[str]:
        for key, value in node.items() if isinstance(node, dict) else ():
            yield f"{prefix}{key}"
            yield from keys(value, f"{prefix}{key}.")

    files = (CONFIG_DIR / group).rglob("*.yaml")
    found = set[str]()
    for path in files:
        inside = path.parent.relative_to(CONFIG_DIR / group).parts
        content = yaml.safe_load(path.read_text())
        if path.read_text().startswith("# @package _global_"):  # it sets more than its own group
            content = content.get(group)
        found |= set(keys(content, "".join(f"{part}." for part in inside)))
    common = Dataset.common.values() if group == "dataset" else ()
    return frozenset(found).union(*(kind.__dataclass_fields__ for kind in common))


def require_choice_or_setting(key: str, value: str) -> None:
    """Fails where there is no such setting or, of a group, no such option; words in capitals stand for anything."""
    group = key.partition("@")[0]
    if not (CONFIG_DIR / group).is_dir():
        require_setting(key)
    elif re.fullmatch(r"\[?[a-z]\w*(,\w+)*\]?", value):
        for option in value.strip("[]").split(","):
            assert (CONFIG_DIR / group / f"{option}.yaml").is_file(), f"{key}={value}"


def require_setting(key: str) -> None:
    """Fails where no option has a setting of this name."""
    group, _, name = key.partition(".")
    group = {"second_juror": "juror", "crop_juror": "juror"}.get(group, group)
    if re.match("hydra[./]", key):
        return  # Hydra's own, most of them brought by plugins
    if not name:
        assert group in schema.Config.__dataclass_fields__, key
    elif group in SECTIONS:
        assert name in SECTIONS[group].__dataclass_fields__, key
    elif group == "select" and name.startswith("juror."):  # by whose doubts pairs are chosen
        assert name.removeprefix("juror.") in settings_of("juror")
    elif group == "task" and name.startswith("types."):  # what an acquisition service can get
        assert name.split(".")[2] in settings_of("acquire")
    elif group == "task" and name.startswith("backbone."):  # what a model of a person looks through
        assert name.removeprefix("backbone.") in settings_of("juror") | settings_of("juror/backbone")
    elif not re.fullmatch(r"jurors\.\w+", name):  # what mix is made of, or flaws looks through
        assert re.sub(r"^(jurors\.\w+|backbone)\.", "", name) in settings_of(group), f"no option of {group} has {name}"


def commands(page: Path) -> list[tuple[str, ...]]:
    found = [code for code in codes(page.read_text(encoding="utf-8")) if COMMAND.match(code)]
    return [tuple(shlex.split(COMMAND.sub("", code))) for code in found]


def test_the_pages_have_commands_and_settings() -> None:
    assert sum(len(commands(page)) for page in PAGES) >= 50
    text = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
    assert sum(bool(SETTING.match(code)) for code in codes(text)) >= 40
    assert sum(bool(NAME.fullmatch(code)) for code in codes(text)) >= 20


@pytest.mark.parametrize(
    "page",
    [
        page if page.stem == "README" else pytest.param(page, marks=pytest.mark.slow)
        for page in PAGES
        if page.stem != OWN
    ],
    ids=lambda page: page.name,
)
def test_every_command_of_a_page_can_be_composed(page: Path) -> None:
    for words in commands(page):
        check(composed(words))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_setting_that_a_page_names_exists(page: Path) -> None:
    for code in codes(page.read_text(encoding="utf-8")):
        words = shlex.split(COMMAND.sub("", code)) if COMMAND.match(code) or SETTING.match(code) else []
        if words and page.stem != OWN and not any(word.startswith("--config-dir") for word in words):
            for word in words:
                if SETTING.match(word):
                    require_choice_or_setting(*word.split("=", 1))
        elif NAME.fullmatch(code) and code.partition(".")[0] in schema.Config.__dataclass_fields__:
            require_setting(code)


@pytest.mark.parametrize("name", ["reward.price", "train.steps", "second_juror.page", "colour", "policy.checked.prize"])
def test_a_setting_that_does_not_exist_is_found(name: str) -> None:
    with pytest.raises(AssertionError):
        require_setting(name)
