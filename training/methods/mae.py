"""Masked autoencoders: MAMIM's counterpart without its decoder and perturbation (Table 7)."""

from __future__ import annotations

from ssmamba.config import MIMConfig
from ssmamba.models.build import PLAIN
from training.config import PretrainConfig
from training.methods.masked import MaskedMethod, masking_of


class MAEMethod(MaskedMethod):
    """Plain decoder behind the last features, no perturbation (He et al. 2022).

    Targets are plain pixels as in MAMIM, so that the two differ in perturbation and decoder alone:
    this one has no DMS blocks, no skips, and does not start from the visible pixels' mean.
    ``--norm-target`` gives the normalised targets of He et al.
    """

    title = "MAE"

    @classmethod
    def masking(cls, config: PretrainConfig, stain: str = "none") -> MIMConfig:
        plain = {"decoder_mixer": PLAIN, "skips": False, "perturb": False}
        return masking_of(config, **plain, from_mean=False, stain="none")
