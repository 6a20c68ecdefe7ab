"""What the benchmarks of neural jurors share: which juror, on how many threads, and its best setting."""

import argparse
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rollout import onnx_juror, scores_per_second

from apsi.device.calibration import Setting
from apsi.juror.neural import NeuralJuror
from apsi.photo import Photo

SIZE = 384


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which juror, and on how many threads."""
    parser.add_argument("--model", help="an ONNX juror's file")
    parser.add_argument("--mapping", nargs="*", default=[], help="its further settings, juror.key=value")
    parser.add_argument("--backbone", help="instead: a torchvision network with random weights, e.g. mobilenet_v2")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1, help="cores that the juror may use")
    parser.add_argument("--photos", type=Path, help="a folder of photos; without: the sample photos")


@contextmanager
def overrides(options: argparse.Namespace) -> Iterator[list[str]]:
    """Command-line settings of a tiny prepared data set of 384 x 384 and the juror; nothing is cached."""
    os.environ["OMP_NUM_THREADS"] = str(options.threads)
    with tempfile.TemporaryDirectory() as folder:
        chosen = ["debug=tiny", "score_cache=0", "tracking=none", "device=cpu", "device.threads=1"]
        chosen += [f"preprocess.steps.resize.size={SIZE}", "env.observation_size=[64,64]"]
        if options.photos is not None:
            chosen += ["dataset=folder", f"dataset.path='{options.photos.resolve()}'"]
        if options.model is not None:
            chosen += [*onnx_juror(options.model), *options.mapping]
        else:
            path = Path(folder) / f"{options.backbone}.pth"
            save_weights(options.backbone, path)
            chosen += ["juror=nima", f"juror.backbone={options.backbone}", f"juror.path='{path}'"]
            chosen += [f"juror.device.threads={options.threads}"]
        yield chosen


def save_weights(backbone: str, path: Path) -> None:
    """Random weights, the same every time; normalisation fits what comes through, so that photos differ in score."""
    import torch
    from torch import nn

    from apsi.juror.nima import make_network

    torch.manual_seed(0)
    network = make_network(backbone).train()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None
    with torch.no_grad():
        network(torch.nn.functional.interpolate(torch.randn(8, 3, 14, 14), (224, 224), mode="bicubic"))
    torch.save(network.state_dict(), path)


def settings(juror: NeuralJuror, threads: int) -> list[Setting]:
    """All ways in which photos may go through a juror."""
    formats = [False, True] if juror.memory_format == "auto" else [False]
    ways = [(1, 1)] + ([(threads, 1), (1, threads)] if threads > 1 else [])
    return [
        Setting((batch,), channels_last, *way)
        for batch in (1, 2, 4, 8, 16, 32)
        for channels_last in formats
        for way in ways
    ]


def best_setting(juror: NeuralJuror, photos: Sequence[Photo], threads: int, seconds: float) -> Setting:
    """The fastest of all, each measured for so many seconds."""

    def speed(setting: Setting) -> float:
        juror.setting = setting
        juror.score(photos[: setting.batch * setting.workers])  # the first pass of a shape takes longer
        return scores_per_second(juror, photos, 64, seconds)

    return max(settings(juror, threads), key=speed)
