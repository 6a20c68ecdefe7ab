"""EfficientNet-B0 (Tan, Le 2019)."""

from apsi.feature_extractor.pretrained import Architecture, Pretrained


class EfficientNetB0(Pretrained):
    """EfficientNet-B0 (Tan, Le 2019), see `Pretrained`."""

    name = "efficientnet_b0"
    architecture = Architecture("classifier", "features.7", 1280)
