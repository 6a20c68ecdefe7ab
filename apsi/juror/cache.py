"""A score cache around any juror."""

from collections import OrderedDict
from collections.abc import Sequence

import numpy as np

from apsi.juror.base import Juror
from apsi.photo import Floats, Photo
from apsi.photo.hash import pixel_hash


class CachedJuror(Juror):
    """Remembers the latest scores by pixels and fingerprint; equal photos of one batch are scored once."""

    def __init__(self, juror: Juror, max_entries: int) -> None:
        self._juror = juror
        self._max_entries = max_entries
        self._scores: OrderedDict[tuple[str, bytes], float] = OrderedDict()
        self.hits = 0
        self.misses = 0

    @property
    def fingerprint(self) -> str:
        return self._juror.fingerprint

    @property
    def hit_rate(self) -> float:
        """Share of the photos asked for so far whose score was known."""
        return self.hits / max(1, self.hits + self.misses)

    def score(self, photos: Sequence[Photo]) -> Floats:
        fingerprint = self._juror.fingerprint
        keys = [(fingerprint, pixel_hash(photo)) for photo in photos]
        missing = {key: i for i, key in enumerate(keys) if key not in self._scores}
        known = {key: self._scores[key] for key in keys if key in self._scores}
        if missing:
            known |= zip(missing, self._juror.score([photos[i] for i in missing.values()]).tolist(), strict=True)
        self.misses += len(missing)
        self.hits += len(photos) - len(missing)
        for key in keys:
            self._scores[key] = known[key]
            self._scores.move_to_end(key)
        while len(self._scores) > self._max_entries:
            self._scores.popitem(last=False)
        return np.array([known[key] for key in keys], dtype=np.float64)
