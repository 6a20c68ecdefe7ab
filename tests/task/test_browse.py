"""What task=browse refuses before it serves anything."""

from pathlib import Path
from typing import Any

import pytest

from apsi.config.compose import load_config
from apsi.config.instantiate import instantiate
from apsi.errors import ApsiError
from apsi.tracking.run_folder import RunFolder


def run(tmp_path: Path, **settings: Any) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "overrides.yaml").write_text("[task=browse, dataset=folder, dataset.path=here, seed=2]")
    given = [f"task.{name}={value}" for name, value in settings.items()]
    dirs = [f"data_dir={tmp_path / 'data'}", f"output_dir={tmp_path / 'out'}"]
    config = load_config(["task=browse", "task.port=0", *given, *dirs])
    instantiate(config.task)(config, RunFolder(tmp_path / "run"))


def test_other_machines_need_a_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("APSI_STUDIO_TOKEN", raising=False)
    with pytest.raises(ApsiError, match="APSI_STUDIO_TOKEN"):
        run(tmp_path, host="0.0.0.0")


def test_a_cache_that_cant_be_written_is_told_with_the_setting(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ApsiError, match=r"task\.cache_dir"):
        run(tmp_path, cache_dir=tmp_path / "file")


def test_stars_that_cant_be_read_are_told(tmp_path: Path) -> None:
    with pytest.raises(ApsiError, match=r"stars.*can't be read"):
        run(tmp_path, cache_dir=tmp_path / "cache", stars=tmp_path)
    assert not (tmp_path / "data").exists()


def test_who_goes_on_with_starred_photos_is_told_where_the_photos_lie(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class MadeError(Exception):
        pass

    def keeping(*parts: Any) -> None:
        raise MadeError(*parts)

    monkeypatch.setattr("apsi.studio.browsing.Keeping", keeping)
    with pytest.raises(MadeError) as made:
        run(tmp_path, cache_dir=tmp_path / "cache")
    assert made.value.args[-1] == ["dataset=folder", "dataset.path=here"]
