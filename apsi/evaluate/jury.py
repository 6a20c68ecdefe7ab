"""Runs of different jurors, judged by all of these jurors on the photos that all of the runs have."""

import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean

from hydra.errors import HydraException
from omegaconf import DictConfig

from apsi.config.build import open_cached_juror
from apsi.config.instantiate import instantiate
from apsi.console import track
from apsi.errors import ApsiError
from apsi.evaluate.comparison import Compared, Difference, Key, difference
from apsi.evaluate.replay import BATCH, Replay
from apsi.interval import Interval, Sample, mean_interval, rate_interval
from apsi.juror.base import FittedJuror, Juror
from apsi.juror.parameters import load_parameters

log = logging.getLogger(__name__)

_WIN, _GAIN = 0, 1
_ROUNDING = 1e-6  # of scores as text


@dataclass(frozen=True)
class Opinion:
    """What one juror says of one run."""

    run: Compared
    """whose episodes hold, by original and pixels, how often it wins over the first run (1, or 1/2 for a draw) and its
    gain, both by this juror"""
    is_own: bool
    """whether the run was trained or evaluated with this juror"""
    gain_difference: Difference | None
    """from the first run; None for that itself"""
    win_rate: float | None
    """share of the episodes that end with a higher score than those of the first run, draws as halves"""
    win_interval: Interval | None
    """95 %, from resampling photos (and the runs of both groups)"""

    @property
    def mean_gain(self) -> float:
        """Score at the end minus score at the start, over all episodes."""
        return self.run.sample(_GAIN).mean

    @property
    def gain_interval(self) -> Interval | None:
        """95 %, from resampling photos (and the runs of a group); None of a single photo."""
        return mean_interval(self.run.sample(_GAIN))


@dataclass(frozen=True)
class Judgement:
    """What one juror says of all runs."""

    juror: str
    """its option, or its class where it has none"""
    fingerprint: str
    opinions: tuple[Opinion, ...]
    """in the order of the runs"""

    @property
    def episodes(self) -> int:
        """Number of them that all runs have."""
        return len(self.opinions[0].run.runs[0].episodes)

    @property
    def photos(self) -> int:
        """Number of originals that they were made from."""
        return self.opinions[0].run.sample(_GAIN).photos


@contextmanager
def open_jurors(
    replays: Sequence[Replay], config: DictConfig, leave_out: Collection[str]
) -> Iterator[dict[str, tuple[str, Juror]]]:
    """The jurors of all runs by their fingerprints, with their options, ready to score during the block.

    Args:
        replays: the runs.
        config: of this command: worker pool and score cache.
        leave_out: names of runs whose jurors are not opened, unless another run has the same one.

    Raises:
        ApsiError: a run that is left out is none of these, no juror is left, or one can't be opened or is another one
            by now.
    """
    names = [replay.run.name for replay in replays]
    for name in leave_out:
        if name not in names:
            raise ApsiError(f"task.leave_out names {name}, which is none of the runs: {', '.join(names)}")
    opened: dict[str, tuple[str, Juror]] = {}
    with ExitStack() as stack:
        for replay in replays:
            fingerprint = str(replay.run.summary["juror"])
            if fingerprint not in opened and replay.run.name not in leave_out:
                juror = stack.enter_context(open_cached_juror(config, _ready(replay)))
                opened[fingerprint] = replay.option, juror
        if not opened:
            raise ApsiError(f"task.leave_out=[{','.join(leave_out)}] leaves no juror to judge the runs by")
        yield opened


def _ready(replay: Replay) -> Juror:
    """The juror of a run, as it was then."""
    run = replay.run
    try:
        juror: Juror = instantiate(replay.juror)
        if isinstance(juror, FittedJuror) and not juror.is_fitted:
            load_parameters(replay.folder / "juror.npz", juror)
        juror.warm_up()
        if juror.fingerprint != run.summary["juror"]:
            raise ApsiError(
                f"it is {juror.fingerprint} here and was {run.summary['juror']}: its weights or settings have changed"
            )
    except (ApsiError, HydraException, OSError) as error:
        raise ApsiError(
            f"the juror of run {run.name}, {replay.option}, can't be opened here: {error}\n"
            f"To compare by the other jurors alone: 'task.leave_out=[{run.name}]'"
        ) from error
    return juror


def judge(
    runs: Sequence[Compared], replays: Sequence[Replay], jurors: Mapping[str, tuple[str, Juror]]
) -> list[Judgement]:
    """What each juror says of each run, on the episodes that begin with the same pixels in all runs.

    Args:
        runs: runs or groups of them; the first is what the others are compared with.
        replays: of all runs, by themselves or as members of groups, in their order.
        jurors: by fingerprint, with their options.

    Raises:
        ApsiError: they have no episode in common.
    """
    shared = [key for key in replays[0].rows if all(key in replay.rows for replay in replays)]
    if not shared:
        sizes = ", ".join(f"{replay.run.name}: {len(replay.rows)}" for replay in replays)
        raise ApsiError(
            f"no test photo is the same in all of these runs ({sizes}). Compare runs with the same photos, data_seed, "
            "split, degradation and preprocess.steps.resize.size"
        )
    originals = replays[0].originals()
    scores = {replay.run.name: _scores(replay, shared, jurors) for replay in replays}
    return [
        Judgement(option, fingerprint, tuple(_opinions(runs, originals, fingerprint, juror, scores)))
        for fingerprint, (option, juror) in jurors.items()
    ]


Scores = dict[str, dict[str, tuple[float, float]]]
"""By juror and episode: of its start and its end"""


def _scores(replay: Replay, keys: Sequence[str], jurors: Mapping[str, tuple[str, Juror]]) -> Scores:
    """What all jurors say of a run's episodes; warns where its own says something else than it did then."""
    scores: Scores = {fingerprint: {} for fingerprint in jurors}
    recorded: dict[str, float] = {}
    for some in track(replay.endings(keys), f"Replaying {Path(replay.run.name).name}", -(-len(keys) // BATCH)):
        recorded |= {ending.key: ending.recorded for ending in some}
        for fingerprint, (_, juror) in jurors.items():
            starts, ends = juror.score_framed([e.start for e in some]), juror.score_framed([e.end for e in some])
            pairs = zip(starts.tolist(), ends.tolist(), strict=True)
            scores[fingerprint] |= {ending.key: pair for ending, pair in zip(some, pairs, strict=True)}
    own = str(replay.run.summary["juror"])
    off = max((abs(end - recorded[key]) for key, (_, end) in scores.get(own, {}).items()), default=0.0)
    if own in jurors and off > max(_ROUNDING, jurors[own][1].tolerance):
        log.warning(
            "The edits of %s, made once more, score up to %.4f otherwise than recorded: code, versions or machine are "
            "not what they were",
            *(replay.run.name, off),
        )
    return scores


def _opinions(
    runs: Sequence[Compared], originals: Mapping[str, str], fingerprint: str, juror: Juror, scores: Mapping[str, Scores]
) -> Iterator[Opinion]:
    firsts = [scores[member.name][fingerprint] for member in runs[0].runs]

    def judged(run: Compared) -> Compared:
        episodes: dict[Key, tuple[float, float]] = {
            (originals[key], key): (fmean(_won(end, of[key][1], juror.tolerance) for of in firsts), end - start)
            for key, (start, end) in scores[run.name][fingerprint].items()
        }
        return replace(run, episodes=episodes, originals={}, distances={})

    def wins_by_first(run: Compared) -> Sample:
        """How often it wins over each run of the first group."""
        ends = [(key, end) for member in run.runs for key, (_, end) in scores[member.name][fingerprint].items()]
        wins = [[_won(end, of[key][1], juror.tolerance) for key, end in ends] for of in firsts]
        return Sample.of(wins, [[originals[key] for key, _ in ends]] * len(firsts))

    first = None
    for run in runs:
        members = tuple(judged(member) for member in run.runs)
        of_run = replace(members[0], name=run.name, members=members) if run.members else members[0]
        is_own = any(member.summary["juror"] == fingerprint for member in run.runs)
        if first is None:
            first = of_run
            yield Opinion(of_run, is_own, None, None, None)
        else:
            wins = of_run.sample(_WIN)
            interval = rate_interval(wins, against=wins_by_first(run))
            yield Opinion(of_run, is_own, difference(first, of_run, _GAIN), wins.mean, interval)


def _won(end: float, other: float, tolerance: float) -> float:
    """1 for a higher score, 1/2 for the same."""
    return 0.5 if abs(end - other) <= tolerance else float(end > other)
