"""The same validation photos edited at every milestone: pictures and a video of learning."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from apsi.agent.checkpoint import Checkpoint
from apsi.evaluate.pictures import mosaic, titled
from apsi.evaluate.saver import ImageSaver
from apsi.evaluate.video import write_video
from apsi.photo.write import atomic
from apsi.policy.rollout import EpisodeResult


class TrainingPictures:
    """`images/training/step_XXXXXXXX.png` in the folder of a run, and `images/training.mp4` made of them.

    Args:
        folder: of the run.
        saver: writes them.
    """

    def __init__(self, folder: Path, saver: ImageSaver) -> None:
        self._folder, self._saver = folder / "images" / "training", saver
        self.film = folder / "images" / "training.mp4"

    @classmethod
    def begin(cls, folder: Path, saver: ImageSaver, checkpoint: Checkpoint | None) -> Self:
        """The pictures of a run; a resumed run copies those of the earlier run up to its checkpoint."""
        pictures = cls(folder, saver)
        if checkpoint is not None and checkpoint.path.parent.name == "checkpoints":
            earlier = checkpoint.path.parent.parent / "images" / "training"
            for picture in sorted(earlier.glob("step_*.png")):
                if picture.name <= _name(checkpoint.state.timesteps):
                    with atomic(pictures._folder / picture.name) as temporary:
                        shutil.copyfile(picture, temporary)
        return pictures

    def save(self, timesteps: int, results: Sequence[EpisodeResult]) -> None:
        """Saves a mosaic of the episodes that kept their frames, if there are any."""
        shown = [result for result in results if result.frames]
        if shown:
            self._saver.save(self._folder / _name(timesteps), titled(mosaic(shown), f"{timesteps:,} steps"))

    def finish(self) -> None:
        """Waits for the pictures and makes the video of them, if there are any."""
        self._saver.close()
        pictures = sorted(self._folder.glob("step_*.png"))
        if pictures:
            write_video(self.film, pictures)


def _name(timesteps: int) -> str:
    return f"step_{timesteps:08d}.png"
