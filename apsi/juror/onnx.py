"""Any ONNX model as a juror."""

from collections.abc import Sequence
from functools import cached_property
from typing import Annotated, Any, Literal

import cv2
import numpy as np
from pydantic import Field, PositiveInt

from apsi.device.calibration import Outputs, Setting
from apsi.errors import ApsiError
from apsi.juror.base import About
from apsi.juror.mapping import Mapping
from apsi.juror.neural import SIZES, NeuralJuror, cores, require_weights, ways_to_share
from apsi.juror.onnx_file import described, require_settings
from apsi.photo import Floats, Photo
from apsi.photo.hash import file_hash, value_hash
from apsi.photo.resample import resample
from apsi.types import BatchSize

Activation = Literal["none", "sigmoid", "softmax_mean"]
_ON_CPU = ("CPUExecutionProvider", "AzureExecutionProvider")
Three = Annotated[list[float], Field(min_length=3, max_length=3)]


class OnnxJuror(NeuralJuror):
    """Runs a model file with ONNX Runtime; input and output are described by the configuration.

    Args:
        path: the `.onnx` file.
        size: side of the square that photos are resized to.
        mean, std: of R, G, B on the scale 0 to 1: what goes in is `(x / 255 - mean) / std`.
        layout: order of the input's dimensions.
        output: name of the output; None: the first.
        activation: `none` and `sigmoid` for one value a photo, `softmax_mean` for K bins, the mean of 1 to K.
        mapping: from the value to 0..10; it also says which direction is better. It, `size`, `mean` and `std` are the
            model's own and have no default: None is an error that says how to find them.
        batch_size: photos a run of the model; `auto` (and None, as it was called once): what is fastest here.
        threads: of a run; None: what is fastest of all cores, or of `OMP_NUM_THREADS`.
    """

    _LOADED = ("_session", "_levels")
    about = About(
        native_range="the model's own",
        mapping="`juror.mapping`: linear or logistic, either direction",
        reference="<https://onnx.ai>",
        licence="the model's own",
        knows="what the model was trained on",
    )

    def __init__(
        self,
        *,
        path: str | None,
        size: PositiveInt | None,
        mean: Three | None,
        std: Three | None,
        layout: Literal["NCHW", "NHWC"],
        output: str | None,
        activation: Activation,
        mapping: Mapping,
        batch_size: BatchSize | None,
        threads: PositiveInt | None,
    ) -> None:
        super().__init__(mapping, batch_size or "auto")
        self.path = require_weights(path, "juror.path", "Add juror.path=MODEL.onnx")
        size, mean, std = require_settings(self.path, size, mean, std, mapping)
        self.size, self.mean, self.std, self.layout = size, mean, std, layout
        self.output, self.activation, self.threads = output, activation, threads
        settings = [size, mean, std, layout, output, activation, repr(mapping)]
        self._fingerprint = f"onnx-{file_hash(self.path)[:12]}-{value_hash(settings)[:6]}"

    @property
    def fingerprint(self) -> str:
        return self._fingerprint

    @property
    def model(self) -> Any:
        """The ONNX Runtime session, with the number of threads that is used."""
        return self._open(self.threads or (1 if self._setting is None else self._setting.threads))

    def _open(self, threads: int) -> Any:
        if self._session is None or self._session[0] != threads:
            self._session = (threads, self._load(threads))
        return self._session[1]

    @cached_property
    def _session(self) -> tuple[int, Any] | None:
        return None

    def _adopt(self, setting: Setting) -> None:
        self._open(self.threads or setting.threads)

    def _load(self, threads: int) -> Any:
        onnxruntime = _onnxruntime()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        try:
            session = onnxruntime.InferenceSession(self.path, options, providers=onnxruntime.get_available_providers())
        except Exception as error:  # the runtime's own errors share no class
            raise ApsiError(f"juror.path={self.path} is not a model that ONNX Runtime can load: {error}") from error
        names = [output.name for output in session.get_outputs()]
        if self.output is not None and self.output not in names:
            raise ApsiError(f"juror.output={self.output} is no output of {self.path}; it has: {', '.join(names)}")
        if len(session.get_inputs()) != 1:
            raise ApsiError(f"juror.path={self.path} has {len(session.get_inputs())} inputs; a juror takes one")
        return session

    @property
    def sizes(self) -> Sequence[int]:
        rows = self.model.get_inputs()[0].shape[:1]  # a number where the model takes no other
        return rows if rows and isinstance(rows[0], int) else SIZES

    def backend(self) -> dict[str, object]:
        return {"onnxruntime": _onnxruntime().__version__, "device": self.model.get_providers()}

    @property
    def is_on_cpu(self) -> bool:
        first: str = self.model.get_providers()[0]
        return first in _ON_CPU

    def options(self) -> list[tuple[int, int]]:
        return ways_to_share(cores()) if self.is_on_cpu and self.threads is None else []

    def describe(self) -> list[str]:
        return described(self.path, self.model)

    @cached_property
    def _levels(self) -> Any:
        """What each of the 256 levels becomes, for each channel: `(256, 1, 3)`."""
        levels = (np.arange(256)[:, None] / 255 - np.array(self.mean)) / np.array(self.std)
        return levels.astype(np.float32)[:, None]

    def outputs(self, photos: Sequence[Photo], setting: Setting) -> Outputs:
        images = np.zeros((setting.rows(len(photos)), self.size, self.size, 3), np.float32)
        for image, photo in zip(images, photos, strict=False):
            cv2.LUT(resample(photo, self.size, self.size), self._levels, image)
        batch = images if self.layout == "NHWC" else np.ascontiguousarray(images.transpose(0, 3, 1, 2))
        session = self._open(self.threads or setting.threads)
        name = session.get_inputs()[0].name
        try:
            (raw,) = session.run([self.output or session.get_outputs()[0].name], {name: batch})
        except Exception as error:  # the runtime's own errors share no class
            if "allocate memory" in str(error):
                raise MemoryError(str(error)) from error
            raise ApsiError(f"{self.path} can't score a batch {batch.shape}, check size and layout: {error}") from error
        return np.asarray(raw, dtype=np.float64).reshape(len(batch), -1)

    def read(self, outputs: Outputs) -> Floats:
        values = outputs
        if self.activation == "softmax_mean":
            exponents = np.exp(values - values.max(axis=1, keepdims=True))
            means: Floats = exponents @ np.arange(1, values.shape[1] + 1) / exponents.sum(axis=1)
            return means
        if values.shape[1] != 1:
            raise ApsiError(
                f"{self.path} gives {values.shape[1]} values a photo: choose one with juror.output, "
                "or juror.activation=softmax_mean for a distribution"
            )
        return 1 / (1 + np.exp(-values[:, 0])) if self.activation == "sigmoid" else values[:, 0]


def _onnxruntime() -> Any:
    """The library, imported when first needed."""
    try:
        import onnxruntime
    except ImportError as error:
        raise ApsiError("juror=onnx needs ONNX Runtime: pip install 'apsi[onnx]'") from error
    return onnxruntime
