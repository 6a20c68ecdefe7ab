"""Pairs and answers out of another folder of apsi's: what several people answered on several machines becomes one."""

from dataclasses import dataclass, replace
from pathlib import Path

from apsi.errors import ApsiError
from apsi.preference.folder import PAIRS, PreferenceFolder
from apsi.preference.format.base import Format, Imported
from apsi.preference.format.names import Names


@dataclass(frozen=True)
class OtherFolder(Format):
    """Another `preference_dir`: its pairs, and every line of everybody's answers, those taken back included."""

    kind = "folder"

    def read(self, path: Path, names: Names) -> Imported:
        other = PreferenceFolder(path)
        if not other.pairs_file.is_file():
            raise ApsiError(f"task.file={path} is no folder with {PAIRS}; give the preference_dir of somebody")
        pairs = {
            name: replace(pair, split=names.splits.of_pair([pair.left.photo, pair.right.photo], pair.split))
            for name, pair in other.pairs().items()
        }
        lines = other.answers()
        answers = [answer for answer in lines if answer.pair in pairs]
        left = len(lines) - len(answers)
        notes = [f"{left} answers are left out: their pairs are not in {other.pairs_file}"] if left else []
        return Imported(list(pairs.values()), answers, notes)
