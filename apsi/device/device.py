"""Choosing the torch device."""

import os
from dataclasses import dataclass

from pydantic import PositiveInt

from apsi.errors import ApsiError

NAMES = ("auto", "cpu", "cuda", "mps")


_WORKSPACE, _WORKSPACES = "CUBLAS_WORKSPACE_CONFIG", (":4096:8", ":16:8")
"""Environment variable of cuBLAS, and its values under which NVIDIA promises the same results each time"""


@dataclass(frozen=True)
class Device:
    """A torch device by name; `auto` takes CUDA, then Apple's MPS, then the CPU."""

    name: str
    threads: PositiveInt | None
    """CPU threads of torch; None: one fewer than there are cores"""
    deterministic: bool = False
    """whether torch uses only what gives the same numbers each time; what can't is an error of torch that names it"""

    def __post_init__(self) -> None:
        if self.name.startswith("cuda:"):
            raise ApsiError(
                f"device.name={self.name}: a training uses one GPU, the first that it can see, as Stable-Baselines3 "
                "has no distributed training. Choose which with the environment variable CUDA_VISIBLE_DEVICES=1, and "
                "use several for several runs or trials side by side, each with its own"
            )
        if self.name not in NAMES:
            raise ApsiError(f"device.name={self.name} must be one of: {', '.join(NAMES)}")

    def activate(self) -> str:
        """Sets the number of CPU threads and whether torch is deterministic; returns the device's name for torch.

        Raises:
            ApsiError: this machine has no such device, or the environment does not let it be deterministic.
        """
        import torch

        if self.deterministic and os.environ.setdefault(_WORKSPACE, _WORKSPACES[0]) not in _WORKSPACES:
            raise ApsiError(
                f"device.deterministic=true needs the environment variable {_WORKSPACE} to be one of "
                f"{' and '.join(_WORKSPACES)} or not set; it is {os.environ[_WORKSPACE]}"
            )
        torch.use_deterministic_algorithms(self.deterministic)
        torch.backends.cudnn.deterministic = self.deterministic

        # one core is left to the juror: torch's threads wait for each other, and a busy core holds all of them up
        torch.set_num_threads(self.threads or max(1, (os.cpu_count() or 1) - 1))
        available = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
        if self.name == "auto":
            return next(name for name, there in available.items() if there)
        if not available[self.name]:
            have = ", ".join(name for name, there in available.items() if there)
            raise ApsiError(f"device={self.name} is not available to this build of torch here; available: {have}")
        return self.name
