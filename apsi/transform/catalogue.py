"""Labels and the transforms that they stand for: what the modules of this package list.

`TRANSFORMS` are found by their whole labels, `PARSERS` find those with numbers in them, `exposure(+0.350)`.
"""

import importlib
import pkgutil
from collections.abc import Iterator
from functools import cache
from types import ModuleType

import apsi.transform
from apsi.errors import ApsiError, did_you_mean
from apsi.transform.base import STOP_LABEL, LabelParser, Stop, Transform


@cache
def catalogue() -> dict[str, Transform]:
    """Every transform with a fixed label, by it."""
    found: dict[str, Transform] = {STOP_LABEL: Stop()}
    for module in _modules():
        for transform in getattr(module, "TRANSFORMS", ()):
            if transform.label in found:
                raise ApsiError(f"two transforms are labelled '{transform.label}' ({module.__file__})")
            found[transform.label] = transform
    return found


def every_label() -> list[str]:
    """The fixed labels but STOP's, module by module: the actions of `transform=full`."""
    return [label for label in catalogue() if label != STOP_LABEL]


@cache
def parsers() -> dict[str, LabelParser]:
    """Every parser of labels, by what these begin with."""
    found: dict[str, LabelParser] = {}
    for module in _modules():
        for parser in getattr(module, "PARSERS", ()):
            for name in parser.names:
                if name in found:
                    raise ApsiError(f"two parsers read labels like '{name}(...)' ({module.__file__})")
                found[name] = parser
    return found


def by_label(label: str) -> Transform:
    """The transform of this label.

    Raises:
        ApsiError: there is none, the message names the closest; or numbers in the label are out of range.
    """
    known = catalogue()
    if label in known:
        return known[label]
    name, bracket, _ = label.partition("(")
    parser = parsers().get(name) if bracket else None
    transform = parser.parse(label) if parser else None
    if transform is not None:
        return transform
    guess = "" if parser else did_you_mean(name, parsers() if bracket else known)
    further = [f"{other.written}: {', '.join(other.names)}" for other in dict.fromkeys(parsers().values())]
    fixed = ", ".join(sorted(known))
    raise ApsiError(f"unknown transform '{label}'.{guess} Known: {'; and, '.join([fixed, *further])}.")


def _modules() -> Iterator[ModuleType]:
    for module in pkgutil.iter_modules(apsi.transform.__path__):
        yield importlib.import_module(f"apsi.transform.{module.name}")
