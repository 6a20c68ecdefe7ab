"""torchvision imports beside any build of torch once its missing operators are defined."""

import subprocess
import sys

CODE = "from apsi.torchvision_ops import define_missing; define_missing(); define_missing(); {}"


def run(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


def test_torchvision_imports_and_its_networks_run() -> None:
    code = "import torch, torchvision; print(torchvision.models.resnet18()(torch.zeros(1, 3, 64, 64)).shape)"
    done = run(CODE.format(code))
    assert done.returncode == 0, done.stderr
    assert "[1, 1000]" in done.stdout


def test_nothing_is_defined_once_torchvision_is_there() -> None:
    done = run(CODE.format("import torchvision; from apsi import torchvision_ops as t; t.define_missing(); print(1)"))
    assert done.returncode == 0, done.stderr
