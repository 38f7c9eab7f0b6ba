"""Whether a model fits a slide, by a few windows of its tissue."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from ssmamba.checkpoints.card import Calibration
from ssmamba.engine.jobs.bench import Bench
from ssmamba.engine.jobs.fit import measure_fit
from ssmamba.engine.messages import FitResult, MeasureFit, SlideRef
from ssmamba.reading.samples import tissue_samples
from ssmamba.runtime.device import choose_device
from ssmamba.slides.slide import Slide
from tests.slides import tissue_like, write_pyramid
from tests.ssmamba.checkpoints.made import save_classifier, tiny_model


def patchy(width: int = 1200, height: int = 600) -> np.ndarray:
    """Tissue in the right half, bare glass in the left."""
    picture = np.full((height, width, 3), 255, np.uint8)
    picture[:, width // 2 :] = tissue_like(width // 2, height)
    return picture


@pytest.fixture
def slide(tmp_path: Path) -> Path:
    path = tmp_path / "slide.tif"
    write_pyramid(path, picture=patchy(), mpp=None)
    return path


def features() -> int:
    with torch.inference_mode():
        model = tiny_model()
        every = model.forward_with_features(torch.zeros(1, 3, 64, 64))[1].shape[1]
        return every - model.forward_features(torch.zeros(1, 3, 64, 64)).shape[1]


def measured(model: Path, slide: Path, most: int = 4) -> FitResult:
    request = MeasureFit(-2, SlideRef(str(slide)), str(model), most=most)
    bench = Bench(choose_device("cpu"))
    *_, last = measure_fit(request, bench, lambda: 0.0)
    assert isinstance(last, FitResult) and last.job == -2 and last.slide_path == str(slide)
    return last


def test_samples_are_tissue_and_apart_and_on_the_slide(slide: Path) -> None:
    with Slide.open(slide) as opened:
        found = tissue_samples(opened, 100.0, 6)
        assert found == tissue_samples(opened, 100.0, 6)
    assert 2 <= len(found) <= 6
    for window in found:
        assert window.x >= 560 and window.x + 100 <= 1200  # not on the glass
        assert window.y >= 0 and window.y + 100 <= 600
    centres = np.array([(w.x, w.y) for w in found])
    gaps = [abs(a - b).max() for i, a in enumerate(centres) for b in centres[:i]]
    assert min(gaps) >= 190


def test_a_picture_smaller_than_a_window_gives_one_and_glass_gives_none(tmp_path: Path) -> None:
    Image.fromarray(tissue_like(80, 60)).save(tmp_path / "small.png")
    with Slide.open(tmp_path / "small.png") as small:
        (window,) = tissue_samples(small, 500.0, 6)
        assert window.side == 60
    Image.new("RGB", (300, 300), "white").save(tmp_path / "glass.png")
    with Slide.open(tmp_path / "glass.png") as glass:
        assert tissue_samples(glass, 50.0, 6) == []


def test_the_distance_is_in_units_of_the_cards_limit(tmp_path: Path, slide: Path) -> None:
    size = features()
    extra = {"trust.mean": torch.zeros(3, size), "trust.precision": torch.eye(size)}
    near = save_classifier(
        tmp_path / "near.safetensors", extra=extra, calibration=Calibration(distance_limit=100.0)
    )
    far = save_classifier(
        tmp_path / "far.safetensors", extra=extra, calibration=Calibration(distance_limit=1.0)
    )
    one, other = measured(near, slide), measured(far, slide)
    assert one.windows == other.windows >= 2
    assert one.distance is not None and other.distance == pytest.approx(100 * one.distance)


def test_a_model_that_knows_no_training_features_measures_nothing(
    tmp_path: Path, slide: Path
) -> None:
    found = measured(save_classifier(tmp_path / "m.safetensors"), slide)
    assert (found.distance, found.windows) == (None, 0)
