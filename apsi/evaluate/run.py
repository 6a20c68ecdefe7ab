"""Evaluating an agent and the baselines."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
from omegaconf import DictConfig, OmegaConf
from rich.table import Table
from rich.text import Text

from apsi.agent.ask import trained_agent
from apsi.agent.build import load_agent
from apsi.agent.checkpoint import Checkpoint, originals, require_unseen
from apsi.agent.jurors import second_juror
from apsi.config.build import components, episode_source, open_cached_juror, require_something_to_do
from apsi.config.instantiate import instantiate
from apsi.console import show, track
from apsi.env.base import Objective
from apsi.evaluate.diagnosis import Finding, Seen, diagnose
from apsi.evaluate.framing import AREA, FACES, FIXATIONS, FramingMeasures, with_overlap
from apsi.evaluate.measure import PHOTO_MEASURES, juror_measures
from apsi.evaluate.outcome import cost, marked
from apsi.evaluate.pictures import save_pictures, with_small_frames
from apsi.evaluate.report import write_report
from apsi.evaluate.saver import ImageSaver
from apsi.evaluate.summary import PolicySummary, as_dict, summarise, write_results
from apsi.evaluate.truth import CHANGE, COLOUR_DIFFERENCE, MEASURES, TRUTHS, comparable, truth_measures
from apsi.interval import interval_text
from apsi.juror.base import Juror
from apsi.photo.hash import seed_for
from apsi.photo.prepared import Episode, PhotoStore, PreparedSplit
from apsi.photo.write import write_text
from apsi.policy.base import Policy, PolicyContext
from apsi.policy.rollout import EpisodeResult, roll_out
from apsi.preprocess.steps import Prepared
from apsi.tracking.base import Tracker
from apsi.tracking.description import DESCRIPTION, description
from apsi.tracking.run_folder import RunFolder

_RECORDED = ("success_rate", "mean_gain", *TRUTHS)
_WHEN = ("before", "after")


@dataclass(frozen=True)
class Evaluation:
    """Episodes of every configured policy on one split, or on the test folds of several agents."""

    results: dict[str, list[EpisodeResult]]
    """by policy, the same episodes in the same order; the first of them with pictures"""
    facts: dict[str, Any]
    """of `summary.json`, all but the figures of policies"""
    history: list[dict[str, Any]]
    """of the learning curve"""
    achieved: str
    """what a success is, as a verb of the past: "repaired"."""
    undegraded: dict[str, list[EpisodeResult]] = field(default_factory=dict)
    """by policy, the same photos as they were before they were degraded, for its harm"""
    kinds: dict[str, type[Policy]] = field(default_factory=dict)
    """class of each policy"""
    best_by: str = Objective.best_by
    """the figure of a validation that decides which checkpoint is best"""


def evaluate_agent(
    config: DictConfig,
    prepared: Prepared,
    checkpoint: Checkpoint,
    *,
    folder: RunFolder,
    tracker: Tracker,
    seconds: dict[str, float],
) -> dict[str, Any]:
    """Plays one split with every configured policy and reports the results.

    Args:
        config: a whole configuration.
        prepared: the prepared photos.
        checkpoint: the agent.
        folder: gets `results.csv`, `summary.json`, `report.html` and `images/`.
        tracker: records the main figures.
        seconds: what earlier parts took; the summary repeats it.

    Returns:
        What `summary.json` holds, without `seconds["evaluate"]`, which the caller knows.
    """
    tracker.dataset(prepared.split(config.split), config.split)
    evaluation = play(config, prepared, checkpoint, pictures=config.evaluate.images)
    return show_evaluation(config, evaluation, folder=folder, tracker=tracker, seconds=seconds)


def play(config: DictConfig, prepared: Prepared, checkpoint: Checkpoint, *, pictures: int) -> Evaluation:
    """Plays the configured split with every configured policy.

    Args:
        config: a whole configuration.
        prepared: the prepared photos.
        checkpoint: the agent.
        pictures: number of episodes, from the first, of which every state of the photo is kept.

    Raises:
        ApsiError: the agent does not fit the configuration, or was trained on photos of this split.
    """
    split = prepared.split(config.split)
    if split.name in ("val", "test"):
        require_unseen(checkpoint, split)
    second = second_juror(config, prepared, checkpoint)
    episodes = split.episodes[: config.evaluate.episodes]
    undegraded = _undegraded(episodes) if config.evaluate.harm else []
    results: dict[str, list[EpisodeResult]] = {}
    harmed: dict[str, list[EpisodeResult]] = {}
    kinds: dict[str, type[Policy]] = {}
    with open_cached_juror(config, prepared.juror) as cached_juror:
        parts, store = components(config, cached_juror), PhotoStore()
        require_something_to_do(split, parts.objective)
        truth = {} if parts.objective.frames else truth_measures()  # crops can't be held against the whole photo
        of_edits = juror_measures(prepared.juror, second, config.score_cache)
        if parts.objective.frames:
            of_edits |= FramingMeasures.of(config.evaluate.fixations, config.preprocess.steps.resize.mode).all()
        source = episode_source(config, split, cached_juror, config.seed, store)
        agent = trained_agent(*load_agent(config, checkpoint, parts, source))
        changes = {CHANGE: truth[COLOUR_DIFFERENCE]} if parts.objective.shows_cost else {}
        known, size = any(episode.degradation for episode in episodes), config.evaluate.batch_size
        for name, node in config.policy.items():
            rng = np.random.default_rng(seed_for(config.seed, "evaluate", name))
            context = PolicyContext(parts, agent, rng, known)
            policy = instantiate(node, context=context)
            kinds[name] = type(policy)
            played = roll_out(
                policy,
                parts,
                episodes,
                batch_size=size,
                store=store,
                pictures=pictures,
                measures={**truth, **PHOTO_MEASURES},
                changes=changes,
                of_edits=of_edits,
            )
            shown = track(comparable(played), f"Evaluating {name}", len(episodes))
            results[name] = [with_small_frames(result) for result in shown]
            policy = instantiate(node, context=context)
            left_alone = roll_out(policy, parts, undegraded, batch_size=size, store=store, measures=truth)
            harmed[name] = list(comparable(left_alone))
    exhaustive = [name for name, kind in kinds.items() if kind.tries_all]
    if parts.objective.frames and exhaustive:
        results = with_overlap(results, exhaustive[0])
    facts = _facts(prepared, checkpoint, split, second)
    history, objective = checkpoint.state.history, parts.objective
    return Evaluation(results, facts, history, objective.achieved, harmed, kinds, objective.best_by)


def _undegraded(episodes: Sequence[Episode]) -> list[Episode]:
    """Each photo once as it was before it was degraded; none of those that nobody degraded."""
    degraded = {episode.original: episode for episode in episodes if episode.degradation}
    return [
        replace(episode, photo=original, degradation=(), start_score=episode.target_score)
        for original, episode in degraded.items()
    ]


def _facts(prepared: Prepared, checkpoint: Checkpoint, split: PreparedSplit, second: Juror | None) -> dict[str, Any]:
    """The agent, the photos and the jurors of an evaluation."""
    return {
        "split": split.name,
        "trained_on": len(originals(split.originals) & set(checkpoint.state.trained_on)),
        "chosen_by": split.name == "val" and checkpoint.state.dataset == prepared.folder.name,
        "train_timesteps": checkpoint.state.timesteps,
        "not_trained": prepared.juror.reservation if not checkpoint.state.timesteps else "",
        "dataset": prepared.folder.name,
        "juror": split.juror,
        "second_juror": second.fingerprint if second else None,
        "skipped_files": len(prepared.skipped),
        "near_duplicates": len(prepared.copies),
        "dropped": split.dropped,
    }


def show_evaluation(
    config: DictConfig, evaluation: Evaluation, *, folder: RunFolder, tracker: Tracker, seconds: dict[str, float]
) -> dict[str, Any]:
    """Writes `results.csv`, `report.html` and `images/`, and records the main figures; returns the summary."""
    results = evaluation.results
    episodes = [result.episode for result in next(iter(results.values()))]
    undegraded = evaluation.undegraded
    summaries = {
        name: summarise(played, undegraded.get(name, ()), evaluation.kinds[name].sees_original)
        for name, played in results.items()
    }
    findings = _diagnose(config, evaluation)
    summary = {
        "episodes": len(episodes),
        "photos": len({episode.photo_hash for episode in episodes}),
        "policies": as_dict(summaries),
        "seconds": seconds,
        "seed": config.seed,
        "data_seed": config.data_seed,
        "diagnosis": None if findings is None else [asdict(finding) for finding in findings],
        **evaluation.facts,
    }
    with ImageSaver() as saver:
        save_pictures(folder.path / "images", results, saver)
        write_results(folder.path / "results.csv", results)
        if any(undegraded.values()):
            write_results(folder.path / "undegraded.csv", undegraded)
    write_report(
        folder.path / "report.html",
        summary=summary,
        summaries=summaries,
        results=results,
        shown=next(iter(results)),
        achieved=evaluation.achieved,
        history=evaluation.history,
        config=OmegaConf.to_yaml(config, resolve=True),
    )
    _record_figures(tracker, summaries, summary["split"], summary["train_timesteps"])
    return summary


def _diagnose(config: DictConfig, evaluation: Evaluation) -> list[Finding] | None:
    """What commonly goes wrong, as far as it is seen in what the first policy did; None where that is no agent."""
    results, kinds = evaluation.results, evaluation.kinds
    first = next(iter(results))
    if not kinds[first].is_trained:
        return None
    return diagnose(Seen(results[first], results, kinds, evaluation.history, evaluation.best_by, config))


def _record_figures(tracker: Tracker, summaries: Mapping[str, PolicySummary], split: str, timesteps: int) -> None:
    """Figures of each policy, to sort and filter runs by; in MLflow each is a chart of one point."""
    for name, summary in summaries.items():
        numbers = {key: getattr(summary, key) for key in _RECORDED}
        for measure in MEASURES:
            if pair := summary.measures.get(measure):
                numbers |= {f"{measure.lower()}_{when}": figure for when, figure in zip(_WHEN, pair, strict=True)}
        known = {f"{split}/{name}_{key}": value for key, value in numbers.items() if value is not None}
        tracker.metrics(known, timesteps)


def write_summary(summary: dict[str, Any], folder: RunFolder, tracker: Tracker) -> None:
    """Writes and records `summary.json`, and prints the table, what goes wrong, and the paths."""
    path = folder.path / "summary.json"
    write_text(path, json.dumps(summary, indent=1))
    tracker.tags({DESCRIPTION: description(folder.record(), summary)})
    policies = summary["policies"].items()
    paid = [
        f"{name}: {p['mean_gain']:+.2f} of score for {said}" for name, p in policies if (said := cost(p["measures"]))
    ]
    wrong = [_said(finding) for finding in summary.get("diagnosis") or ()]
    paths = (f"Report   {folder.path / 'report.html'}", f"Episodes {folder.path / 'results.csv'}")
    show(_table(summary), *paid, *map(Text, wrong), *paths)


def _said(finding: Mapping[str, Any]) -> str:
    helps = f" What may help: {'; '.join(finding['helps'])}" if finding["helps"] else ""
    return f"{finding['name']}. {finding['seen']}{helps}"


def _table(summary: dict[str, Any]) -> Table:
    episodes, photos = summary["episodes"], summary["photos"]
    said = "intervals: from resampling photos" if photos > 1 else "a single photo: no intervals"
    title = f"{summary['split']} split, {episodes} episodes of {photos} photo{'s' if photos > 1 else ''}"
    table = Table(title=title, caption=said)
    columns = ("policy", "success", "95 % interval", "mean gain", "95 % interval", "steps", "juror calls per episode")
    truths = [name for name in TRUTHS if any(p[name] is not None for p in summary["policies"].values())]
    crops = [
        name for name in (AREA, FIXATIONS, FACES) if all(name in p["measures"] for p in summary["policies"].values())
    ]
    for column in (*columns, *truths, *crops):
        table.add_column(column, justify="left" if column == "policy" else "right")
    for name, p in summary["policies"].items():
        success, gain = p["success_ci95"], p["mean_gain_ci95"]
        table.add_row(
            marked(name, p["sees_original"]),
            f"{p['success_rate']:.3f}",
            interval_text(success) if success else "-",
            f"{p['mean_gain']:+.3f}",
            interval_text(gain, "+.3f") if gain else "-",
            f"{p['mean_steps']:.2f}",
            f"{p['juror_calls'] / episodes:.1f}",
            *("-" if p[name] is None else f"{p[name]:.2f}" for name in truths),
            *("-" if (pair := p["measures"][name]) is None else f"{pair[1]:.2f}" for name in crops),
        )
    return table
