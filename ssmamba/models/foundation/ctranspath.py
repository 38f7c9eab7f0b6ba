"""CTransPath: Swin-T behind a convolutional stem (Wang et al. 2022)."""

from __future__ import annotations

import re
from typing import Any

from torch import Tensor, nn

from ssmamba.models.foundation.adapter import Adapter, State
from ssmamba.models.timm_models import timm_model


class CTransPathStem(nn.Module):
    """Two 3x3 convolutions with stride 2 and a 1x1, in the place of Swin's patch embedding.

    Takes the arguments with which timm builds an ``embed_layer``.
    """

    def __init__(self, img_size: int, patch_size: int, embed_dim: int, **_: Any) -> None:
        super().__init__()
        side = img_size // patch_size
        self.grid_size, self.num_patches = (side, side), side**2
        narrow = embed_dim // 8
        self.proj = nn.Sequential(
            nn.Conv2d(3, narrow, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(narrow),
            nn.ReLU(inplace=True),
            nn.Conv2d(narrow, 2 * narrow, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(2 * narrow),
            nn.ReLU(inplace=True),
            nn.Conv2d(2 * narrow, embed_dim, 1),
        )
        self.norm = nn.LayerNorm(embed_dim)

    def forward(self, image: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B, H/4, W/4, dim)."""
        return self.norm(self.proj(image).permute(0, 2, 3, 1))


def _build(arguments: dict[str, Any], classes: int) -> nn.Module:
    name = "swin_tiny_patch4_window7_224"
    return timm_model(name, arguments, classes, embed_layer=CTransPathStem)


def _convert(state: State) -> State:
    """The file's downsampling ends a stage; timm's begins the next one."""

    def later(found: re.Match[str]) -> str:
        return f"layers.{int(found[1]) + 1}.downsample."

    return {re.sub(r"^layers\.(\d+)\.downsample\.", later, k): v for k, v in state.items()}


CTRANSPATH = Adapter(
    name="ctranspath",
    title="CTransPath",
    window_px=224,
    arguments={"img_size": 224},
    build=_build,
    convert=_convert,
    source="the link in Xiyue-Wang/TransPath on GitHub, ctranspath.pth",
    licence="GPL-3.0 (CTransPath, Wang et al. 2022)",
    unused=(r".*\.attn\.relative_position_index$", r".*\.attn_mask$"),  # made anew
)
