"""Choosing the torch device."""

from dataclasses import dataclass

from apsi.errors import ApsiError

NAMES = ("auto", "cpu", "cuda", "mps")


@dataclass(frozen=True)
class Device:
    """A torch device by name; `auto` takes CUDA, then Apple's MPS, then the CPU."""

    name: str
    threads: int | None

    def __post_init__(self) -> None:
        if self.name not in NAMES:
            raise ApsiError(f"device.name={self.name} must be one of: {', '.join(NAMES)}")

    def open(self) -> str:
        """Sets the number of CPU threads and returns the device's name for torch.

        Raises:
            ApsiError: this machine has no such device.
        """
        import torch

        if self.threads is not None:
            torch.set_num_threads(self.threads)
        available = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
        if self.name == "auto":
            return next(name for name, there in available.items() if there)
        if not available[self.name]:
            have = ", ".join(name for name, there in available.items() if there)
            raise ApsiError(f"device={self.name} is not available to this build of torch here; available: {have}")
        return self.name
