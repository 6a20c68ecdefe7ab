"""ResNet-18 (He et al. 2016)."""

from apsi.feature_extractor.pretrained import Architecture, Pretrained


class ResNet18(Pretrained):
    """ResNet-18 (He et al. 2016), see `Pretrained`."""

    name = "resnet18"
    architecture = Architecture("fc", "layer4", 512)
