"""A stand-in for torchmil: models of its interface that check what they are given."""

from __future__ import annotations

import sys
from types import ModuleType

import pytest
import torch
from torch import Tensor, nn


class ABMIL(nn.Module):
    """Attention over one bag; ends in one logit, as torchmil's models do."""

    def __init__(self, in_shape: tuple[int, ...], att_dim: int = 128) -> None:
        super().__init__()
        self.score = nn.Sequential(
            nn.Linear(in_shape[0], att_dim), nn.Tanh(), nn.Linear(att_dim, 1)
        )
        self.classifier = nn.Linear(in_shape[0], 1)

    def forward(self, X: Tensor, mask: Tensor | None = None) -> Tensor:
        assert X.ndim == 3 and len(X) == 1 and mask is None  # one bag, no padding
        return self.classifier((self.score(X).softmax(1) * X).sum(1)).squeeze(-1)


class SmABMIL(ABMIL):
    """The same behind a mean over neighbours."""

    def __init__(self, in_shape: tuple[int, ...], att_dim: int = 128) -> None:
        super().__init__(in_shape, att_dim)
        self.last_layer, self.classifier = self.classifier, nn.Identity()

    def forward(self, X: Tensor, adj: Tensor, mask: Tensor | None = None) -> Tensor:  # type: ignore[override]
        assert adj.shape == (1, X.shape[1], X.shape[1]) and adj.is_sparse
        smooth = X + torch.bmm(adj, X)
        return self.last_layer(super().forward(smooth, mask)).squeeze(-1)


@pytest.fixture
def torchmil(monkeypatch: pytest.MonkeyPatch) -> None:
    """torchmil as far as it is used, in the place of the package."""
    package, models = ModuleType("torchmil"), ModuleType("torchmil.models")
    package.models = models  # type: ignore[attr-defined]
    models.ABMIL, models.SmABMIL = ABMIL, SmABMIL  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "torchmil", package)
    monkeypatch.setitem(sys.modules, "torchmil.models", models)
