"""Requests done in this process, where a test can look."""

import time
from dataclasses import asdict, replace

import numpy as np
import pytest
import torch

from ssmamba.checkpoints import checkpoint
from ssmamba.checkpoints.card import Card, InputSpec
from ssmamba.engine.jobs import Jobs
from ssmamba.engine.messages import Classify, ClassifyResult, Explain, ExplainResult, SlideRef
from ssmamba.explain.cam import cam_maps
from ssmamba.explain.stitch import resize_map
from ssmamba.reading.preprocess import to_tensor
from ssmamba.runtime.device import choose_device
from tests.slides import write_pyramid
from tests.ssmamba.checkpoints.made import CLASSES, save_classifier, tiny_model
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


@pytest.fixture(scope="module")
def two_sided(tmp_path_factory):
    """A slide and a model for which its left side is tumour and its right side fat."""
    folder = tmp_path_factory.mktemp("two_sided")
    pixels = write_pyramid(folder / "slide.tif", 400, 200, mpp=0.5)
    model, spec = tiny_model(), InputSpec(window_px=64, source_px=64)
    with torch.no_grad():
        sides = to_tensor([pixels[:64, :64], pixels[:64, 300:364]], spec)
        left, right = model.forward_features(sides)
        slope = 20 * (left - right) / (left - right).square().sum()
        model.head.weight.copy_(torch.stack([slope, torch.zeros_like(slope), -slope]))
        height = (slope @ (left + right)) / 2
        model.head.bias.copy_(torch.stack([-height, torch.tensor(-50.0), height]))
    card = Card(name="Sides", config=asdict(model.config), classes=CLASSES, input=spec)
    checkpoint.save(folder / "sides.safetensors", model, card)
    return str(folder / "slide.tif"), str(folder / "sides.safetensors")


@pytest.mark.parametrize("classified_first", [False, True])
def test_a_map_without_a_target_is_of_the_class_predicted_for_its_own_windows(
    two_sided, classified_first
):
    """Also where the same region, or another one, was answered before with other windows."""
    slide, model = two_sided
    jobs, targets, predicted = Jobs(choose_device("cpu")), [], []
    places = [(0, 0), (300, 0), (0, 0)]
    for job, (x, y) in enumerate(places):
        given = (job, SlideRef(slide), replace(square(x, y, 64), id="moved"), (model,))
        requests = [Explain(*given, "GradCAM", 4, None)]
        if classified_first:
            requests.insert(0, Classify(*given))
        for request in requests:
            for reply in jobs.begin(request, time.perf_counter):
                if isinstance(reply, ExplainResult):
                    targets.append(reply.target)
                    assert np.frombuffer(reply.maps[0].values, np.float32).max() > 0
                elif isinstance(reply, ClassifyResult):
                    predicted.append(reply.predicted)
    assert targets == ["tumor", "fat", "tumor"]
    assert predicted == (targets if classified_first else [])


def test_trainings_maps_lie_where_the_viewers_do():
    model, spec = tiny_model(), InputSpec(window_px=112)
    images = np.random.default_rng(0).integers(0, 255, (2, 112, 112, 3), np.uint8)
    found = class_maps(model, images, spec, "EigenCAM", 0, 4)
    maps = cam_maps(model, to_tensor(images, spec), "EigenCAM", 0, 4)
    np.testing.assert_array_equal(found[1], resize_map(maps[1], 112, 112, (3.5, 3.5)))
