"""What stands in the blocks of code of README.md and docs/ works as it stands there, or says why no test runs it."""

import json
import os
import re
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
import yaml
from omegaconf import OmegaConf

from apsi.transform.recipe import Recipe
from tests.command_line import CAN_FORK
from tests.docs.blocks import PAGES, Block, blocks
from tests.docs.budget import composed, known, small
from tests.docs.reader import FILE, Reader
from tests.docs.test_commands import COMMAND, OWN
from tests.docs.test_extending import SHOWN

PARSED: dict[str, Callable[[str], object]] = {
    "json": json.loads,
    "yaml": yaml.safe_load,
    "toml": tomllib.loads,
    "python": lambda text: compile(text, "block", "exec"),
}
RUN = ("bash", "python")
PLAIN = ("text", "nginx", "promql", "css", "html", "ini", "diff", "po")
"""Languages of blocks that only show something"""


def test_blocks_of_a_page_are_found_with_their_marks(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "```bash\nls\n```\n\n<!-- not run: needs a cluster -->\n```bash\nsrun ls\n```\n\n"
        "- in a list:\n\n  ```python\n  if 1:\n      pass\n  ```\n\n<!-- not run: far -->\nWords.\n\n```json\n{}\n```\n"
    )
    found = [(block.line, block.language, block.text, block.not_run) for block in blocks(page)]
    assert found == [
        (1, "bash", "ls\n", None),
        (6, "bash", "srun ls\n", "needs a cluster"),
        (12, "python", "if 1:\n    pass\n", None),
        (20, "json", "{}\n", None),
    ]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_block_is_of_a_language_that_is_checked_and_every_mark_stands_before_a_block(page: Path) -> None:
    found = blocks(page)
    for block in found:
        assert block.language in {*RUN, *PARSED, *PLAIN}, f"{block}: write bash for commands, text for what is none"
        lines = block.text.splitlines()
        assert block.language in RUN or not any(map(COMMAND.match, lines)), f"{block} has commands: write bash"
        assert block.not_run is None or block.language not in PLAIN, f"{block} is not run anyway"
        if block.not_run is None and block.language in PARSED:
            PARSED[block.language](block.text)
    marks = re.findall(r"^ *<!-- not run", page.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(marks) == sum(bool(block.not_run) for block in found)


def test_most_blocks_are_run() -> None:
    found = [block for page in PAGES for block in blocks(page) if block.language in RUN]
    assert len(found) >= 60 and sum(block.not_run is None for block in found) >= 0.6 * len(found)


def test_budgets_are_made_smaller_and_never_larger() -> None:
    def added(*arguments: str) -> list[str]:
        return small(list(arguments), composed(list(arguments)))[len(arguments) :]

    assert "train.total_timesteps=256" in added("train.total_timesteps=200000")
    assert not any("total_timesteps" in word for word in added("train.total_timesteps=100"))
    assert "train.total_timesteps=2000" in added("train.keep_every=1000")  # or nothing would be kept
    assert small(["seed=1,2,3", "policy=[a,b,c]"], composed([]))[:2] == ["seed=1,2", "policy=[a,b,c]"]
    config = composed(["experiment=demo", *added("experiment=demo")])
    assert OmegaConf.select(config, "task.folds") == 2


def test_what_only_a_reader_knows_is_the_newest_that_is_there(tmp_path: Path) -> None:
    for number, run in enumerate(("pipeline/a", "train/b")):
        folder = tmp_path / "outputs" / run
        (folder / "checkpoints").mkdir(parents=True)
        for file in ("run.json", "checkpoints/best.zip"):
            (folder / file).touch()
            os.utime(folder / file, (number, number))
    assert known("init_from=PATH", tmp_path) == "init_from=outputs/train/b/checkpoints/best.zip"
    assert known("outputs/pipeline/.../best.zip", tmp_path) == "outputs/pipeline/a/checkpoints/best.zip"
    assert known("run_id=outputs/train/2026-11-29_10-00-00", tmp_path) == "run_id=outputs/train/b"
    assert known("$PATH data_dir=/mnt/shared", tmp_path) == f"$PATH data_dir={tmp_path}/mnt/shared"
    with pytest.raises(LookupError, match=r"no outputs/\.\.\./preference\.npz"):
        known("juror.path=outputs/.../preference.npz", tmp_path)


def recipe(place: Path) -> None:
    """A recipe as task=advise leaves it."""
    place.write_text(Recipe.of(["exposure_up", "contrast_up_weak"]).to_json(), encoding="utf-8")


def model(place: Path) -> None:
    """A model that scores photos by how warm they are, on the scale of docs/jurors.md."""
    import onnx

    text = """<ir_version: 10, opset_import: ["": 18]>
    warm (float[n, 3, 224, 224] x) => (float[n, 1] y) <
        int64[2] axes = {2, 3}, float[3, 1] warmth = {40, 10, -40}, float[1] usual = {-15.3}
    > {
        means = ReduceMean <keepdims = 0> (x, axes)
        sums = MatMul (means, warmth)
        y = Add (sums, usual)
    }"""
    onnx.save(onnx.parser.parse_model(text), place)


def answers(place: Path) -> None:
    """Ann's answers, as docs/answers.md has them."""
    edits = '"crop(0.100,0.000,0.900,1.000)|exposure(+0.200)"'
    rows = ["image,left,right,answer,annotator", f"china.jpg,{edits},,left,Ann", f"rocket.jpg,{edits},,right,Ann", ""]
    place.write_text("\n".join(rows), encoding="utf-8")


def own_options(place: Path) -> None:
    """The folder of options that docs/extending.md describes."""
    (place / "reward").mkdir(parents=True)
    files = {"my_rewards.py": "apsi/reward/hurried.py", "reward/hurried.yaml": "conf/reward/hurried.yaml"}
    for name, file in files.items():
        (place / name).write_text(SHOWN[file].replace("apsi.reward.hurried", "my_rewards"), encoding="utf-8")


def pretrained(path: Path) -> None:
    """As torchvision has them, without what makes them large: trained."""
    from torchvision.models import resnet18

    torch.save(resnet18(weights=None).state_dict(), path)


SUPPLIES: dict[str, Callable[[Path], None]] = {
    "RECIPE.json": recipe,
    "IMG_1234-recipe.json": recipe,
    "answers.csv": answers,
    "mine": own_options,
    "model.onnx": model,
    "resnet18.pth": pretrained,
}
"""What makes the files that pages name and no command of theirs does"""


def is_tested_in_a_copy(block: Block) -> bool:
    """Whether tests/docs/test_extending.py adds it to a copy of the repository, or runs it there."""
    return block.page.stem == OWN and bool(FILE.match(block.text) or COMMAND.match(block.text))


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    with Reader(tmp_path_factory.mktemp("reader"), SUPPLIES) as made:
        made.prepare()
        yield made


@pytest.mark.slow
@pytest.mark.skipif(not CAN_FORK, reason="commands are forked from a process that has imported the libraries")
@pytest.mark.parametrize(
    "page",
    [page for page in PAGES if any(block.language in RUN for block in blocks(page))],
    ids=lambda page: page.name,
)
def test_the_blocks_of_a_page_work_in_their_order(page: Path, reader: Reader) -> None:
    to_run = [block for block in blocks(page) if block.not_run is None and not is_tested_in_a_copy(block)]
    with reader.page(to_run):
        for block in to_run:
            reader.run(block)
