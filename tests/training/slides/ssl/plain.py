"""LatentMIM, DINO and their views written out with loops, as slow and as obvious as can be."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor


def cosine(a: Tensor, b: Tensor) -> Tensor:
    return a @ b / (a.norm() * b.norm())


def patch_discrimination(predicted: Tensor, target: Tensor, tau: float) -> Tensor:
    """Eq. 3.1 with +sim / τ, one prediction after the other."""
    losses = []
    for k in range(len(predicted)):
        likes = [torch.exp(cosine(predicted[k], z) / tau) for z in target]
        losses.append(-tau * torch.log(likes[k] / sum(likes)))
    return sum(losses) / len(losses)


def cka(x: Tensor, y: Tensor) -> Tensor:
    """Linear CKA by the similarities of all pairs: HSIC(K, L) / sqrt(HSIC(K, K) HSIC(L, L))."""
    n = len(x)
    centring = torch.eye(n, dtype=x.dtype) - 1 / n
    first, second = (centring @ z @ z.T @ centring for z in (x, y))

    def hsic(a: Tensor, b: Tensor) -> Tensor:
        return torch.trace(a @ b)

    return hsic(first, second) / (hsic(first, first) * hsic(second, second)).sqrt()


def dino(student: Tensor, teacher: Tensor, centre: Tensor, ts: float, tt: float) -> Tensor:
    """Caron et al. 2021, Algorithm 1, for any number of views."""
    losses = []
    for g in range(len(teacher)):
        p = torch.exp((teacher[g] - centre) / tt)
        p = p / p.sum()
        for v in range(len(student)):
            if v != g:
                q = torch.exp(student[v] / ts)
                losses.append(-(p * torch.log(q / q.sum())).sum())
    return sum(losses) / len(losses)


def mean_cosine(tokens: Tensor) -> Tensor:
    pairs = [cosine(a, b) for i, a in enumerate(tokens) for j, b in enumerate(tokens) if i != j]
    return sum(pairs) / len(pairs)


def position(row: float, column: float, dim: int) -> Tensor:
    """Sines, then cosines, of the row; then of the column."""
    found = []
    for place in (row, column):
        rates = [10_000 ** (-i / (dim // 4)) for i in range(dim // 4)]
        found += [math.sin(place * rate) for rate in rates]
        found += [math.cos(place * rate) for rate in rates]
    return torch.tensor(found)


def attend(module: torch.nn.MultiheadAttention, queries: Tensor, context: Tensor) -> Tensor:
    """Each query and head by itself."""
    dim, heads = module.embed_dim, module.num_heads
    wq, wk, wv = module.in_proj_weight.split(dim)
    bq, bk, bv = module.in_proj_bias.split(dim)
    out = []
    for query in queries:
        parts = []
        for h in range(heads):
            own = slice(h * dim // heads, (h + 1) * dim // heads)
            q = (wq @ query + bq)[own]
            keys = [(wk @ c + bk)[own] for c in context]
            values = [(wv @ c + bv)[own] for c in context]
            weights = torch.stack([q @ k / math.sqrt(dim / heads) for k in keys]).exp()
            parts.append(sum(w * v for w, v in zip(weights, values, strict=True)) / weights.sum())
        out.append(module.out_proj.weight @ torch.cat(parts) + module.out_proj.bias)
    return torch.stack(out)


def predict(predictor, context: Tensor, seen, asked, is_class) -> Tensor:
    """The predictor, one token at a time; seen and asked: lists of (row, column)."""
    width, weight = predictor.width, predictor.position_weight
    context = torch.stack(
        [
            predictor.embed.weight @ c + predictor.embed.bias + weight * position(*at, width)
            for c, at in zip(context, seen, strict=True)
        ]
    )
    queries = []
    for at, own in zip(asked, is_class, strict=True):
        query = predictor.mask_token.clone()
        if own:
            query = query + predictor.class_token
        if not own or predictor.class_positions:
            query = query + weight * position(*at, width)
        queries.append(query)
    x = torch.stack(queries)
    for block in predictor.blocks:
        x = x + attend(block.attention, block.query_norm(x), block.context_norm(context))
        x = x + block.mlp(block.mlp_norm(x))
    return torch.stack([predictor.out(predictor.norm(row)) for row in x])


def crop(cells: list[tuple[int, int]], windows) -> list[list[int]]:
    """Which cells each window (top, left, bottom, right) holds."""
    return [
        [n for n, (r, c) in enumerate(cells) if top <= r < bottom and left <= c < right]
        for top, left, bottom, right in np.asarray(windows).tolist()
    ]
