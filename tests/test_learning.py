"""What agents learn from real photos; takes minutes, so only `make test-slow` runs it."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from apsi.installation import CONFIG_DIR
from tests.command_line import Place, read_json

PHOTOS = Path(os.environ.get("APSI_TEST_PHOTOS", CONFIG_DIR.parent.parent / "shared" / "photos"))


@pytest.mark.slow
@pytest.mark.skipif(not PHOTOS.is_dir(), reason=f"no photos at {PHOTOS}; name a folder with APSI_TEST_PHOTOS")
def test_ppo_repairs_seven_of_ten_photos_it_never_saw(tmp_path: Path) -> None:
    command = [sys.executable, "run.py", "dataset=folder", f"dataset.path={PHOTOS}", f"output_dir={tmp_path}"]
    subprocess.run([*command, f"data_dir={tmp_path / 'data'}", "tracking=none"], cwd=CONFIG_DIR.parent, check=True)
    summary = json.loads(next(tmp_path.glob("pipeline/*/summary.json")).read_text())
    policies = summary["policies"]
    assert summary["split"] == "test"
    assert policies["agent"]["success_rate"] >= 0.70
    assert policies["random"]["success_rate"] <= 0.25
    assert policies["nothing"]["success_rate"] == 0


@pytest.mark.slow
def test_the_demo_repairs_photos_that_its_agents_never_saw_also_when_it_is_killed_on_the_way(tmp_path: Path) -> None:
    place = Place(tmp_path, tmp_path / "data")

    def in_its_second_fold() -> bool:
        return bool(list(place.outputs.glob("cross_validate/*/fold-2/checkpoints/last.zip")))

    outcome = place.start("experiment=demo", tiny=False).send(signal.SIGKILL, once=in_its_second_fold)
    assert outcome.code == -signal.SIGKILL
    outcome = place.run("experiment=demo", tiny=False).succeeded()
    killed, whole = place.folders("cross_validate")
    assert f"Fold 1 was finished in {killed / 'fold-1'}" in outcome.said
    assert f"Continuing {whole / 'fold-2' / 'checkpoints' / 'last.zip'}" in outcome.said
    assert read_json(killed / "run.json")["status"] == "continued"
    summary = read_json(whole / "summary.json")
    assert (summary["photos"], summary["folds"], summary["trained_on"]) == (8, 4, 0)
    policies = summary["policies"]
    assert policies["agent"]["success_rate"] >= 0.75
    assert policies["agent"]["success_ci95"][0] > policies["random"]["success_ci95"][1]
