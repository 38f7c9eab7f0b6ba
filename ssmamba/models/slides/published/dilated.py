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
    batch, length, heads, dim = q.shape
    stride = math.ceil(segment / ratio)  # tokens of a segment that a head sees
    count = math.ceil(length / segment)
    parts = []
    for part in (q, k, v):  # (B, count, stride · ratio, H, d), zeros at the ends
        whole = pad(part, (0, 0, 0, 0, 0, count * segment - length))
        cut = whole.unflatten(1, (count, segment))
        parts.append(pad(cut, (0, 0, 0, 0, 0, stride * ratio - segment)))
    shape = (batch, count, stride * ratio, heads)
    outs, logs = q.new_zeros(*shape, dim), q.new_full(shape, UNSEEN)
    own = heads // ratio
    for at in range(ratio):
        some = slice(at * own, (at + 1) * own)
        seen = [part[:, :, at::ratio, some].transpose(2, 3) for part in parts]
        out, log = _attend(*seen)  # (B, count, own, stride, d) and without d
        outs[:, :, at::ratio, some] = out.transpose(2, 3)
        logs[:, :, at::ratio, some] = log.transpose(2, 3)
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
