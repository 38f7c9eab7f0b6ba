"""Mixed precision: what Fabric leaves to us, and what it does too much of."""

from __future__ import annotations

from typing import Any

from lightning_fabric import Fabric
from lightning_fabric.plugins import MixedPrecision


class Autocast(MixedPrecision):
    """Mixed precision in which autocast alone rounds: the inputs of products, where it meets them.

    Fabric rounds every floating argument of the model instead, the target of the loss among them.
    """

    def convert_input(self, data: Any) -> Any:
        return data


def is_scaled(fabric: Fabric) -> bool:
    """Whether a GradScaler (16-mixed) scales the loss, and skips steps whose gradients overflow."""
    return getattr(fabric.strategy.precision, "scaler", None) is not None
