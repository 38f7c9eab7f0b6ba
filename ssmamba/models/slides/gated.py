"""Gated attention pooling (Ilse et al. 2018, Eq. 9)."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class GatedAttention(nn.Module):
    """Weights of tiles: softmax of w · (tanh(V h) ⊙ sigmoid(U h))."""

    def __init__(self, dim: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.value, self.gate = nn.Linear(dim, hidden), nn.Linear(dim, hidden)
        self.weight, self.dropout = nn.Linear(hidden, 1), nn.Dropout(dropout)

    def forward(self, tiles: Tensor) -> Tensor:
        """(N, dim) -> (N,), which add up to 1."""
        gated = torch.tanh(self.value(tiles)) * torch.sigmoid(self.gate(tiles))
        return self.weight(self.dropout(gated))[:, 0].softmax(0)
