"""LatentMIM on slides: hidden regions' latent tokens from the visible ones' (thesis §3.2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal, NamedTuple

import torch
from torch import Tensor

from ssmamba.models.slides.encoder import RegionEncoder, SlideTokens
from ssmamba.models.slides.serialise import middle_of
from training.slides.ssl.distillation import Distillation
from training.slides.ssl.losses import mean_cosine, patch_discrimination, position_likeness
from training.slides.ssl.positions import sinusoidal, token_places
from training.slides.ssl.predictor import Predictor

Predicts = Literal["spatial", "all", "class"]


@dataclass(frozen=True)
class LatentMIMConfig:
    """What is predicted and how; the thesis's values."""

    predicts: Predicts = "spatial"  # tokens in the loss: spatial ones, class tokens too, or alone
    temperature: float = 0.2  # τ of Eq. 3.1
    width: int = 384  # channels of the predictor
    depth: int = 3  # its blocks
    position_weight: float = 1.0  # factor on its positions
    position_penalty: float = 0.0  # weight of what predictions are more like positions than targets
    class_positions: bool = True  # queries for class tokens know their place


class Laid(NamedTuple):
    """Tokens in a row and where they stand."""

    tokens: Tensor  # (T, C)
    places: Tensor  # (T, 2) rows and columns in tokens
    is_class: Tensor  # (T,) bool


class Terms(NamedTuple):
    """A slide's loss and what it was made of."""

    loss: Tensor  # scalar
    seen: Tensor  # (n, C) the student's tokens of the visible regions
    taught: Tensor  # (T, C) the teacher's of the hidden regions
    predicted: Tensor  # (T, C)
    excess: Tensor  # scalar: how much more like positions predictions are than their targets


class LatentMIM(Distillation):
    """The student reads the visible regions, the teacher the hidden ones.

    A region that fusion has merged stands where its gallery region stood: that region's id alone is
    kept. Places count from the first row and column of the slide's regions, so a slide that is
    shifted by whole regions has the same loss.
    """

    WATCHED: ClassVar[tuple[str, ...]] = (
        "visible_cosine",
        "target_cosine",
        "predicted_cosine",
        "position_excess",
    )

    def __init__(
        self,
        encoder: RegionEncoder,
        config: LatentMIMConfig,
        momentum: float,
        steps: int,
        passes: int = 1,
    ) -> None:
        super().__init__(encoder, momentum, steps, passes)
        self.config = config
        self.predictor = Predictor(
            encoder.num_features,
            config.width,
            config.depth,
            config.position_weight,
            config.class_positions,
        )

    def forward(self, regions: Tensor, cells: Tensor, hidden: Tensor, seed: int) -> Tensor:
        """The loss of a slide, a scalar.

        regions: (N, 3, w, w) normalised, in the slide's order; cells: (N, 2) their rows and
        columns; hidden: (N,) bool, at least one of each. seed: of what fusion draws.
        """
        self.begin_pass()
        terms = self.terms(regions, cells, hidden, seed)
        self.watch([*map(_cosine, (terms.seen, terms.taught, terms.predicted)), terms.excess])
        return terms.loss

    def terms(
        self, regions: Tensor, cells: Tensor, hidden: Tensor, seed: int | None = None
    ) -> Terms:
        """The loss, and the tokens that it compares."""
        config, origin = self.config, cells.amin(0)
        seen = self.encoder.forward_slide(regions[~hidden], seed)
        with torch.no_grad():
            taught = self.teacher.forward_slide(regions[hidden])
        context = laid_out(seen, cells[~hidden] - origin, config.predicts == "class")
        asked = laid_out(taught, cells[hidden] - origin, config.predicts == "class")
        if config.predicts == "spatial":  # queries do not read one another, so none is missed
            asked = Laid(*(part[~asked.is_class] for part in asked))
        predicted = self.predictor(context.tokens, context.places, asked.places, asked.is_class)
        with torch.autocast(predicted.device.type, enabled=False):
            loss = patch_discrimination(predicted, asked.tokens, config.temperature)
            where = sinusoidal(asked.places, config.width)
            gap = position_likeness(predicted, where) - position_likeness(asked.tokens, where)
            excess = gap.clamp(min=0)
            if config.position_penalty:
                loss = loss + config.position_penalty * excess
        return Terms(loss, context.tokens, asked.tokens, predicted, excess)


def laid_out(slide: SlideTokens, cells: Tensor, class_only: bool) -> Laid:
    """A slide's tokens one after the other; cells: (N, 2) of the regions that it was read from."""
    places = token_places(cells[slide.lead], slide.grid)  # (m, L, 2)
    is_class = torch.zeros(places.shape[:2], dtype=torch.bool, device=cells.device)
    is_class[:, middle_of(slide.tokens)] = True
    laid = Laid(slide.tokens.flatten(0, 1), places.flatten(0, 1), is_class.flatten())
    return Laid(*(part[laid.is_class] for part in laid)) if class_only else laid


def _cosine(tokens: Tensor) -> Tensor:
    """Mean cosine of pairs; of a single token 1, as if all were the same."""
    return mean_cosine(tokens.detach()) if len(tokens) > 1 else tokens.new_ones(())
