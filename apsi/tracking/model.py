"""A trained agent as an MLflow model: photos in, edited photos and recipes out.

The model is code (`apsi/tracking/model_code.py`) with a checkpoint, so nothing is pickled: the networks are read with
`weights_only`, the configuration through apsi's whitelist, as from any checkpoint.
"""

import shutil
import warnings
from importlib.metadata import version
from pathlib import Path

import numpy as np
from mlflow.models import ModelSignature
from mlflow.pyfunc import save_model as save_pyfunc
from mlflow.pyfunc.model import PythonModel, PythonModelContext
from mlflow.types.schema import Schema, TensorSpec

from apsi import __version__
from apsi.advise.editor import Editor, fitted
from apsi.agent.checkpoint import read_checkpoint
from apsi.config.compose import follow_device
from apsi.config.instantiate import check, instantiate
from apsi.errors import ApsiError
from apsi.photo.resample import fit
from apsi.photo.write import link_or_copy
from apsi.torchvision_ops import define_missing
from apsi.transform.full_size import apply

_CODE = Path(__file__).with_name("model_code.py")


def save_model(checkpoint: Path, folder: Path) -> None:
    """Writes the MLflow model of a checkpoint into a new folder."""
    shutil.rmtree(folder, ignore_errors=True)
    small = folder.with_name("checkpoint.zip")
    link_or_copy(checkpoint, small)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # that there is no example input: the signature says it all
            save_pyfunc(
                folder,
                python_model=str(_CODE),
                artifacts={"checkpoint": small.resolve().as_uri()},
                signature=signature(),
                pip_requirements=[f"apsi=={__version__}", f"mlflow=={version('mlflow')}", f"torch=={version('torch')}"],
                metadata={"apsi.actions": read_checkpoint(checkpoint).actions},
            )
        link_or_copy(checkpoint, folder / "artifacts" / small.name)  # MLflow's copy is the same
    finally:
        small.unlink()


def signature() -> ModelSignature:
    """Photos `(n, h, w, 3)` `uint8` RGB -> edited photos alike, their recipes as JSON `(n,)`, scores `(n,)`."""
    photos = TensorSpec(np.dtype(np.uint8), (-1, -1, -1, 3), "photo")
    recipe, score = TensorSpec(np.dtype(str), (-1,), "recipe"), TensorSpec(np.dtype(np.float64), (-1,), "score")
    given = TensorSpec(np.dtype(np.uint8), (-1, -1, -1, 3))
    return ModelSignature(inputs=Schema([given]), outputs=Schema([photos, recipe, score]))


class PhotoEditor(PythonModel):
    """Lets the agent edit up to its step limit and returns the state of each photo that the juror scores highest."""

    _skip_type_hint_validation = True  # MLflow's own switch: the signature says what photos are, no warning is due

    def load_context(self, context: PythonModelContext) -> None:
        """Reads the checkpoint.

        Raises:
            ApsiError: it is damaged, or its juror needs a file that is not here.
        """
        define_missing()
        checkpoint = read_checkpoint(Path(context.artifacts["checkpoint"]))
        config = checkpoint.config
        config.device.name = "auto"
        if "agent" not in config.policy:
            config.policy = {"agent": {"_target_": "apsi.policy.agent.Agent", "no_repeats": True}}
        follow_device(config.juror)
        if config.feature_extractor.get("weights") is not None:
            config.feature_extractor.weights = "checkpoint"
        check(config)
        self._editor = Editor(config, fitted(instantiate(config.juror), checkpoint), checkpoint)

    def predict(self, context, model_input, params=None):  # type: ignore[no-untyped-def]  # MLflow takes hints its way
        """Edits photos.

        Args:
            context: not used.
            model_input: `(n, h, w, 3)` `uint8` RGB.
            params: not used.

        Returns:
            `photo` `(n, h, w, 3)` at the size given, `recipe` JSON `(n,)`, `score` of the juror `(n,)`.

        Raises:
            ApsiError: not such photos, or edits that cut them to different sizes.
        """
        photos = np.asarray(model_input)
        if photos.dtype != np.uint8 or photos.ndim != 4 or photos.shape[-1] != 3 or not photos.size:
            raise ApsiError(f"photos are uint8 RGB of shape (n, h, w, 3), these are {photos.dtype} {photos.shape}")
        decisions = self._editor.decide([fit(photo, *self._editor.size) for photo in photos])
        edited = [apply(decision.recipe, photo) for decision, photo in zip(decisions, photos, strict=True)]
        if len({photo.shape for photo in edited}) > 1:
            raise ApsiError("the edits cut these photos to different sizes: give one photo at a time")
        return {
            "photo": np.stack(edited),
            "recipe": np.array([decision.recipe.to_json() for decision in decisions]),
            "score": np.array([decision.score for decision in decisions]),
        }
