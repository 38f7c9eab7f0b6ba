"""What each tile of a bag adds to a slide's answer, so that the parts add up to the answer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from ssmamba.models.slides.encoder import SlideModel
from ssmamba.models.slides.mil.pooling import ABMIL, MeanMIL

STEPS = 64  # of the path from an empty bag to this one


@dataclass(frozen=True)
class Contributions:
    """``parts.sum(0) + base`` is ``logits`` up to ``error``; all float64."""

    parts: np.ndarray  # (N, K), of each tile in each logit
    base: np.ndarray  # (K,) logits without any tile's part
    logits: np.ndarray  # (K,) of exactly these tiles
    exact: bool  # whether the parts are the model's own sum, or integrated gradients
    error: float  # largest difference between the sum and the logits


def contributions(model: SlideModel, bag: Tensor, steps: int = STEPS) -> Contributions:
    """Each tile's part in every logit of a bag (N, D); the model in evaluation.

    Mean, max and attention pooling are sums over tiles and a linear head, so the parts are the
    model's own. For the others they are integrated gradients (Sundararajan et al. 2017) from a bag
    without features.
    """
    encoder, head = model.encoder, model.head
    assert isinstance(head, nn.Linear)
    with torch.no_grad():
        logits = model(bag)
    if isinstance(encoder, MeanMIL | ABMIL):
        with torch.no_grad():
            parts, base = encoder.parts(bag) @ head.weight.T, head.bias
        exact = True
    else:
        parts, exact = _integrated(model, bag, len(logits), steps), False
        with torch.no_grad():
            base = model(encoder.empty(bag))
    own, start, whole = (v.detach().double().cpu().numpy() for v in (parts, base, logits))
    return Contributions(own, start, whole, exact, float(abs(own.sum(0) + start - whole).max()))


def _integrated(model: SlideModel, bag: Tensor, outputs: int, steps: int) -> Tensor:
    """(N, K): the mean gradient on the way from an empty bag, times the way, by the midpoint
    rule."""
    start = model.encoder.empty(bag)
    way = bag - start
    total = bag.new_zeros(len(bag), outputs)
    for step in range(steps):
        at = (start + way * ((step + 0.5) / steps)).requires_grad_()
        logits = model(at)
        for k in range(outputs):
            (slope,) = torch.autograd.grad(logits[k], at, retain_graph=k + 1 < outputs)
            total[:, k] += (slope * way).sum(1)
    return total / steps
