"""The slide models that training.slide_finetune knows by name."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

from torch import nn

from ssmamba.checkpoints import checkpoint
from ssmamba.checkpoints.card import read_card
from ssmamba.errors import DataError, did_you_mean
from ssmamba.models.slides.build import build_slide_model
from ssmamba.models.slides.config import SIZES, LongViTConfig, PixelMambaConfig, VimConfig
from ssmamba.models.slides.encoder import RegionEncoder, SlideModel
from ssmamba.models.slides.mil import AGGREGATORS, MILConfig, is_aggregator
from ssmamba.models.slides.published import PUBLISHED, WIDTHS
from training.slides.config import SlideFinetuneConfig, SlidePretrainConfig

ModelConfig = SlideFinetuneConfig | SlidePretrainConfig

PIXEL_MAMBA, VIM, LONGVIT = "pixel-mamba", "vim-ti", "longvit-s"
OF_PIXELS = (*(f"{PIXEL_MAMBA}-{size}" for size in SIZES), VIM, LONGVIT)
OF_FEATURES = (*AGGREGATORS, *PUBLISHED)
NAMES = (*OF_PIXELS, *OF_FEATURES)


def refuse_unfit(config: SlideFinetuneConfig) -> None:
    """Raise DataError for an unknown --model, or one that reads something else than is given."""
    architecture(config, 1)
    if is_aggregator(config.model) != (config.features is not None):
        what = (
            "reads features; give their folder as --features"
            if config.features is None
            else f"reads pixels; leave out --features, or choose one of {', '.join(OF_FEATURES)}"
        )
        raise DataError(f"--model {config.model} {what}.")


def architecture(config: ModelConfig, features: int) -> tuple[str, dict[str, Any]]:
    """Name and configuration for the card; features: of a tile. Raises DataError."""
    if is_aggregator(config.model) and isinstance(config, SlideFinetuneConfig):
        return "mil", asdict(_mil(config, features))
    if config.model == VIM:
        vim = VimConfig(tokens=config.tokens, window=config.window)
        return "vim", asdict(vim)
    if config.model == LONGVIT:
        return "longvit", asdict(LongViTConfig(window=config.window))
    names = NAMES if isinstance(config, SlideFinetuneConfig) else OF_PIXELS
    if config.model not in names:
        raise DataError(
            f"--model {config.model} is unknown{did_you_mean(config.model, names)}; choose one of "
            f"{', '.join(names)}, or torchmil:NAME."
        )
    size = config.model.removeprefix(f"{PIXEL_MAMBA}-")
    return PIXEL_MAMBA, asdict(PixelMambaConfig.of_size(size, alpha=config.alpha))


def _mil(config: SlideFinetuneConfig, features: int) -> MILConfig:
    """A published encoder has its own width and depth, or those of the file it starts from."""
    if config.model in PUBLISHED and config.init is not None:
        own = MILConfig.from_dict(read_card(config.init).config)
        return replace(own, features=features, dropout=config.dropout)
    hidden = WIDTHS.get(config.model, config.hidden)
    return MILConfig(config.model, features, hidden, config.dropout)


def build(config: ModelConfig, features: int, outputs: int) -> SlideModel:
    """The model at the start of training; its encoder is that of --init where there is one, a slide
    model or one that was pre-trained on single images.

    Raises DataError where that is of another architecture.
    """
    arch, values = architecture(config, features)
    model = build_slide_model(arch, values, outputs)
    if isinstance(model.encoder, RegionEncoder):
        model.encoder.recomputed = config.recompute
    if config.init is not None:
        start = read_card(config.init)
        load = checkpoint.load_slide_model if start.answers_slides else checkpoint.load
        encoder: Any = getattr(load(config.init).model, "encoder", nn.Identity())
        own, theirs = model.encoder.state_dict(), encoder.state_dict()
        if {k: v.shape for k, v in own.items()} != {k: v.shape for k, v in theirs.items()}:
            raise DataError(
                f"{config.init} is a {start.arch} of another shape than --model "
                f"{config.model}; give the same --model, --tokens and --window."
            )
        model.encoder.load_state_dict(theirs)
    return model
