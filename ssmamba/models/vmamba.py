"""VMamba (Liu et al. 2024), the backbone that SSMamba is compared with in Tables 4 and 6.

Its final block layout: SS2D, then an MLP of four times the width, each behind a norm and with a
residual; overlapping convolutions make the stem and the downsampling; there is no local module.
SS2D keeps the gate of VMamba's first version and does not widen the channels (expand 1), so that
its parameters match those of DMS, which can take its place (``mixer="dms"``).
"""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn

from ssmamba.config import SSMambaConfig
from ssmamba.errors import CheckpointError
from ssmamba.models.ssmamba import SSMamba, _init_weights


class OverlapStem(nn.Module):
    """Two 3x3 convolutions with stride 2, each with LayerNorm, GELU between them."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, dim // 2, 3, stride=2, padding=1)
        self.norm1 = nn.LayerNorm(dim // 2)
        self.second = nn.Conv2d(dim // 2, dim, 3, stride=2, padding=1)
        self.norm2 = nn.LayerNorm(dim)

    def forward(self, image: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B, H/4, W/4, dim)."""
        x = nn.functional.gelu(self.norm1(self.first(image).permute(0, 2, 3, 1)))
        return self.norm2(self.second(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1))


class OverlapDownsample(nn.Module):
    """3x3 convolution with stride 2 and LayerNorm: half the grid, more channels."""

    def __init__(self, dim: int, out_dim: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(dim, out_dim, 3, stride=2, padding=1)
        self.norm = nn.LayerNorm(out_dim)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(self.conv(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1))


class VMamba(SSMamba):
    """VMamba in SSMamba's frame: four stages, head, padding, masking, and where a CAM looks.

    Args:
        config: as ``SSMambaConfig.vmamba`` makes it.
        num_classes: logits of the head; 0 builds no head and ``forward`` returns features.
    """

    def __init__(self, config: SSMambaConfig, num_classes: int = 0) -> None:
        if config.embedding != "none":
            raise CheckpointError(
                f"VMamba has no local module, so embedding '{config.embedding}' does not fit; "
                "leave --embedding away."
            )
        super().__init__(config, num_classes)
        self.stem = OverlapStem(config.dims[0])  # type: ignore[assignment]
        for index, (dim, out_dim) in enumerate(pairwise(config.dims), start=1):
            self.stages[index].down = OverlapDownsample(dim, out_dim)
        self.apply(_init_weights)

    def forward_stages(
        self, x: Tensor, unit_mask: Tensor | None = None, mask_token: Tensor | None = None
    ) -> list[Tensor]:
        """As SSMamba's; hidden pixels are blanked first, for the stem's windows overlap."""
        if unit_mask is not None:
            rows, columns = x.shape[2] // unit_mask.shape[1], x.shape[3] // unit_mask.shape[2]
            hidden = unit_mask.repeat_interleave(rows, 1).repeat_interleave(columns, 2)
            x = x.masked_fill(hidden.unsqueeze(1), 0.0)
        return super().forward_stages(x, unit_mask, mask_token)
