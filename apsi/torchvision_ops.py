"""Lets a torchvision built for CUDA import beside a CPU build of torch.

There is no CPU build of torchvision on PyPI. Its compiled operators can't load without CUDA's libraries, and its import
then fails because it describes two of them, which nobody has defined. Their schemas are all that is missing.
"""

import sys
from importlib.util import find_spec
from pathlib import Path

_SCHEMAS = ("nms", "qnms")
_libraries: list[object] = []  # a torch library lasts as long as the object


def define_missing() -> None:
    """Defines the schemas of torchvision's operators where its own can't be loaded.

    To be called before torchvision is imported for the first time.
    """
    spec = find_spec("torchvision")
    if _libraries or "torchvision" in sys.modules or spec is None or spec.origin is None:
        return
    import torch

    compiled = next(Path(spec.origin).parent.glob("_C.*"), None)
    try:
        if compiled is not None:
            torch.ops.load_library(str(compiled))  # type: ignore[no-untyped-call]  # torch leaves it untyped
            return
    except OSError:
        pass
    library = torch.library.Library("torchvision", "FRAGMENT")  # type: ignore[no-untyped-call]  # likewise
    for name in _SCHEMAS:
        library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")  # type: ignore[no-untyped-call]  # likewise
    _libraries.append(library)
