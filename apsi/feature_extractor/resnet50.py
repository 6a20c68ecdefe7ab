"""ResNet-50 (He et al. 2016)."""

from apsi.feature_extractor.pretrained import Architecture, Pretrained


class ResNet50(Pretrained):
    """ResNet-50 (He et al. 2016), see `Pretrained`."""

    name = "resnet50"
    architecture = Architecture("fc", "layer4", 2048)
