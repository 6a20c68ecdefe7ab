"""Prints what CHANGELOG.md says of a version: the notes of its release.

    python .github/release_notes.py v0.1.0

The tag and the files in `VERSIONS` have to name the same version, and CHANGELOG.md has to have a section with that
version and a date, such as `## 0.1.0 (2027-01-31)`. Needs nothing but Python.
"""

import re
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
VERSIONS = {
    "pyproject.toml": r'^version = "(.+)"$',
    "apsi/__init__.py": r'^__version__ = "(.+)"$',
    "CITATION.cff": r"^version: (.+)$",
}
"""The files that name apsi's version, and how"""


def release_notes(tag: str, repository: Path = REPOSITORY) -> str:
    """The section of a version, without its heading.

    Raises:
        ValueError: the tag is no version, is not the version of the code, or has no dated section with something in it.
    """
    if not re.fullmatch(r"v\d+\.\d+\.\d+(rc\d+)?", tag):
        raise ValueError(f"{tag!r} is not the tag of a release; v1.2.3 or v1.2.3rc1 would be")
    version = tag.removeprefix("v")
    for name, pattern in VERSIONS.items():
        found = re.findall(pattern, (repository / name).read_text(encoding="utf-8"), re.MULTILINE)
        if found != [version]:
            raise ValueError(
                f"{name} has version {' and '.join(found) or 'none'}, the tag is {tag}: make them the same"
            )
    text = (repository / "CHANGELOG.md").read_text(encoding="utf-8")
    sections = dict(re.findall(r"^## (.+)\n((?:(?!## ).*\n?)*)", text, re.MULTILINE))
    dated = [heading for heading in sections if re.fullmatch(re.escape(version) + r" \(\d{4}-\d\d-\d\d\)", heading)]
    if len(dated) != 1:
        raise ValueError(f"CHANGELOG.md needs one section of the version with its date, '## {version} (2027-01-31)'")
    notes = sections[dated[0]].strip()
    if not notes:
        raise ValueError(f"CHANGELOG.md says nothing below '## {dated[0]}'")
    return f"{notes}\n"


if __name__ == "__main__":
    try:
        print(release_notes(*sys.argv[1:2] or [""]), end="")
    except ValueError as error:
        sys.exit(f"Error: {error}")
