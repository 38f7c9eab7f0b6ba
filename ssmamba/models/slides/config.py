"""Architectures of the slide models, readable without torch.

A slide comes in as regions: squares of tissue, read in row-major order, that every layer turns
into one sequence of tokens. Ablations of the paper (Tables 3 to 6 and 9) are values of a field.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

from ssmamba.config import known_fields
from ssmamba.errors import CheckpointError, did_you_mean

# What follows a layer's Mamba block and region fusion: nothing, or token expansion along an axis.
Expansion = Literal["", "h-cat", "v-cat", "h-avg", "v-avg"]

_START: tuple[Expansion, ...] = ("h-cat", "v-cat", "h-cat", "v-cat", "", "h-cat", "", "v-cat")
_END: tuple[Expansion, ...] = ("", "", "v-avg", "", "", "", "", "", "h-avg", "", "v-cat", "", "")

# name -> expansion of each of the 24 layers (Pixel-Mamba, Tables 7 and 8); mini is ours, the first
# eight layers alone, to try things on a CPU
SIZES: dict[str, tuple[Expansion, ...]] = {
    "6m": (*_START, "", "", "h-avg", *_END),
    "21m": (*_START, "", "", "h-cat", *_END),
    "mini": _START,
}


@dataclass(frozen=True)
class PixelMambaConfig:
    """Pixel-Mamba (§3.3, Tables 7 and 8)."""

    size: str = "6m"  # 6m | 21m; names the default expansions
    expansions: tuple[Expansion, ...] = SIZES["6m"]  # one a layer
    alpha: float = 0.8  # of region fusion, 0 < alpha < 1; 0 turns it off (Table 9)
    d_state: int = 16  # N, states per channel
    expand: int = 2  # channels of the scan for one of the token
    conv_width: int = 4  # of the block's 1-D convolution, causal, as Mamba's
    # Shifted and original tokens are averaged (Pixel-Mamba §3.3), or added.
    shift_merge: Literal["mean", "add"] = "mean"

    def __post_init__(self) -> None:
        for name in self.expansions:
            if name not in ("", "h-cat", "v-cat", "h-avg", "v-avg"):
                raise CheckpointError(
                    "Unknown token expansion '{name}'; use h-cat, v-avg or ''.", name=name
                )
        if not self.expansions or not 0 <= self.alpha < 1:
            raise CheckpointError(
                "Pixel-Mamba needs at least one layer and an alpha of 0 to below 1, not "
                "{count} layers and alpha {alpha}; correct its configuration.",
                count=len(self.expansions),
                alpha=self.alpha,
            )

    @classmethod
    def of_size(cls, size: str, **changes: Any) -> PixelMambaConfig:
        """The config of a named size with some fields changed."""
        if size not in SIZES:
            raise CheckpointError(
                "Unknown Pixel-Mamba size '{size}'{hint}.",
                size=size,
                hint=did_you_mean(size, SIZES),
            )
        return cls(**{"size": size, "expansions": SIZES[size], **changes})

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> PixelMambaConfig:
        """Build from JSON values; an unknown field is an error that names it."""
        return cls(**known_fields(cls, values))

    @property
    def dims(self) -> tuple[int, ...]:
        """Channels of a token in each layer; 3 of a pixel in the first."""
        doublings = [sum(e.endswith("cat") for e in self.expansions[:i]) for i in range(self.depth)]
        return tuple(3 * 2**n for n in doublings)

    @property
    def num_features(self) -> int:
        """Channels of the class tokens that come out."""
        return self.dims[-1] * (2 if self.expansions[-1].endswith("cat") else 1)

    @property
    def depth(self) -> int:
        return len(self.expansions)

    @property
    def reach(self) -> tuple[int, int]:
        """Rows and columns of pixels that a token stands for in the end; 32 and 32 in the paper."""
        vertical = sum(e.startswith("v") for e in self.expansions)
        horizontal = sum(e.startswith("h") for e in self.expansions)
        return 2**vertical, 2**horizontal

    def grid(self, window: int) -> tuple[int, int]:
        """Rows and columns of tokens that a region of ``window`` px has in the end."""
        rows, columns = self.reach
        return math.ceil(window / rows), math.ceil(window / columns)


@dataclass(frozen=True)
class VimConfig:
    """Vision Mamba on the regions of a slide (Vision-Mamba-Surv in Tables 3 and 4)."""

    tokens: tuple[int, ...] = (16,)  # sides of the patches, px; several scales in one sequence
    dim: int = 192  # Vim-Ti's
    depth: int = 24
    window: int = 224  # side of a region, px; the learned positions belong to it
    alpha: float = 0.0  # region fusion, which Vim does not have
    d_state: int = 16
    expand: int = 2
    conv_width: int = 4

    def __post_init__(self) -> None:
        wrong = [side for side in self.tokens if side < 1 or self.window % side]
        if wrong or not self.tokens or not 0 <= self.alpha < 1:
            raise CheckpointError(
                "Regions of {window} px do not divide into patches of {tokens} px; "
                "correct its configuration.",
                window=self.window,
                tokens=self.tokens,
            )

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> VimConfig:
        return cls(**known_fields(cls, values))

    @property
    def num_features(self) -> int:
        return self.dim


@dataclass(frozen=True)
class LongViTConfig:
    """A transformer with dilated attention on a slide's regions (LongViT in Tables 2 and 3)."""

    token: int = 32  # side of a patch, px
    dim: int = 384  # ViT-S's
    depth: int = 12
    heads: int = 16
    window: int = 224  # side of a region, px; the learned positions belong to it
    segments: tuple[int, ...] = (1024, 2048, 4096, 8192, 16384)  # tokens
    ratios: tuple[int, ...] = (1, 2, 4, 8, 16)  # of each segment every so many are looked at

    def __post_init__(self) -> None:
        if self.token < 1 or self.window % self.token:
            raise CheckpointError(
                "Regions of {window} px do not divide into patches of {tokens} px; "
                "correct its configuration.",
                window=self.window,
                tokens=self.token,
            )
        wrong = [r for r in self.ratios if r < 1 or self.heads % r]
        if wrong or self.dim % self.heads or len(self.segments) != len(self.ratios):
            raise CheckpointError(
                "{heads} heads of {dim} channels do not divide by the ratios {ratios}; correct its "
                "configuration.",
                heads=self.heads,
                dim=self.dim,
                ratios=self.ratios,
            )

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> LongViTConfig:
        return cls(**known_fields(cls, values))

    @property
    def num_features(self) -> int:
        return self.dim
