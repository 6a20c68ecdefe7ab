"""Counting steps and episodes of a training for Prometheus."""

from stable_baselines3.common.callbacks import BaseCallback

from apsi.monitoring.metrics import Metrics


class CountingCallback(BaseCallback):
    """Counts environment steps, episodes that ended, and successes among them."""

    def __init__(self, metrics: Metrics, planned: int) -> None:
        """Stores where to count.

        Args:
            metrics: gets the numbers.
            planned: environment steps at which the run ends.
        """
        super().__init__()
        self._metrics, self._planned = metrics, planned

    def _on_training_start(self) -> None:
        self._metrics.planned.set(self._planned)
        self._metrics.timesteps.set(self.num_timesteps)
        self._before = self.num_timesteps

    def _on_step(self) -> bool:
        metrics = self._metrics
        metrics.steps.inc(self.num_timesteps - self._before)
        metrics.timesteps.set(self.num_timesteps)
        self._before = self.num_timesteps
        dones, infos = self.locals.get("dones"), self.locals.get("infos")
        if dones is not None and infos is not None and dones.any():  # who tries all actions of a photo plays no episode
            ended = [info for info, done in zip(infos, dones, strict=True) if done]
            metrics.episodes.inc(len(ended))
            metrics.successes.inc(sum(bool(info["is_success"]) for info in ended))
        return True
