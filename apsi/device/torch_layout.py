"""Memory formats by torch's names."""

import torch

from apsi.device.calibration import Setting


def layout(setting: Setting) -> torch.memory_format:
    """The memory format of a setting, of weights and of photos `(n, c, h, w)`."""
    return torch.channels_last if setting.channels_last else torch.contiguous_format
