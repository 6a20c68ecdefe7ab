"""Testing with every photo once: an agent a fold, one summary of them all."""

import csv
from collections import defaultdict
from pathlib import Path

import pytest

from apsi.agent.checkpoint import read_checkpoint
from apsi.config.compose import load_config
from apsi.errors import ApsiError
from apsi.photo.file import read_file
from apsi.photo.hash import bytes_hash
from apsi.photo.write import write_png
from apsi.task.cross_validate import cross_validate
from apsi.tracking.run_folder import CONTINUED, FINISHED, RunFolder
from tests.command_line import Place, files_below, read_json
from tests.conftest import natural_photo

QUICK = ("algo=undo", "episodes=fresh", "algo.batch_size=8", "algo.updates=1", "policy=[agent,nothing]")
SMALL = ("train.total_timesteps=64", "train.eval_every=32", "train.checkpoint_every=32", "train.images=0")
COMMAND = ("task=cross_validate", "task.folds=3", *QUICK, *SMALL, "evaluate.episodes=4")


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five photos, and a copy of the first of them in other pixels."""
    folder = tmp_path_factory.mktemp("photos")
    for seed in range(5):
        write_png(folder / f"{seed}.png", natural_photo(seed, 96, 96))
    write_png(folder / "0-copy.png", natural_photo(0, 96, 96)[2:-2, 2:-2])
    return folder


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, photos: Path) -> Place:
    """Where such photos were cross-validated."""
    root = tmp_path_factory.mktemp("cross_validated")
    place = Place(root, root / "data")
    place.run(*COMMAND, "dataset=folder", f"dataset.path={photos}").succeeded()
    return place


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "results.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_every_photo_is_unseen_once_and_copies_stay_with_their_photo(place: Place, photos: Path) -> None:
    folder = place.folder("cross_validate")
    tested = defaultdict(set)
    for number in (1, 2, 3):
        checkpoint = read_checkpoint(folder / f"fold-{number}" / "checkpoints" / "best.zip")
        hashes = {bytes_hash(read_file(path, 10**6))[:16]: path.name for path in photos.iterdir()}
        trained_on = {hashes[digest] for digest in checkpoint.state.trained_on}
        assert trained_on
        prepared = place.data / "prepared" / checkpoint.state.dataset
        for split in ("val", "test"):
            records = read_json(prepared / split / "annotations.json")["images"]
            seen = {record["source"] for record in records}
            assert seen and not seen & trained_on
            tested[split].update((name, number) for name in seen)
    assert sorted(name for name, _ in tested["test"]) == sorted(path.name for path in photos.iterdir())
    assert len({number for name, number in tested["test"] if name.startswith("0")}) == 1


def test_the_summary_is_of_all_folds_with_intervals_by_photo(place: Place) -> None:
    folder = place.folder("cross_validate")
    summary, played = read_json(folder / "summary.json"), rows(folder)
    assert summary["folds"] == 3 and summary["photos"] == 5  # a copy is no photo of its own
    assert summary["trained_on"] == 0
    agent = [row for row in played if row["policy"] == "agent"]
    assert summary["episodes"] == len(agent) == 12
    assert summary["policies"]["agent"]["success_rate"] == pytest.approx(sum(int(r["success"]) for r in agent) / 12)
    low, high = summary["policies"]["agent"]["success_ci95"]
    assert high - low > 0.2
    assert len({row["photo"] for row in agent[:3]}) == 3  # the folds in turn
    assert "tested with photos that it was not trained on" in (folder / "report.html").read_text()


def test_each_fold_is_a_run_that_can_be_gone_on_with(place: Place) -> None:
    folder = RunFolder(place.folder("cross_validate") / "fold-2")
    assert folder.record()["status"] == FINISHED
    overrides = (folder.path / "overrides.yaml").read_text()
    assert "task=train" in overrides and "preprocess.steps.split.fold=2" in overrides and "task.folds" not in overrides
    assert read_checkpoint(folder.last_checkpoint).state.timesteps >= 64


@pytest.mark.slow
def test_a_run_that_was_cut_off_keeps_what_its_folds_learned(place: Place, photos: Path, tmp_path: Path) -> None:
    whole = place.folder("cross_validate")
    cut = RunFolder(whole.parent / "0-cut-off")
    for name, content in files_below(whole).items():
        if not name.startswith(("fold-3", "results", "summary", "report", "images")):
            (cut.path / name).parent.mkdir(parents=True, exist_ok=True)
            (cut.path / name).write_bytes(content)
    cut.finish("interrupted")
    RunFolder(cut.path / "fold-2").finish("interrupted")
    outcome = place.run(*COMMAND, "dataset=folder", f"dataset.path={photos}").succeeded()
    again = place.folder("cross_validate")
    assert cut.record()["status"] == CONTINUED and cut.record()["continued_in"] == str(again)
    assert f"Fold 1 was finished in {cut.path / 'fold-1'}" in outcome.said
    assert f"Continuing {again / 'fold-2' / 'checkpoints' / 'last.zip'} at step 64" in outcome.said
    assert (again / "results.csv").read_bytes() == (whole / "results.csv").read_bytes()


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["task.folds=1"], r"task\.folds=1 must be at least 2"),
        (["task.folds=7"], r"task\.folds=7: the data set has 6 photos"),
        (["split=val"], r"split=val: task=cross_validate tests with every photo once"),
        (["preprocess.steps.split.folds=3"], r"task=cross_validate sets folds and fold itself"),
        (["episodes=prepared"], "add episodes=fresh"),
        (["evaluate.require='agent.success>=1'"], "there is no figure 'success'"),
    ],
)
def test_what_can_not_be_is_refused_before_a_photo_is_prepared(
    overrides: list[str], message: str, photos: Path, tmp_path: Path
) -> None:
    places = [f"data_dir={tmp_path / 'data'}", f"output_dir={tmp_path}", "dataset=folder", f"dataset.path={photos}"]
    config = load_config(["debug=tiny", "tracking=none", "task=cross_validate", *QUICK, *places, *overrides])
    with pytest.raises(ApsiError, match=message):
        cross_validate(config, RunFolder.create(tmp_path / "run", config), folds=config.task.folds)
    assert not (tmp_path / "data").exists()


def test_copies_can_leave_fewer_photos_than_folds(photos: Path, tmp_path: Path) -> None:
    places = [f"data_dir={tmp_path / 'data'}", f"output_dir={tmp_path}", "dataset=folder", f"dataset.path={photos}"]
    config = load_config(["debug=tiny", "tracking=none", "task=cross_validate", *QUICK, *places])
    with pytest.raises(ApsiError, match=r"split\.folds=6 of 5 photos that differ"):
        cross_validate(config, RunFolder.create(tmp_path / "run", config), folds=6)
