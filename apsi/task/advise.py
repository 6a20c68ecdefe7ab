"""Advising on photographs."""

import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from apsi import __version__
from apsi.advise.advice import Advice
from apsi.advise.editor import Editor, fitted, policy_of
from apsi.advise.framing import Framer, crop_said
from apsi.advise.journal import LIST, PAGE
from apsi.advise.page import heading, lead, series_said, write_overview
from apsi.advise.photos import Item, find_photos
from apsi.advise.series import Done, Job, run_series
from apsi.advise.words import Words
from apsi.agent.checkpoint import Checkpoint, read_checkpoint
from apsi.agent.jurors import ready_juror, second_juror
from apsi.agent.shipped import SHIPPED
from apsi.config.compose import load_config, plain, with_checkpoint
from apsi.config.instantiate import instantiate
from apsi.console import progress, show
from apsi.errors import ApsiError
from apsi.juror.base import FittedJuror, Juror
from apsi.juror.parameters import unpack_parameters
from apsi.photo.box import parse_ratio
from apsi.photo.faces import require_detector
from apsi.photo.hash import file_hash, value_hash
from apsi.photo.write import write_text
from apsi.tracking.run_folder import CONTINUED, RunFolder, find_unfinished

log = logging.getLogger(__name__)


def advise(config: DictConfig, folder: RunFolder) -> dict[str, Any]:
    """Edits `photo` with an agent, or a search with the configured juror, and says why.

    Returns:
        What `advice.json` holds.

    Raises:
        ApsiError: no photo, one that can't be read where it is the only one, or nobody who could edit.
    """
    words = Words(config.language)
    out = results_folder(config, folder)
    items = find_photos(config.photo, out)
    config, checkpoint = who_edits(config, overrides_of(folder))
    editor = open_editor(config, checkpoint)
    second = second_juror(config, None, checkpoint) if config.explain else None  # whose opinion stands on the page
    framer = open_framer(config)
    key = value_hash(
        [
            __version__,
            plain(config),
            None if checkpoint is None else file_hash(checkpoint.path),
            {name: value for name, value in config.advise.items() if name != "workers"},
            None if framer is None else framer.juror.fingerprint,
        ]
    )
    job = Job(
        out,
        words,
        f"{key}-{words.tag}-{config.strip_gps}",
        editor=editor,
        second=second,
        framer=framer,
        explain=config.explain,
        strip_gps=config.strip_gps,
        workers=config.advise.workers,
    )
    return run(items, job, folder)


def who_edits(config: DictConfig, overrides: Sequence[str]) -> tuple[DictConfig, Checkpoint | None]:
    """The whole configuration of who edits, and the agent's checkpoint; None for a search.

    Without a checkpoint, and where neither a policy nor what a search needs is named, it is apsi's own agent. A search
    for which no juror is named goes by that agent's.
    """
    keys = [override.lstrip("+~").partition("=")[0].partition("@") for override in overrides]
    named = {(package or choice).partition(".")[0] for choice, _, package in keys}
    if config.checkpoint is None and policy_of(config) == "agent":
        searched = named & {"juror", "transform", "env", "dataset"}
        if searched and "policy" not in named:
            log.info("%s is for a search, so policy=greedy edits, not apsi's own agent", ", ".join(sorted(searched)))
            config.policy = load_config(["policy=greedy"]).policy
        else:
            config.checkpoint = str(SHIPPED)
            config = with_checkpoint(config, overrides)
    if config.checkpoint is None:
        if not named & {"juror", "dataset", "env"}:
            config.juror = read_checkpoint(SHIPPED).config.juror
        return config, None
    return config, read_checkpoint(Path(config.checkpoint).expanduser())


def open_editor(config: DictConfig, checkpoint: Checkpoint | None) -> Editor:
    """Who edits, with a juror that is ready to score.

    Without a checkpoint, the juror of apsi's own agent is fitted already; another that needs fitting is fitted on the
    configured data set.
    """
    if checkpoint is not None:
        return Editor(config, fitted(instantiate(config.juror), checkpoint), checkpoint)
    return Editor(config, _juror_for_search(config))


def _juror_for_search(config: DictConfig) -> Juror:
    juror: Juror = instantiate(config.juror)
    if isinstance(juror, FittedJuror) and not juror.is_fitted:
        own = read_checkpoint(SHIPPED)
        if own.juror is not None and own.config.juror == config.juror:
            unpack_parameters(own.juror, juror, "the agent that comes with apsi")
            return juror
    return ready_juror(config)


def open_framer(config: DictConfig) -> Framer | None:
    """Who looks for crops as `advise` says, with a juror that is ready to score; None: nobody.

    Raises:
        ApsiError: a setting means nothing, the juror has to be fitted, or faces can't be found.
    """
    settings = config.advise
    if settings.crop is None:
        return None
    if settings.aspect is not None:
        parse_ratio(settings.aspect, "advise.aspect")
    if settings.faces is not None:
        require_detector("advise.faces=keep")
    if config.crop_juror is None:
        raise ApsiError("advise.crop needs a juror of crops: juror@crop_juror=framing, or advise.crop=null")
    juror: Juror = instantiate(config.crop_juror)
    if isinstance(juror, FittedJuror) and not juror.is_fitted:
        raise ApsiError(
            "crop_juror has to be fitted before it can score crops: choose juror@crop_juror=framing, or for "
            "juror@crop_juror=personal name the file that task=fit_preference wrote, "
            "crop_juror.jurors.human.path=outputs/.../preference.npz"
        )
    limits = {name: settings[name] for name in ("aspect", "faces", "min_area")}
    framing = instantiate(load_config(["env=crop"]).env, **limits)
    return Framer(framing, juror, settings.min_crop_gain, settings.crop == "apply")


def results_folder(config: DictConfig, folder: RunFolder) -> Path:
    """Where the results go: `out`, the folder of an unfinished run of the same command, or this run's.

    The record of this run says so where it is an earlier run's.
    """
    if config.out is not None:
        out = Path(config.out).expanduser()
        if out.exists() and not out.is_dir():
            raise ApsiError(f"out={config.out} is a file; name a folder")
        return out
    earlier = find_unfinished(folder) if config.resume == "auto" else None
    if earlier is None:
        return folder.path
    log.info("Continuing %s", earlier.path)
    folder.note(results=str(earlier.path))
    return earlier.path


def overrides_of(folder: RunFolder) -> list[str]:
    """What the command line of a run changes."""
    return [str(override) for override in OmegaConf.load(folder.path / "overrides.yaml")]


def run(items: Sequence[Item], job: Job, folder: RunFolder) -> dict[str, Any]:
    """Works on photos, writes what is said of all of them, and prints a summary.

    An earlier run whose folder the results go to counts as continued only then: where this run is stopped too, the
    same command goes on in that folder again.

    Raises:
        ApsiError: none of them could be edited.
    """
    with progress() as bar:
        counted = bar.add_task("Photos", total=len(items))
        done = run_series(items, job, lambda: bar.advance(counted))
    if not done.shots:
        failures = [f"{failure.photo}: {failure.error}" for failure in done.failures]
        more = f"\nand {len(failures) - 3} more" if len(failures) > 3 else ""
        raise ApsiError("\n".join(failures[:3]) + more)
    result = {
        "apsi": __version__,
        "folder": str(job.out),
        "photos": [shot.advice.as_dict() for shot in done.shots],
        "failures": [vars(failure) for failure in done.failures],
    }
    write_text(job.out / LIST, json.dumps(result, indent=1, ensure_ascii=False))
    is_series = len(items) > 1
    if is_series and job.explain:
        failures_said = [(failure.photo, failure.error) for failure in done.failures]
        write_overview(job.out / PAGE, done.shots, failures_said, job.words)
    if "results" in folder.record():
        RunFolder(job.out).finish(CONTINUED, continued_in=str(folder.path))
    show(*(_said_of_series(done, job) if is_series else _said_of_one(done.shots[0].advice, job)))
    return result


def _said_of_one(advice: Advice, job: Job) -> list[str]:
    words = job.words
    photo, page = words("Photo"), words("Page")  # not within f-strings, where a catalogue's tools don't look
    lines = [f"{Path(advice.photo).name}: {heading(advice, words)}. {lead(advice, words)}", *advice.warnings(words)]
    if advice.crop is not None:
        crop = words("Crop")
        said = " ".join([words(advice.crop.sentence), *crop_said(advice.crop, words)])
        apply = "" if advice.is_cut else words("To have it made: {setting}", setting="advise.crop=apply")
        lines.append(f"{crop}  {advice.crop.label}: {said} {apply}".rstrip())
    if advice.edited:
        lines.append(f"{photo}  {job.out / advice.edited}")
    if advice.page:
        lines.append(f"{page}  {job.out / advice.page}")
    return lines


def _said_of_series(done: Done, job: Job) -> list[str]:
    words = job.words
    lines = [series_said([shot.advice for shot in done.shots], len(done.failures), words)]
    if done.kept:
        lines[0] += " " + words.plural("{n} was done before.", "{n} were done before.", done.kept)
    lines += [f"{failure.photo}: {failure.error}" for failure in done.failures[:10]]
    if len(done.failures) > 10:
        lines.append(words("... all of them are listed in {file}", file=job.out / LIST))
    photos, page, listed = words("Photos"), words("Page"), words("List")
    last = f"{page}  {job.out / PAGE}" if job.explain else f"{listed}  {job.out / LIST}"
    return [*lines, f"{photos}  {job.out}", last]
