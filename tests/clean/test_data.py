"""What counts as prepared data, and when it was used last."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from filelock import FileLock

from apsi.clean.data import find_data
from apsi.preprocess.base import build_once
from tests.left_behind import make_data


def test_only_what_apsi_makes_counts_and_links_lead_nowhere(prepared_dir: Path, tmp_path: Path) -> None:
    whole = make_data(prepared_dir / "photos-0123456789ab")
    make_data(prepared_dir / "my own folder")
    (prepared_dir / "link-0123456789ab").symlink_to(whole, target_is_directory=True)
    (prepared_dir / "empty-0123456789ab").mkdir()
    step = prepared_dir.parent / "steps" / "resize-0123456789ab"
    step.mkdir(parents=True)
    (step / "photos.json").touch()
    assert {(entry.kind, entry.path) for entry in find_data(prepared_dir.parent)} == {
        ("prepared", whole),
        ("step", step),
    }


def test_what_is_used_again_is_as_young_as_that(prepared_dir: Path) -> None:
    folder = make_data(prepared_dir / "photos-0123456789ab", days=40)
    [entry] = find_data(prepared_dir.parent)
    assert datetime.now(UTC) - entry.at > timedelta(days=39)
    build_once(folder, lambda _: None)
    [entry] = find_data(prepared_dir.parent)
    assert datetime.now(UTC) - entry.at < timedelta(days=1)


def test_what_was_cut_off_counts_but_not_while_it_is_made(prepared_dir: Path) -> None:
    partial = prepared_dir / ".photos-0123456789ab.partial"
    partial.mkdir(parents=True)
    with FileLock(prepared_dir / ".photos-0123456789ab.lock"):
        assert [(e.kind, e.state) for e in find_data(prepared_dir.parent)] == [("partial", "running")]
    assert [(e.kind, e.state, e.path) for e in find_data(prepared_dir.parent)] == [("partial", "cut off", partial)]
