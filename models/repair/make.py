"""Makes the agent that comes with apsi: fetches its photographs, trains, and packs `apsi/agent/repair/repair.zip`.

    python models/repair/make.py [--photos FOLDER] [--seed 42]

It takes about 25 minutes on two cores. What came out, and from which photographs, MODEL_CARD.md beside the agent says.
"""

import argparse
import io
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import torch
from fetch_photos import fetch
from omegaconf import OmegaConf

from apsi.agent.checkpoint import CONFIG, JUROR, read_checkpoint
from apsi.agent.shipped import SHIPPED
from apsi.config.compose import load_config
from apsi.photo.write import atomic

ROOT = Path(__file__).parents[2]
SETTINGS = [
    *("experiment=repair", "juror=flaws", "dataset=folder", "tracking=none", "device=cpu", "policy=[agent]"),
    "preprocess.steps.resize.mode=longest_side",  # whole frames, as photographers have them
    "juror.flawless=0.05",  # its score rises up to what the best photos have, so that it can have the last word
    "policy.agent.caution=0.3",
    *(f"preprocess.steps.split.{name}={share}" for name, share in (("train", 0.8), ("val", 0.15), ("test", 0.05))),
]
_OPTIMISER, _DATA = "policy.optimizer.pth", "data"


def main() -> None:
    """Fetches, trains, packs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=Path, help="a folder that fetch_photos.py filled; default: they are fetched")
    parser.add_argument("--seed", type=int, default=42)
    parser.add_argument("--checkpoint", type=Path, help="pack this one instead of training")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        checkpoint = options.checkpoint
        if checkpoint is None:
            photos = options.photos or Path(temporary, "photos")
            problems = [] if options.photos else fetch(photos)
            if problems:
                sys.exit("\n".join(problems))
            checkpoint = train(photos, Path(temporary), options.seed)
        pack(checkpoint, SHIPPED)
    print(f"{SHIPPED}: {SHIPPED.stat().st_size:,} bytes")


def train(photos: Path, folder: Path, seed: int) -> Path:
    """The best checkpoint of a training."""
    places = [f"dataset.path={photos.absolute()}", f"data_dir={folder / 'data'}", f"output_dir={folder / 'outputs'}"]
    command = [sys.executable, str(ROOT / "run.py"), *SETTINGS, *places, f"seed={seed}", "run_name=repair"]
    subprocess.run(command, check=True)
    return folder / "outputs" / "pipeline" / "repair" / "checkpoints" / "best.zip"


def pack(checkpoint: Path, target: Path) -> None:
    """Writes a checkpoint without what only training needs: the optimiser's memory, SB3's own data, places."""
    config = read_checkpoint(checkpoint).config
    usual = load_config()
    for name in ("dataset", "data_dir", "output_dir"):  # which name places on the machine that it was trained on
        config[name] = usual[name]
    target.parent.mkdir(parents=True, exist_ok=True)
    with (
        atomic(target) as temporary,
        zipfile.ZipFile(checkpoint) as source,
        zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as packed,
    ):
        for name in source.namelist():
            data = source.read(name)
            if name == _DATA or name.startswith("apsi/run"):
                continue
            if name == CONFIG:
                data = OmegaConf.to_yaml(config).encode()
            elif name == _OPTIMISER:
                data = _without_memory(data)
            packed.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)
    assert JUROR in zipfile.ZipFile(target).namelist()


def _without_memory(data: bytes) -> bytes:
    state = torch.load(io.BytesIO(data), weights_only=True)
    state["state"] = {}
    buffer = io.BytesIO()
    torch.save(state, buffer)
    return buffer.getvalue()


if __name__ == "__main__":
    main()
