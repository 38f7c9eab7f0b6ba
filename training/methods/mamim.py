"""Mamba masked image modelling (SSMamba §3.4)."""

from __future__ import annotations

from ssmamba.config import MAMIMConfig
from training.config import PretrainConfig
from training.methods.masked import MaskedMethod


class MAMIMMethod(MaskedMethod):
    """Perturbed input, clean target, a decoder that recovers the picture stage by stage."""

    title = "MAMIM"

    @classmethod
    def masking(cls, config: PretrainConfig, stain: str = "none") -> MAMIMConfig:
        return MAMIMConfig(
            mask_ratio=config.mask_ratio,
            mask_unit=config.mask_unit,
            decoder_dim=config.decoder_dim,
            decoder_depth=config.decoder_depth,
            decoder_mixer=config.decoder_mixer,
            skips=config.skips,
            from_mean=not config.norm_target,  # a normalised target has no colour of its own
            norm_target=config.norm_target,
            perturb=config.perturb,
            stain=stain,
        )
