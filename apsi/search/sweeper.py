"""The sweeper that `hydra/sweeper=pruning` names; light, as every command imports it."""

from pathlib import Path
from typing import Any

from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig

from apsi.errors import ApsiError


class PruningSweeper(Sweeper):
    """Optuna's proposals as Hydra jobs, with pruning, retries of interrupted trials, and a report."""

    def __init__(self, **settings: Any) -> None:
        self._given = settings

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        self._context, self._task, self._config = hydra_context, task_function, config

    def sweep(self, arguments: list[str]) -> None:
        """Runs the trials that are left of the search.

        Raises:
            ApsiError: a setting is wrong, the storage can't be used, a package is missing, or all trials fail.
        """
        try:
            import optuna  # noqa: F401
        except ImportError as error:
            raise ApsiError(f"a search needs more packages ({error.name}): pip install 'apsi[search]'") from error
        from apsi.search.settings import read_settings
        from apsi.search.storage import reachable, storage_url
        from apsi.search.sweep import Sweep

        settings = read_settings(self._given)
        url = storage_url(settings.storage, Path(self._config.output_dir).expanduser())
        with reachable(url):
            Sweep(settings, url, self._context, self._task, self._config).run(arguments)
