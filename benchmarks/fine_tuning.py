"""What a step of fine-tuning ResNet-18 costs: the numbers it computes in, and one large batch or several small ones.

Each variant runs in a process of its own, with random weights, which cost as much as others. Seconds are those of the
processor where there is no GPU, so that other work on the machine does not count. The last line is JSON.

    PYTHONPATH=. python benchmarks/fine_tuning.py [--batch 32] [--size 64] [--steps 6] [--variants float32,float16]

16 bits are left out on a CPU unless they are asked for: a step may take a minute there.
"""

import argparse
import json
import resource
import time
from multiprocessing import get_context
from typing import Any

import gymnasium
import numpy as np
import torch
from torch import nn

from apsi.algo.optimizer.adam import AdamW
from apsi.config.compose import load_config
from apsi.config.instantiate import class_and_arguments
from apsi.torchvision_ops import define_missing

VARIANTS: dict[str, dict[str, Any]] = {
    "float32": {},
    "bfloat16": {"amp": "bfloat16"},
    "float16": {"amp": "float16"},
    "accumulated": {"batches": 4},
}


class Model:
    """What an optimizer needs of a model."""

    max_grad_norm = 1.0

    def __init__(self, size: int, amp: str, batches: int) -> None:
        choices = ["feature_extractor=resnet18", "feature_extractor.weights=null", "feature_extractor.freeze=none"]
        choices += [f"feature_extractor.amp={amp}", "feature_extractor.memory_format=contiguous"]
        kind, arguments = class_and_arguments(
            load_config([*choices, "feature_extractor.batch_size=8"]).feature_extractor
        )
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.policy: Any = nn.Module()
        self.policy.extractor = kind(gymnasium.spaces.Box(0, 255, (3, size, size), np.uint8), **arguments)
        self.policy.to(self.device)
        self.policy.optimizer = torch.optim.Adam(self.policy.parameters())
        optimizer = AdamW(1e-4, 1e-4, None, 1e-4, 1e-8, gradient_accumulation=batches)
        optimizer.attach(self)  # type: ignore[arg-type]

    def step(self, photos: torch.Tensor) -> None:
        """One step of these photos, or a part of one."""
        self.policy.optimizer.zero_grad()
        self.policy.extractor(photos).square().mean().backward()
        self.policy.optimizer.step()


def measure(name: str, batch: int, size: int, steps: int) -> dict[str, float]:
    """Seconds of a step, and the megabytes that it takes at most beyond what is there before."""
    define_missing()
    torch.set_num_threads(1)
    amp, batches = VARIANTS[name].get("amp", "false"), VARIANTS[name].get("batches", 1)
    model = Model(size, amp, batches)
    photos = torch.rand(batch, 3, size, size, device=model.device)
    on_gpu = model.device.type == "cuda"
    before = torch.cuda.memory_allocated() if on_gpu else 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    times = []
    for _ in range(steps + 1):
        began = time.perf_counter() if on_gpu else time.process_time()
        for part in photos.chunk(batches):
            model.step(part)
        if on_gpu:
            torch.cuda.synchronize()
        times.append((time.perf_counter() if on_gpu else time.process_time()) - began)
    most = torch.cuda.max_memory_allocated() if on_gpu else 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {"seconds": sorted(times[1:])[steps // 2], "megabytes": (most - before) / 1e6}


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--size", type=int, default=64, help="of a side, in pixels")
    parser.add_argument("--steps", type=int, default=6)
    usual = ",".join(VARIANTS) if torch.cuda.is_available() else "float32,accumulated"
    parser.add_argument("--variants", default=usual, help=f"of {', '.join(VARIANTS)}; float32 first")
    options = parser.parse_args()
    found = {}
    for name in options.variants.split(","):
        with get_context("spawn").Pool(1) as pool:
            found[name] = pool.apply(measure, (name, options.batch, options.size, options.steps))
        print(f"{name:12} {found[name]['seconds']:7.2f} s a step  {found[name]['megabytes']:7.0f} MB")
    plain = found["float32"]
    ratios = {name: {key: round(one[key] / plain[key], 2) for key in plain} for name, one in found.items()}
    device = "cuda" if torch.cuda.is_available() else "cpu"
    print(json.dumps({"device": device, **vars(options), "found": found, "ratios": ratios}))


if __name__ == "__main__":
    main()
