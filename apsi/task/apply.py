"""A recipe on other photos."""

from typing import Any

from omegaconf import DictConfig

from apsi import __version__
from apsi.advise.photos import find_photos
from apsi.advise.series import Job
from apsi.advise.words import Words
from apsi.photo.hash import value_hash
from apsi.task.advise import results_folder, run
from apsi.tracking.run_folder import RunFolder
from apsi.transform.recipe import read_recipe


def apply(config: DictConfig, folder: RunFolder) -> dict[str, Any]:
    """Makes the edits of `recipe` on each photo that `photo` names, at full size.

    Returns:
        What `advice.json` holds.

    Raises:
        ApsiError: no recipe or photo, or one that can't be read where it is the only one.
    """
    words = Words(config.language)
    recipe = read_recipe(config.recipe, "apply")
    out = results_folder(config, folder)
    items = find_photos(config.photo, out)
    key = value_hash([__version__, recipe.labels])
    job = Job(
        out,
        words,
        f"{key}-{words.tag}-{config.strip_gps}",
        recipe=recipe,
        explain=config.explain,
        strip_gps=config.strip_gps,
        workers=config.advise.workers,
    )
    return run(items, job, folder)
