"""Torchvision's networks that an extractor can begin with: what differs between them, see `Pretrained`."""

from apsi.feature_extractor.pretrained import Architecture, Pretrained


class ResNet18(Pretrained):
    """ResNet-18 (He et al. 2016), see `Pretrained`."""

    name = "resnet18"
    architecture = Architecture("fc", "layer4", 512)


class ResNet50(Pretrained):
    """ResNet-50 (He et al. 2016), see `Pretrained`."""

    name = "resnet50"
    architecture = Architecture("fc", "layer4", 2048)


class MobileNetV2(Pretrained):
    """MobileNetV2 (Sandler et al. 2018), see `Pretrained`."""

    name = "mobilenet_v2"
    architecture = Architecture("classifier", "features.17", 1280)


class EfficientNetB0(Pretrained):
    """EfficientNet-B0 (Tan, Le 2019), see `Pretrained`."""

    name = "efficientnet_b0"
    architecture = Architecture("classifier", "features.7", 1280)
