"""Fitted juror parameters as files: arrays only, nothing that can run."""

import io
import zipfile
from pathlib import Path

import numpy as np

from apsi.errors import ApsiError
from apsi.juror.base import FittedJuror, Juror
from apsi.photo.write import atomic


def pack_parameters(juror: Juror | None) -> bytes | None:
    """The fitted parameters as the bytes of an `.npz` file; None for no juror and for one that isn't fitted."""
    if not isinstance(juror, FittedJuror):
        return None
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **juror.parameters())
    return buffer.getvalue()


def unpack_parameters(data: bytes, juror: FittedJuror, place: str) -> None:
    """Gives the juror what `pack_parameters` packed; `place` names the origin in errors.

    Raises:
        ApsiError: not such a file.
    """
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
            juror.load_parameters({name: arrays[name] for name in arrays.files})
    except (ValueError, KeyError, OSError, EOFError, zipfile.BadZipFile) as error:
        reason = "it is no .npz file" if "pickle" in str(error) else error  # NumPy advises to read pickles
        raise ApsiError(f"{place} does not hold the parameters of a fitted juror ({reason})") from error


def save_parameters(path: Path, juror: FittedJuror) -> None:
    """Writes the fitted parameters to an `.npz` file."""
    data = pack_parameters(juror)
    assert data is not None
    with atomic(path) as temporary:
        temporary.write_bytes(data)


def load_parameters(path: Path, juror: FittedJuror) -> None:
    """Reads what `save_parameters` wrote."""
    unpack_parameters(path.read_bytes(), juror, str(path))
