"""What a slide model says of one slide, what each region adds to it, and whether to believe it."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from ssmamba.checkpoints.card import Card, SlideSpec
from ssmamba.checkpoints.checkpoint import Checkpoint
from ssmamba.features.overview import components, groups
from ssmamba.inference.appearance import appearance
from ssmamba.inference.distance import mahalanobis
from ssmamba.inference.judge import DEFAULT_ENTROPY_LIMIT, normalised_entropy
from ssmamba.inference.slide_regions import SlideRegions
from ssmamba.models.slides.encoder import RegionEncoder, SlideModel, SlideTokens
from ssmamba.models.slides.memory import FLOAT, Load, most_regions
from ssmamba.models.slides.pixel_mamba import PixelMamba
from ssmamba.models.slides.published.longvit import LongViT
from ssmamba.models.slides.serialise import split_class
from ssmamba.models.slides.vim import Vim
from ssmamba.wording import words

ENLARGED = 1.25  # times the model's µm/px, from which on a slide lacks what the model looks for
MANY = 2.0  # times the most regions of a training slide
MARGIN = 1.25  # of a process over its tensors
VIM_FLOATS = 24  # of a token and channel, at most at once in a block of Vim's
LONGVIT_FLOATS, SCORES = 24, 3  # of LongViT's, and of a token, head and token that it looks at

FOREIGN = words(
    "Colours and sharpness are unlike those of the training slides ({times:.1f} times the limit): "
    "another stain, scanner or tissue."
)
ENLARGING = words(
    "The slide has {slide:.3g} µm/px, and the model was trained at {model:.3g}: its regions are "
    "enlarged, and detail is missing."
)
FEW = words("The slide has {seen} regions of tissue; the training slides had {fewest} to {most}.")
MORE = words("The slide has {seen} regions of tissue; the training slides had {most} at most.")
PARTIAL = words(
    "Only {seen} of {total} regions were read, evenly spread: more do not fit into memory."
)
UNSURE = words("The probabilities are spread over several classes.")
SlideDoubt = tuple[str, str]  # few | many | partial | foreign | scale | unsure, and a sentence


@dataclass(frozen=True)
class SlideSaid:
    """Of N regions in m groups: K outputs; ``parts.sum(0) + base`` is ``logits``."""

    logits: np.ndarray  # (K,) float64
    groups: np.ndarray  # (N,) int32, the group of each region after fusion
    parts: np.ndarray  # (N, K) float64, of each region in each logit
    base: np.ndarray  # (K,) float64
    tokens: np.ndarray  # (N, h, w) uint8, 1 … 8: groups of like tokens over the slide


def answering(model: nn.Module, pixels: Tensor) -> Generator[None, None, SlideSaid]:
    """The answer to a slide's regions (N, 3, S, S), normalised, with a stop after each layer.

    The features are the mean of the groups' class tokens, and the head is linear: so the parts of
    the groups are exact, and the regions of a group have equal shares of its part.
    """
    assert isinstance(model, SlideModel) and isinstance(model.head, nn.Linear)
    encoder = model.encoder
    assert isinstance(encoder, RegionEncoder)
    steps = encoder.layers(pixels)
    while True:
        try:
            with torch.inference_mode():
                next(steps)
        except StopIteration as end:
            found: SlideTokens = end.value
            break
        yield
    with torch.inference_mode():
        by_group = model.head.weight.double() @ found.cls.double().T / len(found.tokens)  # (K, m)
        owner = found.owner.cpu().numpy()
        parts = by_group.T.cpu().numpy()[owner] / np.bincount(owner)[owner][:, None]
        base = model.head.bias.double().cpu().numpy()
    return SlideSaid(parts.sum(0) + base, owner.astype(np.int32), parts, base, _alike(found)[owner])


def _alike(found: SlideTokens) -> np.ndarray:
    """(m, h, w) uint8: k-means of all spatial tokens of the slide, the largest group 1."""
    with torch.inference_mode():
        spatial = split_class(found.tokens)[0].float().cpu().numpy()
    numbers = groups(components(spatial.reshape(-1, spatial.shape[-1])))
    return numbers.reshape(len(spatial), *found.grid).astype(np.uint8)


def probabilities(card: Card, logits: np.ndarray) -> np.ndarray:
    """(K,) logits -> the classes' probabilities, or the share that outlives each bin; float64."""
    values = torch.from_numpy(np.asarray(logits, np.float64))
    if card.answer.get("question") == "survival":
        return np.asarray(torch.cumprod(1 - values.sigmoid(), 0).numpy())
    return np.asarray(values.softmax(0).numpy())


def depth_of(model: SlideModel) -> int:
    """Layers of a model that reads regions."""
    encoder = model.encoder
    assert isinstance(encoder, PixelMamba | Vim | LongViT)
    return len(encoder.blocks)


def most_that_fit(model: SlideModel, window: int, memory: int) -> int:
    """Regions that a pass without gradients can hold in so many bytes, one at least."""
    return max(most_regions(_bytes_of(model, window), int(memory / MARGIN)), 1)


def _bytes_of(model: SlideModel, window: int) -> Callable[[int], int]:
    """Bytes of a pass over so many regions, without weights."""
    encoder = model.encoder
    if isinstance(encoder, PixelMamba):
        return Load(encoder.config, window).forward
    if isinstance(encoder, Vim):
        tokens = sum((window // side) ** 2 for side in encoder.config.tokens) + 1
        of_block = tokens * encoder.config.dim * VIM_FLOATS
        return lambda n: FLOAT * n * (of_block + 3 * window**2)
    assert isinstance(encoder, LongViT)
    config = encoder.config
    patches = (window // config.token) ** 2 + 1

    def needed(regions: int) -> int:
        length = regions * patches
        scores = SCORES * config.heads * min(config.segments[0], length)  # the first pair has most
        of_token = config.dim * LONGVIT_FLOATS + scores
        return FLOAT * (length * of_token + 3 * regions * window**2)

    return needed


def doubts_of(
    found: Checkpoint, regions: SlideRegions, logits: np.ndarray, mpp: float
) -> tuple[SlideDoubt, ...]:
    """Why the answer should not be believed, the most fundamental first.

    mpp: µm per level-0 pixel of the slide.
    """
    card, doubts = found.card, []
    spec = card.input
    assert isinstance(spec, SlideSpec) and spec.mpp is not None
    far = strangeness(found, regions.images)
    if far is not None and far > 1:
        doubts.append(("foreign", words(FOREIGN, times=far)))
    if mpp > ENLARGED * spec.mpp:
        doubts.append(("scale", words(ENLARGING, slide=mpp, model=spec.mpp)))
    counts = card.dataset.get("regions", {})
    fewest, most, seen = counts.get("fewest"), counts.get("most"), len(regions.images)
    if isinstance(fewest, int) and seen < fewest:
        doubts.append(("few", words(FEW, seen=seen, fewest=fewest, most=most)))
    if isinstance(most, int) and seen > MANY * most:
        doubts.append(("many", words(MORE, seen=seen, most=most)))
    if regions.left_out:
        total = seen + regions.left_out
        doubts.append(("partial", words(PARTIAL, seen=seen, total=total)))
    if card.classes:
        entropy = float(normalised_entropy(probabilities(card, logits)[None])[0])
        if entropy > (card.calibration.entropy_limit or DEFAULT_ENTROPY_LIMIT):
            doubts.append(("unsure", words(UNSURE)))
    return tuple(doubts)


def strangeness(found: Checkpoint, images: np.ndarray) -> float | None:
    """Distance of a slide's regions from those of training, in units of the card's limit.

    Of the median region; None where the card has no limit.
    """
    mean, precision = found.extra.get("trust.mean"), found.extra.get("trust.precision")
    limit = found.card.calibration.distance_limit
    if mean is None or precision is None or not limit:
        return None
    seen = torch.from_numpy(appearance(images))
    return float(mahalanobis(seen, mean.cpu(), precision.cpu()).median()) / limit
