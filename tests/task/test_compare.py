"""What can be named for a comparison."""

import json
from pathlib import Path

import pytest

from apsi.config.compose import load_config
from apsi.errors import ApsiError
from apsi.task.compare import compare
from apsi.tracking.run_folder import RunFolder


@pytest.mark.parametrize(
    ("told", "message"),
    [
        (["run_ids=[a]"], r"two or more different runs"),
        (["run_ids=[a,a]"], r"two or more different runs"),
        (["groups={a:[x]}"], r"two or more groups of different runs"),
        (["groups={a:[x],b:[x]}"], r"two or more groups of different runs"),
        (["groups={a:[x],b:[]}"], r"two or more groups of different runs"),
        (["groups={a:x,b:[y]}"], r"must name lists of runs"),
        (["groups=3"], r"must name lists of runs"),
        (["groups={a:[x],b:[y]}", "run_ids=[x,y]"], r"not both"),
    ],
)
def test_too_few_runs_or_one_twice_are_refused(told: list[str], message: str, tmp_path: Path) -> None:
    config = load_config(["task=compare", "tracking=none", *told])
    with pytest.raises(ApsiError, match=message):
        compare(config, RunFolder(tmp_path))


def test_a_damaged_multirun_is_named(tmp_path: Path) -> None:
    (tmp_path / "multirun.json").write_text(json.dumps({"groups": [{"name": "a"}]}))
    config = load_config(["task=compare", "tracking=none", f"run_ids=[{tmp_path}]"])
    with pytest.raises(ApsiError, match=r"multirun\.json is damaged"):
        compare(config, RunFolder(tmp_path))
