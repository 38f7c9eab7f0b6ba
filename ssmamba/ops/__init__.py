"""Selective scan: one operation, several backends, chosen by device (see ``dispatch.py``)."""

from ssmamba.ops.dispatch import Backend, choose_backend, warm_up
from ssmamba.ops.selective_scan import (
    bidirectional_scan,
    selective_scan,
    selective_scan_channel_last,
)

__all__ = [
    "Backend",
    "bidirectional_scan",
    "choose_backend",
    "selective_scan",
    "selective_scan_channel_last",
    "warm_up",
]
