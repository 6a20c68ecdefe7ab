"""Photos of a data set of the Hugging Face Hub, or of a folder in one of its formats."""

import os
import re
from collections.abc import Sequence
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from pydantic import PositiveInt

from apsi.dataset.base import Dataset, Listing, Skipped, SourceFile
from apsi.errors import ApsiError, did_you_mean
from apsi.photo.facts import PhotoFacts
from apsi.photo.file import read_file
from apsi.photo.hash import value_hash
from apsi.photo.read import MAX_PIXELS, max_file_bytes
from apsi.photo.write import atomic

_OWN = ("licence", "citation", "url")


class HuggingFace(Dataset):
    """One column of images; needs the extra `huggingface`. No code of a data set is ever run.

    The images are written below `folder` when they are asked for, as they are in the data set, byte for byte; those
    that are there already are not written again.
    """

    def __init__(
        self,
        *,
        repo: str,
        split: str,
        image_column: str | None,
        config: str | None,
        revision: str | None,
        folder: str,
        enlarge: dict[str, int],
        max_pixels: PositiveInt = MAX_PIXELS,
    ) -> None:
        """Takes the names; reads nothing yet.

        Args:
            repo: a data set of the Hub, `OWNER/NAME`, or a folder: what `save_to_disk` wrote, images, parquet files.
            split: its split.
            image_column: its column of images; None: the only one.
            config: which of its configurations, where it has several.
            revision: a commit, tag or branch on the Hub; None: the latest.
            folder: the images are written below it.
            enlarge: for each split, how many versions of each photo to make, the photo itself included.
            max_pixels: files with more, by what their header says, are skipped before they are decoded.
        """
        self.repo, self.split, self.revision, self.config = repo, split, revision, config
        self.image_column, self.folder = image_column, Path(folder).expanduser()
        self.enlarge, self.max_pixels = enlarge, max_pixels
        self.info: dict[str, str] = {}

    @property
    def name(self) -> str:
        return f"{Path(self.repo).expanduser().resolve().name if self._local else self.repo}-{self.split}"

    def listing(self) -> Listing:
        rows, _ = self._rows
        files = []
        labels = self._labels(rows)
        for i in range(len(rows)):
            tags = tuple(names[v] for names, values in labels if (v := values[i]) is not None and v >= 0)
            files.append(SourceFile(f"{i:07d}", self._target / f"{i:07d}", PhotoFacts(tags=tags)))
        return Listing(tuple(files))

    def fetch(self, files: Sequence[SourceFile]) -> tuple[Skipped, ...]:
        wanted = [file for file in files if not file.path.exists()]
        if not wanted:
            return ()
        rows, column = self._rows
        skipped = []
        for file, row in zip(wanted, rows.select([int(file.name) for file in wanted]), strict=True):
            try:
                data = self._bytes_of(row[column])
            except (OSError, _NoImageError) as error:
                reason = (error.strerror or str(error)) if isinstance(error, OSError) else str(error)
                skipped.append(Skipped(file.name, f"can't be had: {reason}"))
                continue
            with atomic(file.path) as temporary:
                temporary.write_bytes(data)
        return tuple(skipped)

    def _bytes_of(self, image: Any) -> bytes:
        if image is None:
            raise _NoImageError("the data set has no image there")
        if isinstance(image, bytes):
            return image
        if image.get("bytes") is not None:
            return bytes(image["bytes"])
        path = image.get("path")
        if not isinstance(path, str) or not self._is_own(path):
            raise _NoImageError("the data set names a file outside of its folder")
        return read_file(Path(path), max_file_bytes(self.max_pixels))

    def _is_own(self, path: str) -> bool:
        """Whether a file that the data set names is part of it: it may be of others."""
        import datasets
        from huggingface_hub import constants

        roots = [Path(self.repo).expanduser()] if self._local else []
        roots += [self._cache, Path(datasets.config.HF_DATASETS_CACHE), Path(constants.HF_HUB_CACHE)]
        real = os.path.realpath(path)
        return any(real.startswith(os.path.realpath(root) + os.sep) for root in roots)

    @property
    def _cache(self) -> Path:
        """Where the library keeps what it made of the files."""
        return self.folder / "cache"

    @cached_property
    def _local(self) -> bool:
        return Path(self.repo).expanduser().is_dir()

    @cached_property
    def _target(self) -> Path:
        """Where the images are written: another folder for each content."""
        rows, column = self._rows
        known = [self.repo, self.config, self.split, self.revision, column, rows._fingerprint]  # noqa: SLF001 - it has no other
        name = re.sub(r"[^\w-]+", "_", self.name)[:60]
        return self.folder / f"{name}-{value_hash(known)}"

    @cached_property
    def _rows(self) -> tuple[Any, str]:
        """The rows, whose images are not decoded, and their column."""
        if find_spec("datasets") is None:
            raise ApsiError("dataset=huggingface needs the extra 'huggingface': pip install 'apsi[huggingface]'")
        import datasets
        from datasets.utils.logging import disable_progress_bar, set_verbosity_error

        set_verbosity_error()
        disable_progress_bar()
        rows = self._load(datasets)
        column = self._column(datasets, rows)
        if isinstance(rows.features[column], datasets.Image):
            rows = rows.cast_column(column, datasets.Image(decode=False))
        info = {"licence": rows.info.license, "citation": rows.info.citation, "url": rows.info.homepage}
        self.info = {key: " ".join(str(info[key]).split()) for key in _OWN if info[key]}
        return rows, column

    def _load(self, datasets: Any) -> Any:
        place = f"dataset.repo={self.repo}"
        path = Path(self.repo).expanduser()
        try:
            if self._local and (path / "dataset_dict.json").is_file():
                found = datasets.load_from_disk(str(path))
                if self.split not in found:
                    raise ApsiError(
                        f"dataset.split={self.split}: {self.repo} has {', '.join(found)}."
                        f"{did_you_mean(self.split, found)}"
                    )
                return found[self.split]
            if self._local and (path / "state.json").is_file():
                return datasets.load_from_disk(str(path))
            if self._local and (kept := self._scripts(path)):
                raise ApsiError(
                    f"{place}: code of data sets is not run, and {kept[0].name} is some; give its photos alone"
                )
            if not self._local and not re.fullmatch(r"[\w.-]+(/[\w.-]+)?", self.repo):
                raise ApsiError(f"{place} is no folder here, and no name on the Hub, OWNER/NAME")
            return datasets.load_dataset(
                str(path) if self._local else self.repo,
                self.config,
                split=self.split,
                revision=self.revision,
                cache_dir=str(self._cache),
            )
        except ApsiError:
            raise
        except Exception as error:  # the library's are of every kind
            said = " ".join(str(error).split())[:500] or type(error).__name__
            raise ApsiError(
                f"{place}, dataset.split={self.split}, dataset.config={self.config}: {said}. Where the Hub can't be "
                "reached, give a folder that `save_to_disk` wrote, or one of images or parquet files"
            ) from error

    def _scripts(self, path: Path) -> list[Path]:
        return sorted(path.glob("*.py"))

    def _column(self, datasets: Any, rows: Any) -> str:
        kinds = dict(rows.features)
        images = [name for name, feature in kinds.items() if isinstance(feature, datasets.Image)]
        if self.image_column is not None:
            feature = kinds.get(self.image_column)
            is_bytes = isinstance(feature, datasets.Value) and feature.dtype in ("binary", "large_binary")
            if self.image_column in images or is_bytes:
                return str(self.image_column)
        elif len(images) == 1:
            return str(images[0])
        listed = ", ".join(f"{name} ({type(feature).__name__})" for name, feature in kinds.items())
        raise ApsiError(
            f"dataset.image_column={self.image_column}: {self.repo} has the columns {listed}; name one of images"
            + (f": {', '.join(images)}" if images else ", of which it has none")
        )

    def _labels(self, rows: Any) -> list[tuple[list[str], list[int | None]]]:
        """Names and values of every column of classes: they are tags."""
        import datasets

        classes = {name: f for name, f in rows.features.items() if isinstance(f, datasets.ClassLabel)}
        return [(list(feature.names), list(rows[name])) for name, feature in classes.items()]


class _NoImageError(Exception):
    """There is none; the message says why."""
