"""Masked autoencoders: MAMIM's counterpart without its decoder and perturbation (Table 7)."""

from __future__ import annotations

from ssmamba.config import MAMIMConfig
from ssmamba.models.build import PLAIN
from training.config import PretrainConfig
from training.methods.masked import MaskedMethod


class MAEMethod(MaskedMethod):
    """Plain decoder behind the last features, no perturbation (He et al. 2022).

    Targets are plain pixels as in MAMIM, so that the two differ in perturbation and decoder alone:
    this one has no DMS blocks, no skips, and does not start from the visible pixels' mean.
    ``--norm-target`` gives the normalised targets of He et al.
    """

    title = "MAE"

    @classmethod
    def masking(cls, config: PretrainConfig, stain: str = "none") -> MAMIMConfig:
        return MAMIMConfig(
            mask_ratio=config.mask_ratio,
            mask_unit=config.mask_unit,
            decoder_dim=config.decoder_dim,
            decoder_depth=config.decoder_depth,
            decoder_mixer=PLAIN,
            skips=False,
            from_mean=False,
            norm_target=config.norm_target,
            perturb=False,
            stain="none",
        )
