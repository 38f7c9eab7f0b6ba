"""The part of a card that follows from the data."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from training.backbones.architectures import architecture
from training.config import FinetuneConfig
from training.data.dataset import load_dataset
from training.runs.card import base_card, channel_statistics


def test_channel_statistics_are_those_of_all_pixels() -> None:
    images = np.random.default_rng(0).integers(0, 255, (300, 8, 8, 3), dtype=np.uint8)
    mean, std = channel_statistics(images)
    np.testing.assert_allclose(mean, (images / 255).mean((0, 1, 2)), atol=1e-4)
    np.testing.assert_allclose(std, (images / 255).std((0, 1, 2)), atol=1e-4)


def test_the_card_gives_the_scale_of_a_network_pixel(folder: Path, tmp_path: Path) -> None:
    info = tmp_path / "info.yaml"
    info.write_text("name: x\nmpp: 0.5\nstain: IHC\nclasses: {round: R, striped: S}")
    data = load_dataset(folder, 0, info, quiet=True)
    config = FinetuneConfig(data=folder, out=tmp_path, image_size=32)
    card = base_card(config, data, data.images("train", 48), architecture(config))
    assert card.input.mpp == pytest.approx(0.75)  # 48 px are fed as 32
    assert (card.input.stain, card.dataset["name"]) == ("IHC", "x")


def test_the_card_says_what_a_training_image_showed(folder: Path, tmp_path: Path) -> None:
    info = tmp_path / "info.yaml"
    info.write_text(
        "picture: cell\nfield_um: 24\nmagnification: 100\npublished_px: 360\n"
        "classes: {round: R, striped: S}"
    )
    data = load_dataset(folder, 0, info, quiet=True)
    config = FinetuneConfig(data=folder, out=tmp_path, image_size=32)
    spec = base_card(config, data, data.images("train", 48), architecture(config)).input
    assert (spec.picture, spec.field_um, spec.magnification) == ("cell", 24, 100)
    assert spec.published_px == 360
    assert spec.known_mpp == pytest.approx(24 / 32)
