"""Token expansion: two neighbouring tokens become one (Pixel-Mamba §3.3, Fig. 3)."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from ssmamba.models.slides.config import Expansion
from ssmamba.models.slides.serialise import join_class, split_class

Grid = tuple[int, int]  # rows and columns of tokens in a region


def expand_tokens(
    tokens: Tensor, grid: Grid, kind: Expansion, merge: Literal["mean", "add"] = "mean"
) -> tuple[Tensor, Grid]:
    """Tokens (..., h·w + 1, C) -> tokens with half as many rows ("v") or columns ("h").

    First each token is merged with the one above (left of) it, the first row (column) with
    itself; then neighbours are joined along their channels ("cat", 2 C) or averaged ("avg", C).
    An odd row (column) out is joined with itself. The class token is repeated along its channels
    for "cat" and stays as it is for "avg".
    """
    if not kind:
        return tokens, grid
    axis, how = kind.split("-")
    spatial, cls = split_class(tokens)
    image = spatial.unflatten(-2, grid)  # (..., h, w, C)
    along = -3 if axis == "v" else -2
    image = _shift_merge(image, along, merge)
    if image.shape[along] % 2:
        image = torch.cat([image, image.narrow(along, image.shape[along] - 1, 1)], dim=along)
    pairs = image.unflatten(along, (-1, 2))  # the pair on the axis behind ``along``
    first, second = pairs.unbind(along)
    image = torch.cat([first, second], dim=-1) if how == "cat" else (first + second) * 0.5
    if how == "cat":
        cls = torch.cat([cls, cls], dim=-1)
    return join_class(image.flatten(-3, -2), cls), (image.shape[-3], image.shape[-2])


def _shift_merge(image: Tensor, along: int, merge: Literal["mean", "add"]) -> Tensor:
    length = image.shape[along]
    shifted = torch.cat([image.narrow(along, 0, 1), image.narrow(along, 0, length - 1)], dim=along)
    return image + shifted if merge == "add" else (image + shifted) * 0.5
