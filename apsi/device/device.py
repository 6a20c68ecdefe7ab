"""Choosing the torch device."""

import os
from dataclasses import dataclass

from pydantic import PositiveInt

from apsi.errors import ApsiError

NAMES = ("auto", "cpu", "cuda", "mps")


@dataclass(frozen=True)
class Device:
    """A torch device by name; `auto` takes CUDA, then Apple's MPS, then the CPU."""

    name: str
    threads: PositiveInt | None
    """CPU threads of torch; None: one fewer than there are cores"""

    def __post_init__(self) -> None:
        if self.name not in NAMES:
            raise ApsiError(f"device.name={self.name} must be one of: {', '.join(NAMES)}")

    def activate(self) -> str:
        """Sets the number of CPU threads and returns the device's name for torch.

        Raises:
            ApsiError: this machine has no such device.
        """
        import torch

        # one core is left to the juror: torch's threads wait for each other, and a busy core holds all of them up
        torch.set_num_threads(self.threads or max(1, (os.cpu_count() or 1) - 1))
        available = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
        if self.name == "auto":
            return next(name for name, there in available.items() if there)
        if not available[self.name]:
            have = ", ".join(name for name, there in available.items() if there)
            raise ApsiError(f"device={self.name} is not available to this build of torch here; available: {have}")
        return self.name
