"""What is wanted, out of the files themselves, in pandas: written apart from what it is held against."""

import json
from pathlib import Path

import numpy as np
import pandas as pd

from apsi.browse.annotations import photo_id

_FIGURES = ("score", "initial", "improvement")


def frame_of(data_dir: Path) -> pd.DataFrame:
    """All photos below `data_dir/prepared`."""
    rows = []
    for folder in (data_dir / "prepared").iterdir():
        for path in [*folder.glob("*/annotations.json"), folder / "dropped.json"]:
            content = json.loads(path.read_text(encoding="utf-8"))
            labels = {one["id"]: one["name"] for one in content["categories"]}
            steps: dict[int, list[str]] = {one["id"]: [] for one in content["images"]}
            for one in content["annotations"]:
                steps[one["image_id"]].append(labels[one["category_id"]])
            state = "dropped" if path.name == "dropped.json" else "kept"
            for image in content["images"]:
                split = image["split"] if state == "dropped" else path.parent.name
                rows.append(
                    {
                        "id": photo_id(folder.name, split, state, image["file_name"]),
                        "name": image["source"],
                        "file": image["file_name"],
                        "set": folder.name,
                        "split": split,
                        "state": state,
                        "size": image["width"] * image["height"],
                        "score": image.get("score"),
                        "initial": image.get("initial_score"),
                        "edits": len(steps[image["id"]]),
                        "kinds": sorted({label.partition("(")[0] for label in steps[image["id"]]}),
                    }
                )
        for name in pd.read_csv(folder / "skipped.csv")["file"]:
            known = {"id": photo_id(folder.name, "skipped", name), "name": name, "file": "", "set": folder.name}
            rows.append(known | {"split": "", "state": "skipped", "edits": 0, "kinds": []})
    frame = pd.DataFrame(rows).astype({"score": float, "initial": float, "size": float})
    frame = frame.astype(dict.fromkeys(("name", "file", "set", "split", "state"), object))  # faster here
    frame["improvement"] = frame["score"] - frame["initial"]
    return frame.sort_values(["name", "set", "split", "file", "id"], ignore_index=True)


def wanted_from(
    frame: pd.DataFrame, query: dict[str, list[str]], stars: set[int], any_state: bool = False
) -> pd.DataFrame:
    """The rows that a query wants, in its order."""
    one = {name: values[-1] for name, values in query.items() if values}
    if not any_state:
        frame = frame[frame["state"].isin(query.get("state") or ["kept"])]
    for name in ("set", "split"):
        if query.get(name):
            frame = frame[frame[name].isin(query[name])]
    if query.get("edits"):
        frame = frame[frame["edits"].isin([int(number) for number in query["edits"]])]
    if query.get("with"):
        frame = frame[_mask(frame, [bool(set(kinds) & set(query["with"])) for kinds in frame["kinds"]])]
    if text := one.get("q", "").strip().casefold():
        names = zip(frame["name"], frame["file"], strict=True)
        frame = frame[_mask(frame, [text in name.casefold() or text in file.casefold() for name, file in names])]
    if one.get("starred") == "1":
        frame = frame[frame["id"].isin(stars)]
    for name in _FIGURES:
        if one.get(name):
            low, high = (
                float(end) if end else ends for end, ends in zip(one[name].split(":"), (-np.inf, np.inf), strict=True)
            )
            frame = frame[frame[name].between(low, high)]
    sort = one.get("sort", "name")
    return frame.sort_values(sort, ascending=one.get("down") != "1", kind="stable", na_position="last")


def _mask(frame: pd.DataFrame, values: list[bool]) -> pd.Series:
    return pd.Series(values, index=frame.index, dtype=bool)
