"""Fitting a juror on people's answers."""

import json
import logging
import shlex
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf
from rich.text import Text

from apsi.agent.jurors import ready_juror
from apsi.config.instantiate import instantiate
from apsi.console import show
from apsi.errors import ApsiError
from apsi.installation import command
from apsi.juror.base import FittedJuror, Juror
from apsi.juror.neural import NeuralJuror
from apsi.juror.parameters import save_parameters
from apsi.juror.preference import Preference
from apsi.juror.preference_features import FeatureMaker, Group
from apsi.photo.faces import has_detector
from apsi.photo.write import write_text
from apsi.preference.curve import learning_curve, outlook
from apsi.preference.feature_store import FEATURES_FILE, FeatureStore
from apsi.preference.folder import MODEL, MODEL_FILE, PreferenceFolder
from apsi.preference.free_backbone import free, usable
from apsi.preference.model import HeadName, Settings, fitted_of, groups_of, hold_out, names_of, require_enough
from apsi.preference.page import headline, write_page
from apsi.preference.photos import MissingOriginalError, Originals
from apsi.preference.pictures import most_and_least
from apsi.preference.reading import Read, Reader, read_answers
from apsi.preference.summary import standing, summarise
from apsi.preference.tuning import Tuning
from apsi.preference.usage import advice_by, judges_crops
from apsi.task.make_pairs import given_pairs, given_photos
from apsi.tracking.run_folder import RunFolder
from apsi.types import Fraction

NETWORK = "backbone.pth"
log = logging.getLogger(__name__)


def fit_preference(
    config: DictConfig,
    folder: RunFolder,
    *,
    annotators: list[str],
    features: list[Group],
    head: HeadName,
    label_smoothing: Fraction,
    prior: Juror | None,
    backbone: NeuralJuror | None,
    free_backbone: bool,
    tuning: Tuning,
) -> dict[str, Any]:
    """Fits a model of people on their answers, writes it for `juror=preference`, and measures it on held-out photos.

    Writes `preference.npz`, `preference.json` and `preference.html`, and of a free backbone `backbone.pth`.

    Returns:
        Figures of held-out answers, see `apsi.preference.summary`.

    Raises:
        ApsiError: too few answers, or their photos are not there; a backbone that can't be tuned.
    """
    settings = Settings(head, label_smoothing, config.data_seed)
    answers = PreferenceFolder(Path(config.preference_dir).expanduser())
    comparisons = answers.comparisons(annotators, answers.require_pairs())
    people = sorted({one.answer.annotator for one in comparisons})
    folder.note(annotators=people)  # which task.forget looks for
    require_enough(sum(one.answer.answer != "skip" for one in comparisons))
    loose = usable(comparisons, features, backbone) if free_backbone else None
    maker = FeatureMaker(tuple(features), "attention" in features and has_detector(), backbone)
    originals = Originals(instantiate(config.dataset), Path(config.data_dir).expanduser())
    prior, tuned = _ready(config, prior), None
    if loose is not None:
        backbone, tuned = free(loose, comparisons, originals, folder.path / NETWORK, tuning=tuning, settings=settings)
        maker = replace(maker, backbone=backbone)
    juror = Preference(None, prior, backbone)
    store = FeatureStore(answers.path / FEATURES_FILE)
    try:
        reader = Reader(originals, juror.prior, maker, store)
        read = read_answers(comparisons, reader)
        groups = groups_of(names_of(reader))
        held = hold_out(read, settings, groups)
        if tuned is not None and held.by_folds:
            raise ApsiError("photos of the test split can't be read, and a free network can't be measured on others")
        fit = settings.fit(read.answered[held.trained], groups)
        fitted = fitted_of(fit, read, reader, held.trained)
        juror.take(fitted)
        most, least = most_and_least(read, fitted, reader)
    finally:
        store.close()
    path = folder.path / MODEL_FILE
    save_parameters(path, juror)
    # a network that was tuned on all of them says nothing of fewer answers
    steps = learning_curve(read.answered, held, settings, groups) if tuned is None else []
    told, ahead = outlook(steps) if tuned is None else (tuned.said, {})
    figures = summarise(read, held, fit) | {"curve": [asdict(step) for step in steps], "outlook": ahead}
    if tuned is not None:
        figures["free_backbone"] = {"epochs": tuned.epochs, "losses": list(tuned.losses)}
    whose = {"annotators": people, "preference_dir": str(answers.path.resolve())}
    write_text(folder.path / MODEL, json.dumps(whose | figures, indent=1, allow_nan=False) + "\n")
    page, next_steps = folder.path / "preference.html", _next_steps(config, folder, read, originals, figures)
    write_page(page, figures, fitted=fitted, steps=steps, outlook=told, most=most, least=least, next_steps=next_steps)
    show(headline(figures), told, *(Text(f"{what}: {line}") for what, line in next_steps), f"Page {page}")
    return figures


def _ready(config: DictConfig, prior: Juror | None) -> Juror | None:
    """The prior, fitted on the configured data set where it has to be."""
    if not isinstance(prior, FittedJuror) or prior.is_fitted:
        return prior
    own = config.copy()
    own.juror = config.task.prior
    return ready_juror(own)


def _next_steps(
    config: DictConfig,
    folder: RunFolder,
    read: Read,
    originals: Originals,
    figures: Mapping[str, Any],
) -> list[tuple[str, str]]:
    """What one may do now: answer further pairs where the model is not ahead, use it where it is not behind."""
    stands, found = standing(figures), []
    if stands != "ahead":
        what = "Answer more pairs first" if stands == "behind" else "Further answers would tell"
        found.append((what, _further_answers(config, read)))
    if stands != "behind":
        photo, fitted_with = _photo(read, originals), _fitted_with(folder)
        words = advice_by(folder.path / MODEL_FILE, read.comparisons, photo, fitted_with)
        found.append(("Advice by it, on this or another photo", words))
    return [(what, f"{command()} {shlex.join(words)}") for what, words in found]


def _further_answers(config: DictConfig, read: Read) -> list[str]:
    """The words of the command for pairs that wait, or where none does, for new ones."""
    answers = PreferenceFolder(Path(config.preference_dir).expanduser())
    pairs = answers.pairs()
    waiting = pairs.keys() - {one.answer.pair for one in answers.comparisons(pairs=pairs)}
    makes = ["task=improve"] if judges_crops(read.comparisons) else ["task=improve", "pairs=recipes"]
    return [*(["task=annotate"] if waiting else makes), *given_photos(config), *given_pairs(config)]


def _photo(read: Read, originals: Originals) -> str:
    """A photo to try the model on: the first one answered that is still there."""
    for one in read.comparisons:
        with suppress(MissingOriginalError):
            return str(originals.path(one.left))
    return "IMG_1234.jpg"


def _fitted_with(folder: RunFolder) -> list[str]:
    """The prior and backbone of the model, as the command of its fit names them."""
    overrides, network = folder.path / "overrides.yaml", folder.path / NETWORK
    given = [str(one) for one in OmegaConf.load(overrides)] if overrides.exists() else []
    kept = [
        one for one in given if one.startswith(("juror@task.", "juror/backbone@task.", "task.prior.", "task.backbone."))
    ]
    if network.exists():
        kept = [one for one in kept if not one.startswith("task.backbone.weights=")]
        kept.append(f"task.backbone.weights={network}")
    return kept
