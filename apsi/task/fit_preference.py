"""Fitting a juror on people's answers."""

import json
import logging
import shlex
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from apsi.agent.jurors import ready_juror
from apsi.config.instantiate import instantiate
from apsi.console import show
from apsi.installation import command
from apsi.juror.base import FittedJuror, Juror
from apsi.juror.neural import NeuralJuror
from apsi.juror.parameters import save_parameters
from apsi.juror.preference import Preference
from apsi.juror.preference_features import FeatureMaker, Group
from apsi.photo.faces import has_detector
from apsi.photo.write import write_text
from apsi.preference.feature_store import FEATURES_FILE, FeatureStore
from apsi.preference.folder import PreferenceFolder
from apsi.preference.model import HeadName, Settings, fitted_of, groups_of, hold_out, names_of
from apsi.preference.photos import Originals
from apsi.preference.reading import Reader, read_answers
from apsi.preference.summary import summarise
from apsi.tracking.run_folder import RunFolder
from apsi.types import Fraction

FILE = "preference.npz"
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
) -> dict[str, Any]:
    """Fits a model of people on their answers, writes it for `juror=preference`, and measures it on held-out photos.

    Writes `preference.npz`, `preference.json` and `preference.html`.

    Returns:
        Figures of held-out answers, see `apsi.preference.summary`.

    Raises:
        ApsiError: too few answers, or their photos are not there.
    """
    settings = Settings(head, label_smoothing, config.data_seed)
    answers = PreferenceFolder(Path(config.preference_dir).expanduser())
    comparisons = answers.comparisons(annotators, answers.require_pairs())
    folder.note(annotators=sorted({one.answer.annotator for one in comparisons}))  # which task.forget looks for
    maker = FeatureMaker(tuple(features), "attention" in features and has_detector(), backbone)
    juror = Preference(None, _ready(config, prior), backbone)
    originals = Originals(instantiate(config.dataset), Path(config.data_dir).expanduser())
    store = FeatureStore(answers.path / FEATURES_FILE)
    try:
        reader = Reader(originals, juror.prior, maker, store)
        read = read_answers(comparisons, reader)
        groups = groups_of(names_of(reader))
        held = hold_out(read, settings, groups)
        fit = settings.fit(read.answered[held.trained], groups)
        juror.take(fitted_of(fit, read, reader, held.trained))
    finally:
        store.close()
    path = folder.path / FILE
    save_parameters(path, juror)
    figures = summarise(read, held, fit)
    write_text(folder.path / "preference.json", json.dumps(figures, indent=1) + "\n")
    show(f"To use it: {_command(folder, path)}")
    return figures


def _ready(config: DictConfig, prior: Juror | None) -> Juror | None:
    """The prior, fitted on the configured data set where it has to be."""
    if not isinstance(prior, FittedJuror) or prior.is_fitted:
        return prior
    own = config.copy()
    own.juror = config.task.prior
    return ready_juror(own)


def _command(folder: RunFolder, path: Path) -> str:
    """What makes a juror of the file, with the prior and backbone that it was fitted with."""
    overrides = folder.path / "overrides.yaml"
    given = [str(one) for one in OmegaConf.load(overrides)] if overrides.exists() else []
    kept = [
        one.replace("juror@task.", "juror@juror.", 1)
        if one.startswith("juror@task.")
        else one.replace("task.", "juror.", 1)
        for one in given
        if one.startswith(("juror@task.", "task.prior", "task.backbone"))
    ]
    return f"{command()} {shlex.join(['juror=preference', f'juror.path={path}', *kept])}"
