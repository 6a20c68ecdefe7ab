"""SigLIP so400m/14 at 384 x 384 on a CUDA GPU against the rate of its matrix units.

The tower has random weights: the work is that of Aesthetic Predictor v2.5. Photos a second in bfloat16 for batches of 1
to 256, from `uint8` arrays in host memory to scores, against the floor: floating-point operations a photo over the rate
of a large bfloat16 matrix product measured in the same run. Without a GPU it says so. The last line is JSON.

    python benchmarks/siglip_gpu.py [--seconds 4]
"""

import argparse
import json
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from torch import nn

from apsi.device.device import Device
from apsi.juror.mapping import Logistic
from apsi.juror.siglip_v2_5 import SiglipV25

SHAPE = {"hidden_size": 1152, "intermediate_size": 4304, "num_hidden_layers": 27, "num_attention_heads": 16}
SHAPE |= {"image_size": 384, "patch_size": 14}


def flops() -> float:
    """Floating-point operations of the tower for one photo: two a multiply-add, matrix products only."""
    tokens, width, inner = (384 // 14) ** 2, SHAPE["hidden_size"], SHAPE["intermediate_size"]
    layer = 4 * tokens * width**2 + 2 * tokens**2 * width + 2 * tokens * width * inner
    patches = tokens * 3 * 14 * 14 * width
    pooling = 2 * tokens * width**2 + 2 * width**2 + 2 * tokens * width + 2 * width * inner
    return 2.0 * (SHAPE["num_hidden_layers"] * layer + patches + pooling)


def matrix_rate(seconds: float) -> float:
    """Floating-point operations a second of an 8192-sided bfloat16 product."""
    n = 8192
    a, b = (torch.randn(n, n, device="cuda", dtype=torch.bfloat16) for _ in range(2))
    a @ b
    torch.cuda.synchronize()
    began, rounds = time.perf_counter(), 0
    while time.perf_counter() - began < seconds:
        for _ in range(20):
            a @ b
        torch.cuda.synchronize()
        rounds += 20
    return 2.0 * n**3 * rounds / (time.perf_counter() - began)


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=4, help="length of one measurement")
    options = parser.parse_args()
    if not torch.cuda.is_available():
        print(json.dumps({"skipped": "this benchmark needs a CUDA GPU, and torch built for it"}))
        return
    from transformers import SiglipVisionConfig, SiglipVisionModel

    rng = np.random.default_rng(0)
    photos = [rng.integers(0, 256, (480, 480, 3), dtype=np.uint8) for _ in range(256)]
    with tempfile.TemporaryDirectory() as folder:
        SiglipVisionModel(SiglipVisionConfig(**SHAPE)).save_pretrained(folder)
        head = Path(folder) / "head.pth"
        torch.save({f"layer.{key}": value for key, value in nn.Linear(1152, 1).state_dict().items()}, head)
        juror = SiglipV25(
            tower=folder, head=str(head), mapping=Logistic(0, 1), device=Device("cuda", None), batch_size="auto"
        )
        juror.warm_up()
    rates: dict[int, float] = {}
    for batch in (2**i for i in range(9)):
        juror.batch_size = batch
        juror.score(photos[:batch])
        began, done = time.perf_counter(), 0
        while time.perf_counter() - began < options.seconds:
            juror.score(photos[:batch])
            done += batch
        rates[batch] = done / (time.perf_counter() - began)
        print(f"batch {batch}: {rates[batch]:.1f} photos/s", flush=True)
    rate = matrix_rate(options.seconds)
    floor = rate / flops()
    best = max(rates, key=lambda batch: rates[batch])
    result = {
        "gpu": torch.cuda.get_device_name(),
        "photos_per_second": {str(batch): round(value, 1) for batch, value in rates.items()},
        "best_batch": best,
        "matrix_tflops": round(rate / 1e12, 1),
        "gflops_a_photo": round(flops() / 1e9, 1),
        "floor_photos_per_second": round(floor, 1),
        "ratio_to_floor": round(rates[best] / floor, 3),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
