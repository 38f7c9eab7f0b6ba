"""A network's forward pass with fixed weights: packed once, few passes, bfloat16 where it pays."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import nn

from ssmamba.models.ssmamba import SSMamba
from ssmamba.ops import choose_backend

if TYPE_CHECKING:
    from ssmamba.inference.frozen.network import FrozenNetwork


def freeze(model: nn.Module, lower: bool) -> FrozenNetwork | None:
    """The frozen form of a network on the CPU, or None where there is none (now).

    It needs the compiled kernels, and knows SSMamba without a class token. The model's weights must
    not change afterwards. lower: bfloat16 may be used where it pays.
    """
    if not isinstance(model, SSMamba) or model.cls_token is not None or model.training:
        return None
    if choose_backend("cpu").name != "cpu":
        return None
    from ssmamba.inference.frozen.network import FrozenNetwork  # loads the kernels
    from ssmamba.inference.frozen.precision import Precisions

    return FrozenNetwork(model, Precisions(lower))
