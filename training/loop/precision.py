"""Mixed precision: what Fabric leaves to us."""

from __future__ import annotations

from lightning_fabric import Fabric


def is_scaled(fabric: Fabric) -> bool:
    """Whether a GradScaler (16-mixed) scales the loss, and skips steps whose gradients overflow."""
    return getattr(fabric.strategy.precision, "scaler", None) is not None
