"""Dilated attention (LongNet, Ding et al. 2023, §3): within segments, over every r-th token.

Of a pair of a segment's length and a ratio r, head h of H looks at the tokens at places
⌊h·r / H⌋, ⌊h·r / H⌋ + r, … of each segment. The pairs' answers are joined by the sums of their
softmaxes' denominators (Eq. 11).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import pad

QUERIES = 2048  # of a segment at once: their scores are held
UNSEEN = -1e8  # log-denominator where a pair does not look


def dilated_attention(
    q: Tensor, k: Tensor, v: Tensor, segments: Sequence[int], ratios: Sequence[int]
) -> Tensor:
    """(B, L, H, d) each -> (B, L, H, d); H a multiple of every ratio.

    A sequence is filled with zeros to whole segments and ratios, and the zeros take part as keys,
    as in the published code: the weights were trained with them. How much each pair counts has no
    gradient, as there.
    """
    outs, logs = [], []
    for segment, ratio in zip(segments, ratios, strict=True):
        out, log = _one_pair(q, k, v, min(segment, q.shape[1]), ratio)
        outs.append(out)
        logs.append(log)
    shares = torch.stack(logs).detach().softmax(0)[..., None]  # (pairs, B, L, H, 1)
    joined = outs[0] * shares[0]
    for out, share in zip(outs[1:], shares[1:], strict=True):
        joined = joined + out * share
    return joined


def _one_pair(q: Tensor, k: Tensor, v: Tensor, segment: int, ratio: int) -> tuple[Tensor, Tensor]:
    """What one pair answers, (B, L, H, d), and the logarithm of its denominators, (B, L, H)."""
    _, length, heads, _ = q.shape
    stride = math.ceil(segment / ratio)  # tokens of a segment that a head sees
    count = math.ceil(length / segment)
    parts = []
    for part in (q, k, v):  # (B, count, stride · ratio, H, d), zeros at the ends
        whole = pad(part, (0, 0, 0, 0, 0, count * segment - length))
        cut = whole.unflatten(1, (count, segment))
        parts.append(pad(cut, (0, 0, 0, 0, 0, stride * ratio - segment)))
    own = heads // ratio
    seen = []
    for part in parts:  # of each run of ``ratio`` tokens, the one that a group of heads looks at
        runs = part.unflatten(2, (stride, ratio)).unflatten(4, (ratio, own))
        seen.append(runs.diagonal(dim1=3, dim2=4).permute(0, 1, 5, 3, 2, 4))
    out, log = _attend(*seen)  # (B, count, ratio, own, stride, d), and without d
    outs = out.permute(0, 1, 4, 3, 5, 2).diag_embed(dim1=3, dim2=4)
    logs = log.permute(0, 1, 4, 3, 2).diag_embed(dim1=3, dim2=4)
    unseen = ~torch.eye(ratio, dtype=torch.bool, device=q.device)[:, :, None]
    logs = logs.masked_fill(unseen, UNSEEN)
    outs, logs = outs.flatten(2, 3).flatten(3, 4), logs.flatten(2, 3).flatten(3, 4)
    return (
        outs[:, :, :segment].flatten(1, 2)[:, :length],
        logs[:, :, :segment].flatten(1, 2)[:, :length],
    )


def _attend(q: Tensor, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
    """Softmax attention over the last but one axis, and its log-denominators."""
    outs, logs = [], []
    for some in (q * q.shape[-1] ** -0.5).split(QUERIES, dim=-2):
        scores = some @ k.mT
        log = scores.logsumexp(-1)
        outs.append((scores - log[..., None]).exp() @ v)
        logs.append(log)
    return torch.cat(outs, dim=-2), torch.cat(logs, dim=-1)
