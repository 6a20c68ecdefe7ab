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
from apsi.agent.ask import trained_agent
from apsi.agent.build import build_model
from apsi.agent.checkpoint import load_into, read_checkpoint
from apsi.config.build import components
from apsi.config.compose import follow_device
from apsi.config.instantiate import check, instantiate
from apsi.env.core import EditCore
from apsi.env.vec_env import PhotoVecEnv
from apsi.episodes.base import EpisodeSource, Start, given
from apsi.errors import ApsiError
from apsi.juror.base import FittedJuror, Juror
from apsi.juror.parameters import unpack_parameters
from apsi.photo import Photo
from apsi.photo.prepared import Episode, PhotoStore
from apsi.photo.resample import fit
from apsi.photo.write import link_or_copy
from apsi.policy.agent import Agent
from apsi.policy.base import PolicyContext
from apsi.policy.rollout import roll_out
from apsi.torchvision_ops import define_missing
from apsi.transform.full_size import apply
from apsi.transform.recipe import Recipe

_CODE = Path(__file__).with_name("model_code.py")
_OUT_OF_REACH = 11.0  # a target score that no photo has: how good the original was is not known


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
        self._config = config = checkpoint.config
        config.device.name = "auto"
        follow_device(config.juror)
        if config.feature_extractor.get("weights") is not None:
            config.feature_extractor.weights = "checkpoint"
        check(config)
        self._juror: Juror = instantiate(config.juror)
        if checkpoint.juror is not None and isinstance(self._juror, FittedJuror):
            unpack_parameters(checkpoint.juror, self._juror, "the checkpoint")
        self._parts = components(config, self._juror)
        env = PhotoVecEnv(EditCore(self._parts, _Blank(), 1))
        algo, model = build_model(config, env, config.seed)
        load_into(checkpoint, model)
        self._agent = trained_agent(algo, model)

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
        recipes, scores = self._recipes(list(photos))
        edited = [apply(recipe, photo) for recipe, photo in zip(recipes, photos, strict=True)]
        if len({photo.shape for photo in edited}) > 1:
            raise ApsiError("the edits cut these photos to different sizes: give one photo at a time")
        return {
            "photo": np.stack(edited),
            "recipe": np.array([recipe.to_json() for recipe in recipes]),
            "score": np.array(scores),
        }

    def _recipes(self, photos: list[Photo]) -> tuple[list[Recipe], list[float]]:
        """The agent works on copies at the size that it was trained at; a recipe holds at every size."""
        resize = self._config.preprocess.steps.resize
        store = _Given([fit(photo, int(resize.size), str(resize.mode)) for photo in photos])
        scores = self._juror.score(list(store.photos.values())).tolist()
        episodes = [
            Episode(path, path, path.name, path.name, (), score, _OUT_OF_REACH)
            for path, score in zip(store.photos, scores, strict=True)
        ]
        context = PolicyContext(self._parts, self._agent, np.random.default_rng(0))
        policy = Agent(context, no_repeats=True)
        played = roll_out(policy, self._parts, episodes, batch_size=64, store=store, pictures=len(episodes))
        recipes, best = [], []
        for result in played:
            kept = max(range(len(result.frames)), key=lambda i: result.frames[i].score)
            recipes.append(result.frames[kept].recipe)
            best.append(result.frames[kept].score)
        return recipes, best


class _Given(PhotoStore):
    """Photos in memory."""

    def __init__(self, photos: list[Photo]) -> None:
        super().__init__()
        self.photos = {Path(str(i)): photo for i, photo in enumerate(photos)}

    def read(self, path: Path) -> Photo:
        return self.photos[path]


class _Blank(EpisodeSource):
    """A photo to build the model with."""

    def __init__(self) -> None:
        return

    def draw(self, count: int) -> list[Start]:
        grey = np.full((16, 16, 3), 128, np.uint8)
        return [Start(grey, given(grey), 0.0, _OUT_OF_REACH, ()) for _ in range(count)]
