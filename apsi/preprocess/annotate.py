"""Step: the annotation file of the originals."""

from dataclasses import dataclass
from pathlib import Path

from apsi.photo.coco import write_coco
from apsi.preprocess.base import Context, Step, build_once


@dataclass(frozen=True)
class Annotate(Step):
    """Writes a COCO file of all originals at working size, for any tool that reads COCO."""

    def run(self, context: Context) -> Context:
        context = context.then(self)

        def build(target: Path) -> None:
            info = {"description": f"originals of {context.dataset.name}", "seed": context.seed}
            write_coco(target / "annotations.json", context.records, info)

        build_once(context.folder("annotate"), build)
        return context
