"""Pixel-Mamba written out with loops, as slow and as obvious as can be."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import softplus

from ssmamba.models.slides.block import BidirectionalBlock


def serialise(regions: Tensor, cls: Tensor) -> Tensor:
    """(n, 3, H, W) -> (n, H·W + 1, 3), pixel by pixel."""
    count, _, height, width = regions.shape
    rows = []
    for n in range(count):
        pixels = [regions[n, :, y, x] for y in range(height) for x in range(width)]
        pixels.insert(len(pixels) // 2, cls)
        rows.append(torch.stack(pixels))
    return torch.stack(rows)


def block(module: BidirectionalBlock, x: Tensor) -> Tensor:
    """Eq. 1 for one sequence (L, C), one token and one direction after the other."""
    normed = x / (x.square().mean(-1, keepdim=True) + 1e-5).sqrt() * module.norm.weight
    inner = module.out_proj.in_features
    both = normed @ module.in_proj.weight.T
    u, z = both[:, :inner], both[:, inner:]
    total = 0.0
    for direction in (0, 1):
        there = u if module.conv_back is None or direction == 0 else u.flip(0)
        conv = module.conv_back if module.conv_back is not None and direction else module.conv
        mixed = silu(causal(there, conv.weight[:, 0], conv.bias))
        if module.conv_back is not None and direction:
            total = total + scan(mixed, module.params_back, 0).flip(0)
        elif module.conv_back is not None:
            total = total + scan(mixed, module.params, 0)
        elif direction:
            total = total + scan(mixed.flip(0), module.params, 1, turned=True).flip(0)
        else:
            total = total + scan(mixed, module.params, 0)
    return x + (total / 2 * silu(z)) @ module.out_proj.weight.T


def silu(x: Tensor) -> Tensor:
    return x * torch.sigmoid(x)


def causal(u: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """(L, c): each token sees itself and those before it."""
    width, rows = weight.shape[1], []
    for at in range(len(u)):
        value = bias
        for k in range(width):
            if (before := at - (width - 1) + k) >= 0:
                value = value + weight[:, k] * u[before]
        rows.append(value)
    return torch.stack(rows)


def scan(u: Tensor, p, direction: int, turned: bool = False) -> Tensor:
    """h = exp(delta A) h + delta B u, y = C h + D u (Mamba §3.2), from the first token on."""
    low = u @ p.x_proj.weight.T
    groups, rank, states = p.directions, p.rank, p.states
    dt = low[:, : groups * rank].unflatten(-1, (groups, rank))[:, direction]
    bc = low[:, groups * rank :].unflatten(-1, (groups, 2 * states))[:, direction]
    delta = softplus(dt @ p.dt_weight[direction].T + p.dt_bias[direction])
    state, rows = torch.zeros(u.shape[1], states, dtype=u.dtype), []
    for at in range(len(u)):
        b, c = bc[at, :states], bc[at, states:]
        decay = torch.exp(delta[at][:, None] * p.A[direction].to(u.dtype))
        state = decay * state + (delta[at] * u[at])[:, None] * b
        rows.append(state @ c + p.D[direction] * u[at])
    return torch.stack(rows)


def expand(tokens: Tensor, grid: tuple[int, int], kind: str) -> Tensor:
    """One region (h·w + 1, C), cell by cell."""
    height, width = grid
    cells = list(tokens)
    cls = cells.pop((len(cells) - 1) // 2)
    image = [[cells[y * width + x] for x in range(width)] for y in range(height)]
    axis, how = kind.split("-")

    def moved(y: int, x: int) -> Tensor:
        before = (max(y - 1, 0), x) if axis == "v" else (y, max(x - 1, 0))
        return (image[y][x] + image[before[0]][before[1]]) / 2

    out = []
    for y in range(0, height, 2 if axis == "v" else 1):
        for x in range(0, width, 1 if axis == "v" else 2):
            other = (min(y + 1, height - 1), x) if axis == "v" else (y, min(x + 1, width - 1))
            first, second = moved(y, x), moved(*other)
            out.append(torch.cat([first, second]) if how == "cat" else (first + second) / 2)
    out.insert(len(out) // 2, torch.cat([cls, cls]) if how == "cat" else cls)
    return torch.stack(out)


def fuse(tokens: Tensor, members: list[set[int]], fused: int) -> tuple[Tensor, list[set[int]]]:
    """The deterministic fusion of evaluation; ``members`` are the slide's regions in each row."""
    count = len(tokens)
    cls = [t[(len(t) - 1) // 2].detach().float() for t in tokens]
    pairs = []
    for probe in range(1, count, 2):
        likes = [
            (float(cls[probe] @ cls[g] / (cls[probe].norm() * cls[g].norm())), -g)
            for g in range(0, count, 2)
        ]
        like, minus = max(likes)
        pairs.append((-like, probe, -minus))
    chosen = sorted(pairs)[:fused]
    result, groups = [], []
    gone = {probe for _, probe, _ in chosen}
    for at in range(count):
        if at in gone:
            continue
        mine = [probe for _, probe, gallery in chosen if gallery == at]
        result.append(torch.stack([tokens[at], *(tokens[p] for p in mine)]).mean(0))
        groups.append(set().union(members[at], *(members[p] for p in mine)))
    return torch.stack(result), groups


def forward(model, regions: Tensor) -> tuple[Tensor, list[set[int]]]:
    """A whole Pixel-Mamba in evaluation: class tokens (m, C) and who is in each."""
    config = model.config
    tokens, grid = serialise(regions, model.cls_token), tuple(regions.shape[-2:])
    members = [{n} for n in range(len(regions))]
    for module, kind in zip(model.blocks, config.expansions, strict=True):
        tokens = block(module, tokens.flatten(0, 1)).view(tokens.shape)
        fused = min(math.ceil(config.alpha * len(tokens) / config.depth), len(tokens) // 2)
        tokens, members = fuse(tokens, members, fused)
        if kind:
            tokens = torch.stack([expand(t, grid, kind) for t in tokens])
            across = kind.startswith("h")
            rows = grid[0] if across else math.ceil(grid[0] / 2)
            grid = (rows, math.ceil(grid[1] / 2) if across else grid[1])
    cls = tokens[:, (tokens.shape[1] - 1) // 2]
    cls = cls / (cls.square().mean(-1, keepdim=True) + 1e-5).sqrt() * model.norm.weight
    return cls, members
