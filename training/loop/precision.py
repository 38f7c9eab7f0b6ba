"""Mixed precision by autocast alone, and TF32 in training steps."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from lightning_fabric import Fabric
from lightning_fabric.plugins import MixedPrecision

from ssmamba.runtime.device import set_float32


class Autocast(MixedPrecision):
    """Mixed precision in which only autocast rounds, and only the inputs of products.

    Fabric's own also rounds every floating argument of the model, such as the loss's target.
    """

    def convert_input(self, data: Any) -> Any:
        return data


@contextmanager
def steps_in_tf32() -> Iterator[None]:
    """Context of a training step, which may round to TF32; all else, scores too, is exact."""
    set_float32(exact=False)
    try:
        yield
    finally:
        set_float32(exact=True)


def is_scaled(fabric: Fabric) -> bool:
    """Whether a GradScaler (16-mixed) scales the loss, and skips steps whose gradients overflow."""
    return getattr(fabric.strategy.precision, "scaler", None) is not None
