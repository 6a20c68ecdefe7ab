"""Files of small models, made once."""

from pathlib import Path

import pytest
import torch
from torch import nn

from tests.juror.small_models import TOWER, settled


@pytest.fixture(scope="session")
def siglip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small SigLIP tower as `save_pretrained` leaves it."""
    from transformers import SiglipVisionConfig, SiglipVisionModel

    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("siglip")
    SiglipVisionModel(SiglipVisionConfig(**TOWER)).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Small CLIP tower, heads and NIMA networks with weights from a seed."""
    from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("weights")
    clip = CLIPVisionConfig(**(TOWER | {"hidden_size": 64, "projection_dim": 768}))
    CLIPVisionModelWithProjection(clip).save_pretrained(folder / "clip")
    head = {"layers.0": nn.Linear(768, 16), "layers.2": nn.Linear(16, 1)}
    state = {f"{name}.{key}": value for name, layer in head.items() for key, value in layer.state_dict().items()}
    state["layers.2.bias"] += 5
    torch.save(state, folder / "laion.pth")
    layers = [nn.Linear(a, b) for a, b in zip((1152, 1024, 128, 64, 16), (1024, 128, 64, 16, 1), strict=True)]
    state = {f"scoring_head.{2 * i}.{k}": v for i, layer in enumerate(layers) for k, v in layer.state_dict().items()}
    state["scoring_head.8.bias"] += 5
    torch.save(state, folder / "siglip.pth")
    for backbone in ("mobilenet_v2", "resnet18"):
        settled(backbone, folder / f"{backbone}.pth")
    return {path.stem: path for path in folder.iterdir()}


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """ONNX models over the mean of the photo: `mean` (one value), `bins` (ten), in both layouts."""
    import onnx
    from onnx import TensorProto, helper

    folder = tmp_path_factory.mktemp("onnx")

    def save(name: str, shape: list[object], axes: list[int], weights: list[float]) -> None:
        nodes = [
            helper.make_node("ReduceMean", ["x", "axes"], ["mean"], keepdims=0),
            helper.make_node("Unsqueeze", ["mean", "one"], ["column"]),
            helper.make_node("Mul", ["column", "weights"], ["y"]),
        ]
        constants = [
            helper.make_tensor("axes", TensorProto.INT64, [3], axes),
            helper.make_tensor("one", TensorProto.INT64, [1], [1]),
            helper.make_tensor("weights", TensorProto.FLOAT, [1, len(weights)], weights),
        ]
        x = helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)
        y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", len(weights)])
        graph = helper.make_graph(nodes, name, [x], [y], constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
        onnx.save(model, folder / f"{name}.onnx")

    save("mean", ["n", 3, 16, 16], [1, 2, 3], [1.0])
    save("mean_nhwc", ["n", 16, 16, 3], [1, 2, 3], [1.0])
    save("bins", ["n", 3, 16, 16], [1, 2, 3], [float(i) for i in range(10)])
    return folder
