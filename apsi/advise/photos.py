"""Which photos are meant, and what their results are called."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from glob import escape, has_magic
from pathlib import Path
from typing import Any

from apsi.advise.journal import JOURNAL, names_in
from apsi.errors import ApsiError, did_you_mean
from apsi.photo.formats import SUFFIXES

_SUFFIXES = {suffix for suffixes in SUFFIXES.values() for suffix in suffixes}


@dataclass(frozen=True)
class Item:
    """A file to work on."""

    path: Path
    name: str
    """of its results, without what ends them: `holiday/IMG_1234`"""


def find_photos(photo: Any, out: Path | None = None) -> list[Item]:
    """The files that `photo=` names, each once, in order.

    Args:
        photo: a file, a folder (searched through, hidden files left out), a pattern such as `*.jpg`, or a list of them.
        out: a folder of results, which are no photos to work on.

    Raises:
        ApsiError: nothing is named, something is missing, or a folder holds no photo.
    """
    named = [str(one) for one in (photo if isinstance(photo, Iterable) and not isinstance(photo, str) else [photo])]
    if photo is None or not named:
        raise ApsiError("no photo is named: add photo=IMG_1234.jpg, a folder, or several: photo=[A.jpg,B.jpg]")
    found: dict[Path, Path] = {}
    for one in named:
        for path, name in _found(one, out):
            found.setdefault(path, name)
    return _named(found)


def _found(named: str, out: Path | None) -> list[tuple[Path, Path]]:
    """Files, and the names of their results as paths with suffixes."""
    path = Path(named).expanduser()
    if path.is_dir():
        own = _results_below(path)
        files = sorted(file for file in path.rglob("*") if _is_photo(file, path, out) and file not in own)
        if not files:
            raise ApsiError(f"photo={named} holds no photo: none of its files ends in {', '.join(sorted(_SUFFIXES))}")
        return [(file, file.relative_to(path)) for file in files]
    if not path.exists() and has_magic(named):
        anchor = Path(path.anchor or ".")
        files = sorted(file for file in anchor.glob(str(path.relative_to(path.anchor))) if file.is_file())
        if not files:
            raise ApsiError(f"photo={named} matches no file")
        return [(file, Path(file.name)) for file in files]
    if not path.exists():
        beside = [file.name for file in path.parent.iterdir()] if path.parent.is_dir() else []
        raise ApsiError(f"photo={named} does not exist.{did_you_mean(path.name, beside)}")
    return [(path, Path(path.name))]


def _results_below(folder: Path) -> set[Path]:
    """Edited photos of earlier runs, which are no photos to work on."""
    return {
        result
        for journal in folder.rglob(JOURNAL)
        for name in names_in(journal)
        for result in (journal.parent / name).parent.glob(f"{escape(Path(name).name)}-edited.*")
    }


def _is_photo(file: Path, folder: Path, out: Path | None) -> bool:
    if file.suffix.lower() not in _SUFFIXES or any(part.startswith(".") for part in file.relative_to(folder).parts):
        return False
    if out is not None and out.resolve() != folder.resolve() and file.resolve().is_relative_to(out.resolve()):
        return False
    return file.is_file()


def _named(found: dict[Path, Path]) -> list[Item]:
    """Names that no two photos share, on file systems too that know no capitals."""
    stems = Counter(str(name.with_suffix("")).lower() for name in found.values())
    taken: set[str] = set()
    items = []
    for path, name in found.items():
        stem = str(name.with_suffix(""))
        wanted = stem if stems[stem.lower()] == 1 else str(name)  # IMG_1.CR2 beside IMG_1.JPG
        unique, number = wanted, 1
        while unique.lower() in taken:
            number += 1
            unique = f"{wanted}-{number}"
        taken.add(unique.lower())
        items.append(Item(path, unique))
    return items
