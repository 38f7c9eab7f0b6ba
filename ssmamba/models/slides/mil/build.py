"""The aggregators by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ssmamba.config import known_fields
from ssmamba.errors import CheckpointError, did_you_mean
from ssmamba.models.slides.encoder import SlideEncoder
from ssmamba.models.slides.mil.low_rank import ILRAMIL
from ssmamba.models.slides.mil.mamba import MambaMIL
from ssmamba.models.slides.mil.pooling import ABMIL, MaxMIL, MeanMIL
from ssmamba.models.slides.mil.torchmil import PREFIX, TorchMIL, check_name
from ssmamba.models.slides.mil.transformer import TransMIL
from ssmamba.models.slides.published import PUBLISHED, build_published


@dataclass(frozen=True)
class MILConfig:
    """An aggregator of tiles' features."""

    aggregator: str = "abmil"  # one of AGGREGATORS or PUBLISHED, or torchmil:NAME
    features: int = 1024  # D, of a tile
    hidden: int = 512  # channels inside; a multiple of 8
    dropout: float = 0.25  # of the embedded tiles (abmil, mambamil, hipt, some of torchmil's)
    depth: int = 0  # layers of a published encoder; 0 = as published

    def __post_init__(self) -> None:
        if self.aggregator.startswith(PREFIX):
            check_name(self.aggregator.removeprefix(PREFIX))
        elif self.aggregator not in (*AGGREGATORS, *PUBLISHED):
            near = did_you_mean(self.aggregator, (*AGGREGATORS, *PUBLISHED))
            raise CheckpointError(
                "Unknown aggregator '{aggregator}'{near}; choose one of {names}, or {prefix}NAME.",
                aggregator=self.aggregator,
                near=near,
                names=", ".join((*AGGREGATORS, *PUBLISHED)),
                prefix=PREFIX,
            )
        if self.features < 1 or self.hidden < 8 or self.hidden % 8:
            raise CheckpointError(
                "An aggregator of {features} features with {hidden} channels cannot be "
                "built; the channels must be a multiple of 8.",
                features=self.features,
                hidden=self.hidden,
            )

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> MILConfig:
        return cls(**known_fields(cls, values))


AGGREGATORS: dict[str, Callable[[MILConfig], SlideEncoder]] = {
    "meanmil": lambda config: MeanMIL(config.features),
    "maxmil": lambda config: MaxMIL(config.features),
    "abmil": lambda config: ABMIL(config.features, config.hidden, config.dropout),
    "transmil": lambda config: TransMIL(config.features, config.hidden),
    "ilramil": lambda config: ILRAMIL(config.features, config.hidden),
    "mambamil": lambda config: MambaMIL(config.features, config.hidden, config.dropout),
}


def is_aggregator(name: str) -> bool:
    """Whether a model of this name reads features of tiles."""
    return name in AGGREGATORS or name in PUBLISHED or name.startswith(PREFIX)


def build_aggregator(config: MILConfig) -> SlideEncoder:
    """An untrained aggregator. Raises CheckpointError where torchmil is not installed."""
    if config.aggregator.startswith(PREFIX):
        name = config.aggregator.removeprefix(PREFIX)
        return TorchMIL(name, config.features, config.hidden, config.dropout)
    if config.aggregator in PUBLISHED:
        name, width = config.aggregator, config.hidden
        return build_published(name, config.features, width, config.dropout, config.depth)
    return AGGREGATORS[config.aggregator](config)
