"""The licence of a data set stands in the annotation files of its prepared photos."""

import json
from dataclasses import replace
from pathlib import Path

from apsi.dataset.folder import Folder
from apsi.preprocess.annotate import Annotate
from apsi.preprocess.base import Context
from apsi.preprocess.resize import Resize
from apsi.preprocess.split import Split


class Licensed(Folder):
    info = {"licence": "CC0", "citation": "Somebody, 2020"}  # noqa: RUF012


def test_the_annotate_step_writes_it_and_nothing_else_depends_on_it(context: Context) -> None:
    assert isinstance(context.dataset, Folder)
    plain = Split(0.7, 0.15, 0.15).run(Resize(32, "square", min_side=16).run(context))
    dataset = Licensed(str(context.dataset.path), context.dataset.enlarge, [])
    licensed = Annotate().run(replace(plain, dataset=dataset))
    assert licensed.key == Annotate().run(plain).key

    found = {}
    for path in licensed.folder("annotate").parent.glob("annotate-*/annotations.json"):
        content = json.loads(path.read_text())
        found[content["info"].get("licence")] = content, path
    assert set(found) == {None, "CC0"}
    content, path = found["CC0"]
    assert content["info"]["citation"] == "Somebody, 2020"
    assert {image["license"] for image in content["images"]} == {1} and len(content["licenses"]) == 1
    assert (Path(path).parent / content["images"][0]["file_name"]).is_file()
