"""Runs of different jurors are judged by all of them, on the photos that all runs have, with exactly their edits."""

import csv
import logging
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from omegaconf import DictConfig, OmegaConf

from apsi.config.compose import flat, load_config
from apsi.errors import ApsiError
from apsi.evaluate.comparison import grouped, read_run
from apsi.evaluate.jury import Judgement, judge, open_jurors
from apsi.evaluate.jury_page import judged_rows, judged_tables, write_judgements
from apsi.evaluate.replay import Ending, Replay, open_replay
from apsi.juror.base import Juror
from apsi.juror.framed import FramedPhoto, photos_of
from apsi.photo import Floats, Photo
from apsi.task.compare import compare
from apsi.task.pipeline import pipeline
from apsi.tracking.none import NoTracker
from apsi.tracking.recorded import RecordedRun
from apsi.tracking.run_folder import RunFolder
from tests.evaluate.test_comparison import compared
from tests.evaluate.test_report import Page


class Channel(Juror):
    """Likes one channel."""

    def __init__(self, channel: int) -> None:
        self.channel, self.fingerprint = channel, f"channel {channel}"  # type: ignore[misc]  # a property there

    fingerprint = ""

    def score(self, photos: Sequence[Photo]) -> Floats:
        return np.array([photo[..., self.channel].mean() / 25.5 for photo in photos])


@dataclass(frozen=True)
class Played(Replay):
    """A run with known ends: of photo k, one that is evenly of a colour."""

    ends: Sequence[tuple[int, int, int]] = ()

    def endings(self, keys: Sequence[str]) -> Iterator[list[Ending]]:
        for key in keys:
            end = np.full((4, 4, 3), self.ends[int(key)], np.uint8)
            recorded = float(Channel(0 if self.run.summary["juror"] == "channel 0" else 2).score([end])[0])
            yield [Ending(key, FramedPhoto(np.full((4, 4, 3), 51, np.uint8)), FramedPhoto(end), recorded)]


def played(name: str, juror: int, ends: Sequence[tuple[int, int, int]], keys: Sequence[int] | None = None) -> Played:
    run = replace(compared(name, [("p", 0, 0.0)], juror=f"channel {juror}"))
    rows = {str(k): {"original": f"photo{k // 2}"} for k in (keys or range(len(ends)))}
    return Played(run, OmegaConf.create({}), f"juror {juror}", Path(), cast("Any", None), cast("Any", None), rows, ends)


JURORS = {f"channel {channel}": (name, cast("Juror", Channel(channel))) for channel, name in ((0, "red"), (2, "blue"))}
RED = [(102, 0, 51), (102, 0, 51), (153, 0, 0), (153, 0, 0)]
BLUE = [(51, 0, 102), (102, 0, 204), (51, 0, 153), (0, 0, 204)]


def both() -> list[Played]:
    return [played("a", 0, RED), played("b", 2, BLUE)]


def judgements_of(replays: Sequence[Replay]) -> list[Judgement]:
    return judge([replay.run for replay in replays], replays, JURORS)


def test_every_juror_says_what_each_run_gained_and_who_wins() -> None:
    red, blue = judgements_of(both())
    assert (red.juror, red.episodes, red.photos) == ("red", 4, 2)
    assert [opinion.is_own for opinion in red.opinions] == [True, False]
    assert [opinion.is_own for opinion in blue.opinions] == [False, True]
    assert [opinion.mean_gain for opinion in red.opinions] == pytest.approx([3.0, 0.0])
    assert [opinion.mean_gain for opinion in blue.opinions] == pytest.approx([-1.0, 4.5])
    first, other = red.opinions
    assert first.gain_difference is first.win_rate is first.win_interval is None
    assert other.win_rate == 0.125  # one draw, three lost
    assert other.gain_difference is not None and other.gain_difference.mean == pytest.approx(-3.0)
    assert other.gain_difference.interval is not None  # by photo: two of them
    assert blue.opinions[1].win_rate == 1


def test_only_photos_that_all_runs_have_count_and_none_is_an_error() -> None:
    fewer = played("b", 2, BLUE, keys=[1, 2, 3])
    assert [judgement.episodes for judgement in judgements_of([both()[0], fewer])] == [3, 3]
    alone = replace(fewer, rows={"9": {"original": "x"}})
    with pytest.raises(ApsiError, match=r"no test photo is the same in all of these runs \(a: 4, b: 1\)"):
        judgements_of([both()[0], alone])


def test_groups_win_over_the_runs_of_the_first_on_average() -> None:
    replays = [played("a1", 0, RED), played("a2", 0, BLUE), played("b1", 2, BLUE)]
    groups = [grouped("a", [replay.run for replay in replays[:2]]), grouped("b", [replays[2].run])]
    red, _ = judge(groups, replays, JURORS)
    assert red.opinions[0].run.name == "a" and red.opinions[0].mean_gain == pytest.approx(1.5)
    assert red.opinions[1].win_rate == pytest.approx((0.125 + 0.5) / 2)


def test_runs_of_the_first_group_that_differ_widen_the_interval_of_wins() -> None:
    def interval(*firsts: Sequence[int]) -> tuple[float, float]:
        """Of wins over runs that end with this much red, two episodes a photo."""
        of_firsts = [
            played(f"a{i}", 0, [(red, 0, 0) for red in reds for _ in range(2)]) for i, reds in enumerate(firsts)
        ]
        replays = [*of_firsts, played("b", 2, [(102, 0, 0)] * 8)]
        groups = [grouped("a", [replay.run for replay in of_firsts]), replays[-1].run]
        other = judge(groups, replays, JURORS)[0].opinions[1]
        assert other.win_rate == 0.5 and other.win_interval is not None
        return other.win_interval

    low, high = interval((0, 255, 0, 255), (0, 255, 255, 0))
    low_apart, high_apart = interval((0, 255, 0, 0), (0, 255, 255, 255))
    assert low_apart < low < high < high_apart


def test_edits_that_score_otherwise_than_recorded_are_said(caplog: pytest.LogCaptureFixture) -> None:
    first, other = both()
    with caplog.at_level(logging.WARNING):
        judgements_of([first, other])
        assert "otherwise than recorded" not in caplog.text
        judgements_of([Off(**vars(first)), other])
    assert "The edits of a, made once more, score up to 1.0000 otherwise than recorded" in caplog.text


class Off(Played):
    """With other scores in its record."""

    def endings(self, keys: Sequence[str]) -> Iterator[list[Ending]]:
        for some in super().endings(keys):
            yield [replace(ending, recorded=ending.recorded - 1) for ending in some]


def test_the_page_the_tables_and_the_file_have_a_block_for_each_juror(tmp_path: Path) -> None:
    replays = both()
    judgements = judgements_of(replays)
    write_judgements(tmp_path, [replay.run for replay in replays], judgements)
    text = Page((tmp_path / "comparison.html").read_text()).text
    assert "2 runs of different jurors, judged by all of them on 4 episodes of 2 photos" in text
    assert "Judged by: red" in text and "Judged by: blue" in text and "-3.000" in text and "12 %" in text
    assert [table.title for table in judged_tables(judgements)] == ["judged by: red", "judged by: blue"]
    with (tmp_path / "comparison.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["juror"], row["run"], row["own_juror"]) for row in rows] == [
        *(("red", "a", "True"), ("red", "b", "False"), ("blue", "a", "False"), ("blue", "b", "True"))
    ]
    assert float(rows[1]["gain_difference"]) == pytest.approx(-3) and rows[0]["win_rate"] == ""
    assert judged_rows(judgements)[3]["win_rate"] == 1


TINY = ("debug=tiny", "device=cpu", "tracking=none", "algo=a2c", "algo.n_steps=4", "train.total_timesteps=32")
TINY += ("policy=[random]", "train.images=0", "evaluate.images=0", "evaluate.harm=false", "train.n_envs=4")
TINY += ("train.eval_episodes=2", "dataset.enlarge={train:1,val:4,test:4}", "env.max_steps=3")
VERSIONS = "steps.degrade.per_photo={train:1,val:2,test:2}"
FRAMES = ("env=crop", "degradation=none", "reward=score_difference", "env.min_area=0.6")
FRAMES += ("preprocess.steps.degrade.per_photo={train:1,val:1,test:1}", "preprocess.steps.resize.size=96")


def run(folder: Path, data: Path, *overrides: str) -> Path:
    config = load_config([*TINY, f"data_dir={data}", f"output_dir={folder}", *overrides])
    pipeline(config, RunFolder.create(folder, config))
    return folder


@pytest.fixture(scope="module")
def runs(data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Of an agent that edits, and of two that frame under different jurors."""
    root = tmp_path_factory.mktemp("runs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("apsi.evaluate.run.write_report", lambda *_, **__: None)
        edits = ["env=optimise", "transform=parametric", "degradation=sensible", f"preprocess.{VERSIONS}"]
        moves = ["transform=crop_moves", "env.aspect=1:1"]
        return {
            "edit": run(root / "edit", data_dir, *edits, "juror=naturalness"),
            "frame": run(root / "frame", data_dir, *FRAMES, "transform=crop_edges", "juror=attention"),
            "frame_too": run(root / "frame_too", data_dir, *FRAMES, *moves, "juror=framing", "seed=2"),
        }


def compare_config(data: Path, *overrides: str) -> DictConfig:
    return load_config(["task=compare", "tracking=none", "device=cpu", f"data_dir={data}", *overrides])


def replay_of(path: Path, data: Path) -> Replay:
    recorded = RecordedRun(str(path), NoTracker())
    files = (recorded.file("results.csv"), recorded.file("summary.json"))
    return open_replay(read_run(str(path), *files, flat(recorded.config()), []), recorded, compare_config(data))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["edit", "frame", "frame_too"])
def test_recorded_edits_made_once_more_score_what_they_did(name: str, runs: dict[str, Path], data_dir: Path) -> None:
    replay = replay_of(runs[name], data_dir)
    with ExitStack() as stack:
        jurors = stack.enter_context(open_jurors([replay], compare_config(data_dir), []))
        ((_, juror),) = jurors.values()
        endings = [ending for some in replay.endings(list(replay.rows)) for ending in some]
        assert juror.score_framed([ending.end for ending in endings]).tolist() == [e.recorded for e in endings]
        starts = [float(replay.rows[ending.key]["start_score"]) for ending in endings]
        assert juror.score_framed([ending.start for ending in endings]).tolist() == starts
    assert any(not np.array_equal(a, b) for a, b in zip(*(photos_of(p) for p in _parts(endings)), strict=True))
    if name.startswith("frame"):
        assert all(ending.end.uncut is not None for ending in endings)


def _parts(endings: Sequence[Ending]) -> tuple[list[FramedPhoto], list[FramedPhoto]]:
    return [ending.start for ending in endings], [ending.end for ending in endings]


@pytest.mark.slow
def test_the_task_judges_runs_of_different_jurors_by_both(
    runs: dict[str, Path], data_dir: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    paths = [runs["frame"], runs["frame_too"]]
    config = compare_config(data_dir, f"run_ids=[{paths[0]},{paths[1]}]")
    rows = compare(config, RunFolder(tmp_path))
    assert [row["run"] for row in rows] == [str(path) for path in paths] * 2
    assert len({row["juror"] for row in rows}) == 2 and "otherwise than recorded" not in caplog.text
    with (paths[0] / "results.csv").open(newline="") as file:
        gains = [float(row["final_score"]) - float(row["start_score"]) for row in csv.DictReader(file)]
    assert rows[0]["episodes"] == len(gains) and rows[0]["mean_gain"] == pytest.approx(np.mean(gains))
    alone = compare(config, RunFolder(tmp_path), leave_out=[str(paths[1])])
    assert alone == rows[:2]
    with pytest.raises(ApsiError, match=r"task\.leave_out names nobody"):
        compare(config, RunFolder(tmp_path), leave_out=["nobody"])
    with pytest.raises(ApsiError, match=r"leaves no juror"):
        compare(config, RunFolder(tmp_path), leave_out=list(map(str, paths)))
    config.run_ids = [str(paths[0]), str(runs["edit"])]
    with pytest.raises(ApsiError, match=r"no test photo is the same in all"):
        compare(config, RunFolder(tmp_path))


def changed(path: Path, copy: Path, file: str, old: str, new: str) -> Path:
    copy.mkdir()
    for name in ("config.yaml", "results.csv", "summary.json", "run.json"):
        text = (path / name).read_text()
        (copy / name).write_text(text.replace(old, new) if name == file and old else text)
    return copy


@pytest.mark.slow
def test_a_juror_that_cannot_be_opened_is_named_with_how_to_leave_it_out(
    runs: dict[str, Path], data_dir: Path, tmp_path: Path
) -> None:
    config = compare_config(data_dir)
    other = changed(runs["edit"], tmp_path / "other", "summary.json", '"juror": "', '"juror": "another ')
    with pytest.raises(ApsiError, match=rf"(?s)juror of run {other}, naturalness, can't be .* was another .*leave_out"):
        compare(OmegaConf.merge(config, {"run_ids": [str(runs["edit"]), str(other)]}), RunFolder(tmp_path))
    gone = changed(runs["edit"], tmp_path / "gone", "summary.json", "", "")
    written = OmegaConf.load(gone / "config.yaml")
    juror = load_config(["juror=nima", "juror.path=gone.pth", "device=cpu"]).juror
    written["juror"] = OmegaConf.to_container(juror, resolve=True)
    OmegaConf.save(written, gone / "config.yaml")
    both_runs = OmegaConf.merge(config, {"run_ids": [str(gone), str(runs["frame"])]})
    with pytest.raises(ApsiError, match=rf"(?s)run {gone} was not made here .*juror\.path=gone\.pth"):
        compare(both_runs, RunFolder(tmp_path))
    both_runs.trust_checkpoint = True
    with pytest.raises(ApsiError, match=r"(?s)gone, nima, can't be opened here: juror\.path=gone\.pth.*leave_out="):
        compare(both_runs, RunFolder(tmp_path))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("file", "change", "message"),
    [
        ("summary.json", ('"dataset": "', '"dataset": "no-'), r"the photos that run .* are not there: no no-"),
        ("summary.json", ('"dataset": "', '"folds": 3, "dataset": "'), "is a cross-validation"),
        ("results.csv", ("recipe", "recipes"), "names no recipes"),
        ("results.csv", (".png", ".jpg"), "has no photo"),
    ],
)
def test_a_run_whose_photos_or_recipes_are_gone_is_an_error(
    file: str, change: tuple[str, str], message: str, runs: dict[str, Path], data_dir: Path
) -> None:
    copy = runs["edit"].with_name(f"changed{len(list(runs['edit'].parent.iterdir()))}")
    with pytest.raises(ApsiError, match=message):
        replay_of(changed(runs["edit"], copy, file, *change), data_dir)
