"""Selective scan: one operation, several backends, chosen by device (see ``dispatch.py``)."""

from ssmamba.ops.dispatch import (
    Backend,
    adopt_kernels,
    choose_backend,
    compile_kernels,
    is_preparing,
    warm_up,
)
from ssmamba.ops.selective_scan import (
    bidirectional_scan,
    selective_scan,
    selective_scan_channel_last,
)

__all__ = [
    "Backend",
    "adopt_kernels",
    "bidirectional_scan",
    "choose_backend",
    "compile_kernels",
    "is_preparing",
    "selective_scan",
    "selective_scan_channel_last",
    "warm_up",
]
