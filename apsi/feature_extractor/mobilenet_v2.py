"""MobileNetV2 (Sandler et al. 2018)."""

from apsi.feature_extractor.pretrained import Architecture, Pretrained


class MobileNetV2(Pretrained):
    """MobileNetV2 (Sandler et al. 2018), see `Pretrained`."""

    name = "mobilenet_v2"
    architecture = Architecture("classifier", "features.17", 1280)
