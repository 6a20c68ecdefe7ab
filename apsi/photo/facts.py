"""What is known of a photo beside its pixels: whose it is, where it is from, what is on it, how others scored it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Licences = dict[tuple[str, str], int]
"""Numbers of licences in a COCO file, by name and address"""


@dataclass(frozen=True, slots=True)
class PhotoFacts:
    """Texts of others: to be shown as texts, never followed or opened by apsi."""

    licence: str = ""
    licence_url: str = ""
    author: str = ""
    source_url: str = ""
    tags: tuple[str, ...] = ()
    scores: tuple[tuple[str, float], ...] = ()
    """scores that came with the photo, each with whose it is; on scales of their own"""

    def with_more(self, other: "PhotoFacts") -> "PhotoFacts":
        """What either knows; where both know a licence, author or address, that of `other` counts."""
        own_licence = (other.licence, other.licence_url) if other.licence else (self.licence, self.licence_url)
        return PhotoFacts(
            *own_licence,
            other.author or self.author,
            other.source_url or self.source_url,
            tuple(dict.fromkeys((*self.tags, *other.tags))),
            tuple({**dict(self.scores), **dict(other.scores)}.items()),
        )

    def as_coco(self, licences: Licences) -> dict[str, Any]:
        """The keys of an image in a COCO file; a licence that has no number yet gets the next."""
        found: dict[str, Any] = {}
        if self.licence:
            found["license"] = licences.setdefault((self.licence, self.licence_url), len(licences) + 1)
        found |= {key: value for key, value in (("author", self.author), ("source_url", self.source_url)) if value}
        if self.tags:
            found["tags"] = list(self.tags)
        if self.scores:
            found["known_scores"] = dict(self.scores)
        return found

    @classmethod
    def from_coco(cls, image: Mapping[str, Any], licences: Mapping[int, tuple[str, str]]) -> "PhotoFacts":
        """What `as_coco` wrote."""
        name, url = licences[image["license"]] if "license" in image else ("", "")
        return cls(
            name,
            url,
            image.get("author", ""),
            image.get("source_url", ""),
            tuple(image.get("tags", ())),
            tuple(image.get("known_scores", {}).items()),
        )


NO_FACTS = PhotoFacts()
