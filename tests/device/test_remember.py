"""What was measured is kept for all processes of a machine, and a damaged file is measured anew."""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from apsi.device.calibration import Setting
from apsi.device.remember import cache_folder, remembered

FOUND = Setting((2, 4), channels_last=True, workers=2)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("APSI_CACHE_DIR", str(tmp_path))
    return tmp_path / "calibration"


def counted() -> tuple[list[int], Callable[[], Setting]]:
    calls: list[int] = []

    def find() -> Setting:
        calls.append(1)
        return FOUND

    return calls, find


def test_a_setting_is_found_once_for_each_model(folder: Path) -> None:
    calls, find = counted()
    assert remembered({"model": "a"}, find) == (FOUND, False)
    assert remembered({"model": "a"}, find) == (FOUND, True)
    assert remembered({"model": "b"}, find) == (FOUND, False)
    assert len(calls) == 2
    assert len(list(folder.glob("*.json"))) == 2


@pytest.mark.parametrize(
    "damage",
    [b"", b"\xff\x00", b"{}", b"[1]", b'{"key": 1, "setting": {"shapes": [2]}}', b'{"setting": {"shapes": [-3]}}'],
)
def test_a_damaged_file_is_measured_anew(folder: Path, damage: bytes, caplog: pytest.LogCaptureFixture) -> None:
    calls, find = counted()
    remembered({"model": "a"}, find)
    (path,) = folder.glob("*.json")
    path.write_bytes(damage)
    assert remembered({"model": "a"}, find) == (FOUND, False)
    assert "damaged" in caplog.text
    assert remembered({"model": "a"}, find) == (FOUND, True)
    assert len(calls) == 2


def test_of_many_at_once_one_measures_for_all() -> None:
    calls, find = counted()
    found: list[Setting] = []
    threads = [threading.Thread(target=lambda: found.append(remembered({"model": "a"}, find)[0])) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [FOUND] * 8
    assert len(calls) == 1


def test_where_the_folder_can_not_be_made_another_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("APSI_CACHE_DIR", str(tmp_path / "file"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    found = cache_folder()
    assert found is not None and found.is_relative_to(tmp_path / "temporary")
