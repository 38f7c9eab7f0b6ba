"""Mixed precision: what Fabric leaves to us, and what it does too much of."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from lightning_fabric import Fabric
from lightning_fabric.plugins import MixedPrecision

from ssmamba.runtime.device import set_float32


class Autocast(MixedPrecision):
    """Mixed precision in which autocast alone rounds: the inputs of products, where it meets them.

    Fabric rounds every floating argument of the model instead, the target of the loss among them.
    """

    def convert_input(self, data: Any) -> Any:
        return data


@contextmanager
def steps_in_tf32() -> Iterator[None]:
    """A training step, which may round as torch does; what is around it is exact, scores too."""
    set_float32(exact=False)
    try:
        yield
    finally:
        set_float32(exact=True)


def is_scaled(fabric: Fabric) -> bool:
    """Whether a GradScaler (16-mixed) scales the loss, and skips steps whose gradients overflow."""
    return getattr(fabric.strategy.precision, "scaler", None) is not None
