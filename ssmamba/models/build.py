"""Networks by the names that a card gives them; training builds and checkpoints load them here."""

from __future__ import annotations

from typing import Any, Literal

from torch import nn

from ssmamba.config import MIMConfig, SSMambaConfig
from ssmamba.errors import CheckpointError
from ssmamba.models.conv_stem import give_conv_stem
from ssmamba.models.foundation import ADAPTERS
from ssmamba.models.mae import MAE, ViTMAE, is_vit
from ssmamba.models.mamim import MAMIM
from ssmamba.models.masked import MaskedModel
from ssmamba.models.slides.build import ARCHITECTURES as SLIDE_ARCHITECTURES
from ssmamba.models.slides.build import build_slide_model
from ssmamba.models.slides.config import PixelMambaConfig
from ssmamba.models.slides.images import PixelMambaClassifier
from ssmamba.models.ssmamba import SSMamba
from ssmamba.models.timm_models import timm_model
from ssmamba.models.vmamba import VMamba

FOUR_STAGES: dict[str, type[SSMamba]] = {"ssmamba": SSMamba, "vmamba": VMamba}
PIXEL_MAMBA = "pixel-mamba-roi"  # on single images; on slides it is pixel-mamba
TIMM = "timm:"  # prefix of timm's names
CONV_STEM = "conv_stem"  # in a config of timm's: ConvStem in place of the patch embedding
PLAIN: Literal["attention"] = "attention"  # MIMConfig.decoder_mixer of a masked autoencoder


def build_network(arch: str, config: dict[str, Any], classes: int) -> nn.Module:
    """An untrained network with a head for ``classes``, or without one when that is 0.

    config: SSMambaConfig as JSON, or arguments of timm.create_model or of an adapter; for timm's
    transformers also ``conv_stem``.
    """
    if arch in FOUR_STAGES:
        return FOUR_STAGES[arch](SSMambaConfig.from_dict(config), classes)
    if arch == PIXEL_MAMBA:
        return PixelMambaClassifier(PixelMambaConfig.from_dict(config), classes)
    if arch in SLIDE_ARCHITECTURES:
        return build_slide_model(arch, config, classes)
    if arch in ADAPTERS:
        return ADAPTERS[arch].build(tuples(config), classes)
    if arch.startswith(TIMM):
        arguments = tuples(config)
        conv_stem = arguments.pop(CONV_STEM, False)
        model = timm_model(arch.removeprefix(TIMM), arguments, classes)
        if conv_stem:
            give_conv_stem(model)
        return model
    raise CheckpointError("Unknown architecture '{arch}'; update the viewer to open it.", arch=arch)


def tuples(config: dict[str, Any]) -> dict[str, Any]:
    """JSON's lists as tuples, which timm expects."""
    return {k: tuple(v) if isinstance(v, list) else v for k, v in config.items()}


def build_masked(encoder: nn.Module, config: MIMConfig) -> MaskedModel:
    """Masked pre-training around an encoder: MAMIM, or a masked autoencoder."""
    if isinstance(encoder, SSMamba):
        return MAE(encoder, config) if config.decoder_mixer == PLAIN else MAMIM(encoder, config)
    if config.decoder_mixer == PLAIN and is_vit(encoder):
        return ViTMAE(encoder, config)
    raise CheckpointError(
        "{name} cannot be pre-trained by masking; choose SSMamba, VMamba "
        "or, for --method mae, a ViT with its patches.",
        name=type(encoder).__name__,
    )


def head_of(model: nn.Module) -> nn.Module:
    """The last layer of a classifier."""
    if isinstance(model, SSMamba):
        return model.head
    return model.get_classifier()  # type: ignore[operator]
