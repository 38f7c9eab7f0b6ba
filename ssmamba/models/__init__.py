"""Backbones with a classifier head, and masked pre-training with its decoders."""

from ssmamba.models.mae import MAE, ViTMAE
from ssmamba.models.mamim import MAMIM
from ssmamba.models.masked import MaskedModel, random_unit_mask
from ssmamba.models.ssmamba import SSMamba, cam_reshape

__all__ = [
    "MAE",
    "MAMIM",
    "MaskedModel",
    "SSMamba",
    "ViTMAE",
    "cam_reshape",
    "random_unit_mask",
]
