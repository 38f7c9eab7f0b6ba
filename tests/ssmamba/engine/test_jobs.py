"""Requests done in this process, where a test can look."""

import time

import numpy as np
import pytest

from ssmamba.checkpoints.card import InputSpec
from ssmamba.engine.jobs import Jobs
from ssmamba.engine.messages import Explain, ExplainResult, SlideRef
from ssmamba.explain.cam import cam_maps
from ssmamba.explain.stitch import resize_map
from ssmamba.reading.preprocess import to_tensor
from ssmamba.runtime.device import choose_device
from tests.slides import write_pyramid
from tests.ssmamba.checkpoints.made import save_classifier, tiny_model
from tests.ssmamba.engine.asking import square
from training.evaluation.cams import class_maps


@pytest.fixture(scope="module")
def odd(tmp_path_factory):
    """A slide and a model whose window is no multiple of 32 px."""
    folder = tmp_path_factory.mktemp("odd")
    write_pyramid(folder / "slide.tif", 300, 300, mpp=0.5)
    path = save_classifier(folder / "odd.safetensors", InputSpec(window_px=112, source_px=112))
    return str(folder / "slide.tif"), str(path)


def test_a_map_says_how_much_of_it_the_window_spans(odd):
    slide, model = odd
    request = Explain(1, SlideRef(slide), square(0, 0, 112), (model,), "EigenCAM", 4, "fat")
    replies = list(Jobs(choose_device("cpu")).begin(request, time.perf_counter))
    (found,) = (r for r in replies if isinstance(r, ExplainResult))
    assert [(m.shape, m.cells) for m in found.maps] == [((4, 4), (3.5, 3.5))]


def test_trainings_maps_lie_where_the_viewers_do():
    model, spec = tiny_model(), InputSpec(window_px=112)
    images = np.random.default_rng(0).integers(0, 255, (2, 112, 112, 3), np.uint8)
    found = class_maps(model, images, spec, "EigenCAM", 0, 4)
    maps = cam_maps(model, to_tensor(images, spec), "EigenCAM", 0, 4)
    np.testing.assert_array_equal(found[1], resize_map(maps[1], 112, 112, (3.5, 3.5)))
