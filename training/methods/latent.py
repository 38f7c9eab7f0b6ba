"""MAMIM with an image-level term: what a slow teacher makes of the clean picture is predicted from
the masked, perturbed one.

Pixels alone are recovered from neighbours and colour, so the last stage need not know what the
picture shows. The teacher is the encoder's moving average (Grill et al. 2020, BYOL) and gets no
gradient. Variance and covariance terms keep the features from becoming one point or one direction
(Bardes et al. 2022, VICReg §4.1).
"""

from __future__ import annotations

from copy import deepcopy
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ssmamba.models import MAMIM
from training.loop.batchnorm import sum_over_processes
from training.loop.optim import blend

HIDDEN, OUT = 512, 256  # widths of projector and predictor
# VICReg's 25 : 25 : 1 of its three terms, over 25
VARIANCE, COVARIANCE = 1.0, 0.04
LEAST_SPREAD = 1.0  # standard deviation below which a direction counts as collapsing
EPSILON = 1e-4


class Terms(NamedTuple):
    """The parts of the latent term, scalars."""

    prediction: Tensor  # mean squared difference from the teacher
    variance: Tensor  # 0 = every direction is spread by LEAST_SPREAD; 1 = all images are one point
    covariance: Tensor  # 0 = directions are uncorrelated

    @property
    def total(self) -> Tensor:
        return self.prediction + VARIANCE * self.variance + COVARIANCE * self.covariance


class MAMIMPlus(nn.Module):
    """A MAMIM whose pooled features must also predict those of its teacher.

    The teacher sees clean, whole pictures and normalises them by their own batch: the student's
    BatchNorm statistics are those of masked ones.

    Args:
        masked: the model that a checkpoint keeps.
        momentum: share of itself that the teacher retains per step.
        weight: of the latent term beside the error of the pixels.
        passes: forward passes in training that make one step (accumulation).
    """

    def __init__(self, masked: MAMIM, momentum: float, weight: float, passes: int = 1) -> None:
        super().__init__()
        self.momentum, self.weight = momentum, weight
        self.passes, self.turn = passes, 0  # a step's passes, and how many of them are done
        self.masked = masked
        self.projector = _two_layers(masked.encoder.num_features)
        self.predictor = _two_layers(OUT)
        self.teacher = nn.Sequential(deepcopy(masked.encoder), deepcopy(self.projector))
        self.teacher.requires_grad_(False)

    def train(self, mode: bool = True) -> MAMIMPlus:
        """The teacher never drops paths; its BatchNorm reads its batch in training."""
        super().train(mode)
        self.teacher.eval()
        for module in self.teacher.modules():
            if isinstance(module, nn.modules.batchnorm._BatchNorm):
                module.train(mode)
        return self

    def forward(self, images: Tensor, unit_mask: Tensor, target: Tensor, view: Tensor) -> Tensor:
        """The loss of a batch, a scalar; in a step's first pass the teacher moves.

        images: (B, 3, H, W) normalised, perturbed; unit_mask: (B, h, w) bool, True = hidden;
        target: the clean images; view: the clean images that the teacher sees, (B, 3, H, W).
        """
        if self.turn == 0:
            self._follow()
        self.turn = (self.turn + 1) % self.passes
        pixels, terms = self.terms(images, unit_mask, target, view)
        return pixels + self.weight * terms.total

    def terms(
        self, images: Tensor, unit_mask: Tensor, target: Tensor, view: Tensor
    ) -> tuple[Tensor, Terms]:
        """The error of the pixels, and the parts of the latent term."""
        prediction, pooled = self.masked.reconstruct_and_pool(images, unit_mask)
        seen = self.projector(pooled)
        guessed = self.predictor(seen)
        with torch.no_grad():
            taught = self.teacher(view)
        with torch.autocast(images.device.type, enabled=False):  # squares enlarge rounding
            terms = latent_terms(guessed.float(), taught.float(), seen.float())
        return self.masked.error(prediction, unit_mask, target), terms

    @torch.no_grad()
    def _follow(self) -> None:
        """Move the teacher's weights towards the student's; its BatchNorm statistics stay."""
        own = dict(self.teacher.named_parameters())
        student = nn.Sequential(self.masked.encoder, self.projector)
        blend(own, dict(student.named_parameters()), 1 - self.momentum)


def latent_terms(guessed: Tensor, taught: Tensor, seen: Tensor) -> Terms:
    """Terms of predicted, taught and own features, (B, D) float32 each (VICReg Eqs. 1 to 5).

    Variance and covariance are those of the batches of all processes together.
    """
    count = sum_over_processes(torch.full((1,), float(len(seen)), device=seen.device))
    centred = seen - sum_over_processes(seen.sum(0)) / count
    covariance = sum_over_processes(centred.T @ centred) / (count - 1).clamp(min=1)
    spread = (covariance.diagonal() + EPSILON).sqrt()
    off = covariance - torch.diag(covariance.diagonal())
    return Terms(
        (guessed - taught).square().mean(),
        (LEAST_SPREAD - spread).clamp(min=0).mean(),
        off.square().sum() / seen.shape[1],
    )


def _two_layers(width: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(width, HIDDEN), nn.GELU(), nn.Linear(HIDDEN, OUT))
