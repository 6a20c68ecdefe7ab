"""torchvision imports beside any build of torch once its missing operators are defined."""

import subprocess
import sys

CODE = """
from apsi.torchvision_ops import define_missing
define_missing()
define_missing()
import torch, torchvision
define_missing()
print(torchvision.models.resnet18()(torch.zeros(1, 3, 64, 64)).shape)
"""


def test_torchvision_imports_and_its_networks_run_and_nothing_is_defined_twice() -> None:
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "[1, 1000]" in done.stdout
