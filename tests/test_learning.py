"""What an agent learns from a few hundred real photos; takes minutes, so only `make test-slow` runs it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from apsi.installation import CONFIG_DIR

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
