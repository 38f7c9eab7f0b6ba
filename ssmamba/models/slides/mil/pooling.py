"""Aggregators that weigh tiles one by one: mean, max, and attention (Ilse et al. 2018)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ssmamba.models.slides.encoder import SlideEncoder
from ssmamba.models.slides.gated import GatedAttention


class MeanMIL(SlideEncoder):
    """The mean of the tiles' features."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.num_features = features

    def forward_features(self, slide: Tensor, seed: int | None = None) -> Tensor:
        """(N, D) -> (D,)."""
        return slide.mean(0)

    def parts(self, slide: Tensor) -> Tensor:
        """(N, D) -> what each tile brings to the features, (N, D); their sum is the features."""
        return slide / len(slide)


class MaxMIL(MeanMIL):
    """The largest value of each feature."""

    def forward_features(self, slide: Tensor, seed: int | None = None) -> Tensor:
        """(N, D) -> (D,)."""
        return slide.amax(0)

    def parts(self, slide: Tensor) -> Tensor:
        """(N, D) -> (N, D): each feature belongs to the first tile that has the largest value."""
        largest, at = slide.max(0)
        return torch.zeros_like(slide).scatter(0, at[None], largest[None])


class ABMIL(SlideEncoder):
    """Gated attention over embedded tiles (Ilse et al. 2018, Eqs. 8 and 9)."""

    def __init__(self, features: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.num_features = hidden
        self.embed = nn.Sequential(nn.Linear(features, hidden), nn.ReLU(), nn.Dropout(dropout))
        self.attention = GatedAttention(hidden, max(hidden // 2, 1), dropout)

    def forward_features(self, slide: Tensor, seed: int | None = None) -> Tensor:
        """(N, D) -> (hidden,)."""
        return self.parts(slide).sum(0)

    def parts(self, slide: Tensor) -> Tensor:
        """(N, D) -> what each tile brings to the features, (N, hidden)."""
        embedded = self.embed(slide)
        return embedded * self.attention(embedded)[:, None]
