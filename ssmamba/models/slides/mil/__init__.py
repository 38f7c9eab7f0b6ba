"""Multiple-instance learning: a slide as a bag of its tiles' features (Pixel-Mamba, Table 2).

One bag at a time, without padding, so that no answer depends on what else is in a batch.
"""

from ssmamba.models.slides.mil.build import (
    AGGREGATORS,
    MILConfig,
    build_aggregator,
    is_aggregator,
)
from ssmamba.models.slides.mil.torchmil import reads_places

__all__ = ["AGGREGATORS", "MILConfig", "build_aggregator", "is_aggregator", "reads_places"]
