"""SSMamba's encoder and classifier, and masked pre-training with its decoder."""

from ssmamba.models.mamim import MAMIM, random_unit_mask
from ssmamba.models.ssmamba import SSMamba, cam_reshape

__all__ = ["MAMIM", "SSMamba", "cam_reshape", "random_unit_mask"]
