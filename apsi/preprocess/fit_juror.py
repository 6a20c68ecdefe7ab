"""Step: fitting a juror that learns from good photos."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from apsi.errors import ApsiError
from apsi.juror.base import FittedJuror
from apsi.juror.parameters import load_parameters, save_parameters
from apsi.photo import Photo
from apsi.photo.stream import PhotoStream
from apsi.photo.write import read_png
from apsi.preprocess.base import Context, Step, build_once


@dataclass(frozen=True)
class FitJuror(Step):
    """Fits the juror on the training originals; one that came fitted, as out of a checkpoint, stays as it is."""

    def run(self, context: Context) -> Context:
        juror = context.juror
        if isinstance(juror, FittedJuror) and not juror.is_fitted:
            fitting = context.then(self, juror.fingerprint).seen()
            folder = fitting.folder("fit_juror")

            def build(target: Path) -> None:
                train = [i for i, r in zip(context.images, context.records, strict=True) if r.split == "train"]
                if not train:
                    raise ApsiError("there is no training photo to fit the juror on; give a folder with more photos")

                def read() -> Iterator[Photo]:
                    with context.engine.stream(read_png, train, "Fitting the juror") as photos:
                        yield from (context.first_view(photo).photo for photo in photos)

                juror.fit(PhotoStream(read))
                save_parameters(target / "juror.npz", juror)

            build_once(folder, build)
            load_parameters(folder / "juror.npz", juror)
        return context
