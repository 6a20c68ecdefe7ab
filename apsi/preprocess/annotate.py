"""Step: the annotation file of the originals."""

from dataclasses import dataclass, replace
from pathlib import Path

from apsi.photo.coco import write_coco
from apsi.preprocess.base import Context, Step, build_once


@dataclass(frozen=True)
class Annotate(Step):
    """Writes a COCO file of all originals at working size, for any tool that reads COCO.

    Its file names are relative to it.
    """

    def run(self, context: Context) -> Context:
        context = context.then(self)
        known = dict(context.dataset.info)
        own = context.then(known) if known else context  # nothing that follows depends on it

        def build(target: Path) -> None:
            info = {"description": f"originals of {context.dataset.title}", "seed": context.seed, **known}
            beside = own.folder("annotate").parent
            named = [
                replace(record, file_name=f"../{image.relative_to(beside).as_posix()}")
                for record, image in zip(context.records, context.images, strict=True)
            ]
            write_coco(target / "annotations.json", named, info)

        build_once(own.folder("annotate"), build)
        return context
