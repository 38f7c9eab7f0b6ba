"""Mamba masked image modelling (SSMamba §3.4)."""

from __future__ import annotations

from ssmamba.config import MIMConfig
from training.config import PretrainConfig
from training.methods.masked import MaskedMethod, masking_of


class MAMIMMethod(MaskedMethod):
    """Perturbed input, clean target, a decoder that recovers the picture stage by stage."""

    title = "MAMIM"

    @classmethod
    def masking(cls, config: PretrainConfig, stain: str = "none") -> MIMConfig:
        # a normalised target has no colour of its own
        return masking_of(config, from_mean=not config.norm_target, stain=stain)
