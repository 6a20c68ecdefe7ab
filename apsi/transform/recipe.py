"""Recipes: ordered transforms that can be written down and replayed."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from apsi.errors import ApsiError, did_you_mean
from apsi.photo import Photo
from apsi.transform.base import Transform
from apsi.transform.catalogue import by_label
from apsi.transform.reduction import reduces

FORMAT = "apsi-recipe-1"
_MAX_BYTES = 1_000_000  # of a file


@dataclass(frozen=True)
class Recipe:
    """An ordered list of transforms; itself a pure function photo -> photo, at any resolution."""

    transforms: tuple[Transform, ...] = ()

    @classmethod
    def of(cls, labels: Iterable[str]) -> "Recipe":
        """The recipe of these labels, in order."""
        return cls(tuple(by_label(label) for label in labels))

    @classmethod
    def from_json(cls, text: str) -> "Recipe":
        """Reads what `to_json` wrote.

        Raises:
            ApsiError: not JSON, another format, or an unknown transform.
        """
        try:
            data = json.loads(text)
        except (ValueError, RecursionError) as error:  # no JSON, nested without end, a number of thousands of digits
            raise ApsiError(f"this recipe is not JSON: {error}") from error
        labels = data.get("transforms") if isinstance(data, dict) and data.get("format") == FORMAT else None
        if not isinstance(labels, list) or not all(isinstance(label, str) for label in labels):
            raise ApsiError(f'not a recipe: expected {{"format": "{FORMAT}", "transforms": ["label", ...]}}')
        return cls.of(labels)

    def to_json(self) -> str:
        """The recipe as JSON; `from_json` reads it back."""
        return json.dumps({"format": FORMAT, "transforms": self.labels})

    @property
    def labels(self) -> list[str]:
        """The labels in order."""
        return [transform.label for transform in self.transforms]

    @property
    def inverse(self) -> "Recipe | None":
        """The recipe that undoes this one bit for bit, or None where a transform has no inverse."""
        undone = [transform.inverse for transform in reversed(self.transforms)]
        found = tuple(transform for transform in undone if transform is not None)
        return Recipe(found) if len(found) == len(undone) else None

    @property
    def reduces(self) -> bool:
        """Whether a shorter recipe, or none at all, does the same; see `apsi.transform.reduction`."""
        return reduces(self.transforms)

    def __call__(self, photo: Photo) -> Photo:
        for transform in self.transforms:
            photo = transform(photo)
        return photo

    def __len__(self) -> int:
        return len(self.transforms)

    def __iter__(self) -> Iterator[Transform]:
        return iter(self.transforms)


def read_recipe(file: str | None, task: str) -> Recipe:
    """The recipe in a file that a task was given.

    Raises:
        ApsiError: none was given, or it can't be read.
    """
    if file is None:
        raise ApsiError(f"task={task} needs recipe=FILE, a recipe as JSON")
    path = Path(file).expanduser()
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise ApsiError(f"it has more than {_MAX_BYTES:,} bytes, no recipe has")
        return Recipe.from_json(path.read_text(encoding="utf-8"))
    except OSError as error:
        beside = [one.name for one in path.parent.iterdir()] if path.parent.is_dir() else []
        guess = did_you_mean(path.name, beside) if isinstance(error, FileNotFoundError) else ""
        raise ApsiError(f"recipe={file} can't be read: {error.strerror}.{guess}") from error
    except UnicodeDecodeError as error:
        raise ApsiError(f"recipe={file} is no text: {error}") from error
    except ApsiError as error:
        raise ApsiError(f"recipe={file}: {error}") from error
