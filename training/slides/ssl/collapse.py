"""Whether features still differ: cosine and RankMe at each level, and what is said of a collapse.

Levels (thesis §4.2): spatial tokens within a slide, class tokens of its regions, and the means of
class tokens over slides; in LatentMIM also the predictor's outputs within a slide.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ssmamba.models.slides.encoder import SlideTokens
from ssmamba.models.slides.serialise import split_class
from training.probe.features import rank_me
from training.slides.config import SlidePretrainConfig
from training.slides.ssl.losses import mean_cosine

MOST_TOKENS = 2048  # of a slide, spread evenly, whose rank is measured
LEVELS = {
    "predicted": "the predictor's outputs",
    "token": "tokens within a slide",
    "region": "regions within a slide",
    "slide": "slides",
}
NARROWED, COLLAPSED = 0.5, 0.1  # of the largest spread or rank so far, below which it is said
NO_SPREAD, NO_RANK = 1e-3, 1.5  # 1 - cosine, and RankMe, that are a collapse in any case
RANKED = 3.0  # least RankMe from which a fall to NO_RANK says anything


class Fault(NamedTuple):
    """What is wrong at a level."""

    level: str
    collapsed: bool  # or only narrower than it was
    text: str


def level_metrics(slides: Iterable[SlideTokens]) -> dict[str, float]:
    """{token, region, slide}_{cosine, rank} of an encoder's answers to slides.

    The first two are means over the slides that have at least two of them; a level that no slide
    has is left out.
    """
    found: dict[str, list[tuple[float, float]]] = defaultdict(list)
    pooled = []
    for slide in slides:
        spatial, _ = split_class(slide.tokens)
        for level, tokens in (("token", spatial.flatten(0, 1)), ("region", slide.cls)):
            if len(tokens) > 1:
                found[level].append(likeness(tokens))
        pooled.append(slide.cls.float().mean(0))
    if len(pooled) > 1:
        found["slide"] = [likeness(torch.stack(pooled))]
    return averaged(found)


def likeness(tokens: Tensor) -> tuple[float, float]:
    """Mean cosine of pairs, and RankMe, of tokens (T, C), T >= 2."""
    every = np.unique(np.linspace(0, len(tokens) - 1, MOST_TOKENS).round().astype(int))
    some = tokens if len(tokens) <= MOST_TOKENS else tokens[every.tolist()]
    return float(mean_cosine(tokens)), rank_me(some.float().cpu().numpy())


def averaged(found: dict[str, list[tuple[float, float]]]) -> dict[str, float]:
    """Means of the levels' pairs as ``<level>_cosine`` and ``<level>_rank``."""
    metrics: dict[str, float] = {}
    for level, pairs in found.items():
        cosine, rank = np.mean(pairs, axis=0)
        metrics |= {f"{level}_cosine": float(cosine), f"{level}_rank": float(rank)}
    return metrics


def faults(before: Sequence[tuple[int, dict[str, float]]], now: dict[str, float]) -> list[Fault]:
    """What has collapsed, or is on the way.

    before: (epoch, metrics) of the untrained model, epoch 0, and of the epochs so far.
    """
    return [fault for level in LEVELS if (fault := _fault(level, before, now)) is not None]


def _fault(
    level: str, before: Sequence[tuple[int, dict[str, float]]], now: dict[str, float]
) -> Fault | None:
    cosine, rank = f"{level}_cosine", f"{level}_rank"
    if cosine not in now:
        return None
    known = [(epoch, found) for epoch, found in before if cosine in found]
    widest = min(known, key=lambda pair: pair[1][cosine], default=(0, now))
    richest = max(known, key=lambda pair: pair[1][rank], default=(0, now))
    spread, most = 1 - now[cosine], max(1 - widest[1][cosine], 1e-9)
    best = richest[1][rank]
    collapsed = (
        spread < max(NO_SPREAD, COLLAPSED * most)
        or now[rank] < COLLAPSED * best
        or (now[rank] < NO_RANK and best >= RANKED)
    )
    if not collapsed and spread >= NARROWED * most and now[rank] >= NARROWED * best:
        return None
    alike = spread < NARROWED * most or spread < NO_SPREAD  # else it is the rank alone
    ends = (
        ("have collapsed", "are growing alike") if alike else ("lie on a line", "lose directions")
    )
    verb = ends[0] if collapsed else ends[1]
    text = (
        f"{LEVELS[level]} {verb}: mean cosine {now[cosine]:.3f} ({widest[1][cosine]:.3f} "
        f"{_when(widest[0])}), RankMe {now[rank]:.1f} ({best:.1f} {_when(richest[0])})"
    )
    return Fault(level, collapsed, text)


def _when(epoch: int) -> str:
    return f"after epoch {epoch}" if epoch else "untrained"


def sentence(found: Sequence[Fault], config: SlidePretrainConfig) -> str:
    """What is printed, one line with the next step."""
    worst = any(fault.collapsed for fault in found)
    told = "; ".join(fault.text for fault in found)
    remedies = _remedies(any(fault.level == "predicted" for fault in found), config)
    return f"{'Warning' if worst else 'Careful'}: {told}. If it goes on, try {', '.join(remedies)}."


def _remedies(in_predictor: bool, config: SlidePretrainConfig) -> list[str]:
    """Flags that may help and are not given yet."""
    if config.method == "dino":
        return ["a lower --lr", "a lower --teacher-temperature", "more slides"]
    found = ["--predicts spatial"] if config.predicts != "spatial" else []
    if in_predictor:
        found.append("more --predictor-depth")
        found += ["a --position-weight below 1"] if config.position_weight >= 1 else []
        found += ["a --position-penalty"] if not config.position_penalty else []
    elif config.alpha:
        found.append("--alpha 0")
    return ["a lower --lr", *found]
