"""The scan's operations for torch's FLOP counter; import this module before counting.

Apart from ``operator.py``, as that counter brings Triton into the process, 100 MB of it.
"""

from __future__ import annotations

from typing import Any

import torch
from torch.utils.flop_counter import register_flop_formula

import ssmamba.ops.operator  # noqa: F401  (registers the operators)

OPERATIONS_PER_STATE = 9  # VMamba's count: 9 L D N for each direction


@register_flop_formula(torch.ops.ssmamba.selective_scan)
def _forward_flops(u_shape: Any, delta_shape: Any, A_shape: Any, *args: Any, **kwargs: Any) -> int:
    batch, L, channels = u_shape
    directions, _, N = A_shape
    return int(OPERATIONS_PER_STATE * batch * directions * L * channels * N)


@register_flop_formula(torch.ops.ssmamba.selective_scan_backward)
def _backward_flops(u_shape: Any, delta_shape: Any, A_shape: Any, *args: Any, **kwargs: Any) -> int:
    return 2 * _forward_flops(u_shape, delta_shape, A_shape)
