"""The step that writes a COCO file of all originals."""

from pycocotools.coco import COCO

from apsi.photo.coco import read_coco
from apsi.preprocess.annotate import Annotate
from apsi.preprocess.base import Context
from apsi.preprocess.resize import Resize
from apsi.preprocess.split import Split


def test_all_originals_stand_in_one_coco_file_with_their_splits(context: Context) -> None:
    after = Annotate().run(Split(0.7, 0.15, 0.15).run(Resize(32, "square", min_side=16).run(context)))
    path = after.folder("annotate") / "annotations.json"
    records = read_coco(path)[0]
    assert [(path.parent / r.file_name).resolve() for r in records] == [image.resolve() for image in after.images]
    assert [r.source for r in records] == [r.source for r in after.records]
    assert [image["split"] for image in COCO(str(path)).dataset["images"]] == [r.split for r in after.records]
    assert len(after.records) == 20
