"""Batches, loss and validation of the two methods; one slide a pass."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from ssmamba.checkpoints.card import SlideSpec
from ssmamba.models.slides.encoder import RegionEncoder, SlideTokens
from training.loop.batches import on_device
from training.slides.bags import PixelBags, mirror
from training.slides.config import SlidePretrainConfig
from training.slides.ssl import views
from training.slides.ssl.collapse import averaged, level_metrics, likeness
from training.slides.ssl.dino import Dino, DinoConfig
from training.slides.ssl.distillation import Distillation
from training.slides.ssl.latentmim import LatentMIM, LatentMIMConfig

GLOBAL_VIEWS = 2
_VALIDATION = 3  # stream of random numbers


class MaskedSlide(NamedTuple):
    """A slide for LatentMIM."""

    regions: Tensor  # (N, w, w, 3) uint8
    cells: Tensor  # (N, 2) int64
    hidden: Tensor  # (N,) bool
    seed: Tensor  # () int64, of what fusion draws


class SlideViews(NamedTuple):
    """Views of a slide for DINO, the global ones first."""

    regions: Tensor  # (Σ n, w, w, 3) uint8
    sizes: Tensor  # (V,) int64
    seed: Tensor  # () int64, of what fusion draws


class SlidePretraining(ABC):
    """What both methods do alike.

    Args:
        train, val: rows of the bags' slides.
        spec: input of the model, with the colours of the training slides.
    """

    def __init__(
        self,
        config: SlidePretrainConfig,
        bags: PixelBags,
        train: np.ndarray,
        val: np.ndarray,
        spec: SlideSpec,
        device: torch.device,
    ) -> None:
        self.config, self.bags, self.spec, self.device = config, bags, spec, device
        self.train, self.val = train, val

    @abstractmethod
    def model(self, encoder: RegionEncoder, steps: int, passes: int, epoch_steps: int) -> nn.Module:
        """The module to train."""

    @abstractmethod
    def kept(self, model: nn.Module) -> RegionEncoder:
        """The encoder that a checkpoint has."""

    def make_batch(self, rows: np.ndarray, rng: np.random.Generator) -> NamedTuple:
        """A training slide by its row among them; the same for the same ``rng``."""
        return self._batch(int(self.train[int(rows[0])]), rng)

    @abstractmethod
    def loss(self, model: nn.Module, batch: NamedTuple) -> Tensor:
        """Of one slide, a scalar."""

    @torch.no_grad()
    def validate(self, model: nn.Module) -> dict[str, float]:
        """The loss of the validation slides, always masked or cropped alike, and the levels."""
        model.eval()
        metrics = self._scored(model)
        return metrics | level_metrics(self.encoded(self.kept(model), self.val))

    @torch.no_grad()
    def encoded(self, encoder: RegionEncoder, rows: np.ndarray) -> Iterator[SlideTokens]:
        """An encoder's answers to whole slides."""
        for row in rows:
            yield encoder.forward_slide(self.whole(int(row)))

    def whole(self, row: int) -> Tensor:
        """The regions (N, 3, w, w) of a slide, the same piece each time where it is too large."""
        return self._pixels(torch.from_numpy(self._regions(row, None)[0]))

    @abstractmethod
    def _batch(self, row: int, rng: np.random.Generator) -> NamedTuple: ...

    @abstractmethod
    def _scored(self, model: nn.Module) -> dict[str, float]: ...

    def _fixed(self) -> Iterator[NamedTuple]:
        for row in self.val:
            rng = np.random.default_rng([self.config.seed, _VALIDATION, int(row)])
            yield self._batch(int(row), rng)

    def _regions(self, row: int, rng: np.random.Generator | None) -> tuple[np.ndarray, np.ndarray]:
        """Images and cells of a slide, of a random piece of it where it is too large."""
        found, most = self.bags[row], self.config.most_regions
        images, cells = found.images, found.cells.astype(np.int64)
        if not most or len(cells) <= most:
            return images, cells
        rows = views.grown(cells, most, rng or np.random.default_rng([self.config.seed, row]))
        return images[rows], cells[rows]

    def _flipped(
        self, images: np.ndarray, cells: np.ndarray, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        across, down = rng.random(2) < 0.5
        if not self.config.flips:
            return images, cells
        return mirror(images, cells, bool(across), bool(down))

    def _pixels(self, regions: Tensor) -> Tensor:
        (pixels,) = on_device([self.bags.tensor(regions, self.spec)], self.device)
        return pixels


class LatentMIMTraining(SlidePretraining):
    """LatentMIM; the student is kept."""

    def model(self, encoder: RegionEncoder, steps: int, passes: int, epoch_steps: int) -> nn.Module:
        return LatentMIM(
            encoder, latentmim_config(self.config), self.config.teacher_momentum, steps, passes
        )

    def kept(self, model: nn.Module) -> RegionEncoder:
        assert isinstance(model, LatentMIM)
        return model.encoder

    def loss(self, model: nn.Module, batch: NamedTuple) -> Tensor:
        return model(*self._given(batch))

    def _batch(self, row: int, rng: np.random.Generator) -> NamedTuple:
        images, cells = self._flipped(*self._regions(row, rng), rng)
        hidden = masked(len(images), self.config.mask_ratio, rng)
        return MaskedSlide(
            torch.from_numpy(np.ascontiguousarray(images)),
            torch.from_numpy(cells),
            torch.from_numpy(hidden),
            torch.tensor(int(rng.integers(2**31))),
        )

    def _given(self, batch: NamedTuple) -> tuple[Tensor, Tensor, Tensor, int]:
        assert isinstance(batch, MaskedSlide)
        cells, hidden = on_device([batch.cells, batch.hidden], self.device)
        return self._pixels(batch.regions), cells, hidden, int(batch.seed)

    def _scored(self, model: nn.Module) -> dict[str, float]:
        assert isinstance(model, LatentMIM)
        losses, excesses = [], []
        predicted: dict[str, list[tuple[float, float]]] = defaultdict(list)
        for batch in self._fixed():
            terms = model.terms(*self._given(batch))
            losses.append(float(terms.loss))
            excesses.append(float(terms.excess))
            if len(terms.predicted) > 1:
                predicted["predicted"].append(likeness(terms.predicted))
        found = {"loss": float(np.mean(losses)), "position_excess": float(np.mean(excesses))}
        return found | averaged(predicted)


class DinoTraining(SlidePretraining):
    """DINO; the teacher is kept."""

    def model(self, encoder: RegionEncoder, steps: int, passes: int, epoch_steps: int) -> nn.Module:
        config = self.config
        frozen = round(config.freeze_epochs * epoch_steps)
        return Dino(encoder, dino_config(config, frozen), config.teacher_momentum, steps, passes)

    def kept(self, model: nn.Module) -> RegionEncoder:
        assert isinstance(model, Distillation)
        teacher = model.teacher
        assert isinstance(teacher, RegionEncoder)
        return teacher

    def loss(self, model: nn.Module, batch: NamedTuple) -> Tensor:
        return model(*self._given(batch))

    def _batch(self, row: int, rng: np.random.Generator) -> NamedTuple:
        config = self.config
        images, cells = self._regions(row, rng)
        found = []
        for number in range(GLOBAL_VIEWS + config.local_views):
            large = number < GLOBAL_VIEWS
            rows = views.crop(cells, views.GLOBAL if large else views.LOCAL, rng)
            view, _ = self._flipped(images[rows], cells[rows], rng)
            kind = (views.FIRST, views.SECOND)[number] if large else views.SMALL
            found.append(views.coloured(view, kind, rng) if config.colours else view)
        sizes = torch.tensor([len(view) for view in found])
        regions = torch.from_numpy(np.concatenate(found))
        return SlideViews(regions, sizes, torch.tensor(int(rng.integers(2**31))))

    def _given(self, batch: NamedTuple) -> tuple[Tensor, Tensor, int, int]:
        assert isinstance(batch, SlideViews)
        return self._pixels(batch.regions), batch.sizes, GLOBAL_VIEWS, int(batch.seed)

    def _scored(self, model: nn.Module) -> dict[str, float]:
        losses = [float(model(*self._given(batch))) for batch in self._fixed()]
        return {"loss": float(np.mean(losses))}


METHODS: dict[str, type[SlidePretraining]] = {
    "latentmim": LatentMIMTraining,
    "dino": DinoTraining,
}


def masked(count: int, ratio: float, rng: np.random.Generator) -> np.ndarray:
    """(count,) bool: which regions are hidden, at least one of two or more, and never all."""
    hidden = np.zeros(count, bool)
    hidden[rng.permutation(count)[: min(max(round(ratio * count), 1), count - 1)]] = True
    return hidden


def latentmim_config(config: SlidePretrainConfig) -> LatentMIMConfig:
    return LatentMIMConfig(
        config.predicts,
        config.temperature,
        config.predictor_dim,
        config.predictor_depth,
        config.position_weight,
        config.position_penalty,
        config.class_positions,
    )


def dino_config(config: SlidePretrainConfig, frozen_steps: int) -> DinoConfig:
    return DinoConfig(
        prototypes=config.prototypes,
        hidden=config.head_dim,
        student_temperature=config.student_temperature,
        teacher_temperature=config.teacher_temperature,
        centre_momentum=config.centre_momentum,
        frozen_steps=frozen_steps,
    )
