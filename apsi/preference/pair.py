"""Two versions of a photo, or of two photos, that a person is asked to choose between."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import PurePosixPath
from typing import Any

from apsi.errors import ApsiError
from apsi.photo.hash import value_hash
from apsi.transform.recipe import Recipe

_SHA256 = re.compile(r"[0-9a-f]{64}")
_NAMED = re.compile(r"name:.{1,300}", re.DOTALL)
SPLITS = ("train", "val", "test")
_MAX_STEPS = 200


@dataclass(frozen=True)
class Version:
    """A photo as it is shown: an original, and what was done to it."""

    photo: str
    """SHA-256 of the original's file, so that a moved folder still fits; `name:...` where only a name is known"""
    name: str
    """path of its file below the data set's folder, with forward slashes: for people, and to find it fast"""
    recipe: tuple[str, ...] = ()
    """labels of what was done to it, in order"""

    def __post_init__(self) -> None:
        if not (_SHA256.fullmatch(self.photo) or _NAMED.fullmatch(self.photo)):
            raise ApsiError(f"{self.photo[:80]!r} is no photo: it is the SHA-256 of a file, or name:...")
        path = PurePosixPath(self.name)
        if not self.name or path.is_absolute() or ".." in path.parts or "\0" in self.name or "\\" in self.name:
            raise ApsiError(f"{self.name[:80]!r} is no name of a photo's file below a folder")
        if len(self.recipe) > _MAX_STEPS:
            raise ApsiError(f"a recipe of {len(self.recipe)} steps for {self.name}; at most {_MAX_STEPS} are taken")

    @cached_property
    def key(self) -> str:
        """12 hex digits that tell versions apart, whatever the photo's file is called."""
        return value_hash([self.photo, list(self.recipe)])

    @property
    def steps(self) -> Recipe:
        """The recipe, ready to be used.

        Raises:
            ApsiError: a label is unknown.
        """
        try:
            return Recipe.of(self.recipe)
        except ApsiError as error:
            reason = str(error).partition(" Known:")[0]
            raise ApsiError(f"the recipe of a version of {self.name}, {list(self.recipe)}: {reason}") from error

    def as_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return {"photo": self.photo, "name": self.name, "recipe": list(self.recipe)}

    @classmethod
    def from_dict(cls, data: Any) -> "Version":
        """Reads what `as_dict` gave.

        Raises:
            ApsiError: it is something else.
        """
        if not isinstance(data, Mapping) or not all(isinstance(data.get(key), str) for key in ("photo", "name")):
            raise ApsiError(f"a version needs photo and name, two texts, and a recipe; not {str(data)[:80]}")
        recipe = data.get("recipe", [])
        if not isinstance(recipe, list) or not all(isinstance(label, str) for label in recipe):
            raise ApsiError(f"the recipe of {data['name'][:80]!r} must be a list of labels, not {str(recipe)[:80]}")
        return cls(data["photo"], data["name"], tuple(recipe))


@dataclass(frozen=True)
class Pair:
    """Two versions, and which of them stands left the first time that they are shown."""

    left: Version
    right: Version
    split: str
    """`train`, `val` or `test`: that of the original photo; of two photos, the later one of these words"""
    source: str
    """what made it: an option of the group `pairs`, or the kind of a file that it was read from"""
    made: Mapping[str, Any] = field(default_factory=dict, compare=False)
    """how it was made: seed, round, selection and their like"""

    def __post_init__(self) -> None:
        if self.split not in SPLITS:
            raise ApsiError(f"split={self.split!r} of a pair must be one of {', '.join(SPLITS)}")
        if self.left.key == self.right.key:
            raise ApsiError(f"a pair of {self.left.name} with itself: its two versions are the same")

    @cached_property
    def id(self) -> str:
        """12 hex digits: the same whichever side a version stands on."""
        return value_hash(sorted([self.left.key, self.right.key]))

    def side_of(self, key: str) -> str | None:
        """Where the version with this key stands as the pair was made; None: it is not of this pair."""
        return "left" if key == self.left.key else "right" if key == self.right.key else None

    def as_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "pair": self.id,
            "left": self.left.as_dict(),
            "right": self.right.as_dict(),
            "split": self.split,
            "source": self.source,
            "made": dict(self.made),
        }

    @classmethod
    def from_dict(cls, data: Any) -> "Pair":
        """Reads what `as_dict` gave.

        Raises:
            ApsiError: it is something else, or its id is not that of its versions.
        """
        if not isinstance(data, Mapping):
            raise ApsiError(f"a pair is an object with left, right, split and source, not {str(data)[:80]}")
        made = data.get("made", {})
        pair = cls(
            Version.from_dict(data.get("left")),
            Version.from_dict(data.get("right")),
            str(data.get("split")),
            str(data.get("source", ""))[:80],
            made if isinstance(made, Mapping) else {},
        )
        if data.get("pair") not in (None, pair.id):
            raise ApsiError(f"the pair {str(data['pair'])[:40]!r} is not that of its versions ({pair.id})")
        return pair
