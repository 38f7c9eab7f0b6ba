"""VMamba (Liu et al. 2024), the backbone that SSMamba is compared with in Tables 4 and 6.

Its final block layout: SS2D, then an MLP of four times the width, each behind a norm and with a
residual; overlapping convolutions make the stem and the downsampling; there is no local module.
SS2D keeps the gate of VMamba's first version and does not widen the channels (expand 1), so that
its parameters match those of DMS, which can take its place (``mixer="dms"``).
"""

from __future__ import annotations

from ssmamba.config import SSMambaConfig
from ssmamba.errors import CheckpointError
from ssmamba.models.ssmamba import SSMamba


class VMamba(SSMamba):
    """VMamba in SSMamba's frame: four stages, head, masking, and where a CAM looks.

    Args:
        config: as ``SSMambaConfig.vmamba`` makes it.
        num_classes: logits of the head; 0 builds no head and ``forward`` returns features.
    """

    def __init__(self, config: SSMambaConfig, num_classes: int = 0) -> None:
        if config.embedding != "none":
            raise CheckpointError(
                "VMamba has no local module, so embedding '{embedding}' does not fit; "
                "omit --embedding.",
                embedding=config.embedding,
            )
        super().__init__(config, num_classes)
