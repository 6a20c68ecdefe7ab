"""Files of lines: what is acknowledged is there whatever happens; a line that was cut off harms no other."""

import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest

from apsi.errors import ApsiError
from apsi.preference.lines import append_lines, read_lines


def whatever(data: Any) -> Any:
    return data


def test_a_missing_file_has_no_lines(tmp_path: Path) -> None:
    assert read_lines(tmp_path / "none.jsonl", whatever).values == []


def test_lines_are_added_in_order(tmp_path: Path) -> None:
    path = tmp_path / "below" / "x.jsonl"
    append_lines(path, [{"a": 1}, {"a": "ü"}])
    append_lines(path, [])
    append_lines(path, [{"a": 3}])
    assert [line["a"] for line in read_lines(path, whatever).values] == [1, "ü", 3]
    assert path.stat().st_mode & 0o077 == 0, "answers are nobody else's business"


@pytest.mark.parametrize("rest", [b'{"a": 2', b'{"a": "\xc3', b"\xff\xfe\n", b"[" * 100_000, b"\0" * 50, b"\n\n"])
def test_what_was_cut_off_or_broken_is_told_and_harms_no_other_line(
    rest: bytes, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "x.jsonl"
    append_lines(path, [{"a": 1}])
    with path.open("ab") as file:
        file.write(rest)
    append_lines(path, [{"a": 3}])
    found = read_lines(path, whatever)
    assert [line["a"] for line in found.values] == [1, 3]
    assert len(found.broken) == (0 if not rest.strip() else 1)
    assert all("line 2" in said for said in found.broken) and len(caplog.messages) == len(found.broken)


def test_what_a_parser_refuses_is_told_with_its_place(tmp_path: Path) -> None:
    def refuse(data: Any) -> Any:
        raise ApsiError("no good")

    append_lines(tmp_path / "x.jsonl", [{"a": 1}])
    (said,) = read_lines(tmp_path / "x.jsonl", refuse).broken
    assert said.endswith("x.jsonl, line 1: no good")


def test_what_is_no_file_is_one_message(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ApsiError, match="can't be read: not a regular file"):
        read_lines(tmp_path / "pipe", whatever)


def test_a_full_disk_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.jsonl"
    append_lines(path, [{"a": 1}])
    before, write = path.read_bytes(), os.write

    def half(handle: int, data: bytes) -> int:
        if len(data) < 8:
            raise OSError(28, "No space left on device")
        return write(handle, data[: len(data) // 2])

    monkeypatch.setattr(os, "write", half)
    with pytest.raises(OSError, match="No space left") as error:
        append_lines(path, [{"a": "x" * 100}])
    assert error.value.filename == str(path) and path.read_bytes() == before


def _append(path: Path, who: int) -> None:
    for number in range(50):
        append_lines(path, [{"who": who, "number": number, "fill": "x" * 500}])


def test_processes_write_at_the_same_time(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    with ProcessPoolExecutor(3, mp_context=get_context("fork")) as pool:
        list(pool.map(_append, [path] * 3, range(3)))
    lines = read_lines(path, whatever)
    assert lines.broken == []
    for who in range(3):
        assert [line["number"] for line in lines.values if line["who"] == who] == list(range(50))


WRITER = """
import sys
from pathlib import Path
from apsi.preference.lines import append_lines
for number in range(int(sys.argv[2]), 10**9):
    append_lines(Path(sys.argv[1]), [{"number": number, "fill": "x" * 3000}])
    print(number, flush=True)
"""


def test_nothing_that_was_acknowledged_is_lost_by_a_kill(tmp_path: Path) -> None:
    path, acknowledged = tmp_path / "x.jsonl", -1
    for turn in range(3):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path), str(acknowledged + 1)], stdout=subprocess.PIPE, text=True
        )
        assert writer.stdout is not None
        acknowledged = int(writer.stdout.readline())
        time.sleep(0.01 * turn)
        writer.send_signal(signal.SIGKILL)
        rest = writer.communicate()[0].split()
        acknowledged = max([acknowledged, *map(int, rest)])
        numbers = [line["number"] for line in read_lines(path, whatever).values]
        assert set(range(acknowledged + 1)) <= set(numbers)
    assert json.loads(path.read_text().splitlines()[0])["number"] == 0
