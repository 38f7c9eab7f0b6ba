"""SSMamba's four-stage encoder with a classifier head (SSMamba §3.1, Fig. 1a).

Token maps are (B, H, W, C) inside, (B, C, H, W) at the doors.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ssmamba.config import SSMambaConfig
from ssmamba.layers.linear import Linear
from ssmamba.layers.local import (
    LPR,
    LPU,
    AbsolutePositions,
    ConvDownsample,
    DeepStem,
    OverlapDownsample,
    OverlapStem,
    PatchMerge,
    Stem,
)
from ssmamba.layers.mixers import MIXERS, by_columns, join_middle, split_middle


class DropPath(nn.Module):
    """Drop a residual branch for whole samples (stochastic depth)."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.rate == 0.0:
            return x
        keep = 1.0 - self.rate
        shape = (x.shape[0],) + (1,) * (x.ndim - 1)
        return x * (torch.rand(shape, device=x.device, dtype=x.dtype) < keep) / keep


class Block(nn.Module):
    """Pre-norm mixer (and MLP, when the config has one) with residuals and drop path.

    across: the mixer, its 1-D convolutions included, reads the grid column by column.
    """

    def __init__(
        self, dim: int, config: SSMambaConfig, drop_path: float, across: bool = False
    ) -> None:
        super().__init__()
        self.across = across
        self.norm = nn.LayerNorm(dim)
        self.mixer = MIXERS[config.mixer](dim, config)
        self.drop_path = DropPath(drop_path)
        self.mlp: nn.Module | None = None
        if config.mlp_ratio > 0:
            hidden = int(dim * config.mlp_ratio)
            self.mlp = nn.Sequential(
                nn.LayerNorm(dim), Linear(dim, hidden), nn.GELU(), Linear(hidden, dim)
            )

    def forward(self, x: Tensor, grid: tuple[int, int]) -> Tensor:
        """(B, L, C) -> (B, L, C)."""
        x = _add(x, self.drop_path(self.mixed(x, grid)))
        return x if self.mlp is None else _add(x, self.drop_path(self.mlp(x)))

    def mixed(self, x: Tensor, grid: tuple[int, int]) -> Tensor:
        """What the mixer adds."""
        x = self.norm(x)
        return by_columns(self.mixer, x, grid) if self.across else self.mixer(x, grid)


def _add(x: Tensor, branch: Tensor) -> Tensor:
    """x + branch, in the branch's memory where nothing is differentiated."""
    if torch.is_grad_enabled() or branch.dtype != x.dtype:
        return x + branch
    return branch.add_(x)


class Stage(nn.Module):
    """Downsampling, local module and mixer blocks: F_{k+1} = DMS(LPR(F_k)) (Eq. 1)."""

    def __init__(self, config: SSMambaConfig, index: int, drop_rates: list[float]) -> None:
        super().__init__()
        dims, dim = config.dims, config.dims[index]
        self.down: nn.Module | None = None
        if index:
            self.down = _downsampling(config)(dims[index - 1], dim, config.batch_norm)
        self.local = _local_module(config, index)
        repeats = config.local_every_block and config.embedding in ("lpr", "lpu")
        again = len(drop_rates) - 1 if repeats else 0
        self.more_local = nn.ModuleList(_local_module(config, index) for _ in range(again))
        first = sum(config.depths[:index])  # counted through all stages: some have one block
        self.blocks = nn.ModuleList(
            Block(dim, config, rate, across=config.alternate_scans and number % 2 == 1)
            for number, rate in enumerate(drop_rates, start=first)
        )
        self.tap = nn.Identity()  # where a CAM looks
        # Behind the last mixer a class-token head gives the map no gradient: look before it.
        self.tap_early = config.pool == "cls" and index == 3
        self.cls_map = nn.Linear(dims[index - 1], dim) if config.pool != "mean" and index else None

    def forward(self, x: Tensor, cls: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """(B, H, W, C) and the class token (B, 1, C) -> the same at this stage's stride."""
        if self.down is not None:
            x = self.down(x)
        x = self.local(x)
        if cls is not None and self.cls_map is not None:
            cls = self.cls_map(cls)
        count = len(self.blocks)
        last = count - 1 if self.tap_early else count
        x, cls = self._blocks(x, cls, 0, last)
        return self._blocks(self.tap(x), cls, last, count)

    def _blocks(
        self, x: Tensor, cls: Tensor | None, start: int, stop: int
    ) -> tuple[Tensor, Tensor | None]:
        """Blocks start to stop - 1, each but the first behind a local module of its own if set.

        A local module does not see the class token; every block updates it.
        """
        grid = (x.shape[1], x.shape[2])
        for at in range(start, stop):
            if at and self.more_local:
                x = self.more_local[at - 1](x)
            tokens = self.blocks[at](join_middle(x.flatten(1, 2), cls), grid)
            tokens, cls = split_middle(tokens, grid)
            x = tokens.unflatten(1, grid)
        return x, cls


class SSMamba(nn.Module):
    """Encoder and classifier head, for inputs of any size.

    A stage has ceil(H/s) x ceil(W/s) tokens, s its stride: where a side is no multiple of 32 px
    the last tokens reach beyond the image, and beyond them lies the border of the convolutions.

    Args:
        config: architecture.
        num_classes: logits of the head; 0 builds no head and ``forward`` returns features.
    """

    def __init__(self, config: SSMambaConfig, num_classes: int = 0) -> None:
        super().__init__()
        self.config = config
        depth = sum(config.depths)
        rates = [config.drop_path * i / max(depth - 1, 1) for i in range(depth)]
        self.stem = _stem(config)
        self.stages = nn.ModuleList()
        for index, blocks in enumerate(config.depths):
            start = sum(config.depths[:index])
            self.stages.append(Stage(config, index, rates[start : start + blocks]))
        self.cls_token: nn.Parameter | None = None
        if config.pool != "mean":
            self.cls_token = nn.Parameter(torch.zeros(1, 1, config.dims[0]))
            nn.init.trunc_normal_(self.cls_token, std=0.02)
        self.norm = nn.LayerNorm(config.dims[-1])
        self.num_features = config.dims[-1] * (2 if config.pool == "both" else 1)
        self.head = nn.Linear(self.num_features, num_classes) if num_classes else nn.Identity()
        self.apply(_init_weights)

    def forward(self, x: Tensor) -> Tensor:
        """(B, 3, H, W) float32, normalised -> logits (B, K)."""
        return self.head(self.forward_features(x))

    def forward_features(self, x: Tensor) -> Tensor:
        """(B, 3, H, W) -> pooled features (B, F) that the head reads."""
        maps, cls = self._encode(x, None, None)
        return self._pool(maps[-1], cls)

    def forward_with_features(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(B, 3, H, W) -> logits (B, K) and features (B, 2 C_1 + 2 C_2 + F).

        The features are the picture's style, then what the head reads (F). The style is the mean
        and standard deviation of each channel of the first two stages: stain, scanner and texture.
        It tells foreign tissue that the last stage takes for known.
        """
        maps, cls = self._encode(x, None, None)
        wide = [m.float() for m in maps[:2]]  # in half precision a mean is off by 1e-2
        style = [s for m in wide for s in (m.mean((1, 2)), m.std((1, 2)))]
        pooled = self._pool(maps[-1], cls)
        return self.head(pooled), torch.cat([*style, pooled.float()], dim=1)

    def _pool(self, last: Tensor, cls: Tensor | None) -> Tensor:
        tokens = self.norm(last.flatten(1, 2))
        pooled = []
        if self.config.pool != "cls":
            pooled.append(tokens.mean(1))
        if self.config.pool != "mean":
            assert cls is not None
            pooled.append(self.norm(cls).squeeze(1))
        return torch.cat(pooled, dim=-1) if len(pooled) > 1 else pooled[0]

    def forward_stages(
        self, x: Tensor, unit_mask: Tensor | None = None, mask_token: Tensor | None = None
    ) -> list[Tensor]:
        """(B, 3, H, W) -> the maps of the four stages, (B, C_k, ceil(H/s_k), ceil(W/s_k)).

        unit_mask: (B, h, w) bool, True = hidden; hidden tokens become ``mask_token`` (C_1,).
        """
        maps, _ = self._encode(x, unit_mask, mask_token)
        return [m.permute(0, 3, 1, 2) for m in maps]

    def forward_stages_and_pool(
        self, x: Tensor, unit_mask: Tensor, mask_token: Tensor
    ) -> tuple[list[Tensor], Tensor]:
        """The same maps and the pooled features (B, F) that the head reads."""
        maps, cls = self._encode(x, unit_mask, mask_token)
        return [m.permute(0, 3, 1, 2) for m in maps], self._pool(maps[-1], cls)

    def cam_layer(self, stage: int) -> nn.Module:
        """The module whose output (B, H, W, C) a CAM of stage 1..4 reads."""
        return self.stages[stage - 1].tap  # type: ignore[return-value]

    def _encode(
        self, x: Tensor, unit_mask: Tensor | None, mask_token: Tensor | None
    ) -> tuple[list[Tensor], Tensor | None]:
        if unit_mask is not None and self.config.stem_overlaps:  # nothing hidden may be seen
            x = x.masked_fill(_spread(unit_mask, x.shape[2], x.shape[3]).unsqueeze(1), 0.0)
        x = self.stem(x)
        if unit_mask is not None:
            assert mask_token is not None
            x = _hide(x, unit_mask, mask_token)
        cls = None if self.cls_token is None else self.cls_token.expand(x.shape[0], -1, -1)
        maps: list[Tensor] = []
        for stage in self.stages:
            x, cls = stage(x, cls)
            maps.append(x)
        return maps, cls


def cam_reshape(x: Tensor) -> Tensor:
    """(B, H, W, C) -> (B, C, H, W), as CAMs want it."""
    return x.permute(0, 3, 1, 2)


def _stem(config: SSMambaConfig) -> nn.Module:
    if config.deep_stem:
        return DeepStem(config.dims[0])
    return (OverlapStem if config.overlap else Stem)(config.dims[0], config.batch_norm)


def _downsampling(config: SSMambaConfig) -> type[nn.Module]:
    if config.embedding == "patch_merge":
        return PatchMerge
    return OverlapDownsample if config.overlap else ConvDownsample


def _local_module(config: SSMambaConfig, index: int) -> nn.Module:
    dim = config.dims[index]
    if config.embedding == "lpr":
        return LPR(dim)
    if config.embedding == "lpu":
        return LPU(dim)
    if config.embedding == "linear" and index == 0:
        return AbsolutePositions(dim, config.grid)
    return nn.Identity()


def _hide(x: Tensor, unit_mask: Tensor, mask_token: Tensor) -> Tensor:
    """Replace the tokens of hidden units by the mask token."""
    mask = _spread(unit_mask, x.shape[1], x.shape[2])
    return torch.where(mask.unsqueeze(-1), mask_token.to(x.dtype), x)


def _spread(unit_mask: Tensor, height: int, width: int) -> Tensor:
    """(B, h, w) units -> (B, height, width)."""
    rows, columns = height // unit_mask.shape[1], width // unit_mask.shape[2]
    return unit_mask.repeat_interleave(rows, 1).repeat_interleave(columns, 2)


def _init_weights(module: nn.Module) -> None:
    if isinstance(module, nn.Linear):
        nn.init.xavier_uniform_(module.weight)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
