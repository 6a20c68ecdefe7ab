"""What was acquired, in one place each: whole or not at all, and known by its digests from then on."""

import json
import logging
import os
import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from filelock import FileLock, Timeout

from apsi.acquire.base import Acquire, Fetched, RefusedError, Watch, WrongDigestError
from apsi.errors import ApsiError
from apsi.photo.write import write_text

log = logging.getLogger(__name__)

RECORD, FILES = "acquired.json", "files"
"""In the folder of what was acquired"""
DIGESTS = "digests.json"
"""Beside these folders: the digest that each source had when it first came"""
_WANTED = "wanted.json"
"""In a folder that is not whole yet: the URLs that it is made of"""
_SUFFIXES = re.compile(r"(\.(zip|tgz|tbz2?|txz|tar|gz|bz2|xz|zst))+$", re.IGNORECASE)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_SHA256 = re.compile(r"[0-9a-fA-F]{64}")


@dataclass(frozen=True)
class Source:
    """Where photos come from."""

    url: str
    sha256: str | None = None
    """that it must have; None: the one that it had first"""

    def __post_init__(self) -> None:
        if self.sha256 is not None and not _SHA256.fullmatch(self.sha256):
            raise ApsiError(f"sha256={self.sha256} is no SHA-256, which is 64 hexadecimal digits")


@dataclass(frozen=True)
class Acquired:
    """What lies in one place."""

    folder: Path
    sources: tuple[tuple[str, Fetched], ...]
    """canonical URLs, and what came of each"""

    @property
    def files_folder(self) -> Path:
        """Where the files lie."""
        return self.folder / FILES

    @property
    def files(self) -> int:
        """How many came; some may have gone since."""
        return sum(fetched.files for _, fetched in self.sources)

    @property
    def size(self) -> int:
        """Bytes of these."""
        return sum(fetched.unpacked for _, fetched in self.sources)


def require_name(name: str, place: str) -> str:
    """The name, where it is a safe one of a folder.

    Raises:
        ApsiError: it isn't.
    """
    if name == DIGESTS:
        raise ApsiError(f"{place}={name!r} is the name of a file beside these folders; take another one")
    if not _NAME.fullmatch(name) or name.endswith("."):
        raise ApsiError(
            f"{place}={name!r} must begin with a letter or digit and hold only letters, digits, '.', '_' and '-', at "
            "most 100 of them"
        )
    return name


def stem(url: str) -> str:
    """A name for what a URL leads to."""
    try:
        path = urlsplit(url).path
    except ValueError:  # a path may be what no URL can be
        path = url
    last = unquote(path).rstrip("/").rpartition("/")[2]
    return re.sub(r"[^A-Za-z0-9_-]+", "_", _SUFFIXES.sub("", last)).strip("_-")[:60] or "photos"


def find(target: Path) -> Acquired | None:
    """What lies in a place; None: nothing was acquired there.

    Raises:
        ApsiError: something else is there.
    """
    if not target.exists():
        return None
    try:
        content = json.loads((target / RECORD).read_text(encoding="utf-8"))
        sources = tuple((entry.pop("url"), Fetched(**entry)) for entry in content["sources"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ApsiError(f"{target} was not made here ({RECORD}: {error}); remove it, or take another name") from error
    return Acquired(target, sources)


def acquire_once(
    acquire: Acquire,
    sources: Sequence[Source],
    target: Path,
    watch: Watch,
    *,
    about: Mapping[str, str] | None = None,
    first: Callable[[], None] = lambda: None,
) -> Acquired:
    """Gets photos into the folder `target`, or finds them there. It appears when all are in it.

    What a killed or interrupted call had got is used by the next one. Processes that want the same folder wait.

    Args:
        acquire: gets them.
        sources: each into a folder of its own where there are several.
        target: the folder.
        watch: is told how far it is.
        about: more for the record.
        first: is called before anything is fetched for the first time.

    Raises:
        ApsiError: they can't be had, are not what was expected, or other photos lie there.
    """
    urls = [acquire.canonical(source.url) for source in sources]
    if (there := find(target)) is not None:
        return _same(there, urls, sources)
    target.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(target.with_name(f".{target.name}.lock"))
    _take(lock, target, watch)
    try:
        if (there := find(target)) is not None:
            return _same(there, urls, sources)
        fetched = _fetch_whole(
            acquire, list(zip(urls, sources, strict=True)), target, watch, about=about or {}, first=first
        )
        return Acquired(target, tuple(zip(urls, fetched, strict=True)))
    finally:
        lock.release()


def discard_partial(target: Path) -> None:
    """Removes what came so far of what nobody wants any more; where somebody is getting it, it stays."""
    with suppress(OSError), FileLock(target.with_name(f".{target.name}.lock"), timeout=0):
        _remove(_partial(target))


def _partial(target: Path) -> Path:
    return target.with_name(f".{target.name}.partial")


def _remove(partial: Path) -> None:
    """Removes what came so far; whoever is killed meanwhile leaves nothing that counts as such."""
    discarded = partial.with_suffix(".discarded")
    if discarded.exists():
        shutil.rmtree(discarded)
    if partial.exists():
        partial.rename(discarded)
        shutil.rmtree(discarded)


def _take(lock: FileLock, target: Path, watch: Watch) -> None:
    """Waits where another process has the lock."""
    waits = False
    while True:
        with suppress(Timeout):
            lock.acquire(timeout=0.5 if waits else 0)
            return
        if not waits:
            log.info("Another process is acquiring %s; waiting for it", target.name)
        waits = True
        watch.at("Waiting", 0, None)


def _fetch_whole(
    acquire: Acquire,
    sources: Sequence[tuple[str, Source]],
    target: Path,
    watch: Watch,
    *,
    about: Mapping[str, str],
    first: Callable[[], None],
) -> list[Fetched]:
    """Gets all sources into a folder beside the target, and renames it."""
    partial = _begun(target, [url for url, _ in sources], first)
    try:
        fetched = _fetch_all(acquire, sources, partial, watch)
    finally:
        with suppress(OSError):  # it holds something to go on from
            (partial / FILES).rmdir()
        if [path.name for path in partial.glob("*")] == [_WANTED]:
            shutil.rmtree(partial)
    entries = [{"url": url} | asdict(one) for (url, _), one in zip(sources, fetched, strict=True)]
    when = datetime.now(UTC).isoformat(timespec="seconds")
    record = {**about, "acquired": when, "sources": entries}
    write_text(partial / RECORD, json.dumps(record, indent=1, ensure_ascii=False))
    partial.rename(target)
    for left in [*target.glob("work-*"), *target.glob("done-*"), target / _WANTED]:  # after it: else a kill costs all
        shutil.rmtree(left) if left.is_dir() else left.unlink()
    return fetched


def _begun(target: Path, urls: Sequence[str], first: Callable[[], None]) -> Path:
    """The folder beside the target that gets all; what an earlier call left in it of other URLs is removed."""
    partial = _partial(target)
    wanted = json.dumps(urls)
    known = ""
    with suppress(OSError, ValueError):
        known = (partial / _WANTED).read_text(encoding="utf-8")
    if known != wanted:
        _remove(partial)
        first()
        partial.mkdir(exist_ok=True)
        write_text(partial / _WANTED, wanted)
    return partial


def _fetch_all(acquire: Acquire, sources: Sequence[tuple[str, Source]], partial: Path, watch: Watch) -> list[Fetched]:
    names = _folder_names([url for url, _ in sources])
    digests = partial.with_name(DIGESTS)
    fetched = []
    for i, ((url, source), name) in enumerate(zip(sources, names, strict=True)):
        done, work = partial / f"done-{i}.json", partial / f"work-{i}"
        into = partial / FILES / name
        known = source.sha256 or _digests(digests).get(url)
        with suppress(OSError, ValueError, TypeError):
            one = Fetched(**json.loads(done.read_text(encoding="utf-8")))
            if known is None or known.lower() == one.sha256:
                fetched.append(one)
                continue
        work.mkdir(exist_ok=True)
        into.parent.mkdir(exist_ok=True)
        try:
            one = acquire.fetch(source.url, known, into, work, watch)
        except RefusedError as error:
            for folder in (into, work):
                shutil.rmtree(folder, ignore_errors=True)
            if isinstance(error, WrongDigestError) and source.sha256 is None:
                raise WrongDigestError(
                    f"{error}. The digest is the one that it had first: if it has rightly changed, remove its line in "
                    f"{digests}"
                ) from error
            raise
        finally:
            with suppress(OSError):
                work.rmdir()  # nothing came
        write_text(done, json.dumps(asdict(one)))
        if source.sha256 is None and known is None:
            log.info("%s has the SHA-256 %s, which is held from now on", url, one.sha256)
        _remember(digests, url, one.sha256)
        fetched.append(one)
    return fetched


def _folder_names(urls: Sequence[str]) -> list[str]:
    """Of each source; the only one has none."""
    if len(urls) == 1:
        return [""]
    names: list[str] = []
    for url in urls:
        name = stem(url)
        taken = {other.casefold() for other in names}
        names.append(name if name.casefold() not in taken else f"{name}-{len(names)}")
    return names


def _same(there: Acquired, urls: Sequence[str], sources: Sequence[Source]) -> Acquired:
    """What lies there, where it is what is wanted."""
    found = [url for url, _ in there.sources]
    if found != list(urls):
        raise ApsiError(
            f"{there.folder} holds what came from {', '.join(found)}, and not from {', '.join(urls)}; take another "
            "name, or remove it"
        )
    for (url, fetched), source in zip(there.sources, sources, strict=True):
        if source.sha256 is not None and source.sha256.lower() != fetched.sha256:
            raise ApsiError(
                f"{there.folder} holds {url} with the SHA-256 {fetched.sha256}, and not {source.sha256.lower()} as "
                "expected; remove the folder to get it again"
            )
    with suppress(OSError):  # it may be another user's
        os.utime(there.folder)
    return there


def _digests(path: Path) -> dict[str, str]:
    try:
        content: Any = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise ApsiError(f"{path} is damaged ({error}); mend or remove it") from error
    if not isinstance(content, dict):
        raise ApsiError(f"{path} is damaged; mend or remove it")
    return {str(url): str(digest) for url, digest in content.items()}


def _remember(path: Path, url: str, digest: str) -> None:
    with FileLock(path.with_name(f".{path.name}.lock")):
        digests = _digests(path)
        if digests.get(url) != digest:
            write_text(path, json.dumps(digests | {url: digest}, indent=1, sort_keys=True))
