"""Recorded runs, named by their folder or their MLflow run id."""

from dataclasses import dataclass
from pathlib import Path

from omegaconf import DictConfig

from apsi.config.trust import is_own, read_config
from apsi.errors import ApsiError
from apsi.tracking.base import Tracker


@dataclass(frozen=True)
class RecordedRun:
    """One run."""

    name: str
    """a run's folder, or an MLflow run id"""
    tracker: Tracker

    @property
    def folder(self) -> Path | None:
        """The run's folder, where it was given."""
        path = Path(self.name).expanduser()
        return path if path.is_dir() else None

    def file(self, name: str) -> Path:
        """A file of the run.

        Raises:
            ApsiError: there is no such run, or it has no such file.
        """
        if self.folder is None:
            if len(Path(self.name).parts) > 1:
                raise ApsiError(f"there is no run in {self.name}: name the folder of a run or an MLflow run id")
            return self.tracker.file(self.name, name)
        path = self.folder / name
        if not path.is_file():
            raise ApsiError(f"{self.folder} has no {name}: it is no folder of a run, or the run ended too early")
        return path

    def config(self) -> DictConfig:
        """The resolved configuration, not yet checked."""
        return read_config(self._config_text(), self.file("config.yaml"))

    def is_own(self) -> bool:
        """Whether this user's apsi wrote the configuration."""
        return is_own(self._config_text())

    def _config_text(self) -> str:
        return self.file("config.yaml").read_text(encoding="utf-8")

    def curve(self, metric: str) -> list[tuple[int, float]]:
        """A validation figure such as `success_rate`, as pairs of step and value; empty where it did not train."""
        if self.folder is None:
            history = self.tracker.history
            return history(self.name, f"eval/{metric}") or history(self.name, f"val/{metric}")  # their earlier name
        last = self.folder / "checkpoints" / "last.zip"
        if not last.exists():
            return []
        from apsi.agent.checkpoint import read_checkpoint

        return [(row["timesteps"], row[f"val_{metric}"]) for row in read_checkpoint(last).state.history]
