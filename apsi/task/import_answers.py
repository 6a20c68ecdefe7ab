"""Taking over pairs and answers from files of others."""

from pathlib import Path
from typing import Any

from omegaconf import DictConfig
from rich.text import Text

from apsi.config.instantiate import instantiate
from apsi.console import show
from apsi.errors import ApsiError
from apsi.preference.folder import PreferenceFolder
from apsi.preference.format.base import Format, add
from apsi.preference.format.names import Names
from apsi.preference.split import Splits
from apsi.preprocess.split import Split
from apsi.task import builds
from apsi.tracking.run_folder import RunFolder


@builds("preference", "preprocess", "dataset")
def import_answers(config: DictConfig, folder: RunFolder, *, file: str) -> dict[str, Any]:
    """Adds what is new in a file of pairs and answers to `preference_dir`; where something is wrong, nothing.

    Returns:
        Numbers of new pairs, new answers, answers that were known, and people with new answers.

    Raises:
        ApsiError: no format was chosen, or the file is not what it should be.
    """
    folder.note(housekeeping=True)  # `latest` keeps pointing to the latest result
    chosen = chosen_format(config, "import_answers")
    preferences = PreferenceFolder(Path(config.preference_dir).expanduser())
    imported = chosen.read(Path(file).expanduser(), _names(config, preferences))
    added = add(preferences, imported)
    show(
        *(Text(f"Note: {note}") for note in imported.notes),
        Text(
            f"{added.pairs} pairs and {added.answers} answers of {len(added.annotators)} people are new in "
            f"{preferences.path}; {added.known} answers were there already"
        ),
    )
    return {
        "pairs": added.pairs,
        "answers": added.answers,
        "known": added.known,
        "people": len(added.annotators),
    }


def chosen_format(config: DictConfig, task: str) -> Format:
    """The format of `preference/format`.

    Raises:
        ApsiError: none was chosen.
    """
    if config.preference.format is None:
        raise ApsiError(f"task={task} needs a format: preference/format=csv, trl, label_studio; --help lists all")
    found: Format = instantiate(config.preference.format)
    return found


def _names(config: DictConfig, preferences: PreferenceFolder) -> Names:
    steps = instantiate(config.preprocess).steps.values()
    split = next((step for step in steps if isinstance(step, Split)), None)
    if split is None:
        raise ApsiError("preprocess.steps.split is missing: by its train, val and test imported pairs are split")
    splits = Splits.of(preferences.pairs(), config.data_seed, (split.train, split.val, split.test))
    return Names(instantiate(config.dataset), Path(config.data_dir).expanduser(), splits)
